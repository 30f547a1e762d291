//! Split balloons on a device and a kernel in plain memory, for Miri: the contexts of a split balloon must not alias, in every
//! order in which balloon and handles are used and dropped.
//!
//! `MIRIFLAGS="-Zmiri-strict-provenance -Zmiri-ignore-leaks" cargo +nightly miri test -p aerostat-balloon --test aliasing`
//!
//! `cargo xtask test` runs a part of it, `cargo xtask test --all` all of it.
//!
//! The leaks that Miri would report are the platforms of balloons that were dropped before their handles.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::swap;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use aerostat_balloon::handles::{Progress, StatsRequest};
use aerostat_balloon::platform::{BlockFrames, FillFrames, HintFrames, ReportFrames, Sample, StatTag, Statistics};
use aerostat_balloon::transport::{Dma, DmaRegion, InterruptStatus, Io, Mmio};
use aerostat_balloon::{
    Balloon, BalloonFeatureSet, FrameRun, Frames, Handles, Options, Pages, Platform, PrivateMemory, Ready, Size4KiB,
    Split, Step, features,
};

/// The device-specific queues: inflate, deflate, statistics, hinting, reporting.
const QUEUES: usize = 5;
/// Descriptors of each queue.
const SIZE: u32 = 32;

fn lock<X>(mutex: &Mutex<X>) -> MutexGuard<'_, X> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A queue as the driver has set it up.
#[derive(Clone, Copy, Debug, Default)]
struct Queue {
    ready: u32,
    size: u32,
    /// Descriptors, driver area and device area.
    addresses: [u64; 3],
    /// Buffers that the device has used.
    used: u16,
}

/// A device behind the registers of the MMIO transport.
#[derive(Debug, Default)]
struct Model {
    status: u32,
    device_features_sel: u32,
    queue_sel: usize,
    queues: [Queue; QUEUES],
    config: [u8; 16],
}

#[derive(Clone, Debug, Default)]
struct Registers(Arc<Mutex<Model>>);

/// Offers all features of the balloon and VERSION_1.
const OFFERED: u64 = 0x3f | 1 << 32;
const CONFIG: usize = 0x100;

// SAFETY: every access reaches the model, and a reset ends all use of memory.
unsafe impl Io for Registers {
    fn len(&self) -> usize {
        0x200
    }

    fn read8(&self, _offset: usize) -> u8 {
        0
    }

    fn read16(&self, _offset: usize) -> u16 {
        0
    }

    fn read32(&self, offset: usize) -> u32 {
        let model = lock(&self.0);
        let queue = model.queues.get(model.queue_sel);
        match offset {
            0x000 => 0x7472_6976,
            0x004 => 2,
            0x008 => 5,
            0x010 => (OFFERED >> (32 * model.device_features_sel)) as u32,
            0x034 => queue.map_or(0, |_| SIZE),
            0x044 => queue.map_or(0, |queue| queue.ready),
            0x070 => model.status,
            CONFIG.. => model.config[offset - CONFIG..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)),
            _ => 0,
        }
    }

    fn write8(&self, _offset: usize, _value: u8) {}

    fn write16(&self, _offset: usize, _value: u16) {}

    fn write32(&self, offset: usize, value: u32) {
        let model = &mut *lock(&self.0);
        let queue = model.queues.get_mut(model.queue_sel);
        match (offset, queue) {
            (0x014, _) => model.device_features_sel = value,
            (0x030, _) => model.queue_sel = value as usize,
            (0x038, Some(queue)) => queue.size = value,
            (0x044, Some(queue)) => queue.ready = value,
            (0x070, _) => {
                model.status = value;
                if value == 0 {
                    model.queues = [Queue::default(); QUEUES];
                }
            }
            (0x080..0x0b0, Some(queue)) => {
                let address = &mut queue.addresses[(offset - 0x080) / 16];
                let shift = if offset & 4 == 0 { 0 } else { 32 };
                *address = *address & !(0xffff_ffff << shift) | u64::from(value) << shift;
            }
            (CONFIG.., _) => model.config[offset - CONFIG..][..4].copy_from_slice(&value.to_le_bytes()),
            _ => {}
        }
    }
}

