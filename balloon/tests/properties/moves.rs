//! What can happen in one move.

use aerostat_device::Runs;
use proptest::prelude::*;

/// One thing that the kernel, the host or the device does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Move {
    /// The host wants another size, in pages.
    Target(u32),
    /// The kernel's work queue runs.
    Service,
    /// The kernel empties the balloon a little.
    Drain,
    /// The device works.
    Work { steps: u8 },
    /// The kernel starts an inflation, looks at it so many times, and drops it.
    Inflate { frames: u32, polls: u8 },
    /// The kernel gives frames of its own choice.
    InflateWith { frames: u32 },
    /// The kernel deflates, looks so many times whether the host has answered, and drops the handle.
    Tell { frames: u32, polls: u8 },
    /// The kernel deflates and changes its mind.
    Untold { frames: u32 },
    /// The kernel deflates and does not wait for the host, where it need not.
    UseNow { frames: u32 },
    /// The kernel has few frames to spare, or enough.
    Limit(Option<u16>),
    /// The kernel uses some of its free frames itself, or frees those again.
    Kernel { frames: u16 },
    /// How the kernel's free frames lie.
    Lie(Runs),
    /// The device answers in the opposite order from now on.
    OutOfOrder,
    /// The device takes its time from now on.
    Delay(u8),
    /// The device answers in order and at once again.
    Prompt,
    /// The kernel freezes the balloon and restores it.
    FreezeAndRestore,
    /// The kernel stops waiting while it freezes.
    FreezeInVain,
    /// The kernel resets the device without telling the host, and starts anew.
    AbandonAndRestore,
}

/// Frames that are a few, an array, or more than fit.
fn frames() -> impl Strategy<Value = u32> {
    prop_oneof![3 => 0..40_u32, 2 => 1..600_u32, 1 => Just(u32::MAX), 1 => (0..4_u32).prop_map(|arrays| arrays * 256)]
}

pub(crate) fn a_move(pages: u32) -> impl Strategy<Value = Move> {
    let target = prop_oneof![6 => 0..pages, 1 => Just(u32::MAX), 1 => Just(0), 2 => 0..64_u32];
    let runs = prop_oneof![
        Just(Runs::Contiguous),
        (1..9_u32).prop_map(Runs::AtMost),
        any::<u64>().prop_map(|seed| Runs::Scattered { seed })
    ];
    let polls = 0..5_u8;
    prop_oneof![
        6 => target.prop_map(Move::Target),
        12 => Just(Move::Service),
        1 => Just(Move::Drain),
        12 => (1..9_u8).prop_map(|steps| Move::Work { steps }),
        3 => (frames(), polls.clone()).prop_map(|(frames, polls)| Move::Inflate { frames, polls }),
        2 => (1..300_u32).prop_map(|frames| Move::InflateWith { frames }),
        4 => (frames(), polls).prop_map(|(frames, polls)| Move::Tell { frames, polls }),
        1 => frames().prop_map(|frames| Move::Untold { frames }),
        3 => frames().prop_map(|frames| Move::UseNow { frames }),
        2 => proptest::option::of(0..300_u16).prop_map(Move::Limit),
        1 => (0..200_u16).prop_map(|frames| Move::Kernel { frames }),
        2 => runs.prop_map(Move::Lie),
        1 => Just(Move::OutOfOrder),
        1 => (1..30_u8).prop_map(Move::Delay),
        1 => Just(Move::Prompt),
        1 => Just(Move::FreezeAndRestore),
        1 => Just(Move::FreezeInVain),
        1 => Just(Move::AbandonAndRestore),
    ]
}
