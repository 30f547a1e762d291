//! Random accesses of a driver and random actions of the host, on devices with random quirks and faults.
//!
//! Whatever a driver does, the device does not panic, and each of its guarantees about the host's actions holds.

use std::time::Duration;

use aerostat_device::{
    BalloonDevice, Builder, Cause, Fault, Hypervisor, Numbering, QueueFault, Quirk, Quirks, RegisterFault, Registers,
    UsedEntries, When, features,
};
use aerostat_transport::Io;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::raw_driver::{RawDriver, reg};

const LIMIT: Duration = Duration::from_secs(10);
/// The features of rings and transports.
const RINGS: [u64; 8] = [
    features::VERSION_1,
    features::EVENT_IDX,
    features::RING_PACKED,
    features::INDIRECT_DESC,
    features::IN_ORDER,
    features::NOTIFICATION_DATA,
    features::RING_RESET,
    features::ACCESS_PLATFORM,
];

#[derive(Clone, Copy, Debug)]
enum Action {
    Read(usize),
    Write(usize, u32),
    /// Initializes the device, with queue registers for this many queues.
    BringUp {
        features: u64,
        queues: u16,
    },
    /// Writes a random value into the rings.
    Scribble {
        offset: u64,
        value: u32,
    },
    AddArray {
        queue: u16,
        index: u16,
        entries: u16,
    },
    Inject(Fault),
    ClearFaults,
    HostReset {
        interrupt: bool,
    },
    Pause,
    Resume,
    Remove,
    NeedsReset,
    Target(u32),
    RequestStatistics,
    StartHinting,
    FinishHinting,
    Step,
}

fn features() -> impl Strategy<Value = u64> {
    let rings = prop::collection::vec(prop::sample::select(RINGS.to_vec()), 0..4);
    (0..=features::BALLOON, rings).prop_map(|(balloon, rings)| rings.into_iter().fold(balloon, |all, one| all | one))
}

fn fault() -> impl Strategy<Value = Fault> {
    let when = prop_oneof![Just(When::Always), (0..9_u64).prop_map(When::At), (0..9_u64).prop_map(When::From)];
    let register = prop_oneof![
        when.prop_map(RegisterFault::LosesNotifications),
        (0..9_u32).prop_map(RegisterFault::DelaysReset),
        (0..9_u32).prop_map(RegisterFault::SlowReset),
        Just(RegisterFault::RefusesReset),
        any::<u32>().prop_map(RegisterFault::PoisonVal),
    ];
    let queue = prop_oneof![Just(QueueFault::NeverCompletes), (0..9_u32).prop_map(QueueFault::DelaysCompletion)];
    prop_oneof![register.prop_map(Fault::from), queue.prop_map(Fault::from)]
}

fn action() -> impl Strategy<Value = Action> {
    let register = prop_oneof![8 => (0..0x44_usize).prop_map(|word| 4 * word), 1 => 0..0x120_usize];
    let value = prop_oneof![0..16_u32, any::<u32>()];
    prop_oneof![
        8 => register.clone().prop_map(Action::Read),
        8 => (register, value).prop_map(|(offset, value)| Action::Write(offset, value)),
        4 => (features(), 0..9_u16).prop_map(|(features, queues)| Action::BringUp { features, queues }),
        4 => (0..0x5_0000_u64, any::<u32>()).prop_map(|(offset, value)| Action::Scribble { offset, value }),
        8 => (0..5_u16, 0..8_u16, 0..300_u16)
            .prop_map(|(queue, index, entries)| Action::AddArray { queue, index, entries }),
        2 => fault().prop_map(Action::Inject),
        1 => Just(Action::ClearFaults),
        2 => any::<bool>().prop_map(|interrupt| Action::HostReset { interrupt }),
        1 => Just(Action::Pause),
        2 => Just(Action::Resume),
        1 => Just(Action::Remove),
        1 => Just(Action::NeedsReset),
        1 => any::<u32>().prop_map(Action::Target),
        1 => Just(Action::RequestStatistics),
        1 => Just(Action::StartHinting),
        1 => Just(Action::FinishHinting),
        8 => Just(Action::Step),
    ]
}

