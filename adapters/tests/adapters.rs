//! Each adapter under a balloon on the in-process device: nothing is lost, and each allocator gets back what it gave.
#![cfg(all(
    feature = "alloc",
    feature = "bitmap-allocator",
    feature = "buddy-system-allocator",
    feature = "virtio-drivers"
))]

mod heap;

use std::alloc::Layout;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use aerostat_adapters::{
    BitmapFrames, BuddyFrames, FrameAllocator, FrameDma, FrameFunctions, GlobalMemory, HalDma, HeapDma, HeapFrames,
    HeapMemory, KernelFrames, KernelPlatform, StaticMemory,
};
use aerostat_balloon::transport::{Dma, DmaRegion, Mmio, Spin};
use aerostat_balloon::{Balloon, Frames, Options, Pages, Reserve, Size4KiB, Size16KiB, Step, features};
use aerostat_device::BalloonDevice;
use bitmap_allocator::{BitAlloc, BitAlloc64K};
use virtio_drivers::{BufferDirection, Hal};

use self::heap::Heap;

features! { struct Declared { MustTellHost: Optional } }

/// The memory of the tests: 16 MiB. Frames of the first MiB are not free.
const FRAMES: u64 = 4096;
const FIRST: u64 = 256;

fn device() -> BalloonDevice {
    BalloonDevice::builder().memory(FRAMES * 4096).inline().start().unwrap()
}

/// Returns the virtual address of physical address 0.
fn direct_map(device: &BalloonDevice) -> usize {
    device.memory().pointer(0, 1).unwrap().as_ptr().expose_provenance()
}

/// Inflates, deflates in part, freezes, restores and removes a balloon. `free` counts the free frames of the allocator.
fn cycle<P: Dma + Frames>(device: &BalloonDevice, platform: P, free: impl Fn() -> u64) {
    let before = free();
    let transport = Mmio::new(device.registers()).map_err(|(_, error)| error).unwrap();
    let balloon = Balloon::new(transport, platform, Options::new(Declared)).map_err(|failed| failed.error).unwrap();
    let mut balloon = balloon.probe(&mut Spin::default()).map_err(|failed| failed.error).unwrap();
    let start = free();
    let frame_pages = <P::Size as aerostat_balloon::FrameSize>::PAGES;
    for target in [2000, 1120, 1600, 16, 2400] {
        device.set_target(target);
        for _ in 0..10_000 {
            if balloon.service().unwrap() == Step::OnTarget {
                break;
            }
        }
        assert_eq!((balloon.size(), device.host_page_count()), (Pages(target), target as usize));
        assert_eq!(free(), start - u64::from(target / frame_pages));
    }
    let frozen = balloon.freeze(&mut Spin::default()).map_err(|failed| failed.error).unwrap();
    assert_eq!(device.host_page_count(), 0);
    let mut balloon = frozen.restore(&mut Spin::default()).map_err(|failed| failed.error).unwrap();
    while balloon.service().unwrap() != Step::OnTarget {}
    assert_eq!(free(), start - u64::from(2400 / frame_pages));
    drop(balloon.remove(&mut Spin::default()).map_err(|failed| failed.error).unwrap());
    assert_eq!(free(), before, "nothing is lost");
    assert_eq!(device.violations(), []);
}

/// A set of free frames, which fails if a frame is freed twice.
type Free = Rc<RefCell<BTreeSet<u64>>>;

/// Takes the first run of `count` frames.
fn take(free: &Free, count: u32) -> Option<u64> {
    let mut free = free.borrow_mut();
    let mut run = 0..0;
    let is_last = |frame: &u64| {
        run = if *frame == run.end { run.start..frame + 1 } else { *frame..frame + 1 };
        run.end - run.start == u64::from(count)
    };
    let last = free.iter().copied().find(is_last)?;
    let first = last + 1 - u64::from(count);
    (first..=last).for_each(|frame| assert!(free.remove(&frame)));
    Some(first)
}

fn put(free: &Free, first: u64, count: u32) {
    for frame in first..first + u64::from(count) {
        assert!(free.borrow_mut().insert(frame), "frame {frame} is freed twice");
    }
}

fn functions<S: aerostat_balloon::FrameSize>(free: &Free) -> impl FrameAllocator<Size = S> + use<S> {
    let (taking, putting, counting) = (Rc::clone(free), Rc::clone(free), Rc::clone(free));
    let allocate = move |count| take(&taking, count);
    let deallocate = move |first, count| put(&putting, first, count);
    // SAFETY: the frames are memory of the device's guest, and a frame that is taken is not in the set.
    unsafe { FrameFunctions::<_, _, _, S>::new(allocate, deallocate, move || counting.borrow().len() as u64) }
}

