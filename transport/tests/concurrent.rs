//! A device on another CPU, which looks at the ring while the driver adds to it. Miri runs these tests with few buffers.
#![cfg(target_endian = "little")]

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering, fence};
use std::thread;
use std::time::{Duration, Instant};

use aerostat_spec::FeatureSet;
use aerostat_spec::reserved::feature::{EventIdx, RingPacked};
use aerostat_test_support::{Memory, SoftMmio, test_device};
use aerostat_transport::queue::{Access, Element, Enabled, Interrupts};
use aerostat_transport::{Device, DeviceAddress, Mmio, MmioNotifier, VirtQueue};

aerostat_spec::feature_set! { struct Split for test_device {} }
aerostat_spec::feature_set! { struct Packed for test_device { RingPacked: Required } }
aerostat_spec::feature_set! { struct SplitEvents for test_device { EventIdx: Required } }
aerostat_spec::feature_set! { struct PackedEvents for test_device { RingPacked: Required, EventIdx: Required } }

/// Descriptors of the ring. Its entries take several cache lines.
const SIZE: usize = 64;
/// Descriptors of the longest buffer.
const LONGEST: u64 = 9;
/// Buffers in a test.
const BUFFERS: u64 = if cfg!(miri) { 40 } else { 40_000 };
/// How long one side waits for the other.
const LIMIT: Duration = Duration::from_secs(if cfg!(miri) { 3600 } else { 60 });

const NEXT: u16 = 1;
const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;

/// Returns the address of an element, which names the buffer and the position in it.
fn address(buffer: u64, position: u64) -> u64 {
    1 << 40 | buffer << 8 | position
}

fn length(buffer: u64) -> u64 {
    1 + buffer % LONGEST
}

/// Waits for the other side.
fn wait_until(what: &str, is_ready: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_ready() {
        assert!(start.elapsed() < LIMIT, "waited for {what}");
        thread::yield_now();
    }
}

/// The driver's side.
struct Driver {
    memory: Memory,
    queue0: VirtQueue<MmioNotifier<SoftMmio>, SIZE, Enabled>,
    /// Descriptors, driver area, device area.
    ring: [u64; 3],
}

impl Driver {
    fn new<F: FeatureSet>() -> Self {
        let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
        (soft.model().offered, soft.model().queues[0].max) = (u64::MAX, SIZE as u32);
        let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
        let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<F>();
        let mut device: Device<_, test_device::Device, _> = device.unwrap();
        let queue0 = device.queue(test_device::queue::Queue0, 1, &mut memory).unwrap();
        let queue0 = queue0.enable(&device.go_live());
        let ring = soft.model().queues[0].addresses;
        Self { memory, queue0, ring }
    }

    fn part(&self, at: u64, len: usize) -> Shared {
        Shared(self.memory.at(at, len))
    }

    /// Adds a buffer if there is room.
    fn add(&mut self, buffer: u64) -> bool {
        if self.queue0.free() < LONGEST as usize {
            return false;
        }
        let element = |position| Element {
            address: DeviceAddress(address(buffer, position)),
            len: 1,
            access: Access::DeviceReads,
        };
        let elements: Vec<Element> = (0..length(buffer)).map(element).collect();
        // SAFETY: the device of these tests accesses no buffers.
        unsafe { self.queue0.add(&elements) }.unwrap();
        true
    }

    /// Adds all buffers and takes them back. If nothing is to be done, waits with `idle` for the device, until that returns `false`.
    fn run(&mut self, most: usize, mut idle: impl FnMut() -> bool) {
        let (mut added, mut returned) = (0, 0);
        while returned < BUFFERS {
            while added < BUFFERS && self.queue0.in_flight() < most && self.add(added) {
                added += 1;
            }
            match self.queue0.pop().unwrap() {
                Some(_) => returned += 1,
                None if idle() => {}
                None => return,
            }
        }
    }
}

/// Memory that both sides access.
#[derive(Clone, Copy)]
struct Shared(NonNull<u8>);

// SAFETY: the memory is never freed. Indexes and flags are accessed atomically, and the protocol orders all other accesses.
unsafe impl Send for Shared {}

