//! The lock around the device, and who does its work when.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::interrupt::InterruptLine;
use crate::model::{Progress, State};

/// Who does the work that a notification starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A thread of the device's own, as a real device would.
    Threaded,
    /// The register access that notifies: everything is done when it returns.
    Inline,
    /// Nobody, until the test asks for it.
    Manual,
}

/// What the registers, the worker and the host's side share.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// The worker has something to do, or is to stop.
    wake: Condvar,
    /// The worker found nothing more to do.
    idle: Condvar,
    pub(crate) line: InterruptLine,
    mode: Mode,
    stop: std::sync::atomic::AtomicBool,
}

/// The device did not come to rest in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device still had work to do after {0:?}")]
pub struct StillBusy(pub Duration);

impl Shared {
    pub(crate) fn new(state: State, mode: Mode) -> Self {
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
            idle: Condvar::new(),
            line: InterruptLine::default(),
            mode,
            stop: std::sync::atomic::AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already; the others want a sensible message.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the device without any time passing for it.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Changes what the device remembers without any time passing for it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.lock())
    }

    /// Something from outside happens to the device: an access to a register, or a move of its host.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        if self.mode != Mode::Threaded {
            state.tick();
        }
        let result = act(&mut state);
        match self.mode {
            Mode::Threaded => self.wake.notify_one(),
            Mode::Inline => while state.step() == Progress::Made {},
            Mode::Manual => {}
        }
        self.unlock_and_raise(state);
        result
    }

    /// Does at most `steps` steps of work. Whether there is more.
    pub(crate) fn run(&self, steps: usize) -> Progress {
        let mut state = self.lock();
        let mut progress = Progress::Made;
        for _ in 0..steps {
            progress = state.step();
            if progress != Progress::Made {
                break;
            }
        }
        self.unlock_and_raise(state);
        progress
    }

    /// The interrupt handler may access registers: it is called without the lock.
    fn unlock_and_raise(&self, mut state: MutexGuard<'_, State>) {
        let raises = state.take_raises();
        drop(state);
        for _ in 0..raises {
            self.line.raise();
        }
    }

    /// The worker thread, until [`Shared::stop`].
    pub(crate) fn work(&self) {
        while !self.is_stopped() {
            let mut state = self.lock();
            match state.step() {
                Progress::Made => self.unlock_and_raise(state),
                Progress::Waiting => {
                    state.tick();
                    drop(state);
                    std::thread::yield_now();
                }
                Progress::Idle => {
                    self.idle.notify_all();
                    // Checked under the lock, or the wake-up of `stop` could be missed.
                    if !self.is_stopped() {
                        drop(self.wake.wait(state));
                    }
                }
            }
        }
    }

    pub(crate) fn stop(&self) {
        let state = self.lock();
        self.stop.store(true, std::sync::atomic::Ordering::Release);
        drop(state);
        self.wake.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(std::sync::atomic::Ordering::Acquire)
    }

    /// Waits until there is nothing to do before the next notification. Without a thread of its own the device does
    /// what there is, and lets the time pass that delayed buffers need.
    pub(crate) fn settle(&self, limit: Duration) -> Result<(), StillBusy> {
        let deadline = Instant::now() + limit;
        if self.mode != Mode::Threaded {
            while self.run(usize::MAX) == Progress::Waiting {
                if Instant::now() >= deadline {
                    return Err(StillBusy(limit));
                }
                self.lock().tick();
            }
            return Ok(());
        }
        let mut state = self.lock();
        while state.has_work() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StillBusy(limit));
            }
            state = self.idle.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }
}
