//! Each way to misbehave, seen once.

use std::time::Duration;

use aerostat_device::{BalloonDevice, Cause, Event, QueueFault, RegisterFault, Registers, Scribble};
use aerostat_transport::Io;

use super::SHAPE;
use super::by_hand::{
    Bytes,     ByHand, DEFLATE, DEVICE_RING, DRIVER_RING, INFLATE, LIVE, NEEDS_RESET, Used, assert_violations, builder, live_8_mib, reg,
};
use crate::Shape;

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn a_reset_takes_its_time_or_never_ends() {
    let (device, driver) = live_8_mib();
    device.misbehave(RegisterFault::SlowReset(2));
    driver.io.write32(reg::STATUS, 0);
    assert_eq!([0; 4].map(|_| driver.io.read32(reg::STATUS)), [1, 1, 0, 0]);
    device.misbehave(RegisterFault::SlowReset(u32::MAX));
    driver.io.write32(reg::STATUS, 0);
    assert_eq!([0; 4].map(|_| driver.io.read32(reg::STATUS)), [1; 4]);
}

#[test]
fn interrupts_come_for_nothing() {
    let (device, driver) = live_8_mib();
    device.misbehave(RegisterFault::SpuriousInterrupts);
    driver.notify(INFLATE);
    assert_eq!(device.events().last(), Some(&Event::Interrupt(Cause::Nothing)));
    assert_eq!((device.interrupt_line().count(), driver.io.read32(reg::INTERRUPT_STATUS)), (1, 0));
}

#[test]
fn used_entries_lie() {
    for (fault, expected) in [
        (QueueFault::UsedId(5), Used { id: 5, written: 0 }),
        (QueueFault::UsedId(u32::MAX), Used { id: u32::MAX, written: 0 }),
        (QueueFault::UsedId(0x1_0000), Used { id: 0x1_0000, written: 0 }),
        (QueueFault::UsedIdNotOutstanding, Used { id: 1, written: 0 }),
        (QueueFault::UsedLength(4097), Used { id: 0, written: 4097 }),
    ] {
        let (device, mut driver) = live_8_mib();
        device.misbehave(fault);
        driver.tell(INFLATE, &[1024]);
        // An id in a packed ring has 16 bits.
        let expected = Used { id: expected.id & if SHAPE == Shape::Packed { 0xffff } else { u32::MAX }, ..expected };
        assert_eq!((driver.used_index(INFLATE), driver.used(INFLATE, 1)), (1, vec![expected]), "{fault:?}");
        assert_eq!(device.interrupt_line().count(), 1, "{fault:?}");
    }
}

#[test]
fn an_id_that_is_not_outstanding_is_none_that_is() {
    let device = builder().manual().start().unwrap();
    device.misbehave(QueueFault::UsedIdNotOutstanding.at(0));
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.bring_up();
    for index in 0..3 {
        driver.offer(INFLATE, index, &[1024 + u32::from(index)]);
    }
    driver.notify(INFLATE);
    device.settle(LIMIT).unwrap();
    let ids: Vec<u32> = driver.used(INFLATE, 3).iter().map(|used| used.id).collect();
    assert_eq!(ids, [3, 1, 2]);
}

#[test]
fn a_buffer_is_given_back_twice() {
    let (device, mut driver) = live_8_mib();
    device.misbehave(QueueFault::UsedTwice);
    driver.tell(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), driver.used(INFLATE, 2)), (2, vec![Used { id: 0, written: 0 }; 2]));
}

#[test]
fn one_queue_never_answers() {
    let (device, mut driver) = live_8_mib();
    device.misbehave(QueueFault::NeverAnswers.on(DEFLATE));
    driver.tell(INFLATE, &[1024]);
    driver.tell(DEFLATE, &[1024]);
    device.settle(LIMIT).unwrap();
    assert_eq!((driver.used_index(INFLATE), driver.used_index(DEFLATE)), (1, 0));
    assert_eq!(device.host_page_count(), 1, "the buffer was not looked at");
    assert!(device.events().contains(&Event::Misbehaved("NeverAnswers".into())));
}

#[test]
fn faults_have_their_time() {
    let (device, mut driver) = live_8_mib();
    device.misbehave(QueueFault::UsedLength(1).at(1));
    device.misbehave(QueueFault::UsedLength(2).starting_at(3).on(INFLATE));
    for page in 1024..1029 {
        driver.tell(INFLATE, &[page]);
    }
    let lengths: Vec<u32> = driver.used(INFLATE, 5).iter().map(|used| used.written).collect();
    assert_eq!(lengths, [0, 1, 0, 2, 2]);
}

#[test]
fn an_interrupt_is_lost() {
    let (device, mut driver) = live_8_mib();
    device.misbehave(QueueFault::LosesInterrupt);
    driver.tell(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.interrupt_line().count()), (1, 0));
}

