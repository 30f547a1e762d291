//! The balloon driver of this project against both devices: they have to mean the same by the same words.

use std::time::Duration;

use aerostat_balloon::transport::pci::{ConfigPorts, Pci, PciFunction, Routing};
use aerostat_balloon::transport::{Mmio, Transport};
use aerostat_balloon::{Balloon, EventIdx, MustTellHost, Pages, RingPacked, Step};
use aerostat_device::qtest::{Machine, Qemu, qemu_or_skip};
use aerostat_device::{BalloonDevice, Event, GuestMemory, Ledger, QueueFault, TestPlatform, features, wait_at_most};
use aerostat_transport::Wait;

const BYTES: u64 = 64 << 20;
const LIMIT: Duration = Duration::from_secs(10);

/// Follows the host's target to 1000 pages, to 10, and back to the start. `host` moves the target.
fn up_and_down<T: Transport>(transport: T, platform: TestPlatform, host: impl Fn(u32), mut wait: impl Wait) -> Ledger {
    let ledger = platform.ledger();
    // QEMU does not offer it.
    let balloon = Balloon::new(transport, platform).want(MustTellHost).want(RingPacked).want(EventIdx);
    let mut balloon = balloon.probe().unwrap();
    for target in [1000, 10] {
        host(target);
        let mut attempt = 0;
        while balloon.service().unwrap() != Step::OnTarget || balloon.size() != Pages(target) {
            let _ = wait.wait(attempt);
            attempt += 1;
            assert!(attempt < 1_000_000, "{:?} of {target}", balloon.size());
        }
        assert_eq!(ledger.lent_frames().len(), target as usize);
    }
    balloon.remove(&mut wait).unwrap();
    assert!(ledger.is_settled());
    assert_eq!(ledger.violations(), []);
    ledger
}

#[test]
fn against_the_embedded_device() {
    for shape in [0, features::EVENT_IDX, features::RING_PACKED, features::RING_PACKED | features::EVENT_IDX] {
        let embedded = |builder: aerostat_device::Builder| builder.memory(BYTES).add_features(shape).start().unwrap();
        let check = |device: &BalloonDevice, wait: &mut dyn FnMut(u32) -> aerostat_transport::Patience| {
            let platform = TestPlatform::of(device).unwrap();
            up_and_down(Mmio::new(device.registers()).unwrap(), platform, |target| device.set_target(target), wait);
            let offered = features::VERSION_1 | features::MUST_TELL_HOST | shape;
            assert!(device.events().contains(&Event::FeaturesAccepted(offered)));
            assert_eq!(device.violations(), []);
            assert_eq!(device.host_page_count(), 0);
        };
        let device = embedded(BalloonDevice::builder().threaded());
        check(&device, &mut wait_at_most(LIMIT));
        let device = embedded(BalloonDevice::builder().inline());
        check(&device, &mut device.work_at_most(100));
        let device = embedded(BalloonDevice::builder().manual());
        check(&device, &mut device.work_at_most(100));
        let device = embedded(BalloonDevice::builder().misbehave(QueueFault::Delay(20)).inline());
        check(&device, &mut device.work_at_most(100));
    }
}

fn qemu_target(qemu: &Qemu) -> impl Fn(u32) {
    |pages| qemu.set_target(BYTES - (u64::from(pages) << 12)).unwrap()
}

#[test]
fn against_qemu_over_mmio() {
    let Some(_) = qemu_or_skip() else { return };
    let qemu = Qemu::start(Machine::Microvm, &GuestMemory::new(BYTES).unwrap(), "").unwrap();
    let transport = Mmio::new(qemu.mmio_device(5).unwrap()).unwrap();
    let platform = TestPlatform::builder(qemu.memory()).build().unwrap();
    up_and_down(transport, platform, qemu_target(&qemu), wait_at_most(LIMIT));
    qemu.check().unwrap();
    assert_eq!(qemu.actual().unwrap(), BYTES);
}

#[test]
fn against_qemu_over_pci() {
    let Some(_) = qemu_or_skip() else { return };
    let qemu = Qemu::start(Machine::Q35, &GuestMemory::new(BYTES).unwrap(), "").unwrap();
    let placed = qemu.pci_balloon().unwrap();
    let function = PciFunction::new(ConfigPorts::new(qemu.ports()), placed.address);
    let transport = Pci::new(&function, &mut |range| Some(qemu.map(range)), Routing::Line).unwrap();
    let platform = TestPlatform::builder(qemu.memory()).build().unwrap();
    up_and_down(transport, platform, qemu_target(&qemu), wait_at_most(LIMIT));
    qemu.check().unwrap();
    assert_eq!(qemu.actual().unwrap(), BYTES);
}
