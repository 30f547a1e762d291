//! Limits of the shadow, and what devices do wrong.

use super::super::buffer::MOST;
use super::super::kept::MOST_PARTS;
use super::*;

#[test]
fn a_ring_that_is_stopped_is_not_accessed() {
    let (driver, device, mut ring) = rings(RingFormat::Split);
    let (request, _) = filled(&[1, 2]);
    driver[0].write(0, <Desc>::new(request, 2, NONE, 0));
    make_available(driver[1], 0);
    ring.send();
    let mut log = Vec::new();
    ring.stop(|buffer| log.push(buffer.to_string()));
    assert_eq!(log, ["0102 -> "]);
    mark_used(device[2], 0, 0);
    make_available(driver[1], 0);
    ring.send();
    assert!(received(&mut ring).is_empty());
    ring.stop(|buffer| panic!("{buffer} is logged again"));
    assert_eq!((driver[2].load(offset_of!(Used, idx)), device[1].load(offset_of!(Avail, idx))), (0, 1));

    // A ring that is started again has no buffers, and a longer one is refused.
    let parts = || RingFormat::Split.lengths(1025).map(|len| memory(len).1);
    // SAFETY: the buffers of the tests are never freed.
    let mut start = |size| unsafe { ring.start(RingFormat::Split, size, parts(), parts()) };
    assert!(start(1024));
    assert!(!start(1025));
    assert!(in_flight(&ring).is_empty());
}

#[test]
fn a_device_cannot_name_other_memory() {
    let (request, bytes) = filled(&[1, 2]);
    for format in [RingFormat::Split, RingFormat::Packed] {
        let (driver, device, mut ring) = rings(format);
        let (address, table) = memory(32);
        match format {
            RingFormat::Split => {
                driver[0].write(0, <Desc>::new(address, 32, INDIRECT, 0));
                table.write(0, <Desc>::new(request, 2, NEXT, 1));
                table.write(16, <Desc>::new(request, 1, NONE, 0));
                make_available(driver[1], 0);
            }
            RingFormat::Packed => {
                table.write(0, PackedDesc::new(request, 2, 0, 0));
                table.write(16, PackedDesc::new(request, 1, 0, 0));
                Side::new(driver[0]).make_available(address, 32, 0, INDIRECT);
            }
        }
        ring.send();
        // Any access to this memory ends the test.
        table.write(0, u64::MAX);
        table.write(8, u32::MAX);
        driver[0].write(0, u64::MAX);
        driver[0].write(8, u32::MAX);
        device[0].write(0, u64::MAX);
        assert_eq!(in_flight(&ring), ["010201 -> "], "{format:?}");
        match format {
            RingFormat::Split => mark_used(device[2], 0, 0),
            RingFormat::Packed => Side::new(device[0]).mark_used(0, 0, 1),
        }
        // The bytes are those at completion.
        bytes.write(1, 3_u8);
        assert_eq!(received(&mut ring), ["010301 -> "], "{format:?}");
        bytes.write(1, 2_u8);
    }
}

#[test]
fn short_and_wrong_tables() {
    let (request, _) = filled(&[1, 2]);
    let (driver, _, mut ring) = rings(RingFormat::Split);
    let (address, table) = memory(32);
    table.write(0, <Desc>::new(request, 2, NEXT, 1));
    table.write(16, <Desc>::new(request, 1, NEXT, 3));
    // One descriptor and a half, two with an index outside of the table, and none.
    for (head, len) in [(0, 24), (1, 32), (2, 15)] {
        driver[0].write(16 * usize::from(head), <Desc>::new(address, len, INDIRECT, 0));
        make_available(driver[1], head);
    }
    ring.send();
    assert_eq!(in_flight(&ring), ["0102 -> ", "010201 -> ", " -> "]);

    let (driver, _, mut ring) = rings(RingFormat::Packed);
    table.write(0, PackedDesc::new(request, 2, 0, 0));
    Side::new(driver[0]).make_available(address, 24, 0, INDIRECT);
    ring.send();
    assert_eq!(in_flight(&ring), ["0102 -> "]);
}

/// The table of the second buffer has one part more than fits beside the first, or is an endless list.
#[test]
fn buffers_with_too_many_parts_are_logged_without_bytes() {
    let (request, _) = filled(&[1, 2]);
    let note = "no memory to log its parts";
    let (driver, device, mut ring) = rings(RingFormat::Split);
    let (address, table) = memory(16 * MOST_PARTS);
    for at in 0..MOST_PARTS {
        table.write(16 * at, <Desc>::new(request, 0, if at + 1 < MOST_PARTS { NEXT } else { NONE }, at as u16 + 1));
    }
    driver[0].write(0, <Desc>::new(request, 1, NONE, 0));
    driver[0].write(16, <Desc>::new(address, 16 * MOST_PARTS as u32, INDIRECT, 0));
    make_available(driver[1], 0);
    make_available(driver[1], 1);
    ring.send();
    assert_eq!(in_flight(&ring), ["01 -> ", note]);
    mark_used(device[2], 1, 0);
    mark_used(device[2], 0, 0);
    assert_eq!(received(&mut ring), [note, "01 -> "]);
    // All memory is free again, so it fits without the other.
    make_available(driver[1], 1);
    ring.send();
    assert_eq!(in_flight(&ring), [" -> "]);
    mark_used(device[2], 1, 0);
    assert_eq!(received(&mut ring), [" -> "]);
    table.write(0, <Desc>::new(request, 0, NEXT, 0));
    make_available(driver[1], 1);
    ring.send();
    assert_eq!(in_flight(&ring), [note]);

    // The same with a packed ring. The shadow still finds the place of the next used buffer.
    let (driver, device, mut ring) = rings(RingFormat::Packed);
    let (mut sender, mut user) = (Side::new(driver[0]), Side::new(device[0]));
    for at in 0..MOST_PARTS {
        table.write(16 * at, PackedDesc::new(request, 0, 0, 0));
    }
    sender.make_available(request, 1, 0, NEXT);
    sender.make_available(address, 16 * MOST_PARTS as u32, 0, INDIRECT);
    sender.make_available(request, 2, 1, NONE);
    ring.send();
    assert_eq!(in_flight(&ring), [note, "0102 -> "]);
    user.mark_used(0, 0, 2);
    user.mark_used(1, 0, 1);
    assert_eq!(received(&mut ring), [note, "0102 -> "]);
}

