//! A kernel without interrupts: MMIO, polled from a timer tick.
//!
//! It has functions that allocate and free frames of physical memory, and maps all memory at one offset.

use aerostat_examples::{MEMORY, Machine, memory};

// glue: begin
use core::time::Duration;

use aerostat_adapters::{FrameDma, FrameFunctions, GlobalMemory, KernelFrames, KernelPlatform};
use aerostat_balloon::ops::Pause;
use aerostat_balloon::platform::{Sample, StatTag, Statistics};
use aerostat_balloon::transport::{Io, Mmio, Spin};
use aerostat_balloon::{Balloon, Options, ProbeError, Ready, Reserve, Step, features};

features! { struct KernelFeatures { MustTellHost: Optional, StatsVq: Optional } }

type Platform = KernelPlatform<KernelFrames<FrameFunctions, GlobalMemory>, FrameDma<FrameFunctions>, KernelStatistics>;

type Live<I> = Balloon<Ready<Mmio<I>, Platform, KernelFeatures>>;

struct KernelBalloon<I: Io> {
    balloon: Option<Live<I>>,
    pause: Option<Pause>,
    /// Ticks since the pause began.
    ticks: u32,
}

/// The time from one tick of the timer to the next.
const TICK: Duration = Duration::from_millis(10);

struct KernelStatistics;

impl Statistics for KernelStatistics {
    fn sample(&mut self, sample: &mut Sample) {
        sample.set(StatTag::TotalMemory, MEMORY).set(StatTag::FreeMemory, memory::free() * 4096);
    }
}

fn functions() -> FrameFunctions {
    // SAFETY: the frames are ordinary memory without another owner until `deallocate`. The balloon gets no others.
    unsafe { FrameFunctions::new(memory::allocate, memory::deallocate, memory::free) }
}

fn platform() -> Platform {
    let frames = KernelFrames::new(functions(), 0..MEMORY / 4096, GlobalMemory);
    // SAFETY: all memory is mapped there.
    let dma = unsafe { FrameDma::new(functions(), memory::direct_map()) };
    KernelPlatform { frames, dma, statistics: KernelStatistics }
}

/// At boot.
fn start<I: Io + Clone>(registers: I) -> Result<KernelBalloon<I>, ProbeError> {
    let options = Options::new(KernelFeatures).reserve(Reserve::Percent(5));
    let balloon = Balloon::new(Mmio::new(registers)?, platform(), options)?.probe(&mut Spin::default())?;
    Ok(KernelBalloon { balloon: Some(balloon), pause: None, ticks: 0 })
}

/// At each tick of the timer.
fn tick<I: Io + Clone>(kernel: &mut KernelBalloon<I>) {
    let Some(balloon) = &mut kernel.balloon else { return };
    kernel.ticks = kernel.ticks.saturating_add(1);
    let step = match kernel.pause.take_if(|pause| TICK.saturating_mul(kernel.ticks) >= pause.retry_after) {
        Some(pause) => balloon.retry(pause),
        None => balloon.service(),
    };
    // An error shows up in the next step too.
    let _ = balloon.service_statistics();
    match step {
        Ok(Step::OnTarget | Step::Waiting) => {}
        Ok(Step::Paused(_)) if kernel.pause.is_some() => {}
        Ok(Step::Paused(pause)) => (kernel.pause, kernel.ticks) = (Some(pause), 0),
        Err(error) => {
            println!("{error}");
            kernel.balloon = kernel.balloon.take().and_then(restart);
        }
    }
}

/// After an error: resets the device, which returns all frames, and probes it again.
fn restart<I: Io + Clone>(balloon: Live<I>) -> Option<Live<I>> {
    balloon.reset(&mut Spin::default()).ok()?.restore(&mut Spin::default()).ok()
}
// glue: end

fn main() {
    let machine = Machine::boot();
    let mut balloon = start(machine.registers()).expect("the machine has a balloon device");
    for wanted in [32, 8, 48, 0] {
        machine.host_wants(wanted);
        while machine.host_has() != wanted as usize {
            tick(&mut balloon);
        }
        println!("The host has {wanted:2} MiB; the kernel has {} free frames.", memory::free());
    }
    let statistics = machine.host_statistics(|| tick(&mut balloon));
    println!("The host knows these statistics: {statistics:?}");
}

#[test]
fn runs() {
    main();
}
