//! The lock around a device, and when its work is done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::interrupt::InterruptLine;
use crate::model::{Progress, State};

/// Where the device does its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// On its own thread.
    Threaded,
    /// In the register access that notifies it: all work is done when the access returns.
    Inline,
    /// In calls of the test.
    Manual,
}

/// A device, shared by the registers, the worker thread and the test.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Signalled when there may be work for the worker thread, or when it has to stop.
    work: Condvar,
    /// Signalled when the worker thread has no work left.
    idle: Condvar,
    pub(crate) line: InterruptLine,
    mode: Mode,
    stop: AtomicBool,
}

/// The device did not finish its work in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device still had work after {0:?}")]
pub struct StillBusy(pub Duration);

impl Shared {
    pub(crate) fn new(state: State, mode: Mode) -> Self {
        Self {
            state: Mutex::new(state),
            work: Condvar::new(),
            idle: Condvar::new(),
            line: InterruptLine::default(),
            mode,
            stop: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked with the lock has failed its test; other threads need no second panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the state, without a tick.
    pub(crate) fn inspect<T>(&self, inspect: impl FnOnce(&State) -> T) -> T {
        inspect(&self.lock())
    }

    /// Changes the state, without a tick and without any work.
    pub(crate) fn update<T>(&self, update: impl FnOnce(&mut State) -> T) -> T {
        update(&mut self.lock())
    }

    /// Applies a register access or an action of the host: one tick, then the resulting work as the mode demands.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        if self.mode != Mode::Threaded {
            state.tick();
        }
        let result = act(&mut state);
        match self.mode {
            Mode::Threaded => self.work.notify_one(),
            Mode::Inline => while state.step() == Progress::Made {},
            Mode::Manual => {}
        }
        self.unlock_and_raise(state);
        result
    }

    /// Does at most `steps` steps of work. Returns the result of the last one.
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

    /// Raises pending interrupts without the lock, because the interrupt handler may access registers.
    fn unlock_and_raise(&self, mut state: MutexGuard<'_, State>) {
        let interrupts = state.take_pending_interrupts();
        drop(state);
        for _ in 0..interrupts {
            self.line.raise();
        }
    }

    /// Runs the worker thread until [`Shared::stop`].
    pub(crate) fn run_worker(&self) {
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
                    // The check under the lock cannot miss the signal of `stop`.
                    if !self.is_stopped() {
                        drop(self.work.wait(state));
                    }
                }
            }
        }
    }

    /// Stops the worker thread.
    pub(crate) fn stop(&self) {
        let state = self.lock();
        self.stop.store(true, Ordering::Release);
        drop(state);
        self.work.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Waits until the device has no work before the next notification. Without a worker thread, does the work, with as
    /// many ticks as delayed buffers need.
    pub(crate) fn settle(&self, limit: Duration) -> Result<(), StillBusy> {
        let deadline = Instant::now() + limit;
        if self.mode == Mode::Threaded {
            return if self.wait_until_idle(deadline) { Ok(()) } else { Err(StillBusy(limit)) };
        }
        while self.run(usize::MAX) == Progress::Waiting {
            if Instant::now() >= deadline {
                return Err(StillBusy(limit));
            }
            self.lock().tick();
        }
        Ok(())
    }

    /// Waits for the worker thread. Returns `false` if it still has work at `deadline`.
    fn wait_until_idle(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        while state.has_work() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.idle.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}
