//! A virtio memory balloon driver for Rust kernels.
#![no_std]

#[cfg(test)]
extern crate std;

mod error;
mod frame;
mod frozen;
mod live;
mod operation;
mod platform;
mod ready;
mod start;
mod tracker;
mod unprobed;

pub use aerostat_spec as spec;
pub use aerostat_spec::balloon::feature::MustTellHost;
pub use aerostat_transport as transport;
pub use error::{BalloonError, FrameError, ProbeError};
pub use frame::{FrameRun, FrameSize, PAGE_BYTES, Pages, Size4KiB, Size16KiB, Size64KiB};
pub use frozen::{Frozen, StillLive};
pub use operation::{Deflated, Deflation, Inflation};
pub use platform::Frames;
pub use ready::{Declined, Ready, Step};
pub use unprobed::{BalloonFeature, BalloonLevels, Options, ProbeFailed, Undeclared, Unprobed};

/// A memory balloon in the state `S`: [`Unprobed`], [`Ready`] or [`Frozen`].
#[derive(Debug)]
pub struct Balloon<S> {
    state: S,
}