#[test]
fn functions_for_physical_ranges() {
    let device = device();
    // Every third frame is in use, so that runs are short.
    for fragmented in [false, true] {
        let frames = (FIRST..FRAMES).filter(|frame| !fragmented || frame % 3 != 0 || *frame < FIRST + 128);
        let free: Free = Rc::new(RefCell::new(frames.collect()));
        let frames = KernelFrames::new(functions::<Size4KiB>(&free), 0..FRAMES, GlobalMemory);
        // SAFETY: guest memory is mapped there.
        let dma = unsafe { FrameDma::new(functions::<Size4KiB>(&free), direct_map(&device)) };
        cycle(&device, KernelPlatform::new(frames, dma), || free.borrow().len() as u64);
    }
}

#[test]
fn frames_of_16_kib_and_static_memory() {
    let device = device();
    let free: Free = Rc::new(RefCell::new((FIRST / 4..FRAMES / 4).collect()));
    let private = StaticMemory::new(Box::leak(vec![0; 1024].into_boxed_slice()));
    let frames = KernelFrames::new(functions::<Size16KiB>(&free), 0..FRAMES / 4, private);
    // SAFETY: guest memory is mapped there.
    let dma = unsafe { FrameDma::new(functions::<Size16KiB>(&free), direct_map(&device)) };
    cycle(&device, KernelPlatform::new(frames, dma), || free.borrow().len() as u64);
}

#[test]
fn static_memory_that_is_too_small_is_kept() {
    use aerostat_adapters::PrivateAllocator as _;
    let mut private = StaticMemory::new(Box::leak(vec![0; 8].into_boxed_slice()));
    assert!(private.allocate(9).is_none());
    let memory = private.allocate(8).unwrap();
    assert!(private.allocate(8).is_none());
    // SAFETY: it is all of the memory.
    unsafe { private.deallocate(memory.into()) };
    assert!(private.allocate(8).is_some());
}

#[test]
fn a_bitmap() {
    let device = device();
    let bitmap = Arc::new(Mutex::new(BitAlloc64K::DEFAULT));
    bitmap.lock().unwrap().insert(0..(FRAMES - FIRST) as usize);
    bitmap.lock().unwrap().remove(700..701);
    let allocator = || {
        let bitmap = Arc::clone(&bitmap);
        let lock = move |f: &mut dyn FnMut(&mut BitAlloc64K)| f(&mut bitmap.lock().unwrap());
        // SAFETY: the free bits are frames of guest memory.
        unsafe { BitmapFrames::<BitAlloc64K, _>::new(lock, FIRST) }
    };
    let frames = KernelFrames::new(allocator(), 0..FRAMES, GlobalMemory).limit(3000);
    // SAFETY: guest memory is mapped there.
    let dma = unsafe { FrameDma::new(allocator(), direct_map(&device)) };
    let free = || (0..BitAlloc64K::CAP).filter(|&bit| bitmap.lock().unwrap().test(bit)).count() as u64;
    cycle(&device, KernelPlatform::new(frames, dma), free);
    assert!(!bitmap.lock().unwrap().test(700));
}

#[test]
fn a_buddy_allocator() {
    type Buddy = buddy_system_allocator::FrameAllocator<12>;
    let device = device();
    let buddy = Arc::new(Mutex::new(Buddy::new()));
    // With a block of 1024 frames, and smaller ones at both ends.
    buddy.lock().unwrap().add_frame(FIRST as usize + 1, FRAMES as usize - 3);
    // The crate keeps the counts to itself, so the test counts what goes through.
    let taken = Arc::new(Mutex::new(0_u64));
    let allocator = || {
        let buddy = Arc::clone(&buddy);
        let lock = move |f: &mut dyn FnMut(&mut Buddy)| f(&mut buddy.lock().unwrap());
        let inner = Rc::new(RefCell::new({
            // SAFETY: the free frames are those of guest memory.
            unsafe { BuddyFrames::<12, _, fn() -> u64>::new(lock, || u64::MAX) }
        }));
        let (out, back) = (Rc::clone(&inner), inner);
        let (counts, uncounts) = (Arc::clone(&taken), Arc::clone(&taken));
        let allocate = move |count| {
            let first = out.borrow_mut().allocate(count)?;
            *counts.lock().unwrap() += u64::from(count);
            Some(first)
        };
        let deallocate = move |first, count| {
            *uncounts.lock().unwrap() -= u64::from(count);
            // SAFETY: the frames are from this allocator.
            unsafe { back.borrow_mut().deallocate(first, count) }
        };
        // SAFETY: as above.
        unsafe { FrameFunctions::<_, _, _, Size4KiB>::new(allocate, deallocate, || u64::MAX) }
    };
    let frames = KernelFrames::new(allocator(), 0..FRAMES, GlobalMemory);
    // SAFETY: guest memory is mapped there.
    let dma = unsafe { FrameDma::new(allocator(), direct_map(&device)) };
    cycle(&device, KernelPlatform::new(frames, dma), || FRAMES - *taken.lock().unwrap());
    // All blocks were merged: the largest one can be allocated, and all frames are there.
    let mut buddy = buddy.lock().unwrap();
    let largest = buddy.alloc(1024);
    assert!(largest.is_some());
    let mut count = 1024;
    while buddy.alloc(1).is_some() {
        count += 1;
    }
    assert_eq!(count, FRAMES - 3 - (FIRST + 1));
}

