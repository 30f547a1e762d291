//! Where the device does its work, and how much of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aerostat_device::{Event, Logging, Notifications, Work};
use aerostat_transport::Io;

use super::raw_driver::{INFLATE, builder, live, live_8_mib, reg, start};

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn a_manual_device_works_in_steps_only() {
    let (device, mut driver) = start(builder().manual());
    driver.bring_up();
    driver.add_array(INFLATE, 0, &[1024]);
    driver.add_array(INFLATE, 1, &[1025]);
    driver.notify(INFLATE);
    assert_eq!((driver.used_index(INFLATE), driver.used_flags(INFLATE)), (0, 0));
    assert!(device.step(), "takes both buffers");
    assert_eq!((driver.used_index(INFLATE), driver.used_flags(INFLATE)), (0, 1), "notifications are disabled");
    assert!(device.step(), "completes the first buffer");
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1));
    device.settle(LIMIT).unwrap();
    assert_eq!((driver.used_index(INFLATE), driver.used_flags(INFLATE)), (2, 0), "notifications are enabled again");
    assert!(!device.step());
}

#[test]
fn a_buffer_without_a_notification_is_found() {
    let (device, mut driver) = start(builder().manual());
    driver.bring_up();
    driver.send(INFLATE, &[1024]);
    assert!(device.step());
    driver.add_array(INFLATE, 1, &[1025]);
    device.settle(LIMIT).unwrap();
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (2, 2));
}

#[test]
fn notifications_can_stay_enabled() {
    let builder = builder().notifications(Notifications::Enabled).manual();
    let (device, mut driver) = start(builder);
    driver.bring_up();
    driver.send(INFLATE, &[1024]);
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
    driver.send(INFLATE, &[1024]);
    assert_eq!(causes.load(Ordering::Relaxed), 1);
    device.set_target(1);
    assert_eq!(causes.load(Ordering::Relaxed), 3);
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS), 0);
}

#[test]
fn work_can_be_reduced() {
    for (work, counted, resident) in
        [(Work::Full, 1, false), (Work::Release, 1, false), (Work::Count, 1, true), (Work::Acknowledge, 0, true)]
    {
        let (device, mut driver) = live(builder().work(work));
        driver.memory.fill(1024..1025, 1);
        driver.send(INFLATE, &[1024]);
        assert_eq!(driver.used_index(INFLATE), 1);
        assert_eq!((device.host_page_count(), driver.memory.is_resident(1024)), (counted, resident), "{work:?}");
    }
}

#[test]
fn the_log_can_be_disabled() {
    let (device, mut driver) = live(builder().logging(Logging::Off));
    driver.send(INFLATE, &[1024]);
    assert_eq!(device.events(), []);
    assert_eq!(device.host_page_count(), 1);
}

#[test]
fn the_target_can_be_set_before_the_start() {
    let device = builder().target(9).inline().start().unwrap();
    assert_eq!(device.target(), 9);
    assert_eq!(device.events(), [Event::TargetChanged(9)], "no interrupt before DRIVER_OK");
}

#[test]
fn the_last_handle_can_be_dropped_in_an_interrupt_handler() {
    let (device, mut driver) = start(builder().threaded());
    driver.bring_up();
    let line = device.interrupt_line();
    let last = std::sync::Mutex::new(Some(device));
    line.on_raise(move || drop(last.lock().unwrap().take()));
    driver.send(INFLATE, &[1024]);
    line.wait(0, LIMIT).unwrap();
}
