//! A device type that exists in tests only, and a driver's way to it over [`SoftMmio`].

use aerostat_transport::queue::Enabled;
use aerostat_transport::{Device, FeaturesOk, Live, Mmio, MmioNotifier, VirtQueue};

use crate::{Memory, SoftMmio};

aerostat_spec::virtio_device! {
    /// A device with two features, two queues and one configuration field of each width and access.
    device test_device = 42 {
        features {
            /// The first feature.
            feature0 = 0,
            /// The second feature.
            feature1 = 1,
        }
        queues {
            /// The first queue.
            queue0 = 0,
            /// The second queue.
            queue1 = 1,
        }
        config {
            /// Read only.
            read32: le32 read,
            /// Writable at any time.
            write32: le32 read write,
            /// Read only, in two halves.
            read64: le64 read,
            /// Writable during setup.
            setup32: le32 setup,
            /// Writable at any time.
            write16: le16 read write,
            /// Writable at any time.
            write8: u8 read write,
        }
    }
}

aerostat_spec::feature_set! {
    /// A declaration without features.
    pub struct Plain for test_device {}
}

aerostat_spec::feature_set! {
    /// A declaration that requires `feature0`.
    pub struct RequiresFeature0 for test_device { test_device::feature::Feature0: Required }
}

/// A test device with negotiated features.
pub fn negotiated(soft: &SoftMmio) -> Device<Mmio<SoftMmio>, test_device::Device, FeaturesOk<Plain>> {
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).expect("the registers have a device");
    let device = Device::take(transport)
        .map_err(|failed| failed.error)
        .expect("the device resets")
        .poll()
        .map_err(|(_, error)| error)
        .expect("the device resets");
    let device = device.acknowledge().driver().negotiate();
    device.map_err(|failed| failed.error).expect("the device accepts the features")
}

/// A live test device without queues.
pub fn live(soft: &SoftMmio) -> Device<Mmio<SoftMmio>, test_device::Device, Live<Plain>> {
    negotiated(soft).go_live()
}

/// Bytes from the start of the used ring to its index, and to its entries.
const USED_INDEX: u64 = 2;
const USED_ENTRIES: u64 = 4;

/// A live test device with queue 0, in memory of its own.
pub struct LiveQueue<const K: usize> {
    pub soft: SoftMmio,
    pub memory: Memory,
    pub device: Device<Mmio<SoftMmio>, test_device::Device, Live<Plain>>,
    pub queue0: VirtQueue<MmioNotifier<SoftMmio>, K, Enabled>,
    /// Addresses of the descriptor table, the available ring and the used ring.
    pub ring: [u64; 3],
    pub size: u16,
}

impl<const K: usize> LiveQueue<K> {
    /// Writes an entry of the used ring, as the device does.
    pub fn write_used_entry(&self, slot: u16, id: u32, len: u32) {
        let at = self.ring[2] + USED_ENTRIES + 8 * u64::from(slot % self.size);
        self.memory.write32(at, id);
        self.memory.write32(at + 4, len);
    }

    /// Writes the index of the used ring, as the device does.
    pub fn publish_used(&self, index: u16) {
        self.memory.write16(self.ring[2] + USED_INDEX, index);
    }

    /// Resets the device and checks that all memory is released.
    pub fn release(self) {
        let Self { mut memory, device, queue0, .. } = self;
        let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).expect("the device resets");
        queue0.release(&proof, &mut memory).expect("the proof is of this device");
        assert_eq!(memory.allocated(), 0);
    }
}

/// A live test device whose queue 0 has at most `max` descriptors on the device side.
pub fn live_queue<const K: usize>(max: u32) -> LiveQueue<K> {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    soft.model().queues[0].max = max;
    let mut device = negotiated(&soft);
    let queue0 = device.queue::<_, K>(test_device::queue::Queue0, 1, &mut memory).expect("the queue is set up");
    let device = device.go_live();
    let queue0 = queue0.enable(&device);
    let queue = soft.model().queues[0];
    LiveQueue { soft, memory, device, queue0, ring: queue.addresses, size: queue.size as u16 }
}