impl Registers {
    fn set_config(&self, at: usize, value: u32) {
        lock(&self.0).config[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// Uses all available buffers of a split ring.
    fn use_buffers(&self, number: usize) {
        let queue = &mut lock(&self.0).queues[number];
        assert_eq!(queue.ready, 1, "queue {number} is set up");
        let [_, driver, device] = queue.addresses;
        let available = read16(driver + 2);
        while queue.used != available {
            let slot = u64::from(u32::from(queue.used) % queue.size);
            let head = read16(driver + 4 + 2 * slot);
            write16(device + 4 + 8 * slot, head);
            write16(device + 6 + 8 * slot, 0);
            write16(device + 8 + 8 * slot, 0);
            write16(device + 10 + 8 * slot, 0);
            queue.used = queue.used.wrapping_add(1);
        }
        write16(device + 2, queue.used);
    }
}

/// Memory that a kernel has allocated.
#[derive(Clone, Copy, Debug)]
struct Memory<T: ?Sized>(NonNull<T>);

// SAFETY: the memory belongs to no thread. Who uses the pointer proves that the memory exists.
unsafe impl<T: ?Sized> Send for Memory<T> {}

/// The DMA memory of all kernels by its address, because a device knows only addresses. Miri's strict provenance requires the
/// pointer of the allocation to access it.
static DMA: Mutex<BTreeMap<u64, (Memory<u8>, Layout)>> = Mutex::new(BTreeMap::new());

/// Returns a pointer to two bytes of DMA memory.
fn pointer(address: u64) -> *mut u16 {
    let regions = lock(&DMA);
    let (start, (Memory(memory), layout)) = regions.range(..=address).next_back().expect("an address of DMA memory");
    let offset = (address - start) as usize;
    assert!(offset + size_of::<u16>() <= layout.size(), "the address {address:#x} is outside DMA memory");
    memory.as_ptr().wrapping_add(offset).cast()
}

fn read16(address: u64) -> u16 {
    // SAFETY: the address is in DMA memory of the driver, which is valid until the reset. The driver does not use the queue in
    // another thread meanwhile.
    unsafe { pointer(address).read_volatile() }
}

fn write16(address: u64, value: u16) {
    // SAFETY: as above.
    unsafe { pointer(address).write_volatile(value) };
}

/// What a kernel has allocated to the driver.
#[derive(Debug, Default)]
struct Allocated {
    frames: BTreeSet<u64>,
    /// Addresses of regions in [`DMA`].
    dma: Vec<u64>,
    private: Vec<Memory<[u64]>>,
}

/// A kernel whose frames are only numbers. Clones are the same kernel.
#[derive(Clone, Debug, Default)]
struct Kernel(Arc<Mutex<Allocated>>);

const RANGE: Range<u64> = 0..1024;

impl Kernel {
    fn take(&self, count: u32, align: u64) -> Option<FrameRun<Size4KiB>> {
        let allocated = &mut lock(&self.0).frames;
        let mut starts = (0..RANGE.end).step_by(align as usize);
        let first = starts.find(|first| allocated.range(*first..*first + u64::from(count)).next().is_none())?;
        allocated.extend(first..first + u64::from(count));
        // SAFETY: the frames are only numbers, which no memory belongs to.
        Some(unsafe { FrameRun::from_raw(first, count) })
    }

    fn counts(&self) -> (usize, usize, usize) {
        let Allocated { frames, dma, private } = &*lock(&self.0);
        (frames.len(), dma.len(), private.len())
    }

    /// Frees what the driver has leaked. Nothing uses it any more.
    fn free_leaked(&self) {
        let Allocated { dma, private, .. } = &mut *lock(&self.0);
        for address in dma.drain(..) {
            let (Memory(start), layout) = lock(&DMA).remove(&address).expect("a region of this kernel");
            // SAFETY: it was allocated with this layout, and balloon and handles were dropped.
            unsafe { dealloc(start.as_ptr(), layout) };
        }
        for Memory(memory) in private.drain(..) {
            // SAFETY: it was leaked as a box of this length, and balloon and handles were dropped.
            drop(unsafe { Box::from_raw(memory.as_ptr()) });
        }
    }
}

impl Frames for Kernel {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        RANGE
    }

    fn free_frames(&self) -> u64 {
        u64::MAX
    }

    fn allocate(&mut self, max: u32) -> Option<FrameRun<Size4KiB>> {
        self.take(max.min(8), 8)
    }

    fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
        for frame in run.first()..run.first() + u64::from(run.count()) {
            assert!(lock(&self.0).frames.remove(&frame), "frame {frame} was returned twice");
        }
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        let mut memory = NonNull::new(Box::into_raw(vec![u64::MAX; words].into_boxed_slice()))?;
        lock(&self.0).private.push(Memory(memory));
        // SAFETY: the memory was just allocated, and the kernel does not use it before it is returned or leaked.
        Some(unsafe { memory.as_mut() })
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        let memory = memory.into_raw();
        lock(&self.0).private.retain(|Memory(kept)| kept.addr() != memory.addr());
        // SAFETY: `allocate_private` leaked it as a box, and the driver no longer uses it.
        drop(unsafe { Box::from_raw(memory.as_ptr()) });
    }
}

