//! Free page hinting: correct behaviour, violations and faults.

use aerostat_device::{
    BalloonDevice, Event, FreePageViolation, HintCommand, PAGE_BYTES, PageViolation, RegisterFault, Registers,
    features::FREE_PAGE_HINT,
};
use aerostat_transport::Io;

use super::raw_driver::{
    Bytes, FREE_PAGE, INFLATE, RawDriver, Used, assert_no_violations, assert_violations, builder, live_in_mode,
    live_with, reg,
};

const STOP: u32 = 0;
const DONE: u32 = 1;

fn live() -> (BalloonDevice, RawDriver<Registers>) {
    let (device, driver) = live_with(builder(), FREE_PAGE_HINT);
    driver.memory.fill(1024..1100, 1);
    (device, driver)
}

/// Reads the command as the driver.
fn read_command(driver: &RawDriver<Registers>) -> u32 {
    driver.io.read32(reg::HINT_COMMAND)
}

fn send_id(driver: &mut RawDriver<Registers>, id: u32) {
    driver.add_bytes(FREE_PAGE, 0, &id.bytes());
    driver.notify(FREE_PAGE);
}

fn hint(driver: &mut RawDriver<Registers>, page: u64) {
    driver.add_run(FREE_PAGE, 1, page..page + 1);
    driver.notify(FREE_PAGE);
}

/// Returns a device with an open round.
fn live_with_open_round() -> (BalloonDevice, RawDriver<Registers>, u32) {
    let (device, mut driver) = live();
    let id = device.start_hinting();
    assert_eq!(read_command(&driver), id);
    send_id(&mut driver, id);
    (device, driver, id)
}

#[test]
fn a_round_from_its_id_to_done() {
    let (device, mut driver) = live();
    let id = device.start_hinting();
    assert_eq!((device.hint_command(), read_command(&driver), driver.io.read32(reg::INTERRUPT_STATUS)), (id, id, 2));
    device.clear_events();
    send_id(&mut driver, id);
    assert_eq!(device.open_round(), Some(id));
    driver.add_run(FREE_PAGE, 1, 1024..1032);
    driver.add_run(FREE_PAGE, 2, 1040..1041);
    driver.notify(FREE_PAGE);
    assert_eq!(driver.used(FREE_PAGE, 3), [0, 1, 2].map(|id| Used { id, written: 0 }));
    send_id(&mut driver, STOP);
    assert_eq!(device.open_round(), None);
    let pages: std::collections::BTreeSet<u32> = (1024..1032).chain([1040]).collect();
    assert_eq!((device.hinted_pages(), device.held_pages()), (pages.clone(), pages.clone()));
    assert!(!driver.memory.is_resident(1024), "hinted pages are discarded");
    let rounds: Vec<Event> = device
        .events()
        .into_iter()
        .filter(|event| matches!(event, Event::HintRoundOpened(_) | Event::Hinted { .. } | Event::HintRoundClosed(_)))
        .collect();
    let expected = [
        Event::HintRoundOpened(id),
        Event::Hinted { pages: 1024..1032 },
        Event::Hinted { pages: 1040..1041 },
        Event::HintRoundClosed(id),
    ];
    assert_eq!(rounds, expected);

    device.finish_hinting();
    assert_eq!(device.held_pages(), pages, "the driver has not read DONE yet");
    assert_eq!(read_command(&driver), DONE);
    assert_eq!(device.held_pages(), [].into());
    driver.memory.fill(1024..1041, 1);
    assert_eq!(device.hinted_pages(), pages, "the pages of the round stay");
    assert_no_violations(&device);
}

#[test]
fn each_round_has_a_new_id() {
    let (device, mut driver, first) = live_with_open_round();
    hint(&mut driver, 1024);
    device.stop_hinting();
    assert_eq!(read_command(&driver), STOP);
    send_id(&mut driver, STOP);
    assert_eq!((device.hinted_pages(), device.held_pages()), ([1024].into(), [1024].into()));
    let second = device.start_hinting();
    assert!(first >= 2 && second > first);
    assert_eq!((device.hinted_pages(), device.held_pages()), ([].into(), [1024].into()), "STOP releases no pages");
    assert_eq!(read_command(&driver), second);
    send_id(&mut driver, second);
    hint(&mut driver, 1025);
    assert_eq!((device.hinted_pages(), device.held_pages()), ([1025].into(), [1024, 1025].into()));
    assert_no_violations(&device);
}

#[test]
fn a_reset_ends_the_round_and_releases_pages() {
    let (device, mut driver, first) = live_with_open_round();
    hint(&mut driver, 1024);
    driver.accept_features(1 << 32 | FREE_PAGE_HINT);
    assert_eq!((device.open_round(), device.hint_command(), device.held_pages()), (None, STOP, [].into()));
    driver.set_up_queues(FREE_PAGE_HINT);
    driver.set_driver_ok();
    let second = device.start_hinting();
    assert!(second > first);
    assert_eq!(read_command(&driver), second);
    send_id(&mut driver, second);
    assert_no_violations(&device);
}

