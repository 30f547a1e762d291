//! The faults of queues and of interrupts.

use std::time::Duration;

use aerostat_device::{BalloonDevice, Cause, Event, QueueFault, RegisterFault, Registers, Scribble};
use aerostat_transport::Io;

use super::FORMAT;
use super::raw_driver::{
    Bytes, DEFLATE, DEVICE_RING, DRIVER_RING, INFLATE, LIVE, NEEDS_RESET, RawDriver, Used, assert_no_violations,
    builder, live_8_mib, reg, start,
};
use crate::Format;

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn a_reset_can_be_slow_or_never_complete() {
    let (device, driver) = live_8_mib();
    device.inject(RegisterFault::SlowReset(2));
    driver.io.write32(reg::STATUS, 0);
    assert_eq!([0; 4].map(|_| driver.io.read32(reg::STATUS)), [1, 1, 0, 0]);
    device.inject(RegisterFault::SlowReset(u32::MAX));
    driver.io.write32(reg::STATUS, 0);
    assert_eq!([0; 4].map(|_| driver.io.read32(reg::STATUS)), [1; 4]);
}

#[test]
fn interrupts_can_be_spurious() {
    let (device, driver) = live_8_mib();
    device.inject(RegisterFault::SpuriousInterrupts);
    driver.notify(INFLATE);
    assert_eq!(device.events().last(), Some(&Event::Interrupt(Cause::Nothing)));
    assert_eq!((device.interrupt_line().count(), driver.io.read32(reg::INTERRUPT_STATUS)), (1, 0));
}

#[test]
fn used_entries_can_have_wrong_ids_and_lengths() {
    for (fault, expected) in [
        (QueueFault::ReportsId(5), Used { id: 5, written: 0 }),
        (QueueFault::ReportsId(u32::MAX), Used { id: u32::MAX, written: 0 }),
        (QueueFault::ReportsId(0x1_0000), Used { id: 0x1_0000, written: 0 }),
        (QueueFault::ReportsIdNotInFlight, Used { id: 1, written: 0 }),
        (QueueFault::ReportsLength(4097), Used { id: 0, written: 4097 }),
    ] {
        let (device, mut driver) = live_8_mib();
        device.inject(fault);
        driver.send(INFLATE, &[1024]);
        // The id of a packed ring has 16 bits.
        let expected = Used { id: expected.id & if FORMAT == Format::Packed { 0xffff } else { u32::MAX }, ..expected };
        assert_eq!((driver.used_index(INFLATE), driver.used(INFLATE, 1)), (1, vec![expected]), "{fault:?}");
        assert_eq!(device.interrupt_line().count(), 1, "{fault:?}");
    }
}

#[test]
fn an_id_not_in_flight_differs_from_all_ids_in_flight() {
    let device = builder().manual().start().unwrap();
    device.inject(QueueFault::ReportsIdNotInFlight.at(0));
    let mut driver = RawDriver::new(device.registers(), device.memory());
    driver.bring_up();
    for index in 0..3 {
        driver.add_array(INFLATE, index, &[1024 + u32::from(index)]);
    }
    driver.notify(INFLATE);
    device.settle(LIMIT).unwrap();
    let ids: Vec<u32> = driver.used(INFLATE, 3).iter().map(|used| used.id).collect();
    assert_eq!(ids, [3, 1, 2]);
}

#[test]
fn a_buffer_can_be_completed_twice() {
    let (device, mut driver) = live_8_mib();
    device.inject(QueueFault::CompletesTwice);
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), driver.used(INFLATE, 2)), (2, vec![Used { id: 0, written: 0 }; 2]));
}

#[test]
fn one_queue_can_never_complete() {
    let (device, mut driver) = live_8_mib();
    device.inject(QueueFault::NeverCompletes.on(DEFLATE));
    driver.send(INFLATE, &[1024]);
    driver.send(DEFLATE, &[1024]);
    device.settle(LIMIT).unwrap();
    assert_eq!((driver.used_index(INFLATE), driver.used_index(DEFLATE)), (1, 0));
    assert_eq!(device.host_page_count(), 1, "the buffer is not processed");
    assert!(device.events().contains(&Event::FaultInjected("NeverCompletes".into())));
}

#[test]
fn faults_can_affect_some_buffers_only() {
    let (device, mut driver) = live_8_mib();
    device.inject(QueueFault::ReportsLength(1).at(1));
    device.inject(QueueFault::ReportsLength(2).starting_at(3).on(INFLATE));
    for page in 1024..1029 {
        driver.send(INFLATE, &[page]);
    }
    let lengths: Vec<u32> = driver.used(INFLATE, 5).iter().map(|used| used.written).collect();
    assert_eq!(lengths, [0, 1, 0, 2, 2]);
}