#[test]
fn a_heap_that_is_all_memory() {
    let device = device();
    let direct_map = direct_map(&device);
    let range = direct_map + FIRST as usize * 4096..direct_map + FRAMES as usize * 4096;
    let heap: &'static Heap = Box::leak(Box::new(Heap::new(range)));
    // SAFETY: the heap is guest memory, which is mapped there.
    let allocator = unsafe { HeapFrames::<_, fn() -> u64>::new(heap, direct_map, || u64::MAX) };
    let frames = KernelFrames::new(allocator, 0..FRAMES, HeapMemory(heap)).limit(3000);
    // SAFETY: as above.
    let dma = unsafe { HeapDma::new(heap, direct_map) };
    cycle(&device, KernelPlatform::new(frames, dma), || FRAMES - heap.frames());
    assert_eq!(heap.allocations(), 0);
}

/// Pages of the guest memory of `the_hal_of_virtio_drivers`: the addresses of physical address 0, of the next page, and what is in use.
static PAGES: Mutex<(usize, u64, BTreeSet<(u64, usize, usize)>)> = Mutex::new((0, 1, BTreeSet::new()));

struct TestHal;

// SAFETY: each call returns different memory of the guest.
unsafe impl Hal for TestHal {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (u64, NonNull<u8>) {
        let (map, next, used) = &mut *PAGES.lock().unwrap();
        let physical = *next * 4096;
        *next += pages as u64;
        let address = *map + physical as usize;
        used.insert((physical, address, pages));
        (physical, NonNull::new(std::ptr::with_exposed_provenance_mut(address)).unwrap())
    }

    unsafe fn dma_dealloc(physical: u64, address: NonNull<u8>, pages: usize) -> i32 {
        assert!(PAGES.lock().unwrap().2.remove(&(physical, address.as_ptr().addr(), pages)));
        0
    }

    unsafe fn mmio_phys_to_virt(_: u64, _: usize) -> NonNull<u8> {
        unreachable!("the tests have no BARs")
    }

    unsafe fn share(_: NonNull<[u8]>, _: BufferDirection) -> u64 {
        unreachable!("the balloon shares only memory of `dma_alloc`")
    }

    unsafe fn unshare(_: u64, _: NonNull<[u8]>, _: BufferDirection) {}
}

#[test]
fn the_hal_of_virtio_drivers() {
    let device = device();
    PAGES.lock().unwrap().0 = direct_map(&device);
    let free: Free = Rc::new(RefCell::new((FIRST..FRAMES).collect()));
    let frames = KernelFrames::new(functions::<Size4KiB>(&free), 0..FRAMES, GlobalMemory);
    cycle(&device, KernelPlatform::new(frames, HalDma::<TestHal>::new()), || free.borrow().len() as u64);
    assert!(PAGES.lock().unwrap().2.is_empty(), "all DMA memory is freed");
    let mut dma = HalDma::<TestHal>::new();
    let region = dma.alloc(Layout::from_size_align(5000, 4096).unwrap()).unwrap();
    assert!(PAGES.lock().unwrap().2.iter().all(|(_, _, pages)| *pages == 2), "pages are rounded up");
    dma.free(region);
    assert!(PAGES.lock().unwrap().2.is_empty());
}

