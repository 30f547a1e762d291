//! A balloon driver on the crate `virtio-drivers`: one array at a time with `add_notify_wait_pop`, like the drivers of that
//! crate.
//!
//! The crate has no balloon driver. This one is as small as possible: an array, and a list of the ballooned frames.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use aerostat_balloon::{FrameRun, Frames as _, Size4KiB};
use virtio_bindings::virtio_mmio::*;
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::device::AckDevice;
use crate::platform::{FrameOrder, Kernel};

/// Number of page numbers in an array.
const ENTRIES: u32 = 256;
/// Number of descriptors of a queue.
const SIZE: usize = 16;

/// A balloon on `virtio-drivers`.
pub struct Peer {
    bus: Bus,
    inflate: VirtQueue<Heap, SIZE>,
    deflate: VirtQueue<Heap, SIZE>,
    kernel: Kernel<Size4KiB>,
    held: Vec<FrameRun<Size4KiB>>,
    array: Box<[u32; ENTRIES as usize]>,
}

impl Peer {
    /// Returns a live balloon for up to `frames` frames, on a device in this thread.
    ///
    /// # Panics
    ///
    /// If the initialization fails, which is a bug of the device.
    pub fn new(order: FrameOrder, frames: u32) -> Self {
        Self::on(AckDevice::new(), order, frames)
    }

    /// Returns a live balloon for up to `frames` frames.
    ///
    /// # Panics
    ///
    /// If the initialization fails, which is a bug of the device.
    pub fn on(device: AckDevice, order: FrameOrder, frames: u32) -> Self {
        let mut bus = Bus(device);
        bus.set_status(DeviceStatus::empty());
        bus.write_driver_features(1 << 32);
        bus.set_status(DeviceStatus::ACKNOWLEDGE | DeviceStatus::DRIVER | DeviceStatus::FEATURES_OK);
        let inflate = VirtQueue::new(&mut bus, 0, false, false).expect("the device has the queue");
        let deflate = VirtQueue::new(&mut bus, 1, false, false).expect("the device has the queue");
        bus.finish_init();
        let kernel = Kernel::new(2 * frames, order);
        let held = Vec::with_capacity(frames as usize);
        Self { bus, inflate, deflate, kernel, held, array: Box::new([0; ENTRIES as usize]) }
    }

    /// Inflates the empty balloon to `pages`, a multiple of 256.
    ///
    /// # Panics
    ///
    /// If the device fails.
    #[inline(never)]
    pub fn inflate(&mut self, pages: u32) {
        for _ in 0..pages / ENTRIES {
            let mut filled = 0;
            while filled < ENTRIES
                && let Some(run) = self.kernel.allocate(ENTRIES - filled)
            {
                filled += encode(&mut self.array[filled as usize..], &run);
                self.held.push(run);
            }
            let sent = self.inflate.add_notify_wait_pop(&[self.array.as_bytes()], &mut [], &mut self.bus);
            sent.expect("the device works");
        }
    }

