//! A kernel that has other drivers from the crate `virtio-drivers`, with its `Hal`, and frames from `buddy_system_allocator`.

use std::ptr::{NonNull, with_exposed_provenance_mut};
use std::sync::Mutex;

use aerostat_examples::{MEMORY, Machine, memory};
use buddy_system_allocator::FrameAllocator;
use virtio_drivers::{BufferDirection, Hal};

/// The frame allocator of the kernel.
static FRAMES: Mutex<FrameAllocator<16>> = Mutex::new(FrameAllocator::new());

/// What the kernel has for its other drivers.
struct KernelHal;

// SAFETY: the frames are ordinary memory without another owner, mapped at the offset `direct_map`.
unsafe impl Hal for KernelHal {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (u64, NonNull<u8>) {
        let frame = FRAMES.lock().unwrap().alloc(pages).unwrap_or(0);
        let start = with_exposed_provenance_mut(memory::direct_map() + frame * 4096);
        (frame as u64 * 4096, NonNull::new(start).unwrap())
    }

    unsafe fn dma_dealloc(physical: u64, _: NonNull<u8>, pages: usize) -> i32 {
        FRAMES.lock().unwrap().dealloc(physical as usize / 4096, pages);
        0
    }

    unsafe fn mmio_phys_to_virt(_: u64, _: usize) -> NonNull<u8> {
        unreachable!("this machine has no PCI")
    }

    unsafe fn share(_: NonNull<[u8]>, _: BufferDirection) -> u64 {
        unreachable!("no driver of this example shares buffers")
    }

    unsafe fn unshare(_: u64, _: NonNull<[u8]>, _: BufferDirection) {}
}

// glue: begin
use aerostat_adapters::{BuddyFrames, GlobalMemory, HalDma, KernelFrames, KernelPlatform};
use aerostat_balloon::transport::{Io, Mmio, Spin};
use aerostat_balloon::{Balloon, Options, ProbeError, Ready, features};

features! { struct KernelFeatures { MustTellHost: Optional } }

type Platform = KernelPlatform<KernelFrames<BuddyFrames<16>, GlobalMemory>, HalDma<KernelHal>>;
type KernelBalloon<I> = Balloon<Ready<Mmio<I>, Platform, KernelFeatures>>;

fn with_frames(f: &mut dyn FnMut(&mut FrameAllocator<16>)) {
    f(&mut FRAMES.lock().unwrap());
}

fn platform() -> Platform {
    // SAFETY: the free frames are ordinary memory without another owner. The balloon gets no others.
    let buddy: BuddyFrames<16> = unsafe { BuddyFrames::new(with_frames, || u64::MAX) };
    // The allocator does not tell how many frames are free, so the balloon gets at most 12000 of them.
    let frames = KernelFrames::new(buddy, 0..MEMORY / 4096, GlobalMemory).limit(12000);
    KernelPlatform::new(frames, HalDma::new())
}

/// At boot.
fn start<I: Io + Clone>(registers: I) -> Result<KernelBalloon<I>, ProbeError> {
    Ok(Balloon::new(Mmio::new(registers)?, platform(), Options::new(KernelFeatures))?.probe(&mut Spin::default())?)
}

/// In the idle loop.
fn idle<I: Io + Clone>(balloon: &mut Option<KernelBalloon<I>>) {
    let Some(Err(error)) = balloon.as_mut().map(Balloon::service) else { return };
    println!("{error}");
    *balloon = balloon.take().and_then(restart);
}

/// After an error: resets the device, which returns all frames, and probes it again.
fn restart<I: Io + Clone>(balloon: KernelBalloon<I>) -> Option<KernelBalloon<I>> {
    balloon.reset(&mut Spin::default()).ok()?.restore(&mut Spin::default()).ok()
}
// glue: end

fn main() {
    let machine = Machine::boot();
    let first = memory::allocate(15000).expect("15000 free frames") as usize;
    FRAMES.lock().unwrap().add_frame(first, first + 15000);
    let mut balloon = Some(start(machine.registers()).expect("the machine has a balloon device"));
    for wanted in [32, 8, 40, 0] {
        machine.host_wants(wanted);
        while machine.host_has() != wanted as usize {
            idle(&mut balloon);
        }
        println!("The host has {wanted:2} MiB.");
    }
}

#[test]
fn runs() {
    main();
}
