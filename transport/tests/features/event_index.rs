//! EVENT_IDX on split rings: both sides ask for notifications by index, and ignore the flags.

use aerostat_spec::reserved::feature::EventIdx;
use aerostat_test_support::{reg, test_device};
use aerostat_transport::queue::{Interrupts, Notification};

use super::{Fixture, live};

aerostat_spec::feature_set! { struct Indexed for test_device { EventIdx: Required } }

const SIZE: usize = 8;

impl Fixture<Indexed, SIZE> {
    /// Makes the device ask for a notification when this entry of the available ring is filled.
    fn want(&self, event: u16) {
        self.memory.write16(self.ring[2] + 4 + 8 * SIZE as u64, event);
    }

    /// Sets the flags of the used ring, which suppress notifications only without the feature.
    fn set_device_flags(&self, flags: u16) {
        self.memory.write16(self.ring[2], flags);
    }

    /// The used index at which the driver asks for an interrupt.
    fn used_event(&self) -> u16 {
        self.memory.read16(self.ring[1] + 4 + 2 * SIZE as u64)
    }

    fn driver_flags(&self) -> u16 {
        self.memory.read16(self.ring[1])
    }

    /// Adds buffer number `index`. The device uses it, and the driver takes it back.
    fn exchange(&mut self, index: u16) {
        let id = self.add(1, 0).unwrap().index();
        self.use_buffer(index, id);
        assert_eq!(self.popped(), (id, 0));
    }

    fn use_buffer(&self, index: u16, id: usize) {
        self.write_used(index, id as u32, 0);
        self.publish(index.wrapping_add(1));
    }
}

/// ring.split.avail-notif.6, ring.split.avail-notif.7: the device is notified only of the entry that it has named.
#[test]
fn the_device_is_notified_only_at_its_event() {
    let mut fixture = live::<Indexed, SIZE>(1);
    let mut sent = 0;
    for index in 0..200_u16 {
        let ahead = index % 4;
        fixture.want(index + ahead);
        fixture.exchange(index);
        let expected = if ahead == 0 { Notification::Sent } else { Notification::Suppressed };
        assert_eq!(fixture.queue0.notify(), expected, "{index}");
        sent += usize::from(ahead == 0);
    }
    assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY).len(), sent);
    fixture.finish();
}

#[test]
fn a_batch_that_contains_the_event_is_notified_once() {
    for (event, expected) in [
        (0, Notification::Sent),
        (2, Notification::Sent),
        (3, Notification::Suppressed),
        (u16::MAX, Notification::Suppressed),
    ] {
        let mut fixture = live::<Indexed, SIZE>(1);
        fixture.want(event);
        for _ in 0..3 {
            fixture.add(1, 0).unwrap();
        }
        assert_eq!(fixture.queue0.notify(), expected, "{event}");
        assert_eq!(fixture.queue0.notify(), Notification::Suppressed, "nothing was added since");
        fixture.finish();
    }
}

#[test]
fn events_wrap_with_the_index() {
    let mut fixture = live::<Indexed, SIZE>(1);
    for index in 0..=u16::MAX {
        fixture.want(u16::MAX);
        fixture.exchange(index);
        let expected = if index == u16::MAX { Notification::Sent } else { Notification::Suppressed };
        assert_eq!(fixture.queue0.notify(), expected, "{index}");
    }
    fixture.want(1);
    fixture.exchange(0);
    assert_eq!(fixture.queue0.notify(), Notification::Suppressed);
    fixture.exchange(1);
    assert_eq!(fixture.queue0.notify(), Notification::Sent);
    fixture.finish();
}

/// ring.split.avail-notif.5: the flags of the used ring have no meaning with the feature.
#[test]
fn the_flags_of_the_device_are_ignored() {
    for flags in [0, 1, u16::MAX] {
        let mut fixture = live::<Indexed, SIZE>(1);
        fixture.set_device_flags(flags);
        fixture.want(1);
        fixture.add(1, 0).unwrap();
        assert_eq!(fixture.queue0.notify(), Notification::Suppressed, "{flags:#x}");
        fixture.add(1, 0).unwrap();
        assert_eq!(fixture.queue0.notify(), Notification::Sent, "{flags:#x}");
        fixture.finish();
    }
}

/// ring.split.used-notif.3: the flags of the available ring stay 0. The index disables interrupts: it is one that the device reaches
/// last.
#[test]
fn the_driver_disables_interrupts_by_index_and_not_by_flags() {
    let mut fixture = live::<Indexed, SIZE>(1);
    for index in 0..3 {
        fixture.exchange(index);
        fixture.queue0.set_interrupts(Interrupts::Disabled);
        assert_eq!((fixture.used_event(), fixture.driver_flags()), (index, 0));
        // An interrupt is not asked for again by looking.
        assert_eq!(fixture.queue0.pop(), Ok(None));
        assert_eq!((fixture.used_event(), fixture.driver_flags()), (index, 0));
        fixture.queue0.set_interrupts(Interrupts::Enabled);
        assert_eq!((fixture.used_event(), fixture.driver_flags()), (index + 1, 0));
    }
    fixture.finish();
}

/// ring.split.used-notif.4: a driver that finds nothing asks for an interrupt at the next buffer, and only then.
#[test]
fn an_idle_driver_asks_for_the_next_used_buffer() {
    let mut fixture = live::<Indexed, SIZE>(1);
    for round in 0..20_u16 {
        let first = 2 * round;
        let ids = [fixture.add(1, 0).unwrap().index(), fixture.add(1, 0).unwrap().index()];
        for (number, id) in (0..).zip(ids) {
            fixture.use_buffer(first + number, id);
        }
        for id in ids {
            assert_eq!(fixture.used_event(), first, "a busy driver does not ask for interrupts");
            assert_eq!(fixture.popped(), (id, 0));
        }
        assert_eq!(fixture.queue0.pop(), Ok(None));
        assert_eq!((fixture.used_event(), fixture.driver_flags()), (first + 2, 0));
    }
    fixture.finish();
}
