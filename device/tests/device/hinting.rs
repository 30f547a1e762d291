//! Free page hinting: what an honest device does, each rule broken once, and each way to misbehave.

use aerostat_device::{
    BalloonDevice, Event, FreePageViolation, HintCommand, PAGE_BYTES, RegisterFault, Registers, Violation,
    features::FREE_PAGE_HINT,
};
use aerostat_transport::Io;

use super::by_hand::{Bytes, ByHand, FREE_PAGE, INFLATE, Used, assert_broken, assert_violations, live_and_working, live_with, reg, builder};

const STOP: u32 = 0;
const DONE: u32 = 1;

fn live() -> (BalloonDevice, ByHand<Registers>) {
    let (device, driver) = live_with(builder(), FREE_PAGE_HINT);
    driver.memory.fill(1024..1100, 1);
    (device, driver)
}

/// The driver reads the command.
fn command(driver: &ByHand<Registers>) -> u32 {
    driver.io.read32(reg::HINT_COMMAND)
}

fn send_id(driver: &mut ByHand<Registers>, id: u32) {
    driver.offer_bytes(FREE_PAGE, 0, &id.bytes());
    driver.notify(FREE_PAGE);
}

fn hint(driver: &mut ByHand<Registers>, page: u64) {
    driver.offer_run(FREE_PAGE, 1, page..page + 1);
    driver.notify(FREE_PAGE);
}

/// A device with a round that its driver has opened.
fn opened() -> (BalloonDevice, ByHand<Registers>, u32) {
    let (device, mut driver) = live();
    let id = device.start_hinting();
    assert_eq!(command(&driver), id);
    send_id(&mut driver, id);
    (device, driver, id)
}

#[test]
fn a_round_from_its_id_to_done() {
    let (device, mut driver) = live();
    let id = device.start_hinting();
    assert_eq!((device.hint_command(), command(&driver), driver.io.read32(reg::INTERRUPT_STATUS)), (id, id, 2));
    device.clear_events();
    send_id(&mut driver, id);
    assert_eq!(device.open_round(), Some(id));
    driver.offer_run(FREE_PAGE, 1, 1024..1032);
    driver.offer_run(FREE_PAGE, 2, 1040..1041);
    driver.notify(FREE_PAGE);
    assert_eq!(driver.used(FREE_PAGE, 3), [0, 1, 2].map(|id| Used { id, written: 0 }));
    send_id(&mut driver, STOP);
    assert_eq!(device.open_round(), None);
    let pages: std::collections::BTreeSet<u32> = (1024..1032).chain([1040]).collect();
    assert_eq!((device.hinted_pages(), device.held_pages()), (pages.clone(), pages.clone()));
    assert!(!driver.memory.is_resident(1024), "what is in them is lost");
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
    assert_eq!(device.held_pages(), pages, "the driver has not read it yet");
    assert_eq!(command(&driver), DONE);
    assert_eq!(device.held_pages(), [].into());
    driver.memory.fill(1024..1041, 1);
    assert_eq!(device.hinted_pages(), pages, "the host knows still");
    assert_violations(&device, &[]);
}

#[test]
fn each_round_has_an_id_of_its_own() {
    let (device, mut driver, first) = opened();
    hint(&mut driver, 1024);
    device.stop_hinting();
    assert_eq!(command(&driver), STOP);
    send_id(&mut driver, STOP);
    assert_eq!((device.hinted_pages(), device.held_pages()), ([1024].into(), [1024].into()));
    let second = device.start_hinting();
    assert!(first >= 2 && second > first);
    assert_eq!((device.hinted_pages(), device.held_pages()), ([].into(), [1024].into()), "the driver keeps the pages");
    assert_eq!(command(&driver), second);
    send_id(&mut driver, second);
    hint(&mut driver, 1025);
    assert_eq!((device.hinted_pages(), device.held_pages()), ([1025].into(), [1024, 1025].into()));
    assert_violations(&device, &[]);
}

#[test]
fn a_reset_ends_everything() {
    let (device, mut driver, first) = opened();
    hint(&mut driver, 1024);
    driver.settle_features(1 << 32 | FREE_PAGE_HINT);
    assert_eq!((device.open_round(), device.hint_command(), device.held_pages()), (None, STOP, [].into()));
    driver.set_up_queues(FREE_PAGE_HINT);
    driver.go_live();
    let second = device.start_hinting();
    assert!(second > first);
    assert_eq!(command(&driver), second);
    send_id(&mut driver, second);
    assert_violations(&device, &[]);
}

