//! Interrupts for whoever waits: the one place where the interrupt handler and all contexts of the balloon meet.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU8, Ordering};
use core::task::{Context, Poll};

use aerostat_transport::InterruptStatus;
use atomic_waker::AtomicWaker;

/// A context that waits for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The balloon proper: the target, inflation and deflation.
    Balloon,
    /// Statistics.
    Statistics,
    /// Free page reporting.
    Reporting,
    /// Free page hinting.
    Hinting,
}

/// Wakes the contexts of a balloon from its interrupt handler, without any executor of its own.
///
/// A kernel keeps one in a static beside its balloon. The interrupt handler acknowledges the interrupt and calls
/// [`Signal::raise`]; every context [waits](Signal::wait) for its own turn, or asks with [`Signal::take`].
///
/// ```
/// use aerostat_balloon::{Signal, Source, transport::{InterruptStatus, InterruptSource}};
///
/// static SIGNAL: Signal = Signal::new();
///
/// fn interrupt_handler(device: &impl InterruptSource) {
///     SIGNAL.raise(device.acknowledge());
/// }
///
/// # SIGNAL.raise(InterruptStatus::ANY);
/// assert_eq!(SIGNAL.take(Source::Balloon), InterruptStatus::ANY);
/// assert!(SIGNAL.take(Source::Balloon).is_none());
/// ```
#[derive(Debug, Default)]
pub struct Signal {
    balloon: Slot,
    statistics: Slot,
    reporting: Slot,
    hinting: Slot,
}

/// Bit of a slot: buffers were used.
const USED_BUFFERS: u8 = 1;
/// Bit of a slot: the configuration has changed.
const CONFIGURATION: u8 = 2;

#[derive(Debug, Default)]
struct Slot {
    /// Bits of the causes that were not taken yet.
    raised: AtomicU8,
    waker: AtomicWaker,
}

impl Slot {
    const fn new() -> Self {
        Self { raised: AtomicU8::new(0), waker: AtomicWaker::new() }
    }

    fn raise(&self, causes: InterruptStatus) {
        let used = if causes.used_buffers { USED_BUFFERS } else { 0 };
        let configuration = if causes.configuration { CONFIGURATION } else { 0 };
        self.raised.fetch_or(used | configuration, Ordering::Release);
        self.waker.wake();
    }
}

impl Signal {
    /// A signal that was not raised.
    pub const fn new() -> Self {
        Self { balloon: Slot::new(), statistics: Slot::new(), reporting: Slot::new(), hinting: Slot::new() }
    }

    /// Wakes every context that the causes may concern. May be called in an interrupt handler.
    pub fn raise(&self, causes: InterruptStatus) {
        if causes.is_none() {
            return;
        }
        self.balloon.raise(causes);
        self.hinting.raise(causes);
        if causes.used_buffers {
            self.statistics.raise(causes);
            self.reporting.raise(causes);
        }
    }

    /// What interrupts there were for the context since the last time it asked.
    pub fn take(&self, waiter: Source) -> InterruptStatus {
        let raised = self.slot(waiter).raised.swap(0, Ordering::Acquire);
        InterruptStatus { used_buffers: raised & USED_BUFFERS != 0, configuration: raised & CONFIGURATION != 0 }
    }

    /// Waits for the next interrupt for the context, and says what it was about. At most one task of a context may wait at a time.
    pub fn wait(&self, waiter: Source) -> Raised<'_> {
        Raised { signal: self, waiter }
    }

    /// Polls for the next interrupt for the context, see [`Signal::wait`].
    pub fn poll(&self, waiter: Source, context: &mut Context<'_>) -> Poll<InterruptStatus> {
        let causes = self.take(waiter);
        if !causes.is_none() {
            return Poll::Ready(causes);
        }
        self.slot(waiter).waker.register(context.waker());
        // It may have been raised before the waker was there.
        let causes = self.take(waiter);
        if causes.is_none() { Poll::Pending } else { Poll::Ready(causes) }
    }

    fn slot(&self, waiter: Source) -> &Slot {
        match waiter {
            Source::Balloon => &self.balloon,
            Source::Statistics => &self.statistics,
            Source::Reporting => &self.reporting,
            Source::Hinting => &self.hinting,
        }
    }
}

/// Completes with the next interrupt for a context.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Raised<'a> {
    signal: &'a Signal,
    waiter: Source,
}

impl Future for Raised<'_> {
    type Output = InterruptStatus;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<InterruptStatus> {
        self.signal.poll(self.waiter, context)
    }
}

/// An operation that is under way, as a future: see [`Inflation::on`](crate::Inflation::on) and its like.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct On<'s, O> {
    operation: O,
    signal: &'s Signal,
}

/// An operation on the balloon that goes on without waiting.
pub trait Operation {
    /// What it completes with.
    type Output;

    /// Goes on without waiting.
    ///
    /// # Errors
    ///
    /// Whatever went wrong.
    fn advance(&mut self) -> Result<Poll<Self::Output>, crate::BalloonError>;
}

impl<'s, O: Operation> On<'s, O> {
    pub(crate) fn new(operation: O, signal: &'s Signal) -> Self {
        Self { operation, signal }
    }
}

impl<O: Operation + Unpin> Future for On<'_, O> {
    type Output = Result<O::Output, crate::BalloonError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.operation.advance() {
            Ok(Poll::Ready(done)) => return Poll::Ready(Ok(done)),
            Err(error) => return Poll::Ready(Err(error)),
            Ok(Poll::Pending) => {}
        }
        if self.signal.poll(Source::Balloon, context).is_ready() {
            // There was an interrupt since the last look: look again in the next turn.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
