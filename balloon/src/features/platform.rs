//! What a kernel must implement for the features that it declares.

use aerostat_spec::{Absent, Available, Optional, Required, Requirement, RequirementOf};
use aerostat_transport::Dma;

use super::feature::{BlockInflation, FreePageHint, PagePoison, PageReporting, StatsVq};
use super::set::BalloonFeatureSet;
use crate::platform::{BlockFrames, FillFrames, Frames, FreeContents, HintFrames, ReportFrames, Sample, Statistics};
use crate::units::FrameRun;

/// A kernel that implements everything that the feature set `F` needs: [`Dma`], [`Frames`], and one trait for each of
/// [`StatsVq`], [`PagePoison`], [`PageReporting`], [`FreePageHint`] and [`BlockInflation`] that is declared.
///
/// Implemented for every such type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` lacks a trait that the feature set `{F}` needs",
    label = "not a platform for the feature set `{F}`",
    note = "every platform needs `Frames` and `Dma`; `aerostat_balloon::feature` lists the traits of features"
)]
pub trait Platform<F>: Dma + Frames {
    #[doc(hidden)]
    const CONTENTS: FreeContents;
    #[doc(hidden)]
    fn sample_statistics(&mut self, sample: &mut Sample);
    #[doc(hidden)]
    fn fill_frames(&mut self, run: &FrameRun<Self::Size>, value: u32);
    #[doc(hidden)]
    fn block_to_report(&mut self, frames: u32) -> Option<FrameRun<Self::Size>>;
    #[doc(hidden)]
    fn return_reported(&mut self, run: FrameRun<Self::Size>);
    #[doc(hidden)]
    fn blocks_to_hold(&mut self, frames: u32, max: u32) -> Option<FrameRun<Self::Size>>;
    #[doc(hidden)]
    fn block_to_hint(&mut self, frames: u32) -> Option<FrameRun<Self::Size>>;
    #[doc(hidden)]
    fn initialize_hinted(&mut self, run: &FrameRun<Self::Size>);
}

impl<F, P> Platform<F> for P
where
    F: BalloonFeatureSet,
    P: Dma + Frames,
    RequirementOf<F, StatsVq>: StatisticsOf<P>,
    RequirementOf<F, PagePoison>: FillOf<P>,
    RequirementOf<F, PageReporting>: ReportOf<P>,
    RequirementOf<F, FreePageHint>: HintOf<P>,
    RequirementOf<F, BlockInflation>: HoldOf<P, RequirementOf<F, PageReporting>>,
{
    const CONTENTS: FreeContents = <RequirementOf<F, PageReporting> as ReportOf<P>>::CONTENTS;

    fn sample_statistics(&mut self, sample: &mut Sample) {
        <RequirementOf<F, StatsVq> as StatisticsOf<P>>::sample(self, sample);
    }

    fn fill_frames(&mut self, run: &FrameRun<P::Size>, value: u32) {
        <RequirementOf<F, PagePoison> as FillOf<P>>::fill(self, run, value);
    }

    fn block_to_report(&mut self, frames: u32) -> Option<FrameRun<P::Size>> {
        <RequirementOf<F, PageReporting> as ReportOf<P>>::next(self, frames)
    }

    fn return_reported(&mut self, run: FrameRun<P::Size>) {
        <RequirementOf<F, PageReporting> as ReportOf<P>>::put_back(self, run);
    }

    fn blocks_to_hold(&mut self, frames: u32, max: u32) -> Option<FrameRun<P::Size>> {
        <RequirementOf<F, BlockInflation> as HoldOf<P, RequirementOf<F, PageReporting>>>::next(self, frames, max)
    }

    fn block_to_hint(&mut self, frames: u32) -> Option<FrameRun<P::Size>> {
        <RequirementOf<F, FreePageHint> as HintOf<P>>::next(self, frames)
    }

    fn initialize_hinted(&mut self, run: &FrameRun<P::Size>) {
        <RequirementOf<F, FreePageHint> as HintOf<P>>::initialize(self, run);
    }
}