impl Statistics for Kernel {
    fn sample(&mut self, sample: &mut Sample) {
        sample.set(StatTag::FreeMemory, 1);
    }
}

impl ReportFrames for Kernel {
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        self.take(frames, frames.into())
    }

    fn deallocate_reported(&mut self, run: FrameRun<Size4KiB>) {
        self.deallocate(run);
    }
}

impl BlockFrames for Kernel {
    fn allocate_blocks(&mut self, frames: u32, _max: u32) -> Option<FrameRun<Size4KiB>> {
        self.take(frames, frames.into())
    }
}

impl HintFrames for Kernel {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        self.take(frames, frames.into())
    }

    fn initialize(&mut self, _run: &FrameRun<Size4KiB>) {}
}

impl FillFrames for Kernel {
    fn fill(&mut self, _run: &FrameRun<Size4KiB>, _value: u32) {}
}

// SAFETY: a region is memory of its own until it is freed, and the device sees it at its address.
unsafe impl Dma for Kernel {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        // SAFETY: the driver does not allocate regions without bytes.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let address = start.addr().get() as u64;
        lock(&DMA).insert(address, (Memory(start), layout));
        lock(&self.0).dma.push(address);
        // SAFETY: the memory was just allocated.
        Some(unsafe { DmaRegion::new(start, address, layout) })
    }

    fn free(&mut self, region: DmaRegion) {
        let address = region.device_address().0;
        let dma = &mut lock(&self.0).dma;
        let index = dma.iter().position(|start| *start == address).expect("a region of this kernel");
        dma.swap_remove(index);
        let (Memory(start), layout) = lock(&DMA).remove(&address).expect("a region of a kernel");
        // SAFETY: it was allocated with this layout, and the driver no longer uses it.
        unsafe { dealloc(start.as_ptr(), layout) };
    }
}

features! {
    struct Declared {
        MustTellHost: Required,
        StatsVq: Required,
        DeflateOnOom: Required,
        FreePageHint: Required,
        PagePoison: Required,
        PageReporting: Required,
    }
}

type Live = Balloon<Ready<Mmio<Registers>, Kernel, Declared>>;
type Parts = Handles<Mmio<Registers>, Kernel, Declared>;

fn start() -> (Live, Registers, Kernel) {
    start_with(Options::new(Declared).report_block(64 << 10).hint_block(64 << 10))
}

fn start_with<F: BalloonFeatureSet>(
    options: Options<F>,
) -> (Balloon<Ready<Mmio<Registers>, Kernel, F>>, Registers, Kernel)
where
    Kernel: Platform<F>,
{
    let (device, kernel) = (Registers::default(), Kernel::default());
    let transport = Mmio::new(device.clone()).map_err(|(_, error)| error).unwrap();
    let balloon = Balloon::new(transport, kernel.clone(), options).map_err(|failed| failed.error).unwrap();
    (
        balloon.probe(&mut aerostat_balloon::transport::Spin::default()).map_err(|failed| failed.error).unwrap(),
        device,
        kernel,
    )
}

/// Uses all parts in turn, with what the device has in between.
fn use_all(parts: &mut Parts, device: &Registers, kernel: &mut Kernel) {
    device.set_config(0, 40);
    device.set_config(8, 2);
    assert_eq!(parts.balloon.service(), Ok(Step::Waiting));
    assert_eq!(parts.reporting.service(kernel), Ok(Progress::Waiting));
    assert_eq!(parts.statistics.service(kernel), Ok(StatsRequest::NotPending));
    assert_eq!(parts.hinting.service(kernel, InterruptStatus::ANY), Ok(Progress::Waiting));
    device.use_buffers(4);
    device.use_buffers(0);
    assert_eq!(parts.reporting.service(kernel), Ok(Progress::Waiting));
    assert_eq!(parts.balloon.service(), Ok(Step::OnTarget));
    device.use_buffers(2);
    device.set_config(0, 24);
    assert_eq!(parts.statistics.service(kernel), Ok(StatsRequest::Answered));
    assert_eq!(parts.balloon.service(), Ok(Step::Waiting));
    device.use_buffers(3);
    let _ = parts.hinting.service(kernel, InterruptStatus::ANY).unwrap();
    let _ = parts.balloon.platform().range();
    let text = format!("{parts:?} {:?} {:?}", parts.statistics, parts.hinting);
    assert!(text.contains("StatisticsHandle"), "{text}");
    device.use_buffers(1);
    assert_eq!((parts.balloon.service(), parts.balloon.size()), (Ok(Step::OnTarget), Pages(24)));
    let _ = parts.reporting.service(kernel).unwrap();
}

