//! Available buffers and notifications: the device finds every available buffer, or is notified.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aerostat_interleavings::loom::sync::Notify;
use aerostat_interleavings::loom::sync::atomic::{AtomicU32, fence};
use aerostat_interleavings::loom::thread;
use aerostat_interleavings::model;

use super::device::Device;
use super::{BUFFERS, Doorbell, add, queue};
use crate::bus::Notifier;
use crate::ring::{Events, Format, RingPosition};

/// The device takes available buffers, and waits for a notification when it finds none. If one is lost, it waits forever, which loom
/// reports as a deadlock.
fn work(device: &mut Device, notification: &Notify) {
    let mut taken = 0;
    loop {
        device.suppress_notifications();
        while device.take().is_some() {
            taken += 1;
        }
        if taken == BUFFERS {
            return;
        }
        device.request_notification();
        if device.take().is_some() {
            taken += 1;
            continue;
        }
        notification.wait();
    }
}

fn exchange(format: Format, events: Events) {
    model(move || {
        let notification = Arc::new(Notify::new());
        let (mut queue, mut device, memory) = queue(format, events, Doorbell(notification.clone()));
        let device = thread::spawn(move || work(&mut device, &notification));
        for buffer in 0..BUFFERS {
            add(&mut queue, buffer);
            queue.notify();
        }
        device.join().unwrap();
        drop(memory);
    });
}

// conformance: ring.split.idx.1, ring.split.notify.1
#[test]
fn no_notification_is_lost_with_event_indexes_in_a_split_ring() {
    exchange(Format::Split, Events::Index);
}

// conformance: ring.packed.supply.2, ring.packed.flags.1, ring.packed.notify.1
#[test]
fn no_notification_is_lost_with_event_indexes_in_a_packed_ring() {
    exchange(Format::Packed, Events::Index);
}

#[test]
fn no_notification_is_lost_with_flags_in_a_split_ring() {
    exchange(Format::Split, Events::Flags);
}

#[test]
fn no_notification_is_lost_with_flags_in_a_packed_ring() {
    exchange(Format::Packed, Events::Flags);
}

/// A write to a register, which orders nothing.
struct Register(Arc<AtomicU32>);

impl Notifier for Register {
    fn notify(&self, _next: RingPosition) {
        self.0.store(1, Ordering::Relaxed);
    }
}

fn notify_once(format: Format, again: bool) {
    model(move || {
        let register = Arc::new(AtomicU32::new(0));
        let (mut queue, mut device, memory) = queue(format, Events::Flags, Register(register.clone()));
        let device = thread::spawn(move || {
            if register.load(Ordering::Relaxed) == 1 {
                fence(Ordering::Acquire);
                assert!(device.take().is_some(), "the notification was before the buffer");
            }
        });
        add(&mut queue, 0);
        if again {
            queue.notify_again();
        } else {
            queue.notify();
        }
        device.join().unwrap();
        drop(memory);
    });
}

#[test]
fn a_notification_is_after_its_buffer() {
    notify_once(Format::Split, false);
    notify_once(Format::Packed, false);
}

#[test]
fn a_repeated_notification_is_after_its_buffer() {
    notify_once(Format::Split, true);
    notify_once(Format::Packed, true);
}
