//! The balloon driver of this project against both devices: they have to mean the same by the same words.

use std::time::Duration;

use aerostat_balloon::transport::pci::{ConfigPorts, Pci, PciFunction, Routing};
use aerostat_balloon::transport::{LegacyMmio, Mmio, Transport};
use aerostat_balloon::{
    AccessPlatform, Balloon, EventIdx, InOrder, IndirectDesc, MustTellHost, NotificationData, Pages, RingPacked, Step,
};
use aerostat_device::qtest::{Machine, Qemu, qemu_or_skip};
use aerostat_device::{
    BalloonDevice, Builder, Event, GuestMemory, Ledger, QueueFault, TestPlatform, UsedEntries, features, wait_at_most,
};
use aerostat_transport::Wait;

const BYTES: u64 = 64 << 20;
const LIMIT: Duration = Duration::from_secs(10);

/// Follows the host's target to 1000 pages, to 10, and back to the start. `host` moves the target.
fn up_and_down<T: Transport>(transport: T, platform: TestPlatform, host: impl Fn(u32), mut wait: impl Wait) -> Ledger {
    let ledger = platform.ledger();
    // QEMU does not offer it.
    let balloon =
        Balloon::new(transport, platform).want(MustTellHost).want(AccessPlatform).want(EventIdx).want(InOrder);
    let balloon = balloon.want(IndirectDesc).want(NotificationData).want(RingPacked);
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

/// In how many of its ways the device works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ways {
    One,
    All,
}

/// The device, driven over what `bus` makes of its registers.
fn embedded<T: Transport>(builder: impl Fn() -> Builder, bus: impl Fn(&BalloonDevice) -> T, accepted: u64, ways: Ways) {
    let check = |device: &BalloonDevice, wait: &mut dyn FnMut(u32) -> core::ops::ControlFlow<()>| {
        let platform = TestPlatform::of(device).unwrap();
        up_and_down(bus(device), platform, |target| device.set_target(target), wait);
        assert!(device.events().contains(&Event::FeaturesAccepted(accepted)), "{accepted:#x}");
        assert_eq!(device.violations(), [], "{accepted:#x}");
        assert_eq!(device.host_page_count(), 0);
    };
    let start = |builder: Builder| builder.memory(BYTES).start().unwrap();
    let device = start(builder().inline());
    check(&device, &mut device.work_at_most(100));
    if ways == Ways::One {
        return;
    }
    let device = start(builder().threaded());
    check(&device, &mut wait_at_most(LIMIT));
    let device = start(builder().manual());
    check(&device, &mut device.work_at_most(100));
    let device = start(builder().misbehave(QueueFault::Delay(20)).inline());
    check(&device, &mut device.work_at_most(100));
}

#[test]
fn against_the_embedded_device() {
    use features::{ACCESS_PLATFORM, EVENT_IDX, IN_ORDER, INDIRECT_DESC, NOTIFICATION_DATA, RING_PACKED};
    let all = ACCESS_PLATFORM | EVENT_IDX | IN_ORDER | INDIRECT_DESC | NOTIFICATION_DATA;
    let single = [0, ACCESS_PLATFORM, EVENT_IDX, IN_ORDER, INDIRECT_DESC, NOTIFICATION_DATA];
    for shape in single.into_iter().chain([all]).flat_map(|split| [split, split | RING_PACKED]) {
        for used_entries in [UsedEntries::OnePerBuffer, UsedEntries::OnePerBatch] {
            let builder = || BalloonDevice::builder().add_features(shape).used_entries(used_entries);
            let bus = |device: &BalloonDevice| Mmio::new(device.registers()).unwrap();
            let ways = if [0, all].contains(&(shape & !RING_PACKED)) { Ways::All } else { Ways::One };
            embedded(builder, bus, features::VERSION_1 | features::MUST_TELL_HOST | shape, ways);
            if shape & IN_ORDER == 0 {
                break;
            }
        }
    }
}

#[test]
fn against_the_embedded_legacy_device() {
    for shape in [0, features::EVENT_IDX, features::INDIRECT_DESC] {
        let builder = || BalloonDevice::builder().add_features(shape).legacy();
        let bus = |device: &BalloonDevice| LegacyMmio::new(device.registers()).unwrap();
        embedded(builder, bus, features::MUST_TELL_HOST | shape, if shape == 0 { Ways::All } else { Ways::One });
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
