//! What can happen in one move.

use aerostat_device::Runs;
use proptest::prelude::*;

use super::PAGES;

/// One thing that the kernel, the host or the device does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    /// The kernel does something with a live balloon, whole or split.
    Balloon(OnBalloon),
    /// The kernel looks after statistics, reports or hints.
    Part(Part),
    /// The kernel takes the balloon apart.
    Split,
    /// The kernel puts the balloon together.
    Join,
    /// The kernel loses a part of a balloon that is split.
    Lose(Part),
    /// The host wants another size, in pages.
    Target(u32),
    /// The host asks for statistics.
    Ask,
    /// The kernel knows another set of statistics.
    Know { tags: u16, value: u64 },
    /// The host asks for hints.
    StartHints,
    /// The host wants no more hints.
    StopHints,
    /// The host is done with the hints.
    FinishHints,
    /// The device works.
    Work { steps: u8 },
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

/// A part that can be split off.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Statistics,
    Reporting,
    Hinting,
}

/// What a kernel does with a live balloon.
#[derive(Clone, Copy, Debug)]
pub(super) enum OnBalloon {
    /// The work queue runs.
    Service,
    /// The pause after memory had run out is over.
    Retry,
    /// The balloon is emptied a little.
    Drain,
    /// An inflation starts, is looked at so many times, and dropped.
    Inflate { frames: u32, polls: u8 },
    /// Frames of the kernel's own choice.
    InflateWith { frames: u32 },
    /// Frames leave the balloon.
    Deflate { frames: u32, then: Then },
    /// Memory has run out.
    Relieve { then: Then },
    /// One frame of the balloon, or none of it where `of` is `None`, is exchanged for so many others.
    Migrate { of: Option<u16>, others: u32, polls: u8 },
}

/// What becomes of frames that were picked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    /// The host is told, and looked at so many times.
    Tell { polls: u8 },
    /// They are used at once, where that is allowed.
    UseNow,
    /// Nothing.
    Nothing,
}

/// Frames that are a few, an array, or more than fit.
fn frames() -> impl Strategy<Value = u32> {
    prop_oneof![3 => 0..40_u32, 2 => 1..600_u32, 1 => Just(u32::MAX), 1 => (0..4_u32).prop_map(|arrays| arrays * 256)]
}

fn then() -> impl Strategy<Value = Then> {
    prop_oneof![4 => (0..5_u8).prop_map(|polls| Then::Tell { polls }), 2 => Just(Then::UseNow), 1 => Just(Then::Nothing)]
}

fn on_balloon() -> impl Strategy<Value = OnBalloon> {
    let migrate = (prop_oneof![1 => Just(None), 9 => any::<u16>().prop_map(Some)], 1..3_u32, 0..5_u8);
    prop_oneof![
        12 => Just(OnBalloon::Service),
        1 => Just(OnBalloon::Retry),
        1 => Just(OnBalloon::Drain),
        3 => (frames(), 0..5_u8).prop_map(|(frames, polls)| OnBalloon::Inflate { frames, polls }),
        2 => (1..300_u32).prop_map(|frames| OnBalloon::InflateWith { frames }),
        4 => (frames(), then()).prop_map(|(frames, then)| OnBalloon::Deflate { frames, then }),
        3 => then().prop_map(|then| OnBalloon::Relieve { then }),
        5 => migrate.prop_map(|(of, others, polls)| OnBalloon::Migrate { of, others, polls }),
    ]
}

pub(super) fn part() -> impl Strategy<Value = Part> {
    prop::sample::select(vec![Part::Statistics, Part::Reporting, Part::Hinting])
}

pub(super) fn a_move() -> impl Strategy<Value = Move> {
    let target = prop_oneof![6 => 0..PAGES, 1 => Just(u32::MAX), 1 => Just(0), 2 => 0..64_u32];
    let runs = prop_oneof![
        Just(Runs::Contiguous),
        (1..9_u32).prop_map(Runs::AtMost),
        any::<u64>().prop_map(|seed| Runs::Scattered { seed })
    ];
    prop_oneof![
        31 => on_balloon().prop_map(Move::Balloon),
        20 => part().prop_map(Move::Part),
        20 => (1..9_u8).prop_map(|steps| Move::Work { steps }),
        20 => prop_oneof![
            8 => target.prop_map(Move::Target),
            6 => Just(Move::Ask),
            3 => (any::<u16>(), any::<u64>()).prop_map(|(tags, value)| Move::Know { tags, value }),
            5 => Just(Move::StartHints),
            1 => Just(Move::StopHints),
            5 => Just(Move::FinishHints),
        ],
        12 => prop_oneof![
            2 => proptest::option::of(0..300_u16).prop_map(Move::Limit),
            2 => (0..200_u16).prop_map(|frames| Move::Kernel { frames }),
            2 => runs.prop_map(Move::Lie),
            1 => Just(Move::OutOfOrder),
            1 => (1..30_u8).prop_map(Move::Delay),
            1 => Just(Move::Prompt),
        ],
        8 => prop_oneof![
            6 => Just(Move::Split),
            6 => Just(Move::Join),
            1 => part().prop_map(Move::Lose),
            3 => Just(Move::FreezeAndRestore),
            2 => Just(Move::FreezeInVain),
            3 => Just(Move::AbandonAndRestore),
        ],
    ]
}
