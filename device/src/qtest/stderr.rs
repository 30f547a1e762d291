//! What QEMU says on its standard error.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the last words of a QEMU that has ended may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What was said so far. Clones are the same text.
#[derive(Clone, Debug, Default)]
pub(super) struct Stderr {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    said: Mutex<Said>,
    closed: Condvar,
}

#[derive(Debug, Default)]
struct Said {
    text: String,
    closed: bool,
}

impl Stderr {
    /// Collects until the other side closes. In a thread of its own, so that QEMU never waits for a reader.
    pub(super) fn collect(&self, mut from: impl Read + Send + 'static) {
        let stderr = self.clone();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut piece) {
                stderr.said().text.push_str(&String::from_utf8_lossy(&piece[..length]));
            }
            stderr.said().closed = true;
            stderr.shared.closed.notify_all();
        });
    }

    /// What was said so far.
    pub(super) fn text(&self) -> String {
        text(&self.said())
    }

    /// What was said in all by a QEMU that seems to have ended.
    pub(super) fn last_words(&self) -> String {
        let said = self.shared.closed.wait_timeout_while(self.said(), LAST_WORDS, |said| !said.closed);
        text(&said.unwrap_or_else(PoisonError::into_inner).0)
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.shared.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(said: &Said) -> String {
    if said.text.is_empty() { "nothing".into() } else { said.text.trim_end().into() }
}