#[test]
fn each_direction_has_at_most_4096_bytes() {
    let most = usize::try_from(MOST).expect("a small number");
    let (request, _) = filled(&vec![0xab; most + 1]);
    let (answer, _) = memory(most + 1);
    let (driver, device, mut ring) = rings(RingFormat::Split);
    driver[0].write(0, <Desc>::new(request, MOST, NEXT, 1));
    driver[0].write(16, <Desc>::new(request, MOST + 1, NEXT, 2));
    driver[0].write(32, <Desc>::new(answer, MOST + 1, WRITE, 0));
    make_available(driver[1], 0);
    ring.send();
    mark_used(device[2], 0, MOST + 1);
    assert_eq!(MOST, 4096);
    assert_eq!(received(&mut ring), [format!("{} -> {}", "ab".repeat(most), "00".repeat(most))]);
}

#[test]
fn indexes_wrap_around() {
    let (request, _) = filled(&[1, 2]);
    let (driver, device, mut ring) = rings(RingFormat::Split);
    driver[0].write(0, <Desc>::new(request, 1, NONE, 0));
    driver[0].write(48, <Desc>::new(request, 2, NONE, 0));
    for count in 0..=u16::MAX {
        let (head, line) = if count % 3 == 0 { (0, "01 -> ") } else { (3, "0102 -> ") };
        make_available(driver[1], head);
        ring.send();
        mark_used(device[2], head.into(), 0);
        assert_eq!(received(&mut ring), [line]);
        assert_eq!(driver[2].load(offset_of!(Used, idx)), count.wrapping_add(1));
    }
    assert_eq!(device[1].load(offset_of!(Avail, idx)), 0);
    // Packed rings have no index, but their slots and memory are used as often.
    let (driver, device, mut ring) = rings(RingFormat::Packed);
    let (mut sender, mut user) = (Side::new(driver[0]), Side::new(device[0]));
    for _ in 0..=u16::MAX {
        sender.make_available(request, 1, 7, NEXT);
        sender.make_available(request, 1, 3, NEXT);
        sender.make_available(request, 2, 2, NONE);
        ring.send();
        user.mark_used(2, 0, 3);
        assert_eq!(received(&mut ring), ["01010102 -> "]);
    }
}

#[test]
fn an_index_that_jumped_reads_each_entry_once() {
    let (request, _) = filled(&[1, 2]);
    let (driver, device, mut ring) = rings(RingFormat::Split);
    for head in 0..SIZE {
        driver[0].write(16 * usize::from(head), <Desc>::new(request, 1, NONE, 0));
        make_available(driver[1], head);
    }
    ring.send();
    // The entries name one buffer, and what is not one. Id 4 has the slot of head 0.
    for (slot, id) in [0, 4, 0x1_0001, 1023].into_iter().enumerate() {
        device[2].write(4 + 8 * slot, <UsedElem>::new(id, 0));
    }
    device[2].store(offset_of!(Used, idx), 100);
    let mut count = 0;
    ring.receive(|_| {
        count += 1;
        device[2].write(4, <UsedElem>::new(1, 0));
    });
    assert_eq!(count, 1);
    assert_eq!(in_flight(&ring).len(), 3);
    assert_eq!(driver[2].load(offset_of!(Used, idx)), 100);
    assert!(!ring.receive(|_| panic!("nothing is used")));
}

#[test]
fn an_id_with_the_slot_of_another_buffer_is_an_error() {
    let (request, _) = filled(&[1, 2]);
    let (driver, device, mut ring) = rings(RingFormat::Split);
    driver[0].write(0, <Desc>::new(request, 1, NONE, 0));
    make_available(driver[1], 0);
    ring.send();
    mark_used(device[2], 4, 0);
    assert!(received(&mut ring).is_empty());
    assert_eq!(driver[2].read::<UsedElem>(4).id.get(), 4);
    assert_eq!(in_flight(&ring), ["01 -> "]);
    // A second use of the same buffer is an error too.
    mark_used(device[2], 0, 0);
    mark_used(device[2], 0, 0);
    assert_eq!(received(&mut ring), ["01 -> "]);
    assert_eq!(driver[2].load(offset_of!(Used, idx)), 3);
}

/// The packed shadow does not know the place of the next used buffer, and still sends and logs at a reset.
#[test]
fn buffers_stay_in_flight_after_an_error() {
    let (request, _) = filled(&[1, 2]);
    let (driver, device, mut ring) = rings(RingFormat::Packed);
    let (mut sender, mut user) = (Side::new(driver[0]), Side::new(device[0]));
    sender.make_available(request, 1, 0, NONE);
    ring.send();
    user.mark_used(4, 0, 1);
    assert!(received(&mut ring).is_empty());
    assert_eq!(driver[0].read::<PackedDesc>(0).id.get(), 4);
    user.mark_used(0, 0, 1);
    assert!(!ring.receive(|_| panic!("the place is unknown")));
    sender.make_available(request, 2, 1, NONE);
    ring.send();
    assert_eq!(in_flight(&ring), ["01 -> ", "0102 -> "]);
}
