//! A kernel with an async executor: the balloon is a task, which the interrupt handler wakes.

use std::cell::RefCell;
use std::time::Duration;

use aerostat_examples::{MEMORY, Machine, memory};

/// The executor's timer.
async fn sleep(time: Duration) {
    std::thread::sleep(time);
}

// glue: begin
use aerostat_adapters::{FrameDma, FrameFunctions, GlobalMemory, KernelFrames, KernelPlatform};
use aerostat_balloon::transport::{Io, Mmio, Spin};
use aerostat_balloon::{Balloon, BalloonError, Options, ProbeError, Ready, Reserve, Signal, Source, Step, features};

features! { struct KernelFeatures { MustTellHost: Optional } }

type Platform = KernelPlatform<KernelFrames<FrameFunctions, GlobalMemory>, FrameDma<FrameFunctions>>;
type KernelBalloon<I> = Balloon<Ready<Mmio<I>, Platform, KernelFeatures>>;

/// Connects the interrupt handler with the task.
static SIGNAL: Signal = Signal::new();

fn functions() -> FrameFunctions {
    // SAFETY: the frames are ordinary memory without another owner until `deallocate`. The balloon gets no others.
    unsafe { FrameFunctions::new(memory::allocate, memory::deallocate, memory::free) }
}

fn platform() -> Platform {
    let frames = KernelFrames::new(functions(), 0..MEMORY / 4096, GlobalMemory);
    // SAFETY: all memory is mapped there.
    let dma = unsafe { FrameDma::new(functions(), memory::direct_map()) };
    KernelPlatform::new(frames, dma)
}

/// At boot. The interrupt handler calls `SIGNAL.raise(interrupt.acknowledge())` with the handle `balloon.interrupt()`.
fn start<I: Io + Clone>(registers: I) -> Result<KernelBalloon<I>, ProbeError> {
    let options = Options::new(KernelFeatures).reserve(Reserve::Percent(5));
    Ok(Balloon::new(Mmio::new(registers)?, platform(), options)?.probe(&mut Spin::default())?)
}

// ANCHOR: follow
/// The task: follows the target until `on_target` returns `false`, or the device fails.
async fn follow<I: Io + Clone>(
    balloon: &mut KernelBalloon<I>,
    on_target: impl Fn() -> bool,
) -> Result<(), BalloonError> {
    let mut step = balloon.service()?;
    loop {
        step = match step {
            Step::OnTarget if !on_target() => return Ok(()),
            Step::OnTarget | Step::Waiting => {
                SIGNAL.wait(Source::Balloon).await;
                balloon.service()?
            }
            Step::Paused(pause) => {
                sleep(pause.retry_after).await;
                balloon.retry(pause)?
            }
        };
    }
}
// ANCHOR_END: follow
// glue: end

fn main() {
    use aerostat_balloon::transport::InterruptSource as _;
    let machine = Machine::boot();
    let mut balloon = start(machine.registers()).expect("the machine has a balloon device");
    let interrupt = balloon.interrupt();
    machine.on_interrupt(move || SIGNAL.raise(interrupt.acknowledge()));
    // The host asks for the next size when it has got one.
    let sizes = RefCell::new(vec![0, 48, 8, 32]);
    machine.host_wants(32);
    let on_target = || {
        let has = machine.host_has();
        println!("The host has {has:2} MiB; the kernel has {} free frames.", memory::free());
        let mut sizes = sizes.borrow_mut();
        if sizes.last().is_some_and(|size| *size as usize == has) {
            sizes.pop();
        }
        sizes.last().inspect(|next| machine.host_wants(**next)).is_some()
    };
    pollster::block_on(follow(&mut balloon, on_target)).expect("the device works");
}

#[test]
fn runs() {
    main();
}
