//! The software device for other drivers.

use aerostat_device::soft::{SoftMmio, SoftQueue};
use aerostat_device::{GuestMemory, TestPlatform};
use aerostat_transport::queue::{Enabled, RequestQueue};
use aerostat_transport::{Device, Live, Mmio, MmioNotifier, Spin};

aerostat_transport::spec::virtio_device! {
    device lamp = 63 {
        queues { switch = 0 }
        request dim { readable { level: le16 } writable { old: le16 } }
    }
}

aerostat_transport::spec::feature_set! {
    struct Declared for lamp {
        aerostat_transport::spec::reserved::feature::RingPacked: Optional,
        aerostat_transport::spec::reserved::feature::EventIdx: Optional,
    }
}

struct Lamp {
    registers: SoftMmio,
    memory: GuestMemory,
    platform: TestPlatform,
    device: Device<Mmio<SoftMmio>, lamp::Device, Live<Declared>>,
    switch: RequestQueue<lamp::queue::Switch, MmioNotifier<SoftMmio>, 8, Enabled>,
}

/// Sets up the driver of a device that offers these features.
fn lamp(features: u64) -> Lamp {
    let memory = GuestMemory::new(4 << 20).unwrap();
    let mut platform: TestPlatform = TestPlatform::builder(&memory).build().unwrap();
    let registers = SoftMmio::new(63);
    registers.model().offered |= features;
    let transport = Mmio::new(registers.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).map_err(|failed| failed.error).unwrap();
    let device = device.wait(&mut Spin::default()).map_err(|(_, error)| error).unwrap().acknowledge().driver();
    let mut device = device.negotiate::<Declared>().map_err(|failed| failed.error).unwrap();
    let switch = device.request_queue(lamp::queue::Switch, 1, 16, &mut platform).unwrap();
    let device = device.go_live();
    Lamp { switch: switch.enable(&device), registers, memory, platform, device }
}

/// Buffers can be completed in any order, and with any answer. The indexes pass the end of the rings.
#[test]
fn buffers_are_completed_in_any_order() {
    for features in [0, 1 << 29, 1 << 34, 1 << 29 | 1 << 34] {
        let mut lamp = lamp(features);
        let mut queue: SoftQueue = lamp.registers.queue(0, &lamp.memory);
        assert!(queue.take().is_none());
        for round in 0..20 {
            let tokens = [1, 2, 3].map(|level| lamp.switch.send_request(&lamp::Dim { level: level + round }).unwrap());
            lamp.switch.notify();
            let buffers = [(); 3].map(|()| queue.take().unwrap());
            assert!(queue.take().is_none());
            for (level, buffer) in (round + 1..).zip(&buffers) {
                assert_eq!((buffer.readable(), buffer.writable_len()), (&level.to_le_bytes()[..], 2));
            }
            for buffer in buffers.iter().rev() {
                queue.answer(buffer, buffer.readable());
            }
            for (level, token) in (round + 1..).zip(tokens).collect::<Vec<_>>().into_iter().rev() {
                let mut memory = [0; 2];
                let (found, answer) = lamp.switch.receive_answer::<lamp::Dim>(|_| (), &mut memory).unwrap().unwrap();
                assert_eq!((found, answer.old), (token, level));
            }
        }
        let (_, proof) = lamp.device.reset().poll().map_err(|(_, error)| error).unwrap();
        lamp.switch.release(&proof, &mut lamp.platform).unwrap();
        assert!(lamp.platform.ledger().all_returned());
    }
}

#[test]
#[should_panic(expected = "the driver has not enabled queue 1")]
fn a_queue_that_is_not_enabled_has_no_device_side() {
    let lamp = lamp(0);
    lamp.registers.queue(1, &lamp.memory);
}

#[test]
#[should_panic(expected = "3 bytes do not fit")]
fn an_answer_that_does_not_fit_panics() {
    let mut lamp = lamp(0);
    lamp.switch.send_request(&lamp::Dim { level: 1 }).unwrap();
    let mut queue = lamp.registers.queue(0, &lamp.memory);
    let buffer = queue.take().unwrap();
    queue.answer(&buffer, &[0; 5]);
}