impl Shared {
    fn at<T>(self, offset: usize) -> NonNull<T> {
        // SAFETY: the tests stay inside the part that the pointer was made for.
        unsafe { self.0.add(offset) }.cast()
    }

    fn atomic(&self, offset: usize) -> &AtomicU16 {
        // SAFETY: indexes and flags are aligned, and both sides access them atomically.
        unsafe { AtomicU16::from_ptr(self.at::<u16>(offset).as_ptr()) }
    }

    fn read<T: Copy>(self, offset: usize) -> T {
        // SAFETY: inside the memory, aligned, and an integer has no invalid values.
        unsafe { self.at::<T>(offset).read_volatile() }
    }

    fn write<T>(self, offset: usize, value: T) {
        // SAFETY: inside the memory and aligned.
        unsafe { self.at::<T>(offset).write_volatile(value) }
    }
}

/// The device's side of a ring.
struct Peer {
    is_packed: bool,
    /// The descriptor table, or the packed ring.
    descriptors: Shared,
    driver: Shared,
    device: Shared,
    has_failed: Arc<AtomicBool>,
}

impl Peer {
    fn of(driver: &Driver, is_packed: bool) -> Self {
        let [descriptors, available, used] = driver.ring;
        let (available_bytes, used_bytes) = if is_packed { (4, 4) } else { (6 + 2 * SIZE, 6 + 8 * SIZE) };
        Self {
            is_packed,
            has_failed: Arc::default(),
            descriptors: driver.part(descriptors, 16 * SIZE),
            driver: driver.part(available, available_bytes),
            device: driver.part(used, used_bytes),
        }
    }

    /// Checks that a descriptor is that of an element of a buffer. Returns its flags.
    fn check(&self, descriptor: usize, buffer: u64, position: u64) -> u16 {
        let at = 16 * descriptor;
        let expected = (address(buffer, position), 1);
        assert_eq!(
            (self.descriptors.read::<u64>(at), self.descriptors.read::<u32>(at + 8)),
            expected,
            "buffer {buffer}"
        );
        let at = at + if self.is_packed { 14 } else { 12 };
        // Those of the first descriptor publish the buffer in a packed ring.
        let flags = match position {
            0 => self.descriptors.atomic(at).load(Ordering::Relaxed),
            _ => self.descriptors.read(at),
        };
        assert_eq!(flags & NEXT != 0, position + 1 < length(buffer), "buffer {buffer}, descriptor {position}");
        flags
    }

    /// Uses buffers in order until all are used. Calls `used` after each, with the position of its used entry.
    fn run(self, used: impl FnMut(&Self, u16)) {
        if self.is_packed { self.run_packed(used) } else { self.run_split(used) }
    }

    /// Returns whether the driver asks for an interrupt at this used entry.
    fn asks_for_interrupt_at(&self, position: u16) -> bool {
        let event = |offset| self.driver.atomic(offset).load(Ordering::Acquire);
        // A packed ring has the mode behind the position: 2 is an interrupt at a descriptor.
        if self.is_packed { event(2) == 2 && event(0) == position } else { event(4 + 2 * SIZE) == position }
    }

    fn run_split(&self, mut used: impl FnMut(&Self, u16)) {
        let is_available = |next: u16| self.driver.atomic(2).load(Ordering::Acquire) != next;
        for buffer in 0..BUFFERS {
            let next = buffer as u16;
            wait_until("an available buffer", || is_available(next));
            let slot = usize::from(next) % SIZE;
            let head = self.driver.read::<u16>(4 + 2 * slot);
            let mut descriptor = head;
            for position in 0..length(buffer) {
                self.check(descriptor.into(), buffer, position);
                descriptor = self.descriptors.read(16 * usize::from(descriptor) + 14);
            }
            self.device.write(4 + 8 * slot, u32::from(head));
            self.device.write(8 + 8 * slot, 0_u32);
            self.device.atomic(2).store(next.wrapping_add(1), Ordering::Release);
            used(self, next);
        }
    }