#[test]
fn hints_sent_before_the_driver_reads_stop_are_valid() {
    let (device, mut driver) = live_in_mode(builder().manual(), FREE_PAGE_HINT);
    let id = device.start_hinting();
    assert_eq!(read_command(&driver), id);
    driver.add_bytes(FREE_PAGE, 0, &id.bytes());
    driver.add_run(FREE_PAGE, 1, 1024..1025);
    driver.notify(FREE_PAGE);
    // The host stops the round and the driver reads that before the device has taken the buffers.
    device.stop_hinting();
    assert_eq!(read_command(&driver), STOP);
    driver.add_bytes(FREE_PAGE, 2, &STOP.bytes());
    driver.notify(FREE_PAGE);
    while device.step() {}
    assert_eq!((device.hinted_pages(), device.held_pages()), ([].into(), [1024].into()));
    assert_no_violations(&device);
}

#[test]
fn hints_are_judged_by_the_command_read_before_they_were_available() {
    let (device, mut driver) = live_in_mode(builder().manual(), FREE_PAGE_HINT);
    let id = device.start_hinting();
    assert_eq!(read_command(&driver), id);
    driver.add_bytes(FREE_PAGE, 0, &id.bytes());
    driver.add_run(FREE_PAGE, 1, 1024..1025);
    device.finish_hinting();
    assert_eq!(read_command(&driver), DONE);
    driver.add_bytes(FREE_PAGE, 2, &STOP.bytes());
    driver.notify(FREE_PAGE);
    assert!(device.step());
    assert_eq!(device.held_pages(), [1024].into(), "the buffer is in flight");
    while device.step() {}
    assert_eq!(device.held_pages(), [].into());
    assert_no_violations(&device);
}

#[test]
fn done_does_not_release_pages_of_a_later_round() {
    let (device, mut driver, _) = live_with_open_round();
    hint(&mut driver, 1024);
    send_id(&mut driver, STOP);
    device.finish_hinting();
    assert_eq!(read_command(&driver), DONE);
    let id = device.start_hinting();
    assert_eq!(read_command(&driver), id);
    driver.add_bytes(FREE_PAGE, 0, &id.bytes());
    driver.add_run(FREE_PAGE, 1, 1025..1026);
    driver.notify(FREE_PAGE);
    assert_eq!(device.held_pages(), [1025].into());
    assert_no_violations(&device);
}

#[test]
fn pages_are_released_after_done_and_completion() {
    let (device, mut driver) = live_in_mode(builder().manual(), FREE_PAGE_HINT);
    let id = device.start_hinting();
    assert_eq!(read_command(&driver), id);
    driver.add_bytes(FREE_PAGE, 0, &id.bytes());
    driver.add_run(FREE_PAGE, 1, 1024..1025);
    driver.add_run(FREE_PAGE, 2, 1025..1026);
    driver.notify(FREE_PAGE);
    // Takes all buffers, and completes the id and the first page.
    for _ in 0..3 {
        assert!(device.step());
    }
    device.finish_hinting();
    assert_eq!(read_command(&driver), DONE);
    assert_eq!(device.held_pages(), [1025].into());
    assert!(device.step());
    assert_eq!(device.held_pages(), [].into());
    assert_no_violations(&device);
}

#[test]
fn the_id_is_hidden_after_the_round_opens_as_in_qemu() {
    let builder = builder().hint_command(HintCommand::HiddenOnceOpened);
    let (device, mut driver) = live_with(builder, FREE_PAGE_HINT);
    let id = device.start_hinting();
    assert_eq!(read_command(&driver), id);
    let interrupts = device.interrupt_line().count();
    send_id(&mut driver, id);
    assert_eq!(read_command(&driver), STOP);
    assert_eq!(device.interrupt_line().count(), interrupts + 1, "the interrupt of the used buffer only");
    hint(&mut driver, 1024);
    assert_eq!(device.hinted_pages(), [1024].into());
    assert_no_violations(&device);
}

#[test]
fn pages_outside_a_round_are_violations() {
    let (device, mut driver) = live();
    let id = device.start_hinting();
    read_command(&driver);
    hint(&mut driver, 1024);
    send_id(&mut driver, id);
    send_id(&mut driver, STOP);
    hint(&mut driver, 1025);
    assert_violations(
        &device,
        [FreePageViolation::OutsideRound { head: 1 }, FreePageViolation::OutsideRound { head: 1 }],
    );
    assert_eq!(device.hinted_pages(), [].into());
    assert!(driver.memory.is_resident(1024));
}

#[test]
fn pages_after_stop_are_violations() {
    let (device, mut driver, _) = live_with_open_round();
    hint(&mut driver, 1024);
    device.stop_hinting();
    hint(&mut driver, 1025);
    assert_no_violations(&device);
    read_command(&driver);
    hint(&mut driver, 1026);
    assert_violations(&device, [FreePageViolation::HintedAfterStop { head: 1, command: STOP }]);
    assert_eq!(device.hinted_pages(), [1024].into());
}