#[test]
fn memory_of_another_allocator_is_not_freed() {
    let device = device();
    let layout = Layout::from_size_align(5000, 4096).unwrap();
    let new = |first| {
        let free: Free = Rc::new(RefCell::new((first..first + 8).collect()));
        // SAFETY: guest memory is mapped there.
        (unsafe { FrameDma::new(functions::<Size4KiB>(&free), direct_map(&device)) }, free)
    };
    let ((mut one, free_one), (mut other, free_other)) = (new(16), new(32));
    let region = one.alloc(layout).unwrap();
    assert_eq!(free_one.borrow().len(), 6);
    other.free(region);
    assert_eq!((free_one.borrow().len(), free_other.borrow().len()), (6, 8));
    assert!(other.alloc(Layout::from_size_align(8, 8192).unwrap()).is_none(), "frames are aligned to their size only");
}

#[test]
fn an_offset_between_addresses_that_is_no_multiple_of_a_frame_gives_nothing() {
    let device = device();
    let direct_map = direct_map(&device);
    let heap: &'static Heap = Box::leak(Box::new(Heap::new(direct_map + (1 << 20)..direct_map + (2 << 20))));
    // SAFETY: the contract is broken, and no frame is used.
    let mut frames = unsafe { HeapFrames::<_, fn() -> u64>::new(heap, direct_map + 512, || u64::MAX) };
    assert_eq!(frames.allocate(1), None);
    assert_eq!(heap.allocations(), 0, "the memory went back");
    let free: Free = Rc::new(RefCell::new((FIRST..FIRST + 8).collect()));
    // SAFETY: no memory is used.
    let mut dma = unsafe { FrameDma::new(functions::<Size4KiB>(&free), direct_map + 512) };
    assert!(dma.alloc(Layout::from_size_align(64, 1024).unwrap()).is_none());
    assert_eq!(free.borrow().len(), 8);
}

#[test]
fn an_empty_region_frees_nothing() {
    let device = device();
    let free: Free = Rc::new(RefCell::new((FIRST..FIRST + 8).collect()));
    // SAFETY: guest memory is mapped there.
    let mut dma = unsafe { FrameDma::new(functions::<Size4KiB>(&free), direct_map(&device)) };
    let region = dma.alloc(Layout::new::<u64>()).unwrap();
    // SAFETY: it has no memory.
    dma.free(unsafe { DmaRegion::new(region.as_ptr(), region.physical(), Layout::new::<()>()) });
    assert_eq!(free.borrow().len(), 7, "the other region at the address is in use");
    dma.free(region);
    assert_eq!(free.borrow().len(), 8);
    assert!(dma.alloc(Layout::new::<()>()).is_none());
}

#[test]
fn an_allocator_with_many_regions_allocates_no_more() {
    let device = device();
    let free: Free = Rc::new(RefCell::new((FIRST..FIRST + 100).collect()));
    // SAFETY: guest memory is mapped there.
    let mut dma = unsafe { FrameDma::new(functions::<Size4KiB>(&free), direct_map(&device)) };
    let layout = Layout::new::<u64>();
    let mut regions: Vec<_> = std::iter::from_fn(|| dma.alloc(layout)).collect();
    assert_eq!((regions.len(), free.borrow().len()), (32, 68));
    dma.free(regions.remove(7));
    regions.extend(dma.alloc(layout));
    assert_eq!(regions.len(), 32);
    regions.into_iter().for_each(|region| dma.free(region));
    assert_eq!(free.borrow().len(), 100);
}

#[test]
fn a_limit_and_a_reserve_leave_frames_to_the_kernel() {
    let device = device();
    let free: Free = Rc::new(RefCell::new((FIRST..FRAMES).collect()));
    let frames = KernelFrames::new(functions::<Size4KiB>(&free), 0..FRAMES, GlobalMemory).limit(1000);
    // SAFETY: guest memory is mapped there.
    let dma = unsafe { FrameDma::new(functions::<Size4KiB>(&free), direct_map(&device)) };
    let options = Options::new(Declared).reserve(Reserve::Frames(100));
    let transport = Mmio::new(device.registers()).map_err(|(_, error)| error).unwrap();
    let balloon =
        Balloon::new(transport, KernelPlatform::new(frames, dma), options).map_err(|failed| failed.error).unwrap();
    let mut balloon = balloon.probe(&mut Spin::default()).map_err(|failed| failed.error).unwrap();
    device.set_target(2000);
    while !matches!(balloon.service().unwrap(), Step::Paused(_)) {}
    assert_eq!(balloon.size(), Pages(900));
}