#[test]
fn the_host_may_change_its_mind_while_the_driver_is_at_work() {
    let (device, mut driver) = live_and_working(builder().manual(), FREE_PAGE_HINT);
    let id = device.start_hinting();
    assert_eq!(command(&driver), id);
    driver.offer_bytes(FREE_PAGE, 0, &id.bytes());
    driver.offer_run(FREE_PAGE, 1, 1024..1025);
    driver.notify(FREE_PAGE);
    // Before the device has looked at them the host wants no more, and the driver sees that.
    device.stop_hinting();
    assert_eq!(command(&driver), STOP);
    driver.offer_bytes(FREE_PAGE, 2, &STOP.bytes());
    driver.notify(FREE_PAGE);
    while device.step() {}
    assert_eq!((device.hinted_pages(), device.held_pages()), ([].into(), [1024].into()));
    assert_violations(&device, &[]);
}

#[test]
fn what_counts_is_what_the_driver_had_read_when_it_sent_not_when_it_notified() {
    let (device, mut driver) = live_and_working(builder().manual(), FREE_PAGE_HINT);
    let id = device.start_hinting();
    assert_eq!(command(&driver), id);
    driver.offer_bytes(FREE_PAGE, 0, &id.bytes());
    driver.offer_run(FREE_PAGE, 1, 1024..1025);
    device.finish_hinting();
    assert_eq!(command(&driver), DONE);
    driver.offer_bytes(FREE_PAGE, 2, &STOP.bytes());
    driver.notify(FREE_PAGE);
    assert!(device.step());
    assert_eq!(device.held_pages(), [1024].into(), "its buffer is with the device");
    while device.step() {}
    assert_eq!(device.held_pages(), [].into());
    assert_violations(&device, &[]);
}

#[test]
fn done_of_an_earlier_round_frees_no_pages_of_a_later_one() {
    let (device, mut driver, _) = opened();
    hint(&mut driver, 1024);
    send_id(&mut driver, STOP);
    device.finish_hinting();
    assert_eq!(command(&driver), DONE);
    let id = device.start_hinting();
    assert_eq!(command(&driver), id);
    driver.offer_bytes(FREE_PAGE, 0, &id.bytes());
    driver.offer_run(FREE_PAGE, 1, 1025..1026);
    driver.notify(FREE_PAGE);
    assert_eq!(device.held_pages(), [1025].into());
    assert_violations(&device, &[]);
}

#[test]
fn pages_are_free_when_done_was_read_and_their_buffers_are_back() {
    let (device, mut driver) = live_and_working(builder().manual(), FREE_PAGE_HINT);
    let id = device.start_hinting();
    assert_eq!(command(&driver), id);
    driver.offer_bytes(FREE_PAGE, 0, &id.bytes());
    driver.offer_run(FREE_PAGE, 1, 1024..1025);
    driver.offer_run(FREE_PAGE, 2, 1025..1026);
    driver.notify(FREE_PAGE);
    // Takes them, and gives back the id and the first page.
    for _ in 0..3 {
        assert!(device.step());
    }
    device.finish_hinting();
    assert_eq!(command(&driver), DONE);
    assert_eq!(device.held_pages(), [1025].into());
    assert!(device.step());
    assert_eq!(device.held_pages(), [].into());
    assert_violations(&device, &[]);
}

#[test]
fn qemu_hides_the_id_once_the_round_is_open() {
    let builder = builder().hint_command(HintCommand::HiddenOnceOpened);
    let (device, mut driver) = live_with(builder, FREE_PAGE_HINT);
    let id = device.start_hinting();
    assert_eq!(command(&driver), id);
    let interrupts = device.interrupt_line().count();
    send_id(&mut driver, id);
    assert_eq!(command(&driver), STOP);
    assert_eq!(device.interrupt_line().count(), interrupts + 1, "for the buffer, not for the command");
    hint(&mut driver, 1024);
    assert_eq!(device.hinted_pages(), [1024].into());
    assert_violations(&device, &[]);
}

#[test]
fn pages_outside_of_a_round() {
    let (device, mut driver) = live();
    let id = device.start_hinting();
    command(&driver);
    hint(&mut driver, 1024);
    send_id(&mut driver, id);
    send_id(&mut driver, STOP);
    hint(&mut driver, 1025);
    assert_broken(&device, [FreePageViolation::OutsideRound { head: 1 }, FreePageViolation::OutsideRound { head: 1 }]);
    assert_eq!(device.hinted_pages(), [].into());
    assert!(driver.memory.is_resident(1024));
}

#[test]
fn pages_after_the_driver_has_read_stop() {
    let (device, mut driver, _) = opened();
    hint(&mut driver, 1024);
    device.stop_hinting();
    hint(&mut driver, 1025);
    assert_violations(&device, &[]);
    command(&driver);
    hint(&mut driver, 1026);
    assert_broken(&device, [FreePageViolation::HintedAfterStop { head: 1, command: STOP }]);
    assert_eq!(device.hinted_pages(), [1024].into());
}