#[test]
fn stale_unknown_and_repeated_ids_are_violations() {
    let (device, mut driver) = live();
    let old = device.start_hinting();
    read_command(&driver);
    let new = device.start_hinting();
    read_command(&driver);
    send_id(&mut driver, old);
    send_id(&mut driver, STOP);
    send_id(&mut driver, 99);
    send_id(&mut driver, STOP);
    send_id(&mut driver, new);
    send_id(&mut driver, STOP);
    send_id(&mut driver, new);
    assert_violations(
        &device,
        [
            FreePageViolation::StaleId { id: old, read: Some(new) },
            FreePageViolation::StaleId { id: 99, read: Some(new) },
            FreePageViolation::IdTwice { id: new },
        ],
    );
}

#[test]
fn opening_a_round_before_stop_is_a_violation() {
    let (device, mut driver, open) = live_with_open_round();
    let id = device.start_hinting();
    read_command(&driver);
    send_id(&mut driver, id);
    assert_violations(&device, [FreePageViolation::RoundNotEnded { open, id }]);
    assert_eq!(device.open_round(), Some(id));
}

#[test]
fn stop_without_a_round_and_done_are_violations() {
    let (device, mut driver) = live();
    send_id(&mut driver, STOP);
    send_id(&mut driver, DONE);
    assert_violations(&device, [FreePageViolation::StopOutsideRound, FreePageViolation::DoneSent]);
}

#[test]
fn ids_of_the_wrong_length_are_violations() {
    for bytes in [0, 3, 5, 8] {
        let (device, mut driver) = live();
        let id = device.start_hinting();
        read_command(&driver);
        let content: Vec<u8> = id.bytes().into_iter().chain([0; 4]).take(bytes).collect();
        driver.add_bytes(FREE_PAGE, 0, &content);
        driver.notify(FREE_PAGE);
        assert_violations(&device, [FreePageViolation::IdLength { head: 0, bytes: bytes as u64 }]);
        assert_eq!(device.open_round().is_some(), bytes >= 4, "the device reads an id from 4 or more bytes");
    }
}

#[test]
fn chained_or_unaligned_hints_are_violations() {
    let (device, mut driver, _) = live_with_open_round();
    driver.add_pages(FREE_PAGE, 1, &[1024..1025, 1030..1031]);
    driver.notify(FREE_PAGE);
    assert_violations(&device, [PageViolation::ChainedArray { queue: FREE_PAGE, head: 1, descriptors: 2 }]);
    assert_eq!(device.hinted_pages(), [1024, 1030].into());

    let (device, mut driver, _) = live_with_open_round();
    driver.describe(FREE_PAGE, 1, 1024 * PAGE_BYTES, 100, 2, 0);
    driver.add_head(FREE_PAGE, 1);
    driver.notify(FREE_PAGE);
    let range = FreePageViolation::Range { queue: FREE_PAGE, address: 1024 * PAGE_BYTES, bytes: 100 };
    assert_violations(&device, [range]);
}

#[test]
fn pages_in_use_or_hinted_twice_are_violations() {
    let (device, mut driver, _) = live_with_open_round();
    driver.send(INFLATE, &[1024]);
    let ring = RawDriver::<Registers>::area(INFLATE) / PAGE_BYTES;
    for page in [1024, ring, 1025, 1025] {
        hint(&mut driver, page);
    }
    let queue = FREE_PAGE;
    assert_violations(
        &device,
        [
            FreePageViolation::InBalloon { queue, page: 1024 },
            FreePageViolation::InUse { queue, page: ring },
            FreePageViolation::Twice { queue, page: 1025 },
        ],
    );
}

#[test]
fn touching_a_hinted_page_before_done_is_a_violation() {
    let (device, mut driver, _) = live_with_open_round();
    hint(&mut driver, 1024);
    hint(&mut driver, 1025);
    send_id(&mut driver, STOP);
    driver.memory.write(1025 * PAGE_BYTES, &[1]).unwrap();
    device.finish_hinting();
    assert_eq!(read_command(&driver), DONE);
    assert_violations(&device, [FreePageViolation::TouchedWhileHinted { page: 1025 }]);
}

#[test]
fn the_command_can_be_invalid_or_change_at_every_read() {
    let (device, mut driver) = live();
    device.inject(RegisterFault::HintCommand(u32::MAX));
    assert_eq!((read_command(&driver), device.hint_command()), (u32::MAX, STOP));
    send_id(&mut driver, u32::MAX);
    hint(&mut driver, 1024);
    send_id(&mut driver, STOP);
    assert_eq!((device.hinted_pages(), device.held_pages()), ([].into(), [1024].into()));
    device.inject(RegisterFault::HintCommandAlwaysChanges);
    let ids = [(); 4].map(|()| read_command(&driver));
    assert!(ids.iter().all(|id| *id >= 2) && ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    assert_no_violations(&device);
    device.inject(RegisterFault::HintCommand(DONE));
    assert_eq!(read_command(&driver), DONE);
    assert_eq!(device.held_pages(), [].into(), "the driver has read DONE");
}
