//! The interrupt line of a device.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

type Handler = Arc<dyn Fn() + Send + Sync>;

/// The interrupt line of a device, which counts how many times it was raised.
///
/// To wait for an interrupt without a race: read [`InterruptLine::count`], check for work, then call
/// [`InterruptLine::wait`] with that count. Or register a handler. Clones share one line.
#[derive(Clone, Default)]
pub struct InterruptLine {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    raised: Condvar,
}

#[derive(Default)]
struct State {
    count: u64,
    handler: Option<Handler>,
}

/// The device did not raise its interrupt in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no interrupt within {limit:?} (the device had raised {count} before)")]
pub struct NoInterrupt {
    /// The time limit.
    pub limit: Duration,
    /// How many times the line was raised in total.
    pub count: u64,
}

impl InterruptLine {
    /// Returns how many times the line was raised.
    pub fn count(&self) -> u64 {
        self.state().count
    }

    /// Waits until the line has been raised more than `seen` times, and returns how many times it was raised.
    ///
    /// # Errors
    ///
    /// [`NoInterrupt`] if that does not happen within `limit`.
    pub fn wait(&self, seen: u64, limit: Duration) -> Result<u64, NoInterrupt> {
        let deadline = Instant::now() + limit;
        let mut state = self.state();
        while state.count <= seen {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NoInterrupt { limit, count: state.count });
            }
            state = self.shared.raised.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(state.count)
    }

    /// Calls `handler` whenever the line is raised. Replaces an earlier handler.
    ///
    /// The call happens on the thread of the device, or inside the register access that raised the interrupt if the
    /// device has no thread. The handler may access registers.
    pub fn on_raise(&self, handler: impl Fn() + Send + Sync + 'static) {
        self.state().handler = Some(Arc::new(handler));
    }

    /// Raises the line. The caller must not hold a lock that the handler may need.
    pub(crate) fn raise(&self) {
        let mut state = self.state();
        state.count += 1;
        let handler = state.handler.clone();
        drop(state);
        self.shared.raised.notify_all();
        if let Some(handler) = handler {
            handler();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for InterruptLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterruptLine").field("count", &self.count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_before_the_wait_is_not_missed() {
        let line = InterruptLine::default();
        let seen = line.count();
        line.raise();
        assert_eq!(line.wait(seen, Duration::ZERO), Ok(1));
        assert_eq!(line.wait(1, Duration::ZERO), Err(NoInterrupt { limit: Duration::ZERO, count: 1 }));
    }

    #[test]
    fn an_interrupt_from_another_thread_ends_the_wait() {
        let line = InterruptLine::default();
        let raiser = line.clone();
        let thread = std::thread::spawn(move || raiser.raise());
        assert_eq!(line.wait(0, Duration::from_secs(10)), Ok(1));
        thread.join().unwrap();
    }
}
