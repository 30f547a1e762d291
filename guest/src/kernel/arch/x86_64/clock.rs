//! The clock: the time stamp counter counts the time, and the timer of the local APIC interrupts.
//!
//! The frequency of neither is known, so both are measured against the PIT, which has the same frequency on every PC.

use core::arch::x86_64::_rdtsc;
use core::time::Duration;

use log::warn;
use spin::Once;
use x86_64::instructions::port::Port;

use super::apic;

/// Ticks of the PIT a second.
const PIT_HERTZ: u64 = 1_193_182;
/// Duration of the measurement, in ticks of the PIT: 10 ms.
const PIT_TICKS: u16 = (PIT_HERTZ / 100) as u16;

struct Clock {
    /// The time stamp when the clock was started.
    start: u64,
    /// Time stamps a second.
    stamp_hertz: u64,
    /// Ticks of the timer a second.
    timer_hertz: u64,
}

static CLOCK: Once<Clock> = Once::new();

/// Starts the clock. The local APIC is enabled already.
pub(super) fn start() {
    CLOCK.call_once(|| {
        let (stamp_hertz, timer_hertz) = measure().unwrap_or_else(|| {
            warn!("the machine has no PIT: assuming 1 GHz for the time stamp counter and the timer");
            (1_000_000_000, 1_000_000_000 / u64::from(apic::TIMER_DIVISOR))
        });
        Clock { start: stamp(), stamp_hertz, timer_hertz }
    });
}

/// Returns the time since the kernel was started.
pub(crate) fn now() -> Duration {
    CLOCK.get().map_or(Duration::ZERO, |clock| {
        let stamps = u128::from(stamp().saturating_sub(clock.start));
        Duration::from_nanos((stamps * 1_000_000_000 / u128::from(clock.stamp_hertz)) as u64)
    })
}

/// Interrupts once after `pause`, or sooner if the timer cannot count that far (about a minute). A later call replaces an
/// earlier one.
pub(crate) fn wake_after(pause: Duration) {
    if let Some(clock) = CLOCK.get() {
        let ticks = pause.as_nanos() * u128::from(clock.timer_hertz) / 1_000_000_000;
        // 0 would stop the timer.
        apic::start_timer(ticks.clamp(1, u32::MAX.into()) as u32);
    }
}

/// Measures time stamps and ticks of the timer a second. Returns `None` if there is no PIT.
fn measure() -> Option<(u64, u64)> {
    let mut pit = Pit::start();
    apic::start_timer(u32::MAX);
    let (first_count, first_stamp, first_tick) = (pit.count(), stamp(), apic::timer());
    // Without a PIT the count does not change. The limit is far above the number of reads in 10 ms.
    let measured = (0..1_000_000).find_map(|_| {
        let passed = first_count.wrapping_sub(pit.count());
        let (stamps, ticks) = (stamp() - first_stamp, first_tick - apic::timer());
        let per_second = |measured: u64| (measured * PIT_HERTZ / u64::from(passed)).max(1);
        (passed >= PIT_TICKS).then(|| (per_second(stamps), per_second(ticks.into())))
    });
    apic::stop_timer();
    measured
}

/// Channel 0 of the PIT.
struct Pit {
    command: Port<u8>,
    counter: Port<u8>,
}

impl Pit {
    /// Makes the channel count down from 65536 repeatedly. Its interrupt is masked.
    fn start() -> Self {
        let mut pit = Self { command: Port::new(0x43), counter: Port::new(0x40) };
        // SAFETY: these are the ports of the PIT on every PC. No other code uses them.
        unsafe { pit.command.write(0x34) };
        for _ in 0..2 {
            // SAFETY: as above.
            unsafe { pit.counter.write(0) };
        }
        pit
    }

    /// Returns the count.
    fn count(&mut self) -> u16 {
        // SAFETY: as in `start`. The command latches the count until both of its bytes are read.
        unsafe { self.command.write(0) };
        // SAFETY: as in `start`.
        let bytes = [(); 2].map(|()| unsafe { self.counter.read() });
        u16::from_le_bytes(bytes)
    }
}

fn stamp() -> u64 {
    // SAFETY: every x86_64 CPU has the instruction, which only reads a counter.
    unsafe { _rdtsc() }
}
