//! Interrupts for waiting contexts: where the interrupt handler and all contexts of the balloon meet.

use core::future::{Future, poll_fn};
use core::sync::atomic::Ordering;
use core::task::{Context, Poll, Waker};

use aerostat_transport::InterruptStatus;

use crate::sync::{AtomicBool, AtomicU8, DiatomicWaker};

/// A context of the balloon that waits for interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The balloon itself: the target, inflation and deflation.
    Balloon,
    /// Statistics.
    Statistics,
    /// Free page reporting.
    Reporting,
    /// Free page hinting.
    Hinting,
}

/// Wakes the contexts of a balloon from its interrupt handler. It works with any executor, and without one.
///
/// A kernel keeps one in a static beside its balloon. The interrupt handler acknowledges the interrupt and calls
/// [`Signal::raise`]. Each context [waits](Signal::wait) for its interrupts, or polls them with [`Signal::take`].
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
    /// The bits that were set and not taken.
    pending: AtomicU8,
    /// Whether a task is registering its waker.
    registering: AtomicBool,
    waker: DiatomicWaker,
}

impl Slot {
    const fn new() -> Self {
        Self { pending: AtomicU8::new(0), registering: AtomicBool::new(false), waker: DiatomicWaker::new() }
    }

    fn raise(&self, status: InterruptStatus) {
        let used = if status.used_buffers { USED_BUFFERS } else { 0 };
        let configuration = if status.configuration { CONFIGURATION } else { 0 };
        self.pending.fetch_or(used | configuration, Ordering::Release);
        self.waker.notify();
    }

    /// Registers the waker of the task that waits. If another task is doing that, the task is woken at once, to try again.
    fn register(&self, waker: &Waker) {
        if self.registering.swap(true, Ordering::Acquire) {
            return waker.wake_by_ref();
        }
        let _registering = Registering(&self.registering);
        // SAFETY: wakers are registered here only, and by one task at a time: the flag was clear, and is set until the end.
        unsafe { self.waker.register(waker) };
    }
}

/// Clears the flag at its end, also after a panic of a waker.
struct Registering<'a>(&'a AtomicBool);

impl Drop for Registering<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Signal {
    /// Creates a signal without pending interrupts.
    pub const fn new() -> Self {
        Self { balloon: Slot::new(), statistics: Slot::new(), reporting: Slot::new(), hinting: Slot::new() }
    }

    /// Wakes every context that the interrupt may concern. May be called in an interrupt handler.
    pub fn raise(&self, status: InterruptStatus) {
        if status.is_none() {
            return;
        }
        self.balloon.raise(status);
        self.hinting.raise(status);
        if status.used_buffers {
            self.statistics.raise(status);
            self.reporting.raise(status);
        }
    }

    /// Returns and clears the interrupts for a context since it last took them.
    pub fn take(&self, source: Source) -> InterruptStatus {
        let pending = self.slot(source).pending.swap(0, Ordering::Acquire);
        InterruptStatus { used_buffers: pending & USED_BUFFERS != 0, configuration: pending & CONFIGURATION != 0 }
    }

    /// Waits for the next interrupt for a context and returns its status. At most one task of a context may wait at a time.
    pub fn wait(&self, source: Source) -> impl Future<Output = InterruptStatus> {
        poll_fn(move |context| self.poll(source, context))
    }

    /// Polls for the next interrupt for a context, for futures that a kernel writes itself.
    pub fn poll(&self, source: Source, context: &mut Context<'_>) -> Poll<InterruptStatus> {
        let status = self.take(source);
        if !status.is_none() {
            return Poll::Ready(status);
        }
        self.slot(source).register(context.waker());
        // An interrupt may have arrived before the waker was registered.
        let status = self.take(source);
        if status.is_none() { Poll::Pending } else { Poll::Ready(status) }
    }

    fn slot(&self, source: Source) -> &Slot {
        match source {
            Source::Balloon => &self.balloon,
            Source::Statistics => &self.statistics,
            Source::Reporting => &self.reporting,
            Source::Hinting => &self.hinting,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Counter {
        fn woken(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn an_interrupt_wakes_the_task_that_waits_for_it_once() {
        let (signal, task) = (Signal::new(), Arc::new(Counter::default()));
        let waker = Waker::from(task.clone());
        let mut context = Context::from_waker(&waker);
        assert!(signal.poll(Source::Reporting, &mut context).is_pending());
        signal.raise(InterruptStatus { used_buffers: false, configuration: true });
        assert_eq!(task.woken(), 0, "reporting has no interrupts of the configuration");
        signal.raise(InterruptStatus { used_buffers: true, configuration: false });
        signal.raise(InterruptStatus { used_buffers: true, configuration: false });
        assert_eq!(task.woken(), 1);
        assert!(signal.poll(Source::Reporting, &mut context).is_ready());
        assert!(signal.poll(Source::Reporting, &mut context).is_pending());
    }

    #[test]
    fn a_second_task_that_registers_meanwhile_is_woken_to_try_again() {
        let (slot, task) = (Slot::new(), Arc::new(Counter::default()));
        let waker = Waker::from(task.clone());
        slot.registering.store(true, Ordering::Relaxed);
        slot.register(&waker);
        assert_eq!(task.woken(), 1);
        slot.registering.store(false, Ordering::Relaxed);
        slot.register(&waker);
        slot.raise(InterruptStatus::ANY);
        assert_eq!(task.woken(), 2);
    }
}