    fn run_packed(&self, mut used: impl FnMut(&Self, u16)) {
        let (mut slot, mut wrap) = (0, true);
        for buffer in 0..BUFFERS {
            let flags = self.descriptors.atomic(16 * slot + 14);
            wait_until("an available buffer", || {
                let flags = flags.load(Ordering::Acquire);
                (flags & AVAIL != 0) == wrap && (flags & USED != 0) != wrap
            });
            let (first, first_wrap) = (slot, wrap);
            let mut id = 0_u16;
            for position in 0..length(buffer) {
                let flags = self.check(slot, buffer, position);
                assert_eq!((flags & AVAIL != 0, flags & USED != 0), (wrap, !wrap), "buffer {buffer}");
                id = self.descriptors.read(16 * slot + 12);
                (slot, wrap) = if slot + 1 == SIZE { (0, !wrap) } else { (slot + 1, wrap) };
            }
            self.descriptors.write(16 * first + 12, id);
            self.descriptors.write(16 * first + 8, 0_u32);
            flags.store(if first_wrap { AVAIL | USED } else { 0 }, Ordering::Release);
            used(self, first as u16 | u16::from(first_wrap) << 15);
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.has_failed.store(thread::panicking(), Ordering::Release);
    }
}

/// Runs driver and device. The driver does not sleep.
fn exchange<F: FeatureSet>(is_packed: bool) {
    let mut driver = Driver::new::<F>();
    let peer = Peer::of(&driver, is_packed);
    let has_failed = Arc::clone(&peer.has_failed);
    let device = thread::spawn(move || peer.run(|_, _| {}));
    driver.run(SIZE, || {
        thread::yield_now();
        !has_failed.load(Ordering::Acquire)
    });
    device.join().unwrap();
}

/// Runs driver and device. The driver sleeps until an interrupt when it finds nothing.
fn sleep_between_buffers<F: FeatureSet>(is_packed: bool) {
    let mut driver = Driver::new::<F>();
    driver.queue0.set_interrupts(Interrupts::Enabled);
    let peer = Peer::of(&driver, is_packed);
    let has_failed = Arc::clone(&peer.has_failed);
    let interrupts = Arc::new(AtomicUsize::new(0));
    let raised = Arc::clone(&interrupts);
    let device = thread::spawn(move || {
        peer.run(|peer, position| {
            // Orders the used buffer before the read of the event.
            fence(Ordering::SeqCst);
            if peer.asks_for_interrupt_at(position) {
                raised.fetch_add(1, Ordering::AcqRel);
            }
        });
    });
    let mut seen = 0;
    driver.run(2, || {
        wait_until("an interrupt", || interrupts.load(Ordering::Acquire) != seen || has_failed.load(Ordering::Acquire));
        seen = interrupts.load(Ordering::Acquire);
        !has_failed.load(Ordering::Acquire)
    });
    device.join().unwrap();
}

/// ring.split.supply.1, ring.split.idx.1: the index follows the descriptors and the entry of the available ring.
#[test]
fn a_device_on_another_cpu_sees_only_complete_buffers_in_a_split_ring() {
    exchange::<Split>(false);
}

/// ring.packed.sg.7, ring.packed.supply.1, ring.packed.flags.1: the flags of the first descriptor follow all the others.
#[test]
#[cfg_attr(
    miri,
    ignore = "the driver fills a free descriptor by words, while the device reads the flags in it: a race to Miri"
)]
fn a_device_on_another_cpu_sees_only_complete_buffers_in_a_packed_ring() {
    exchange::<Packed>(true);
}

/// ring.split.receive.2: the driver checks the ring again after it has asked for an interrupt.
#[test]
fn a_driver_of_a_split_ring_loses_no_interrupt() {
    sleep_between_buffers::<SplitEvents>(false);
}

/// ring.packed.receive.2
#[test]
#[cfg_attr(
    miri,
    ignore = "the driver fills a free descriptor by words, while the device reads the flags in it: a race to Miri"
)]
fn a_driver_of_a_packed_ring_loses_no_interrupt() {
    sleep_between_buffers::<PackedEvents>(true);
}