#[test]
fn buffers_come_back_out_of_order() {
    let (device, mut driver) = live_8_mib();
    device.misbehave(QueueFault::OutOfOrder);
    for index in 0..3 {
        driver.offer(INFLATE, index, &[1024 + u32::from(index)]);
    }
    driver.notify(INFLATE);
    let ids: Vec<u32> = driver.used(INFLATE, 3).iter().map(|used| used.id).collect();
    assert_eq!(ids, [2, 1, 0]);
    assert_violations(&device, &[]);
}

#[test]
fn a_buffer_is_delayed_by_ticks() {
    let (device, mut driver) = live_8_mib();
    device.misbehave(QueueFault::Delay(3));
    driver.tell(INFLATE, &[1024]);
    device.tick();
    driver.io.read32(reg::INTERRUPT_STATUS);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (0, 0));
    device.tick();
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1));
}

#[test]
fn delays_pass_by_themselves_on_a_thread() {
    let device = builder().misbehave(QueueFault::Delay(50)).threaded().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.bring_up();
    driver.tell(INFLATE, &[1024]);
    device.interrupt_line().wait(0, LIMIT).unwrap();
    assert_eq!(driver.used_index(INFLATE), 1);
}

#[test]
fn the_device_needs_a_reset() {
    let (device, mut driver) = live_8_mib();
    device.misbehave(QueueFault::NeedsReset.at(1));
    driver.tell(INFLATE, &[1024]);
    assert_eq!(driver.io.read32(reg::STATUS) & NEEDS_RESET, 0);
    driver.tell(INFLATE, &[1025]);
    assert_eq!(driver.io.read32(reg::STATUS) & NEEDS_RESET, NEEDS_RESET);
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS) & 2, 2);
    driver.tell(INFLATE, &[1026]);
    assert_eq!(driver.used_index(INFLATE), 1, "nothing is answered any more");

    driver.bring_up();
    driver.tell(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), driver.io.read32(reg::STATUS)), (1, LIVE));
    device.needs_reset();
    assert_eq!(driver.io.read32(reg::STATUS), LIVE | NEEDS_RESET);
    assert_violations(&device, &[]);
}

/// What the first 8 bytes at an address are while the device has the buffers, and after that.
fn scribbled(what: Scribble, address: u64) -> ([u8; 8], BalloonDevice, ByHand<Registers>) {
    let device =
        builder().misbehave(QueueFault::Scribbles(what)).manual().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.bring_up();
    driver.offer(INFLATE, 0, &[1024, 1025]);
    driver.offer(INFLATE, 1, &[1026]);
    driver.notify(INFLATE);
    assert!(device.step());
    assert_eq!(device.host_page_count(), 0);
    let mut bytes = [0; 8];
    driver.memory.read(address, &mut bytes).unwrap();
    device.settle(LIMIT).unwrap();
    (bytes, device, driver)
}

#[test]
fn shared_memory_is_overwritten_in_flight() {
    type Driver = ByHand<Registers>;
    let area = Driver::area(INFLATE);
    let (available, used) = match SHAPE {
        Shape::Split | Shape::Legacy => {
            let flags = 0xfffe_u16.bytes();
            let [first, second] = [flags[0], flags[1]];
            ([first, second, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [first, second, 0, 0, 0xff, 0xff, 0xff, 0xff])
        }
        Shape::Packed => ([0xff, 0xff, 0xfc, 0xff, 0, 0, 0, 0], [0xff, 0xff, 0xfc, 0xff, 0, 0, 0, 0]),
    };
    for (what, address, expected) in [
        (Scribble::Descriptors, area, [0xff; 8]),
        (Scribble::AvailableRing, area + DRIVER_RING, available),
        (Scribble::UsedRing, area + DEVICE_RING, used),
        (Scribble::Array, Driver::array(INFLATE, 0), [0xff; 8]),
    ] {
        let (bytes, device, mut driver) = scribbled(what, address);
        assert_eq!(bytes, expected, "{what:?}");
        // The device had read everything before: it is hostile, not confused.
        assert_eq!(device.host_pages(), [1024, 1025, 1026].into(), "{what:?}");
        let ids: Vec<u32> = driver.used(INFLATE, 2).iter().map(|used| used.id).collect();
        assert_eq!((ids, device.interrupt_line().count()), (vec![0, 1], 2), "{what:?}");
        // A driver that trusts its own copy goes on.
        driver.set_available_flags(INFLATE, 0);
        driver.tell(INFLATE, &[1027]);
        device.settle(LIMIT).unwrap();
        assert_eq!(device.host_page_count(), 4, "{what:?}");
        assert_violations(&device, &[]);
    }
}
