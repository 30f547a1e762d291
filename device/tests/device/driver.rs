//! The balloon driver of this project against the in-process device and QEMU.

use std::time::Duration;

use aerostat_balloon::transport::pci::{ConfigPorts, Pci, PciFunction, Routing};
use aerostat_balloon::transport::{LegacyMmio, Mmio, Transport};
use aerostat_balloon::{Balloon, Options, Pages, Step};
use aerostat_device::qtest::{Machine, Qemu, qemu_or_skip};
use aerostat_device::{
    BalloonDevice, Builder, Event, GuestMemory, Hypervisor, Ledger, QueueFault, TestPlatform, UsedEntries, features,
    wait_at_most,
};
use aerostat_transport::Wait;

aerostat_balloon::features! {
    /// The features of the driver, all optional.
    struct DriverFeatures {
        MustTellHost: Optional,
        AccessPlatform: Optional,
        EventIdx: Optional,
        InOrder: Optional,
        IndirectDesc: Optional,
        NotificationData: Optional,
        RingPacked: Optional,
    }
}

const BYTES: u64 = 64 << 20;
const LIMIT: Duration = Duration::from_secs(10);

/// Inflates to 1000 pages, deflates to 10, and removes the balloon. `host` sets the target.
fn inflate_and_deflate<T: Transport>(
    transport: T,
    platform: TestPlatform,
    host: impl Fn(u32),
    mut wait: impl Wait,
) -> Ledger {
    let ledger = platform.ledger();
    let mut balloon = Balloon::new(transport, platform, Options::new(DriverFeatures))
        .unwrap()
        .probe(&mut aerostat_transport::Spin::default())
        .unwrap();
    for target in [1000, 10] {
        host(target);
        let mut attempt = 0;
        while balloon.service().unwrap() != Step::OnTarget || balloon.size() != Pages(target) {
            let _ = wait.wait(attempt);
            attempt += 1;
            assert!(attempt < 1_000_000, "{:?} of {target}", balloon.size());
        }
        assert_eq!(ledger.allocated_frames().len(), target as usize);
    }
    balloon.remove(&mut wait).unwrap();
    assert!(ledger.all_returned());
    assert_eq!(ledger.violations(), []);
    ledger
}

/// The modes of the device to test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Modes {
    One,
    All,
}

/// Tests the in-process device. `bus` creates the transport.
fn in_process<T: Transport>(
    builder: impl Fn() -> Builder,
    bus: impl Fn(&BalloonDevice) -> T,
    accepted: u64,
    modes: Modes,
) {
    let check = |device: &BalloonDevice, wait: &mut dyn FnMut(u32) -> core::ops::ControlFlow<()>| {
        let platform = TestPlatform::of(device).unwrap();
        inflate_and_deflate(bus(device), platform, |target| device.set_target(target), wait);
        assert!(device.events().contains(&Event::FeaturesAccepted(accepted)), "{accepted:#x}");
        assert_eq!(device.violations(), [], "{accepted:#x}");
        assert_eq!(device.host_page_count(), 0);
    };
    let start = |builder: Builder| builder.memory(BYTES).start().unwrap();
    let device = start(builder().inline());
    check(&device, &mut device.work_at_most(100));
    if modes == Modes::One {
        return;
    }
    let device = start(builder().threaded());
    check(&device, &mut wait_at_most(LIMIT));
    let device = start(builder().manual());
    check(&device, &mut device.work_at_most(100));
    let device = start(builder().inject(QueueFault::DelaysCompletion(20)).inline());
    check(&device, &mut device.work_at_most(100));
}

#[test]
fn against_the_in_process_device() {
    use features::{ACCESS_PLATFORM, EVENT_IDX, IN_ORDER, INDIRECT_DESC, NOTIFICATION_DATA, RING_PACKED};
    let all = ACCESS_PLATFORM | EVENT_IDX | IN_ORDER | INDIRECT_DESC | NOTIFICATION_DATA;
    let single = [0, ACCESS_PLATFORM, EVENT_IDX, IN_ORDER, INDIRECT_DESC, NOTIFICATION_DATA];
    for ring_features in single.into_iter().chain([all]).flat_map(|split| [split, split | RING_PACKED]) {
        for used_entries in [UsedEntries::OnePerBuffer, UsedEntries::OnePerBatch] {
            let builder = || BalloonDevice::builder().add_features(ring_features).used_entries(used_entries);
            let bus = |device: &BalloonDevice| Mmio::new(device.registers()).unwrap();
            let modes = if [0, all].contains(&(ring_features & !RING_PACKED)) { Modes::All } else { Modes::One };
            in_process(builder, bus, features::VERSION_1 | features::MUST_TELL_HOST | ring_features, modes);
            if ring_features & IN_ORDER == 0 {
                break;
            }
        }
    }
}

#[test]
fn against_the_in_process_legacy_device() {
    for ring_features in [0, features::EVENT_IDX, features::INDIRECT_DESC] {
        let builder = || BalloonDevice::builder().add_features(ring_features).legacy();
        let bus = |device: &BalloonDevice| LegacyMmio::new(device.registers()).unwrap();
        in_process(
            builder,
            bus,
            features::MUST_TELL_HOST | ring_features,
            if ring_features == 0 { Modes::All } else { Modes::One },
        );
    }
}

/// The driver declares no feature with a queue. Where a device needs all queues, the host enables no such feature.
#[test]
fn against_devices_like_those_of_hypervisors() {
    const QUEUES: u64 = features::STATS_VQ | features::FREE_PAGE_HINT | features::PAGE_REPORTING;
    for hypervisor in Hypervisor::ALL {
        // libkrun takes no arrays. Both cannot be reset, so the balloon cannot be removed.
        if matches!(hypervisor, Hypervisor::Libkrun | Hypervisor::Dragonball) {
            continue;
        }
        let device = BalloonDevice::builder().memory(BYTES).like(hypervisor).without_features(QUEUES);
        let device = device.inline().start().unwrap();
        let platform = TestPlatform::of(&device).unwrap();
        let bus = Mmio::new(device.registers()).unwrap();
        inflate_and_deflate(bus, platform, |target| device.set_target(target), device.work_at_most(100));
        assert_eq!(device.violations(), [], "{hypervisor:?}");
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
    inflate_and_deflate(transport, platform, qemu_target(&qemu), wait_at_most(LIMIT));
    qemu.check().unwrap();
    assert_eq!(qemu.actual().unwrap(), BYTES);
}

#[test]
fn against_qemu_over_pci() {
    let Some(_) = qemu_or_skip() else { return };
    let qemu = Qemu::start(Machine::Q35, &GuestMemory::new(BYTES).unwrap(), "").unwrap();
    let function_address = qemu.pci_balloon().unwrap();
    let function = PciFunction::new(ConfigPorts::new(qemu.ports()), function_address.address);
    let transport = Pci::new(&function, &mut |range| Some(qemu.map(range)), Routing::Line).unwrap();
    let platform = TestPlatform::builder(qemu.memory()).build().unwrap();
    inflate_and_deflate(transport, platform, qemu_target(&qemu), wait_at_most(LIMIT));
    qemu.check().unwrap();
    assert_eq!(qemu.actual().unwrap(), BYTES);
}
