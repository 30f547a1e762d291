//! Which test finds which weaker ordering.

use aerostat_interleavings::table::{Reason, check};

const FORMAT: &str = "ring/format.rs";
const SPLIT: &str = "ring/split.rs";
const PACKED: &str = "ring/packed.rs";

const EVENT: &str =
    "the full fence after it orders the event before the second look, and no other data belongs to the event";
const SUPPRESSION: &str = "the full fence before it orders it after the buffer, and no other data belongs to the value";

/// Why no test finds these.
const REASONS: &[Reason] = &[
    Reason::Because(
        (FORMAT, "position_regardless", "fence", "AcqRel"),
        "for CPUs, a release fence is enough before the notification. All callers use the same full barrier",
    ),
    Reason::Because(
        (PACKED, "wants_notification", "load", "Relaxed"),
        "a device that has changed mode and position looks again behind its own full fence. The load keeps the position from being older than \
         its mode, for devices that do not",
    ),
    Reason::Because((PACKED, "passed_device_event", "load", "Relaxed"), SUPPRESSION),
    Reason::Because(
        (PACKED, "write_driver_event", "store", "Relaxed"),
        "the full fence after both stores orders them before the second look. The second one keeps the position from being older than its \
         mode, for devices that read between them",
    ),
    Reason::Because((SPLIT, "wants_notification", "load", "Relaxed"), SUPPRESSION),
    Reason::Because((SPLIT, "set_interrupts", "store", "Relaxed"), EVENT),
    Reason::Because((SPLIT, "request_interrupt", "store", "Relaxed"), EVENT),
];

#[test]
fn the_book_says_which_weaker_orderings_are_found() {
    check("aerostat-transport", "interleavings::", "the_book_says_which_weaker_orderings_are_found", REASONS);
}
