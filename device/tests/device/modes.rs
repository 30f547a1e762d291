//! When the device does its work, and how much of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aerostat_device::{Event, Logging, Notifications, Work};
use aerostat_transport::Io;

use super::by_hand::{ByHand, INFLATE, builder, live, live_8_mib, reg};

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn by_hand_nothing_happens_before_a_step() {
    let device = builder().manual().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.bring_up();
    driver.offer(INFLATE, 0, &[1024]);
    driver.offer(INFLATE, 1, &[1025]);
    driver.notify(INFLATE);
    assert_eq!((driver.used_index(INFLATE), driver.used_flags(INFLATE)), (0, 0));
    assert!(device.step(), "takes both");
    assert_eq!((driver.used_index(INFLATE), driver.used_flags(INFLATE)), (0, 1), "wants no notifications now");
    assert!(device.step(), "gives the first one back");
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1));
    device.settle(LIMIT).unwrap();
    assert_eq!((driver.used_index(INFLATE), driver.used_flags(INFLATE)), (2, 0), "wants notifications again");
    assert!(!device.step());
}

#[test]
fn a_buffer_that_comes_while_notifications_are_off_is_found() {
    let device = builder().manual().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.bring_up();
    driver.tell(INFLATE, &[1024]);
    assert!(device.step());
    driver.offer(INFLATE, 1, &[1025]);
    device.settle(LIMIT).unwrap();
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (2, 2));
}

#[test]
fn notifications_can_be_wanted_all_the_time() {
    let builder = builder().notifications(Notifications::Enabled).manual();
    let device = builder.start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.bring_up();
    driver.tell(INFLATE, &[1024]);
    assert!(device.step());
    assert_eq!(driver.used_flags(INFLATE), 0);
}

#[test]
fn an_interrupt_handler_may_access_registers() {
    let (device, mut driver) = live_8_mib();
    let registers = device.registers();
    let causes = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&causes);
    device.interrupt_line().on_raise(move || {
        let cause = registers.read32(reg::INTERRUPT_STATUS);
        registers.write32(reg::INTERRUPT_ACK, cause);
        seen.fetch_or(cause, Ordering::Relaxed);
    });
    driver.tell(INFLATE, &[1024]);
    assert_eq!(causes.load(Ordering::Relaxed), 1);
    device.set_target(1);
    assert_eq!(causes.load(Ordering::Relaxed), 3);
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS), 0);
}

#[test]
fn work_can_be_left_out() {
    for (work, counted, resident) in
        [(Work::Full, 1, false), (Work::Release, 1, false), (Work::Count, 1, true), (Work::Acknowledge, 0, true)]
    {
        let (device, mut driver) = live(builder().work(work));
        driver.memory.fill(1024..1025, 1);
        driver.tell(INFLATE, &[1024]);
        assert_eq!(driver.used_index(INFLATE), 1);
        assert_eq!((device.host_page_count(), driver.memory.is_resident(1024)), (counted, resident), "{work:?}");
    }
}

#[test]
fn the_log_can_be_left_out() {
    let (device, mut driver) = live(builder().logging(Logging::Off));
    driver.tell(INFLATE, &[1024]);
    assert_eq!(device.events(), []);
    assert_eq!(device.host_page_count(), 1);
}

#[test]
fn the_target_may_be_there_from_the_start() {
    let device = builder().target(9).inline().start().unwrap();
    assert_eq!(device.target(), 9);
    assert_eq!(device.events(), [Event::TargetChanged(9)], "no interrupt before the driver is there");
}

#[test]
fn the_last_handle_may_go_in_an_interrupt_handler() {
    let device = builder().threaded().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.bring_up();
    let line = device.interrupt_line();
    let last = std::sync::Mutex::new(Some(device));
    line.on_raise(move || drop(last.lock().unwrap().take()));
    driver.tell(INFLATE, &[1024]);
    line.wait(0, LIMIT).unwrap();
}
