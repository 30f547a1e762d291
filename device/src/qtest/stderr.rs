//! Collects the standard error output of QEMU.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Maximum time to wait for the remaining output of a QEMU that has exited.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// The standard error output of QEMU so far. Clones share one text.
#[derive(Clone, Debug, Default)]
pub(super) struct Stderr {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    output: Mutex<Output>,
    closed: Condvar,
}

#[derive(Debug, Default)]
struct Output {
    text: String,
    closed: bool,
}

impl Stderr {
    /// Collects output until the pipe closes. Uses a thread, so that a full pipe never blocks QEMU.
    pub(super) fn collect(&self, mut from: impl Read + Send + 'static) {
        let stderr = self.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                stderr.output().text.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            stderr.output().closed = true;
            stderr.shared.closed.notify_all();
        });
    }

    /// Returns the output so far.
    pub(super) fn text(&self) -> String {
        text(&self.output())
    }

    /// Returns the complete output of a QEMU that has probably exited.
    pub(super) fn complete_text(&self) -> String {
        let output = self.shared.closed.wait_timeout_while(self.output(), DRAIN_LIMIT, |output| !output.closed);
        text(&output.unwrap_or_else(PoisonError::into_inner).0)
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.shared.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(output: &Output) -> String {
    if output.text.is_empty() { "(no output)".into() } else { output.text.trim_end().into() }
}