#[test]
fn parts_are_used_in_turn_and_joined() {
    let (mut balloon, device, mut kernel) = start();
    for _ in 0..2 {
        let mut parts = balloon.split();
        use_all(&mut parts, &device, &mut kernel);
        balloon = parts.join().unwrap();
        let _ = balloon.service_reporting().unwrap();
        let _ = balloon.service_statistics().unwrap();
        let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
        balloon.abandon(&mut aerostat_balloon::transport::Spin::default()).unwrap();
        assert_eq!((kernel.counts().0, kernel.counts().1), (0, 0));
        let frozen = balloon.freeze(&mut |_| std::ops::ControlFlow::Break(())).unwrap();
        balloon = frozen.restore(&mut aerostat_balloon::transport::Spin::default()).unwrap();
    }
    let _ = balloon.remove(&mut |_| {
        device.use_buffers(1);
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!(kernel.counts(), (0, 0, 0));
}

#[test]
fn a_handle_is_not_joined_with_another_balloon() {
    let ((one, _, kernel_of_one), (other, _, kernel_of_other)) = (start(), start());
    let (mut one, mut other) = (one.split(), other.split());
    swap(&mut one.reporting, &mut other.reporting);
    let mut one = one.join().map(drop).unwrap_err();
    swap(&mut one.reporting, &mut other.reporting);
    drop(one);
    assert_eq!(kernel_of_one.counts(), (0, 0, 0));
    drop(other.join().unwrap());
    assert_eq!(kernel_of_other.counts(), (0, 0, 0));
}

/// Returns every order of four parts.
fn orders() -> Vec<[usize; 4]> {
    let mut orders = Vec::new();
    for code in 0..256_usize {
        let order = [code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6];
        if (0..4).all(|part| order.contains(&part)) {
            orders.push(order);
        }
    }
    orders
}

#[test]
fn parts_are_dropped_in_every_order() {
    // Miri is slow.
    for order in orders().into_iter().step_by(if cfg!(miri) { 5 } else { 1 }) {
        let (balloon, device, mut kernel) = start();
        let mut parts = balloon.split();
        use_all(&mut parts, &device, &mut kernel);
        let Handles { balloon, statistics, reporting, hinting } = parts;
        let (mut balloon, mut statistics) = (Some(balloon), Some(statistics));
        let (mut reporting, mut hinting) = (Some(reporting), Some(hinting));
        for part in order {
            match part {
                0 => drop(balloon.take()),
                1 => drop(statistics.take()),
                2 => drop(reporting.take()),
                _ => drop(hinting.take()),
            }
            // The other parts still work, or return errors.
            let is_live = balloon.is_some();
            if let Some(balloon) = &mut balloon {
                assert!(balloon.service().is_ok());
            }
            if let Some(handle) = &mut statistics {
                assert_eq!(handle.service(&mut kernel).is_ok(), is_live);
            }
            if let Some(handle) = &mut reporting {
                assert_eq!(handle.service(&mut kernel).is_ok(), is_live);
            }
            if let Some(handle) = &mut hinting {
                assert_eq!(handle.service(&mut kernel, InterruptStatus::ANY).is_ok(), is_live);
            }
        }
        let (frames, dma, private) = kernel.counts();
        assert_eq!(frames, 0, "{order:?}: every frame is returned");
        let is_last = order[3] == 0;
        assert_eq!((dma == 0, private), (is_last, usize::from(!is_last)), "{order:?}");
        kernel.free_leaked();
    }
}

#[test]
fn the_balloon_is_dropped_while_another_thread_uses_a_handle() {
    for drop_first in [false, true] {
        let (balloon, device, mut kernel) = start();
        let mut parts = balloon.split();
        use_all(&mut parts, &device, &mut kernel);
        let Handles { balloon, statistics, mut reporting, mut hinting } = parts;
        let (mut for_reports, mut for_hints) = (kernel.clone(), kernel.clone());
        let reports = thread::spawn(move || {
            for _ in 0..4 {
                let _ = reporting.service(&mut for_reports);
            }
        });
        let hints = thread::spawn(move || {
            for _ in 0..4 {
                let _ = hinting.service(&mut for_hints, InterruptStatus::ANY);
            }
        });
        drop(statistics);
        if drop_first {
            drop(balloon);
            reports.join().unwrap();
            hints.join().unwrap();
        } else {
            reports.join().unwrap();
            hints.join().unwrap();
            drop(balloon);
            assert_eq!(kernel.counts(), (0, 0, 0));
        }
        assert_eq!(kernel.counts().0, 0);
        kernel.free_leaked();
    }
}

features! {
    /// Without MUST_TELL_HOST and a poison value, blocks are inflated.
    struct Blocks {
        StatsVq: Required,
        FreePageHint: Required,
        PageReporting: Required,
        BlockInflation: Required,
    }
}

type BlockParts = Handles<Mmio<Registers>, Kernel, Blocks>;
type BlockSplit = Balloon<Split<Mmio<Registers>, Kernel, Blocks>>;

/// Returns a split balloon with one acknowledged block, two blocks and other frames in flight, and the number of the reporting queue.
fn start_blocks() -> (BlockParts, usize, Registers, Kernel) {
    let (mut balloon, device, kernel) = start_with(Options::new(Blocks).report_block(64 << 10));
    let queue = usize::from(balloon.queue_numbers().reporting.unwrap());
    device.set_config(0, 16);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    let mut parts = balloon.split();
    device.use_buffers(queue);
    assert_eq!(parts.balloon.service_with(&mut parts.reporting), Ok(Step::OnTarget));
    device.set_config(0, 56);
    assert_eq!(parts.balloon.service_with(&mut parts.reporting), Ok(Step::Waiting));
    assert_eq!((parts.balloon.size(), parts.balloon.held_in_blocks()), (Pages(16), Pages(48)));
    (parts, queue, device, kernel)
}

/// Follows the target until the balloon is empty. The thread with the handle may run late.
fn empty(balloon: &mut BlockSplit, device: &Registers) {
    device.set_config(0, 0);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        device.use_buffers(0);
        device.use_buffers(1);
        if balloon.service().unwrap() == Step::OnTarget {
            return;
        }
        thread::yield_now();
    }
    panic!("the balloon is not empty: {balloon:?}");
}

#[test]
fn blocks_are_acknowledged_and_released_in_two_threads() {
    for _ in 0..if cfg!(miri) { 2 } else { 50 } {
        let (parts, queue, device, kernel) = start_blocks();
        let Handles { mut balloon, mut reporting, statistics, hinting } = parts;
        device.use_buffers(queue);
        let mut for_reports = kernel.clone();
        let reports = thread::spawn(move || {
            for _ in 0..3 {
                let _ = reporting.service(&mut for_reports).unwrap();
            }
            reporting
        });
        empty(&mut balloon, &device);
        assert_eq!((balloon.size(), balloon.held_in_blocks()), (Pages(0), Pages(0)));
        let reporting = reports.join().unwrap();
        let mut balloon = BlockParts { balloon, reporting, statistics, hinting }.join().unwrap();
        balloon.abandon(&mut aerostat_balloon::transport::Spin::default()).unwrap();
        assert_eq!((kernel.counts().0, kernel.counts().1), (0, 0));
        drop(balloon);
        assert_eq!(kernel.counts(), (0, 0, 0));
    }
}

#[test]
fn a_balloon_with_blocks_in_flight_is_dropped_in_either_order() {
    for (is_first, is_used) in [(false, false), (false, true), (true, false), (true, true)] {
        let (parts, queue, device, mut kernel) = start_blocks();
        let Handles { mut balloon, mut reporting, .. } = parts;
        if is_used {
            device.use_buffers(queue);
        }
        if is_first {
            let drops = thread::spawn(move || drop(balloon));
            let _ = reporting.service(&mut kernel);
            drops.join().unwrap();
            assert_eq!(kernel.counts().0, 0);
            assert!(reporting.service(&mut kernel).is_err());
            drop(reporting);
        } else {
            drop(reporting);
            assert_eq!(balloon.service(), Ok(Step::Waiting));
            if is_used {
                empty(&mut balloon, &device);
            }
            drop(balloon);
        }
        assert_eq!(kernel.counts().0, 0);
        kernel.free_leaked();
    }
}
