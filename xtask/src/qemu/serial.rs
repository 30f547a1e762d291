//! The last lines that somebody said, and whether a line that matters was among them.

use std::{
    collections::VecDeque,
    io::Read,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::process::lines::Splitter;

/// How many lines are kept.
const KEPT: usize = 20;
/// Longest line that is kept, in bytes; the rest of a longer one is cut off.
const LONGEST: usize = 400;

/// The end of a text that goes on.
#[derive(Debug)]
pub(crate) struct Tail {
    splitter: Splitter,
    kept: VecDeque<String>,
    ready: bool,
    panicked: bool,
}

impl Default for Tail {
    fn default() -> Self {
        Self { splitter: Splitter::new(LONGEST), kept: VecDeque::new(), ready: false, panicked: false }
    }
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        let Self { splitter, kept, ready, panicked } = self;
        splitter.push(bytes, |line| {
            *ready |= says_ready(&line);
            *panicked |= says_panic(&line);
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(line);
        });
    }

    /// The last lines, an unfinished one too; without empty lines at the end.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.kept.iter().cloned().chain(self.splitter.rest()).collect();
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        lines
    }
}

/// The guest's line that its balloon is live.
fn says_ready(line: &str) -> bool {
    line.starts_with("ready: ")
}

/// The guest's line that it cannot go on.
fn says_panic(line: &str) -> bool {
    line.starts_with("panic: ")
}

/// A stream that is read on a thread of its own, and the tail of what came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listener(Arc<Mutex<Tail>>);

impl Listener {
    /// Listens to `stream` until it ends.
    pub(crate) fn listen(stream: impl Read + Send + 'static) -> Self {
        let listener = Self::default();
        let shared = listener.clone();
        // The thread ends with the stream, which ends with the process that writes it.
        thread::spawn(move || shared.read(stream));
        listener
    }

    fn read(&self, mut stream: impl Read) {
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => self.tail().push(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.tail().lines()
    }

    /// Whether the guest has said that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.tail().ready
    }

    /// Whether the guest has said that it panicked.
    pub(crate) fn has_panicked(&self) -> bool {
        self.tail().panicked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(bytes: &[u8]) -> Listener {
        let listener = Listener::default();
        listener.read(bytes);
        listener
    }

    #[test]
    fn only_the_last_lines_are_kept_and_the_unfinished_one_with_them() {
        let text: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let lines = heard(format!("{text}and").as_bytes()).lines();
        assert_eq!(lines.len(), KEPT + 1);
        assert_eq!((lines[0].as_str(), lines[KEPT].as_str()), ("line 80", "and"));
    }

    #[test]
    fn readiness_is_remembered_after_its_line_is_gone() {
        let mut text = b"ready: 1024 MiB, 1000 MiB free\n".to_vec();
        assert!(heard(&text).is_ready());
        text.extend(b"more\n".repeat(100));
        assert!(heard(&text).is_ready() && !heard(&text).has_panicked());
        assert!(!heard(b"is it ready: not yet\nready").is_ready());
    }

    #[test]
    fn a_panic_is_noticed() {
        let listener = heard(b"panic: out of luck at src/main.rs:7\nbye\n\n");
        assert!(listener.has_panicked());
        assert_eq!(listener.lines().last().map(String::as_str), Some("bye"));
    }
}
