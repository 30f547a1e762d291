//! The moves of a test case.

use aerostat_device::Runs;
use proptest::prelude::*;

use crate::setup::PAGES;

/// One action of the kernel, the host or the device.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Move {
    /// The kernel calls an operation of the balloon, split or not.
    Operation(Operation),
    /// The kernel services statistics, reporting or hinting.
    Service(Part),
    /// The kernel splits the balloon.
    Split,
    /// The kernel joins the balloon with its handles.
    Join,
    /// The kernel drops a handle.
    DropHandle(Part),
    /// The host sets the target, in pages.
    Target(u32),
    /// The host requests statistics.
    RequestStatistics,
    /// The kernel supplies another set of statistics.
    SetStatistics { tags: u16, value: u64 },
    /// The host starts a round of hints.
    StartHints,
    /// The host writes STOP.
    StopHints,
    /// The host writes DONE.
    FinishHints,
    /// The device works.
    Work { steps: u8 },
    /// The kernel limits the number of frames that it allocates to the balloon.
    LimitFrames(Option<u16>),
    /// The kernel uses some of its free frames, or frees those again if the number is 0.
    UseFrames { frames: u16 },
    /// The kernel allocates other runs.
    SetRuns(Runs),
    /// The device uses buffers in reverse order from now on.
    ReverseOrder,
    /// The device delays its answers from now on.
    Delay(u8),
    /// The device loses all notifications from now on.
    LoseNotifications,
    /// The device answers in order and at once again, and loses no notification. The kernel repeats those that were lost.
    AnswerAtOnce,
    /// The kernel repeats the notifications of all queues.
    NotifyAgain,
    /// The kernel takes hinted frames back.
    Reclaim { frames: u16 },
    /// The host resets the device. The kernel recovers the balloon.
    HostReset,
    /// The device resets only after its status was read this often. The kernel resets it, and restores the balloon.
    DelayReset { reads: u8, reset: DelayedReset },
    /// The device refuses a reset. The kernel recovers the balloon.
    RefuseReset { then: Refusal },
    /// The device is removed. The kernel takes everything back, and gets another device of the same kind.
    Remove,
    /// The kernel freezes the balloon and restores it.
    FreezeAndRestore,
    /// The kernel freezes the balloon, but does not wait for the device.
    FreezeWithoutWaiting,
    /// The kernel abandons the balloon.
    Abandon,
    /// The kernel abandons the balloon and restores it.
    AbandonAndRestore,
}

/// A part of the balloon that has a handle after a split.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Statistics,
    Reporting,
    Hinting,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Statistics, Self::Reporting, Self::Hinting];
}

/// How a kernel resets a device that takes time for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DelayedReset {
    /// `abandon` waits.
    Abandon,
    /// `poll_abandon` is called until the reset has finished.
    Poll,
    /// `freeze` does not wait, and `abandon` continues the reset.
    Freeze,
}

/// What happens after a device has refused a reset.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    /// The device accepts the next request, which `abandon` makes.
    Once,
    /// As above. `poll_abandon` made the first request, and makes the next one.
    Polled,
    /// The kernel cuts the device off from memory, and takes everything back.
    CutOff,
}

/// An operation of the balloon.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Service,
    /// Retries with the last pause, which may be over.
    Retry,
    Drain,
    /// Polls an inflation and drops it.
    Inflate {
        frames: u32,
        polls: u8,
    },
    InflateWith {
        frames: u32,
    },
    Deflate {
        frames: u32,
        then: Then,
    },
    DeflateOnOom {
        then: Then,
    },
    /// Migrates a ballooned frame, or a frame that is not in the balloon if `old` is `None`, to a run of `frames` frames.
    Migrate {
        old: Option<u16>,
        frames: u32,
        polls: u8,
    },
}

/// What happens with a pending deflation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// The host is notified, and the deflation is polled and dropped.
    TellHost { polls: u8 },
    /// The frames are released early, if the feature set allows it.
    ReleaseEarly,
    /// It is dropped.
    Drop,
}

