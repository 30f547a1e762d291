//! Runs a balloon over each adapter of `aerostat-adapters` in turn, with real memory that the host takes and returns. The host,
//! `cargo xtask test`, changes the target when the guest prints that it waits for that.

mod allocators;
mod hal;

use core::time::Duration;

use aerostat_adapters::{
    BitmapFrames, BuddyFrames, FrameDma, GlobalMemory, HalDma, HeapDma, HeapFrames, HeapMemory, KernelFrames,
    KernelPlatform, StaticMemory,
};
use aerostat_balloon::spec::Device as _;
use aerostat_balloon::transport::Dma;
use aerostat_balloon::{
    Balloon, Frames, Options as BalloonOptions, Pages, Ready, Reserve, Size4KiB, Step, features, spec,
};
use aerostat_guest::Options;
use bitmap_allocator::BitAlloc64K;

use self::allocators::{BITMAP, BUDDY, Buddy, HEAP, functions, heap_frames, heap_memory};
use self::hal::KernelHal;
use super::virtio::{self, AnyTransport};
use super::wait::Sleep;
use super::{arch, console, exit, idle, memory};

features! {
    /// The features of these balloons.
    struct Declared { MustTellHost: Optional, RingPacked: Optional, EventIdx: Optional }
}

type Live<P> = Balloon<Ready<AnyTransport, P, Declared>>;

/// The sizes of the balloon in MiB, in turn.
const SIZES: [u32; 3] = [16, 4, 24];
/// The size in MiB after the balloon was frozen.
const AFTER: u32 = 8;
/// The most frames of the balloon over an allocator that cannot count: 32 MiB.
const LIMIT: u64 = 8192;
/// The time between two checks of the target.
const PAUSE: Duration = Duration::from_millis(1);

/// Runs a balloon over each adapter, one after another. Prints `adapters: done` at the end.
///
/// # Panics
///
/// If the machine has no balloon, a call fails, or an allocator does not get all of its frames back.
pub(super) fn run(options: &Options) -> ! {
    let places = options.virtio_mmio.iter().copied().chain(arch::virtio_mmio());
    let transport = virtio::find(spec::balloon::Device::ID, places).expect("the machine has no balloon");
    allocators::start();
    let transport = over_functions(transport);
    let transport = over_a_bitmap(transport);
    let transport = over_a_buddy_allocator(transport);
    let transport = over_a_hal(transport);
    over_the_heap(transport);
    console::print(format_args!("adapters: done\n"));
    exit::hang()
}

/// Returns the range of all frames of this machine.
fn all_frames() -> core::ops::Range<u64> {
    0..memory::FRAMES.lock().end()
}

fn over_functions(transport: AnyTransport) -> AnyTransport {
    let frames = KernelFrames::new(functions(), all_frames(), GlobalMemory);
    // SAFETY: memory is mapped at its physical address.
    let dma = unsafe { FrameDma::new(functions(), 0) };
    cycle("functions", transport, KernelPlatform::new(frames, dma), allocators::free)
}

fn over_a_bitmap(transport: AnyTransport) -> AnyTransport {
    let first = allocators::fill_bitmap();
    // SAFETY: the free bits are frames that the bitmap got, and the balloon gets no others.
    let bitmap = || unsafe { BitmapFrames::<BitAlloc64K>::new(|f| f(&mut BITMAP.lock()), first) };
    // Enough for memory that ends below 3 GiB: on riscv64 it starts at 2 GiB.
    let private = StaticMemory::new(alloc::vec![0; 16 << 10].leak());
    let frames = KernelFrames::new(bitmap(), all_frames(), private).limit(LIMIT);
    // SAFETY: memory is mapped at its physical address.
    let dma = unsafe { FrameDma::new(bitmap(), 0) };
    cycle("bitmap", transport, KernelPlatform::new(frames, dma), allocators::free_bits)
}

fn over_a_buddy_allocator(transport: AnyTransport) -> AnyTransport {
    allocators::fill_buddy();
    let lock: fn(&mut dyn FnMut(&mut Buddy)) = |f| f(&mut BUDDY.lock());
    let count: fn() -> u64 = || u64::MAX;
    // SAFETY: the free frames are those that the allocator got, and the balloon gets no others.
    let buddy = || unsafe { BuddyFrames::new(lock, count) };
    let frames = KernelFrames::new(buddy(), all_frames(), GlobalMemory).limit(LIMIT);
    // SAFETY: memory is mapped at its physical address.
    let dma = unsafe { FrameDma::new(buddy(), 0) };
    cycle("buddy", transport, KernelPlatform::new(frames, dma), allocators::free_in_buddy)
}

fn over_a_hal(transport: AnyTransport) -> AnyTransport {
    let frames = KernelFrames::new(functions(), all_frames(), GlobalMemory);
    cycle("hal", transport, KernelPlatform::new(frames, HalDma::<KernelHal>::new()), allocators::free)
}

fn over_the_heap(transport: AnyTransport) -> AnyTransport {
    // SAFETY: the heap is ordinary memory, mapped at its physical address, and does not use allocated memory. The balloon gets no
    // other frames.
    let heap: HeapFrames<_> = unsafe { HeapFrames::new(&HEAP, 0, heap_frames) };
    let frames = KernelFrames::new(heap, all_frames(), HeapMemory(&HEAP));
    // SAFETY: as above.
    let dma = unsafe { HeapDma::new(&HEAP, 0) };
    cycle("heap", transport, KernelPlatform::new(frames, dma), heap_memory)
}

/// Inflates and deflates a balloon, freezes, restores and removes it. Afterwards, as much must be `free` as before.
fn cycle<P: Dma + Frames<Size = Size4KiB>>(
    name: &str,
    transport: AnyTransport,
    platform: P,
    free: impl Fn() -> u64,
) -> AnyTransport {
    let before = free();
    let options = BalloonOptions::new(Declared).reserve(Reserve::Frames(memory::RESERVE));
    let unprobed = Balloon::new(transport, platform, options).expect("the adapter has no memory");
    let mut balloon = unprobed.probe(&mut Sleep::default()).expect("the probe failed");
    for mib in SIZES {
        wait_for_target(name, &balloon, mib);
        follow_target(name, &mut balloon);
    }
    // The host has checked the size when it sets the next target.
    wait_for_target(name, &balloon, AFTER);
    let frozen = balloon.freeze(&mut Sleep::default()).expect("freeze failed");
    let mut balloon = frozen.restore(&mut Sleep::default()).expect("restore failed");
    follow_target(name, &mut balloon);
    wait_for_target(name, &balloon, 0);
    let (transport, platform) = balloon.remove(&mut Sleep::default()).expect("remove failed");
    drop(platform);
    assert_eq!(free(), before, "{name}: memory is lost");
    transport
}

/// Waits until the host has set a target in MiB.
fn wait_for_target<P: Dma + Frames<Size = Size4KiB>>(name: &str, balloon: &Live<P>, mib: u32) {
    console::print(format_args!("adapters: {name}: waiting for {mib} MiB\n"));
    until(|| balloon.target().expect("the target cannot be read") == Pages(mib << 8));
}

/// Makes the balloon reach its target.
fn follow_target<P: Dma + Frames<Size = Size4KiB>>(name: &str, balloon: &mut Live<P>) {
    until(|| balloon.service().expect("service failed") == Step::OnTarget);
    console::print(format_args!("adapters: {name}: has {} MiB\n", balloon.size().0 >> 8));
}

/// Waits until `is_done`.
fn until(mut is_done: impl FnMut() -> bool) {
    while !is_done() {
        idle::wake_at(arch::now() + PAUSE);
        idle::wait();
    }
}
