//! Which test finds which weaker ordering.

use aerostat_interleavings::table::{Reason, check};

const BLOCKS: &str = "frames/blocks.rs";
const HELD: &str = "frames/held.rs";
const PARTS: &str = "parts/flags.rs";
const LIVE: &str = "queues/live_flag.rs";

/// Why no test finds these, or what else does the same.
const REASONS: &[Reason] = &[
    Reason::Because(
        (BLOCKS, "check", "load", "Relaxed"),
        "an early look. `insert` follows, which adds the block only if it is not in the set",
    ),
    Reason::Because(
        (BLOCKS, "insert", "fetch_or", "Release"),
        "a block that was removed before comes from the kernel again, whose allocator has to order its uses",
    ),
    Reason::Together((BLOCKS, "remove", "fetch_and", "Release"), (BLOCKS, "remove_all", "load", "Relaxed")),
    Reason::Together((BLOCKS, "remove_all", "load", "Relaxed"), (BLOCKS, "remove", "fetch_and", "Release")),
    Reason::Because(
        (BLOCKS, "remove", "fetch_and", "Acquire"),
        "the context that removes a block has done nothing with it that another one needs. The kernel gets the block after that",
    ),
    Reason::Because(
        (BLOCKS, "contains", "load", "Relaxed"),
        "for held blocks, it reads what the balloon itself wrote. An idle block is removed before its frames are used, and `clear` acquires",
    ),
    Reason::Together((BLOCKS, "set", "fetch_or", "Release"), (BLOCKS, "clear", "fetch_and", "Release")),
    Reason::Together((BLOCKS, "clear", "fetch_and", "Release"), (BLOCKS, "set", "fetch_or", "Release")),
    Reason::Because(
        (BLOCKS, "clear", "fetch_and", "Acquire"),
        "what the context does with a block is published by the set of idle blocks, or by the kernel's allocator",
    ),
    Reason::Because(
        (HELD, "acknowledge", "fetch_sub", "Relaxed"),
        "the block becomes idle after that with release. This one keeps the count, and thus `actual`, behind the unmapping, on which no \
         decision depends",
    ),
    Reason::Because(
        (HELD, "unacknowledged", "load", "Relaxed"),
        "where the count decides something, an idle block was found before, with acquire",
    ),
    Reason::Because((PARTS, "add_handle", "fetch_or", "Acquire"), "the handle is in no other context yet"),
    Reason::Because((PARTS, "add_handle", "fetch_or", "Release"), "the handle is in no other context yet"),
    Reason::Because((PARTS, "remove_handle", "fetch_and", "Release"), "the handle does nothing after that"),
    Reason::Because(
        (LIVE, "set", "store", "Relaxed"),
        "the fence after it orders it. The state publishes no data: queues are set up before a split",
    ),
    Reason::Because(
        (LIVE, "check", "load", "Relaxed"),
        "the fence before it in `check_added` orders it. The state publishes no data: queues are set up before a split",
    ),
];

#[test]
fn the_book_says_which_weaker_orderings_are_found() {
    check("aerostat-balloon", "interleavings::", "the_book_says_which_weaker_orderings_are_found", REASONS);
}