/// Numbers of frames: a few, whole arrays, or more than all arrays.
fn frames() -> impl Strategy<Value = u32> {
    prop_oneof![3 => 0..40_u32, 2 => 1..600_u32, 1 => Just(u32::MAX), 1 => (0..4_u32).prop_map(|arrays| arrays * 256)]
}

fn then() -> impl Strategy<Value = Then> {
    prop_oneof![4 => (0..5_u8).prop_map(|polls| Then::TellHost { polls }), 2 => Just(Then::ReleaseEarly), 1 => Just(Then::Drop)]
}

fn operation() -> impl Strategy<Value = Operation> {
    let migrate = (prop_oneof![1 => Just(None), 9 => any::<u16>().prop_map(Some)], 1..3_u32, 0..5_u8);
    prop_oneof![
        12 => Just(Operation::Service),
        2 => Just(Operation::Retry),
        1 => Just(Operation::Drain),
        3 => (frames(), 0..5_u8).prop_map(|(frames, polls)| Operation::Inflate { frames, polls }),
        2 => (1..300_u32).prop_map(|frames| Operation::InflateWith { frames }),
        4 => (frames(), then()).prop_map(|(frames, then)| Operation::Deflate { frames, then }),
        3 => then().prop_map(|then| Operation::DeflateOnOom { then }),
        5 => migrate.prop_map(|(old, frames, polls)| Operation::Migrate { old, frames, polls }),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    prop::sample::select(Part::ALL.to_vec())
}

/// What happens to a device that the driver cannot influence.
fn trouble() -> impl Strategy<Value = Move> {
    let reset = prop::sample::select(vec![DelayedReset::Abandon, DelayedReset::Poll, DelayedReset::Freeze]);
    prop_oneof![
        6 => Just(Move::LoseNotifications),
        3 => (1..20_u8, reset).prop_map(|(reads, reset)| Move::DelayReset { reads, reset }),
        3 => prop::sample::select(vec![Refusal::Once, Refusal::Polled, Refusal::CutOff])
            .prop_map(|then| Move::RefuseReset { then }),
        2 => Just(Move::Remove),
    ]
}

pub(crate) fn a_move() -> impl Strategy<Value = Move> {
    let target = prop_oneof![6 => 0..PAGES, 1 => Just(u32::MAX), 1 => Just(0), 2 => 0..64_u32];
    let runs = prop_oneof![
        Just(Runs::Contiguous),
        (1..9_u32).prop_map(Runs::AtMost),
        any::<u64>().prop_map(|seed| Runs::Scattered { seed })
    ];
    prop_oneof![
        31 => operation().prop_map(Move::Operation),
        20 => part().prop_map(Move::Service),
        20 => (1..9_u8).prop_map(|steps| Move::Work { steps }),
        20 => prop_oneof![
            8 => target.prop_map(Move::Target),
            6 => Just(Move::RequestStatistics),
            3 => (any::<u16>(), any::<u64>()).prop_map(|(tags, value)| Move::SetStatistics { tags, value }),
            5 => Just(Move::StartHints),
            1 => Just(Move::StopHints),
            5 => Just(Move::FinishHints),
        ],
        12 => prop_oneof![
            2 => proptest::option::of(0..300_u16).prop_map(Move::LimitFrames),
            2 => (0..200_u16).prop_map(|frames| Move::UseFrames { frames }),
            2 => runs.prop_map(Move::SetRuns),
            1 => Just(Move::ReverseOrder),
            1 => (1..30_u8).prop_map(Move::Delay),
            1 => Just(Move::AnswerAtOnce),
        ],
        4 => prop_oneof![
            2 => Just(Move::NotifyAgain),
            4 => (0..1000_u16).prop_map(|frames| Move::Reclaim { frames }),
            1 => Just(Move::HostReset),
        ],
        4 => trouble(),
        8 => prop_oneof![
            6 => Just(Move::Split),
            6 => Just(Move::Join),
            1 => part().prop_map(Move::DropHandle),
            3 => Just(Move::FreezeAndRestore),
            2 => Just(Move::FreezeWithoutWaiting),
            1 => Just(Move::Abandon),
            3 => Just(Move::AbandonAndRestore),
        ],
    ]
}
