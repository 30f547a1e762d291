//! An operation in progress, which borrows the balloon until it is done.

use core::fmt::Debug;
use core::future::{Future, poll_fn};
use core::task::Poll;

use aerostat_transport::Wait;

use super::live::{LiveState, TypesOf};
use super::wait::block_on;
use crate::core::Core;
use crate::error::BalloonError;
use crate::features::Types;
use crate::signal::{Signal, Source};

/// What an operation does, step by step. Sealed.
pub trait Kind: Debug + sealed::Sealed {
    /// What the operation returns when it is done.
    type Output;

    #[doc(hidden)]
    fn advance<C: Types>(&mut self, core: &mut Core<C>) -> Result<Poll<Self::Output>, BalloonError>;
}

pub(super) mod sealed {
    pub trait Sealed {}
}

/// An operation in progress: an [`Inflation`](super::Inflation), a [`Deflation`](super::Deflation) or a
/// [`Migration`](super::Migration), by its kind `K`, of a balloon in the state `S`.
#[derive(Debug)]
#[must_use = "an operation makes progress only while it is polled"]
pub struct Operation<'a, S: LiveState, K> {
    core: &'a mut Core<TypesOf<S>>,
    kind: K,
}

impl<'a, S: LiveState, K: Kind> Operation<'a, S, K> {
    pub(crate) const fn new(core: &'a mut Core<TypesOf<S>>, kind: K) -> Self {
        Self { core, kind }
    }

    /// Makes progress without waiting. Returns `Ready` once the device has acknowledged all of the operation. For inflation
    /// and deflation the output is the number of frames, which is smaller than requested if the kernel had no more frames or
    /// the target changed.
    ///
    /// It does at most 132 register accesses, like [`service`](crate::Balloon::service), and at most 6 while the host does not
    /// change the configuration. A migration, and a deflation on OOM, do not read the target: they do at most 3.
    /// [Block inflation](crate::feature::BlockInflation) adds at most one.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]. Frames that the device has not acknowledged stay in the balloon.
    pub fn poll(&mut self) -> Result<Poll<K::Output>, BalloonError> {
        self.kind.advance(self.core)
    }

    /// Makes progress until the operation is done, and waits for the device through `wait`. Between two calls of `wait` it does as many
    /// register accesses as [`Operation::poll`].
    ///
    /// # Errors
    ///
    /// [`BalloonError`]. It is [`NoAnswer`](aerostat_transport::DeviceError::NoAnswer) when `wait` gives up.
    pub fn wait(mut self, wait: &mut impl Wait) -> Result<K::Output, BalloonError> {
        block_on(self.core, wait, |core| self.kind.advance(core))
    }

    /// Makes progress until the operation is done, as a future that the interrupt handler wakes through `signal`. Each poll of it is one
    /// of [`Operation::poll`].
    ///
    /// # Errors
    ///
    /// As for [`Operation::poll`].
    pub fn on(mut self, signal: &Signal) -> impl Future<Output = Result<K::Output, BalloonError>> {
        poll_fn(move |context| match self.poll() {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(error) => Poll::Ready(Err(error)),
            Ok(Poll::Pending) => {
                if signal.poll(Source::Balloon, context).is_ready() {
                    // An interrupt arrived since the last poll.
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            }
        })
    }
}