    /// Deflates the balloon to 0.
    ///
    /// # Panics
    ///
    /// If the device fails.
    #[inline(never)]
    pub fn deflate(&mut self) {
        while !self.held.is_empty() {
            let (mut filled, start) = (0, self.held.len());
            let mut first = start;
            while filled < ENTRIES && first > 0 {
                first -= 1;
                filled += encode(&mut self.array[filled as usize..], &self.held[first]);
            }
            let array = self.array[..filled as usize].as_bytes();
            self.deflate.add_notify_wait_pop(&[array], &mut [], &mut self.bus).expect("the device works");
            for run in self.held.drain(first..) {
                self.kernel.deallocate(run);
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Resets the device before the rings are freed.
        self.bus.set_status(DeviceStatus::empty());
    }
}

/// Writes the page numbers of a run, and returns their number.
fn encode(array: &mut [u32], run: &FrameRun<Size4KiB>) -> u32 {
    let first = run.first() as u32;
    for (entry, page) in array.iter_mut().zip(first..first + run.count()) {
        *entry = page.to_le();
    }
    run.count()
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

/// The transport of `virtio-drivers` on the registers of the device.
struct Bus(AckDevice);

impl Bus {
    fn write(&self, register: u32, value: u32) {
        self.0.on_write(register as usize, value);
    }

    fn write_long(&self, register: u32, value: u64) {
        self.write(register, value as u32);
        self.write(register + 4, (value >> 32) as u32);
    }

    fn read(&self, register: u32) -> u32 {
        self.0.on_read(register as usize)
    }
}

impl Transport for Bus {
    fn device_type(&self) -> DeviceType {
        DeviceType::MemoryBalloon
    }

    fn read_device_features(&mut self) -> u64 {
        self.write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
        let low = u64::from(self.read(VIRTIO_MMIO_DEVICE_FEATURES));
        self.write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
        low | u64::from(self.read(VIRTIO_MMIO_DEVICE_FEATURES)) << 32
    }

    fn write_driver_features(&mut self, features: u64) {
        for (half, value) in [(0, features as u32), (1, (features >> 32) as u32)] {
            self.write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
            self.write(VIRTIO_MMIO_DRIVER_FEATURES, value);
        }
    }

    fn max_queue_size(&mut self, queue: u16) -> u32 {
        self.write(VIRTIO_MMIO_QUEUE_SEL, queue.into());
        self.read(VIRTIO_MMIO_QUEUE_NUM_MAX)
    }

    fn notify(&mut self, queue: u16) {
        self.0.on_notify(queue.into());
    }

    fn get_status(&self) -> DeviceStatus {
        DeviceStatus::from_bits_truncate(self.read(VIRTIO_MMIO_STATUS))
    }

    fn set_status(&mut self, status: DeviceStatus) {
        self.write(VIRTIO_MMIO_STATUS, status.bits());
    }

    fn set_guest_page_size(&mut self, _guest_page_size: u32) {}

    fn requires_legacy_layout(&self) -> bool {
        false
    }

    fn queue_set(&mut self, queue: u16, size: u32, descriptors: PhysAddr, driver: PhysAddr, device: PhysAddr) {
        self.write(VIRTIO_MMIO_QUEUE_SEL, queue.into());
        self.write(VIRTIO_MMIO_QUEUE_NUM, size);
        self.write_long(VIRTIO_MMIO_QUEUE_DESC_LOW, descriptors);
        self.write_long(VIRTIO_MMIO_QUEUE_AVAIL_LOW, driver);
        self.write_long(VIRTIO_MMIO_QUEUE_USED_LOW, device);
        self.write(VIRTIO_MMIO_QUEUE_READY, 1);
    }

    fn queue_unset(&mut self, queue: u16) {
        self.write(VIRTIO_MMIO_QUEUE_SEL, queue.into());
        self.write(VIRTIO_MMIO_QUEUE_READY, 0);
    }

    fn queue_used(&mut self, queue: u16) -> bool {
        self.write(VIRTIO_MMIO_QUEUE_SEL, queue.into());
        self.read(VIRTIO_MMIO_QUEUE_READY) != 0
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        let pending = self.read(VIRTIO_MMIO_INTERRUPT_STATUS);
        self.write(VIRTIO_MMIO_INTERRUPT_ACK, pending);
        InterruptStatus::from_bits_truncate(pending)
    }

    fn read_config_generation(&self) -> u32 {
        self.read(VIRTIO_MMIO_CONFIG_GENERATION)
    }

    // Not used: the benchmark does not measure accesses to the configuration space.
    fn read_config_space<T: FromBytes + IntoBytes>(&self, _offset: usize) -> virtio_drivers::Result<T> {
        Err(virtio_drivers::Error::ConfigSpaceMissing)
    }

    fn write_config_space<T: IntoBytes + Immutable>(
        &mut self,
        _offset: usize,
        _value: T,
    ) -> virtio_drivers::Result<()> {
        Err(virtio_drivers::Error::ConfigSpaceMissing)
    }
}

/// Heap memory, with the same address for driver and device.
struct Heap;

fn pages(pages: usize) -> Layout {
    Layout::from_size_align(pages * PAGE_SIZE, PAGE_SIZE).expect("the size of a ring is valid")
}

// SAFETY: each allocation is zeroed and disjoint from others. Driver and device are in one process, so addresses are equal.
unsafe impl Hal for Heap {
    fn dma_alloc(count: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        // SAFETY: the size of a ring is not 0.
        let start = NonNull::new(unsafe { alloc_zeroed(pages(count)) }).expect("out of memory");
        (start.as_ptr() as PhysAddr, start)
    }

    unsafe fn dma_dealloc(_address: PhysAddr, start: NonNull<u8>, count: usize) -> i32 {
        // SAFETY: by the contract, `dma_alloc` allocated it with the same count.
        unsafe { dealloc(start.as_ptr(), pages(count)) };
        0
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, _size: usize) -> NonNull<u8> {
        NonNull::new(address as *mut u8).expect("the address of a register is not 0")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().as_ptr() as PhysAddr
    }

    unsafe fn unshare(_address: PhysAddr, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}
