//! A sense of time: the time stamp counter says what time it is, the timer of the local APIC wakes the kernel.
//!
//! Neither says how fast it runs, so both are held against the old PIT, whose frequency every PC has in common.

use core::arch::x86_64::_rdtsc;
use core::time::Duration;

use log::warn;
use spin::Once;
use x86_64::instructions::port::Port;

use super::apic;

/// Ticks of the PIT in a second.
const PIT_HERTZ: u64 = 1_193_182;
/// How long the others are held against it, in its ticks: 10 ms.
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

/// Starts the clock. The local APIC is on already.
pub(super) fn start() {
    CLOCK.call_once(|| {
        let (stamp_hertz, timer_hertz) = measure().unwrap_or_else(|| {
            warn!("no PIT: taking the time stamp counter and the timer for 1 GHz");
            (1_000_000_000, 1_000_000_000 / u64::from(apic::TIMER_DIVISOR))
        });
        Clock { start: stamp(), stamp_hertz, timer_hertz }
    });
}

/// The time since the kernel was started.
pub(crate) fn now() -> Duration {
    CLOCK.get().map_or(Duration::ZERO, |clock| {
        let stamps = u128::from(stamp().saturating_sub(clock.start));
        Duration::from_nanos((stamps * 1_000_000_000 / u128::from(clock.stamp_hertz)) as u64)
    })
}

/// Wakes the kernel once, after `pause`, or sooner where the timer cannot count as far (about a minute). Takes the place of an earlier call that has not come about yet.
pub(crate) fn wake_after(pause: Duration) {
    if let Some(clock) = CLOCK.get() {
        let ticks = pause.as_nanos() * u128::from(clock.timer_hertz) / 1_000_000_000;
        // Zero would stop the timer instead.
        apic::start_timer(ticks.clamp(1, u32::MAX.into()) as u32);
    }
}

/// Time stamps and ticks of the timer in a second. `None` when there is no PIT.
fn measure() -> Option<(u64, u64)> {
    // Channel 0 counts down from 65536 over and over; its interrupt is masked.
    let (mut command, mut counter) = (Port::<u8>::new(0x43), Port::<u8>::new(0x40));
    // SAFETY: the ports are those of the PIT on every PC, and nobody else uses them.
    unsafe { command.write(0x34) };
    for _ in 0..2 {
        // SAFETY: as above.
        unsafe { counter.write(0) };
    }
    let mut count = || {
        // SAFETY: as above. This holds the count still until both bytes of it are read.
        unsafe { command.write(0) };
        // SAFETY: as above.
        let bytes = [(); 2].map(|()| unsafe { counter.read() });
        u16::from_le_bytes(bytes)
    };

    apic::start_timer(u32::MAX);
    let (first_count, first_stamp, first_tick) = (count(), stamp(), apic::timer());
    for _ in 0..1_000_000 {
        let passed = first_count.wrapping_sub(count());
        let (stamps, ticks) = (stamp() - first_stamp, first_tick - apic::timer());
        if passed >= PIT_TICKS {
            apic::stop_timer();
            let per_second = |measured: u64| (measured * PIT_HERTZ / u64::from(passed)).max(1);
            return Some((per_second(stamps), per_second(ticks.into())));
        }
    }
    apic::stop_timer();
    None
}

fn stamp() -> u64 {
    // SAFETY: every x86_64 CPU has the instruction, and it has no effect.
    unsafe { _rdtsc() }
}
