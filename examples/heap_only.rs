//! A kernel whose free memory is its heap: `buddy_system_allocator::LockedHeap`, polled over MMIO.

use aerostat_examples::{MEMORY, Machine, memory};
use buddy_system_allocator::LockedHeap;

/// The heap of the kernel. A kernel also has `#[global_allocator]` here.
static HEAP: LockedHeap<33> = LockedHeap::empty();

// glue: begin
use aerostat_adapters::{HeapDma, HeapFrames, HeapMemory, KernelFrames, KernelPlatform};
use aerostat_balloon::transport::{Io, Mmio, Spin};
use aerostat_balloon::{Balloon, Options, ProbeError, Ready, Reserve, features};

features! { struct KernelFeatures { MustTellHost: Optional } }

type Heap = LockedHeap<33>;
type Platform = KernelPlatform<KernelFrames<HeapFrames<Heap>, HeapMemory<Heap>>, HeapDma<Heap>>;
type KernelBalloon<I> = Balloon<Ready<Mmio<I>, Platform, KernelFeatures>>;

fn free_frames() -> u64 {
    let heap = HEAP.lock();
    (heap.stats_total_bytes() - heap.stats_alloc_actual()) as u64 / 4096
}

fn platform() -> Platform {
    let direct_map = memory::direct_map();
    // SAFETY: the heap is ordinary memory, mapped there, and does not use allocated memory. The balloon gets no other frames.
    let frames: HeapFrames<Heap> = unsafe { HeapFrames::new(&HEAP, direct_map, free_frames) };
    let frames = KernelFrames::new(frames, 0..MEMORY / 4096, HeapMemory(&HEAP));
    // SAFETY: as above.
    let dma = unsafe { HeapDma::new(&HEAP, direct_map) };
    KernelPlatform::new(frames, dma)
}

/// At boot.
fn start<I: Io + Clone>(registers: I) -> Result<KernelBalloon<I>, ProbeError> {
    // The heap keeps a quarter of its memory.
    let options = Options::new(KernelFeatures).reserve(Reserve::Percent(25));
    Ok(Balloon::new(Mmio::new(registers)?, platform(), options)?.probe(&mut Spin::default())?)
}

/// In the idle loop. A kernel that also declares `DeflateOnOom` keeps a `Step::Paused` and calls `retry`, as `mmio_polled` does.
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
    let frames = memory::allocate(12000).expect("12000 free frames");
    // SAFETY: the memory is mapped there, and has no other owner.
    unsafe { HEAP.lock().init(memory::direct_map() + frames as usize * 4096, 12000 * 4096) };
    let mut balloon = Some(start(machine.registers()).expect("the machine has a balloon device"));
    for wanted in [24, 8, 16, 0] {
        machine.host_wants(wanted);
        while machine.host_has() != wanted as usize {
            idle(&mut balloon);
        }
        println!("The host has {wanted:2} MiB; the heap has {} free frames.", free_frames());
    }
}

#[test]
fn runs() {
    main();
}
