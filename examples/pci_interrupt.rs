//! A kernel with PCI and INTx: the balloon is in a static, an interrupt handler queues work, and a work queue does it.
//!
//! The device is QEMU's. Without QEMU, the example does nothing and says so.

use std::sync::{Mutex, OnceLock};

use aerostat_device::GuestMemory;
use aerostat_device::qtest::{Machine, Qemu, QtestPorts, QtestRegion, qemu_available};
use aerostat_examples::{MEMORY, memory};

/// The work queue of the kernel.
static WORK: Mutex<Vec<fn()>> = Mutex::new(Vec::new());

// glue: begin
use aerostat_adapters::{FrameDma, FrameFunctions, GlobalMemory, KernelFrames, KernelPlatform};
use aerostat_balloon::transport::pci::{BarIndex, BarRange, ConfigPorts, PciFunction, PciInterrupt, Routing};
use aerostat_balloon::transport::{InterruptSource as _, InterruptStatus, Pci, Spin, Transport as _};
use aerostat_balloon::{Balloon, Options, ProbeError, Ready, Reserve, Signal, Source, Step, features};
use pci_types::PciAddress;

features! { struct KernelFeatures { MustTellHost: Optional } }

// ANCHOR: statics
type Platform = KernelPlatform<KernelFrames<FrameFunctions, GlobalMemory>, FrameDma<FrameFunctions>>;
type KernelBalloon = Balloon<Ready<Pci<QtestRegion, ConfigPorts<QtestPorts>>, Platform, KernelFeatures>>;

static BALLOON: Mutex<Option<KernelBalloon>> = Mutex::new(None);
static INTERRUPT: OnceLock<PciInterrupt<QtestRegion>> = OnceLock::new();
/// Connects the interrupt handler with the work queue.
static SIGNAL: Signal = Signal::new();
// ANCHOR_END: statics

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

// ANCHOR: start
/// At boot. `map` maps a range of physical memory or ports, if it is in a BAR of the function. Returns `None` without a balloon.
fn start(ports: QtestPorts, map: impl Fn(BarRange) -> QtestRegion) -> Result<Option<()>, ProbeError> {
    let function = |slot| PciFunction::new(ConfigPorts::new(ports.clone()), PciAddress::new(0, 0, slot, 0));
    let is_balloon = |function: &PciFunction<_>| function.virtio_device().is_some_and(|id| id.0 == 5);
    let Some(function) = (0..32).map(function).find(is_balloon) else { return Ok(None) };
    // The BARs that the firmware has assigned, read while bus mastering is off. The device reports the ranges to map, and it is not
    // trusted.
    let bars: Vec<_> = (0..6).filter_map(BarIndex::new).filter_map(|bar| function.bar(bar)).collect();
    let is_inside =
        |range: BarRange, bar: &BarRange| bar.part(range.address.wrapping_sub(bar.address), range.len) == Some(range);
    let mut map = |range| bars.iter().any(|bar| is_inside(range, bar)).then(|| map(range));
    let transport = Pci::new(&function, &mut map, Routing::Line)?;
    let _ = INTERRUPT.set(transport.interrupt());
    let options = Options::new(KernelFeatures).reserve(Reserve::Percent(5));
    let balloon = Balloon::new(transport, platform(), options)?.probe(&mut Spin::default())?;
    *BALLOON.lock().unwrap() = Some(balloon);
    SIGNAL.raise(InterruptStatus::ANY);
    WORK.lock().unwrap().push(work);
    Ok(Some(()))
}
// ANCHOR_END: start

// ANCHOR: work
/// In the interrupt handler of the line. Returns whether the interrupt was that of the balloon.
fn handle_interrupt() -> bool {
    let status = INTERRUPT.get().map(|interrupt| interrupt.acknowledge());
    let Some(status) = status.filter(|status| !status.is_none()) else { return false };
    SIGNAL.raise(status);
    WORK.lock().unwrap().push(work);
    true
}

/// In the work queue. Interrupts that came while the work was queued need no further step.
fn work() {
    let mut kept = BALLOON.lock().unwrap();
    let (Some(balloon), false) = (&mut *kept, SIGNAL.take(Source::Balloon).is_none()) else { return };
    match balloon.service() {
        Ok(Step::OnTarget | Step::Waiting) => {}
        // A kernel starts a timer that calls `retry`.
        Ok(Step::Paused(pause)) => println!("paused for {:?}", pause.retry_after),
        Err(error) => {
            println!("{error}");
            *kept = kept.take().and_then(restart);
            SIGNAL.raise(InterruptStatus::ANY);
            WORK.lock().unwrap().push(work);
        }
    }
}

/// After an error: resets the device, which returns all frames, and probes it again.
fn restart(balloon: KernelBalloon) -> Option<KernelBalloon> {
    balloon.reset(&mut Spin::default()).ok()?.restore(&mut Spin::default()).ok()
}
// ANCHOR_END: work
// glue: end

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Err(error) = qemu_available() {
        println!("skipped: {error}");
        return Ok(());
    }
    let ram = GuestMemory::new(MEMORY)?;
    memory::add(&ram);
    let qemu = Qemu::start(Machine::Q35, &ram, "")?;
    // What the firmware does.
    qemu.pci_balloon()?;
    start(qemu.ports(), |range| qemu.map(range))?.ok_or("no balloon")?;
    for wanted in [32, 8, 48, 0] {
        qemu.set_target(MEMORY - (wanted << 20))?;
        while qemu.actual()? != MEMORY - (wanted << 20) {
            // The interrupt controller of this machine: the line is shared, so the handler asks the device.
            handle_interrupt();
            let queued = std::mem::take(&mut *WORK.lock().unwrap());
            queued.iter().for_each(|work| work());
        }
        println!("The host has {wanted:2} MiB; the kernel has {} free frames.", memory::free());
    }
    // The balloon resets the device before QEMU ends.
    drop(BALLOON.lock().unwrap().take());
    Ok(())
}

#[test]
fn runs() {
    // Where QEMU is required, this fails without it.
    if aerostat_device::qtest::qemu_or_skip().is_some() {
        main().unwrap();
    }
}