#[test]
fn ids_that_are_stale_invented_or_sent_twice() {
    let (device, mut driver) = live();
    let old = device.start_hinting();
    command(&driver);
    let new = device.start_hinting();
    command(&driver);
    send_id(&mut driver, old);
    send_id(&mut driver, STOP);
    send_id(&mut driver, 99);
    send_id(&mut driver, STOP);
    send_id(&mut driver, new);
    send_id(&mut driver, STOP);
    send_id(&mut driver, new);
    assert_broken(
        &device,
        [
            FreePageViolation::StaleId { id: old, read: Some(new) },
            FreePageViolation::StaleId { id: 99, read: Some(new) },
            FreePageViolation::IdTwice { id: new },
        ],
    );
}

#[test]
fn a_round_that_is_not_ended() {
    let (device, mut driver, open) = opened();
    let id = device.start_hinting();
    command(&driver);
    send_id(&mut driver, id);
    assert_broken(&device, [FreePageViolation::RoundNotEnded { open, id }]);
    assert_eq!(device.open_round(), Some(id));
}

#[test]
fn words_that_the_driver_does_not_say() {
    let (device, mut driver) = live();
    send_id(&mut driver, STOP);
    send_id(&mut driver, DONE);
    assert_broken(&device, [FreePageViolation::StopOutsideRound, FreePageViolation::DoneSent]);
}

#[test]
fn an_id_of_the_wrong_length() {
    for bytes in [0, 3, 5, 8] {
        let (device, mut driver) = live();
        let id = device.start_hinting();
        command(&driver);
        let content: Vec<u8> = id.bytes().into_iter().chain([0; 4]).take(bytes).collect();
        driver.offer_bytes(FREE_PAGE, 0, &content);
        driver.notify(FREE_PAGE);
        assert_broken(&device, [FreePageViolation::IdLength { head: 0, bytes: bytes as u64 }]);
        assert_eq!(device.open_round().is_some(), bytes >= 4, "it is understood if it can be");
    }
}

#[test]
fn hints_of_the_wrong_shape() {
    let (device, mut driver, _) = opened();
    driver.offer_pages(FREE_PAGE, 1, &[1024..1025, 1030..1031]);
    driver.notify(FREE_PAGE);
    assert_violations(&device, &[Violation::ChainedArray { queue: FREE_PAGE, head: 1, descriptors: 2 }]);
    assert_eq!(device.hinted_pages(), [1024, 1030].into());

    let (device, mut driver, _) = opened();
    driver.describe(FREE_PAGE, 1, 1024 * PAGE_BYTES, 100, 2, 0);
    driver.offer_head(FREE_PAGE, 1);
    driver.notify(FREE_PAGE);
    let range = FreePageViolation::Range { queue: FREE_PAGE, address: 1024 * PAGE_BYTES, bytes: 100 };
    assert_broken(&device, [range]);
}

#[test]
fn pages_that_are_not_free_or_hinted_twice() {
    let (device, mut driver, _) = opened();
    driver.tell(INFLATE, &[1024]);
    let ring = ByHand::<Registers>::area(INFLATE) / PAGE_BYTES;
    for page in [1024, ring, 1025, 1025] {
        hint(&mut driver, page);
    }
    let queue = FREE_PAGE;
    assert_broken(
        &device,
        [
            FreePageViolation::InBalloon { queue, page: 1024 },
            FreePageViolation::InUse { queue, page: ring },
            FreePageViolation::Twice { queue, page: 1025 },
        ],
    );
}

#[test]
fn a_page_that_is_touched_before_the_device_is_done() {
    let (device, mut driver, _) = opened();
    hint(&mut driver, 1024);
    hint(&mut driver, 1025);
    send_id(&mut driver, STOP);
    driver.memory.write(1025 * PAGE_BYTES, &[1]).unwrap();
    device.finish_hinting();
    assert_eq!(command(&driver), DONE);
    assert_broken(&device, [FreePageViolation::TouchedWhileHinted { page: 1025 }]);
}

#[test]
fn the_command_is_garbage_or_flaps() {
    let (device, mut driver) = live();
    device.misbehave(RegisterFault::HintCommand(u32::MAX));
    assert_eq!((command(&driver), device.hint_command()), (u32::MAX, STOP));
    send_id(&mut driver, u32::MAX);
    hint(&mut driver, 1024);
    send_id(&mut driver, STOP);
    assert_eq!((device.hinted_pages(), device.held_pages()), ([].into(), [1024].into()));
    device.misbehave(RegisterFault::HintCommandFlaps);
    let ids = [(); 4].map(|()| command(&driver));
    assert!(ids.iter().all(|id| *id >= 2) && ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    assert_violations(&device, &[]);
    device.misbehave(RegisterFault::HintCommand(DONE));
    assert_eq!(command(&driver), DONE);
    assert_eq!(device.held_pages(), [].into(), "the driver was told that it may");
}