fn builder() -> impl Strategy<Value = Builder> {
    let own = (
        features(),
        prop::sample::select(Numbering::ALL.to_vec()),
        0..4_u16,
        any::<u16>().prop_map(Quirks::draw),
        prop::sample::select(vec![UsedEntries::OnePerBuffer, UsedEntries::OnePerBatch]),
        any::<bool>(),
    );
    let own = own.prop_map(|(features, numbering, further, quirks, used_entries, legacy)| {
        let builder = BalloonDevice::builder().features(features | features::VERSION_1).numbering(numbering);
        let builder = builder.further_queues(further).quirks(quirks).used_entries(used_entries);
        if legacy { builder.legacy() } else { builder }
    });
    let like = prop::sample::select(Hypervisor::ALL.to_vec());
    prop_oneof![3 => own, 1 => like.prop_map(|hypervisor| BalloonDevice::builder().like(hypervisor))]
        .prop_map(|builder| builder.memory(8 << 20).manual())
}

/// Writes all registers that an initialization writes, without the checks of a driver.
fn bring_up(driver: &mut RawDriver<Registers>, features: u64, queues: u16) {
    let io = driver.io.clone();
    driver.identify();
    for status in [0, 1, 3] {
        io.write32(reg::STATUS, status);
    }
    driver.accept(features | features::VERSION_1);
    io.write32(reg::STATUS, 11);
    for queue in 0..queues.min(8) {
        io.write32(reg::QUEUE_SEL, queue.into());
        io.write32(reg::QUEUE_SIZE, 8);
        let area = RawDriver::<Registers>::area(queue);
        for (register, part) in [(reg::QUEUE_DESC, 0), (reg::QUEUE_DRIVER, 0x1000), (reg::QUEUE_DEVICE, 0x2000)] {
            driver.set_address(register, area + part);
        }
        io.write32(reg::QUEUE_READY, 1);
    }
    io.write32(reg::STATUS, 15);
}

fn act(device: &BalloonDevice, driver: &mut RawDriver<Registers>, action: Action) {
    let io = driver.io.clone();
    match action {
        Action::Read(offset) => _ = io.read32(offset),
        Action::Write(offset, value) => io.write32(offset, value),
        Action::BringUp { features, queues } => bring_up(driver, features, queues),
        Action::Scribble { offset, value } => {
            driver.memory.write(RawDriver::<Registers>::area(0) + offset, &value.to_le_bytes()).unwrap();
        }
        Action::AddArray { queue, index, entries } => {
            let pages: Vec<u32> = (0..entries.into()).collect();
            driver.add_array(queue, index, &pages);
            driver.notify(queue);
        }
        Action::Inject(fault) => device.inject(fault),
        Action::ClearFaults => device.clear_faults(),
        Action::HostReset { interrupt } => {
            let violations = device.violations().len();
            device.host_reset();
            if interrupt {
                device.raise_interrupt(Cause::Configuration);
            }
            // Until the driver reads the status, nothing is a violation.
            driver.notify(0);
            io.write32(reg::ACTUAL, 1);
            io.write32(reg::QUEUE_READY, 1);
            assert_eq!(device.violations().len(), violations);
            assert_eq!((device.status(), device.host_page_count()), (0, 0));
        }
        Action::Pause => device.pause(),
        Action::Resume => device.resume(),
        Action::Remove => device.remove(),
        Action::NeedsReset => device.set_needs_reset(),
        Action::Target(pages) => device.set_target(pages),
        Action::RequestStatistics => _ = device.request_statistics(),
        Action::StartHinting => _ = device.start_hinting(),
        Action::FinishHinting => device.finish_hinting(),
        Action::Step => _ = device.step(),
    }
}

proptest! {
    #![proptest_config(Config { cases: 200, rng_seed: RngSeed::Fixed(0xde71_ce11), ..Config::default() })]

    #[test]
    fn devices_survive_every_driver(builder in builder(), actions in prop::collection::vec(action(), 1..60)) {
        let device = builder.start().unwrap();
        let mut driver = RawDriver::new(device.registers(), device.memory());
        let mut is_removed = false;
        for action in actions {
            if !(is_removed && matches!(action, Action::HostReset { .. } | Action::NeedsReset)) {
                act(&device, &mut driver, action);
            }
            is_removed |= matches!(action, Action::Remove);
            if is_removed {
                let violations = device.violations().len();
                prop_assert_eq!(driver.io.read32(reg::STATUS), u32::MAX);
                prop_assert!(!device.step());
                prop_assert_eq!(device.violations().len(), violations);
            }
        }
        device.resume();
        device.settle(LIMIT).unwrap();
    }
}

#[test]
fn a_drawn_set_has_every_quirk() {
    let sets = (0..=u16::MAX).map(Quirks::draw);
    let seen: Quirks = sets.flat_map(Quirks::iter).collect();
    assert!(Quirk::ALL.into_iter().all(|quirk| seen.has(quirk)));
}