#[test]
fn an_interrupt_can_be_lost() {
    let (device, mut driver) = live_8_mib();
    device.inject(QueueFault::LosesInterrupt);
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.interrupt_line().count()), (1, 0));
}

#[test]
fn buffers_can_be_completed_in_reverse() {
    let (device, mut driver) = live_8_mib();
    device.inject(QueueFault::CompletesInReverse);
    for index in 0..3 {
        driver.add_array(INFLATE, index, &[1024 + u32::from(index)]);
    }
    driver.notify(INFLATE);
    let ids: Vec<u32> = driver.used(INFLATE, 3).iter().map(|used| used.id).collect();
    assert_eq!(ids, [2, 1, 0]);
    assert_no_violations(&device);
}

#[test]
fn a_completion_can_be_delayed_by_ticks() {
    let (device, mut driver) = live_8_mib();
    device.inject(QueueFault::DelaysCompletion(3));
    driver.send(INFLATE, &[1024]);
    device.tick();
    driver.io.read32(reg::INTERRUPT_STATUS);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (0, 0));
    device.tick();
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1));
}

#[test]
fn a_threaded_device_ticks_on_its_own() {
    let (device, mut driver) = start(builder().inject(QueueFault::DelaysCompletion(50)).threaded());
    driver.bring_up();
    driver.send(INFLATE, &[1024]);
    device.interrupt_line().wait(0, LIMIT).unwrap();
    assert_eq!(driver.used_index(INFLATE), 1);
}

#[test]
fn the_device_can_need_a_reset() {
    let (device, mut driver) = live_8_mib();
    device.inject(QueueFault::SetsNeedsReset.at(1));
    driver.send(INFLATE, &[1024]);
    assert_eq!(driver.io.read32(reg::STATUS) & NEEDS_RESET, 0);
    driver.send(INFLATE, &[1025]);
    assert_eq!(driver.io.read32(reg::STATUS) & NEEDS_RESET, NEEDS_RESET);
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS) & 2, 2);
    driver.send(INFLATE, &[1026]);
    assert_eq!(driver.used_index(INFLATE), 1, "the device has stopped");

    driver.bring_up();
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), driver.io.read32(reg::STATUS)), (1, LIVE));
    device.set_needs_reset();
    assert_eq!(driver.io.read32(reg::STATUS), LIVE | NEEDS_RESET);
    assert_no_violations(&device);
}

/// Returns the first 8 bytes at `address` while the device owns two buffers, then completes the buffers.
fn scribbled(what: Scribble, address: u64) -> ([u8; 8], BalloonDevice, RawDriver<Registers>) {
    let (device, mut driver) = start(builder().inject(QueueFault::Scribbles(what)).manual());
    driver.bring_up();
    driver.add_array(INFLATE, 0, &[1024, 1025]);
    driver.add_array(INFLATE, 1, &[1026]);
    driver.notify(INFLATE);
    assert!(device.step());
    assert_eq!(device.host_page_count(), 0);
    let mut bytes = [0; 8];
    driver.memory.read(address, &mut bytes).unwrap();
    device.settle(LIMIT).unwrap();
    (bytes, device, driver)
}

#[test]
fn shared_memory_can_be_overwritten_in_flight() {
    type Driver = RawDriver<Registers>;
    let area = Driver::area(INFLATE);
    let (available, used) = match FORMAT {
        Format::Split | Format::Legacy => {
            let flags = 0xfffe_u16.bytes();
            let [first, second] = [flags[0], flags[1]];
            ([first, second, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [first, second, 0, 0, 0xff, 0xff, 0xff, 0xff])
        }
        Format::Packed => ([0xff, 0xff, 0xfc, 0xff, 0, 0, 0, 0], [0xff, 0xff, 0xfc, 0xff, 0, 0, 0, 0]),
    };
    for (what, address, expected) in [
        (Scribble::Descriptors, area, [0xff; 8]),
        (Scribble::AvailableRing, area + DRIVER_RING, available),
        (Scribble::UsedRing, area + DEVICE_RING, used),
        (Scribble::Buffer, Driver::array(INFLATE, 0), [0xff; 8]),
    ] {
        let (bytes, device, mut driver) = scribbled(what, address);
        assert_eq!(bytes, expected, "{what:?}");
        // The device read the buffers before it overwrote memory.
        assert_eq!(device.host_pages(), [1024, 1025, 1026].into(), "{what:?}");
        let ids: Vec<u32> = driver.used(INFLATE, 2).iter().map(|used| used.id).collect();
        assert_eq!((ids, device.interrupt_line().count()), (vec![0, 1], 2), "{what:?}");
        // A driver that uses its own copy of the ring state continues.
        driver.set_available_flags(INFLATE, 0);
        driver.send(INFLATE, &[1027]);
        device.settle(LIMIT).unwrap();
        assert_eq!(device.host_page_count(), 4, "{what:?}");
        assert_no_violations(&device);
    }
}