/// The kernel's statistics, where they are declared.
pub trait StatisticsOf<P> {
    fn sample(platform: &mut P, sample: &mut Sample);
}

/// The kernel's filling of frames, where it is declared.
pub trait FillOf<P: Frames> {
    fn fill(platform: &mut P, run: &FrameRun<P::Size>, value: u32);
}

/// The kernel's blocks to report, where reporting is declared.
pub trait ReportOf<P: Frames> {
    const CONTENTS: FreeContents;
    fn next(platform: &mut P, frames: u32) -> Option<FrameRun<P::Size>>;
    fn put_back(platform: &mut P, run: FrameRun<P::Size>);
}

/// The kernel's blocks to hint, where hinting is declared.
pub trait HintOf<P: Frames> {
    fn next(platform: &mut P, frames: u32) -> Option<FrameRun<P::Size>>;
    fn initialize(platform: &mut P, run: &FrameRun<P::Size>);
}

/// The kernel's blocks for block inflation, where it is declared. `R` is the requirement for reporting, which it needs.
pub trait HoldOf<P: Frames, R> {
    fn next(platform: &mut P, frames: u32, max: u32) -> Option<FrameRun<P::Size>>;
}

impl<P> StatisticsOf<P> for Absent {
    fn sample(_platform: &mut P, _sample: &mut Sample) {}
}

impl<P: Frames> FillOf<P> for Absent {
    fn fill(_platform: &mut P, _run: &FrameRun<P::Size>, _value: u32) {}
}

impl<P: Frames> ReportOf<P> for Absent {
    const CONTENTS: FreeContents = FreeContents::Undefined;

    fn next(_platform: &mut P, _frames: u32) -> Option<FrameRun<P::Size>> {
        None
    }

    fn put_back(platform: &mut P, run: FrameRun<P::Size>) {
        platform.deallocate(run);
    }
}

impl<P: Frames> HintOf<P> for Absent {
    fn next(_platform: &mut P, _frames: u32) -> Option<FrameRun<P::Size>> {
        None
    }

    fn initialize(_platform: &mut P, _run: &FrameRun<P::Size>) {}
}

impl<P: Frames, R: Requirement> HoldOf<P, R> for Absent {
    fn next(_platform: &mut P, _frames: u32, _max: u32) -> Option<FrameRun<P::Size>> {
        None
    }
}

macro_rules! declared {
    ($($requirement:ident)*) => {$(
        impl<P: Statistics> StatisticsOf<P> for $requirement {
            fn sample(platform: &mut P, sample: &mut Sample) {
                platform.sample(sample);
            }
        }

        impl<P: FillFrames> FillOf<P> for $requirement {
            fn fill(platform: &mut P, run: &FrameRun<P::Size>, value: u32) {
                platform.fill(run, value);
            }
        }

        impl<P: ReportFrames> ReportOf<P> for $requirement {
            const CONTENTS: FreeContents = P::CONTENTS;

            fn next(platform: &mut P, frames: u32) -> Option<FrameRun<P::Size>> {
                platform.allocate_unreported(frames)
            }

            fn put_back(platform: &mut P, run: FrameRun<P::Size>) {
                platform.deallocate_reported(run);
            }
        }

        impl<P: BlockFrames, R: Available<PageReporting>> HoldOf<P, R> for $requirement {
            fn next(platform: &mut P, frames: u32, max: u32) -> Option<FrameRun<P::Size>> {
                platform.allocate_blocks(frames, max)
            }
        }

        impl<P: HintFrames> HintOf<P> for $requirement {
            fn next(platform: &mut P, frames: u32) -> Option<FrameRun<P::Size>> {
                platform.allocate_block(frames)
            }

            fn initialize(platform: &mut P, run: &FrameRun<P::Size>) {
                platform.initialize(run);
            }
        }
    )*};
}

declared!(Required Optional);
