//! A device type that exists in these tests only, and a driver's way to it.

use aerostat_spec::{FeaturePair, Required, WithFeature, reserved};
use aerostat_transport::queue::Enabled;
use aerostat_transport::{Device, FeaturesOk, Live, Mmio, MmioNotifier, VirtQueue};

use super::{Memory, Soft};

aerostat_spec::virtio_device! {
    /// Flies on a line.
    device kite = 42 {
        features {
            /// It has a tail.
            tail = 0,
            /// It lifts things.
            lift = 1,
        }
        queues {
            /// Goes up.
            line = 0,
            /// Comes down.
            reel = 1,
        }
        config {
            /// In metres.
            height: le32 read,
            /// As the driver likes.
            colour: le32 read write,
            /// Since it was built, in seconds.
            age: le64 read,
            /// Set once.
            name: le32 setup,
            /// On the line.
            knots: le16 read write,
            /// Of the tail.
            bows: u8 read write,
        }
    }
}

/// No feature is declared.
pub(crate) type Plain = FeaturePair<kite::Features, reserved::Features>;
/// `tail` is required.
pub(crate) type Tail = <Plain as WithFeature<kite::feature::Tail, Required>>::Out;

/// A kite whose features are agreed on.
pub(crate) fn started(soft: &Soft) -> Device<Mmio<Soft>, kite::Device, FeaturesOk<Plain>> {
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).expect("a kite is there");
    let device = Device::take(transport).map_err(|failed| failed.error).expect("it resets");
    let device = device.acknowledge().driver().negotiate();
    device.map_err(|failed| failed.error).expect("it agrees")
}

/// A live kite without queues.
pub(crate) fn live(soft: &Soft) -> Device<Mmio<Soft>, kite::Device, Live<Plain>> {
    started(soft).go_live()
}

/// A live kite with its line, in memory of its own.
pub(crate) struct Flown<const K: usize> {
    pub(crate) soft: Soft,
    pub(crate) memory: Memory,
    pub(crate) device: Device<Mmio<Soft>, kite::Device, Live<Plain>>,
    pub(crate) line: VirtQueue<MmioNotifier<Soft>, K, Enabled>,
    /// Descriptor table, available ring, used ring.
    pub(crate) ring: [u64; 3],
    pub(crate) size: u16,
}

/// A live kite whose line has at most `max` descriptors on the device's side.
pub(crate) fn flown<const K: usize>(max: u32) -> Flown<K> {
    let (soft, mut memory) = (Soft::new(42), Memory::new());
    soft.model().queues[0].max = max;
    let mut device = started(&soft);
    let line = device.queue::<_, K>(kite::queue::Line, 1, &mut memory).expect("there is a line");
    let device = device.go_live();
    let line = line.enable(&device);
    let queue = soft.model().queues[0];
    Flown { soft, memory, device, line, ring: queue.addresses, size: queue.size as u16 }
}
