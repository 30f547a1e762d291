//! The last lines that somebody said, and whether a line that matters was among them.

use std::{
    collections::VecDeque,
    io::Read,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::process::lines::Splitter;

/// How many lines are kept.
const KEPT: usize = 2000;
/// How many of them are the last lines.
const LAST: usize = 20;
/// Longest line that is kept, in bytes; the rest of a longer one is cut off.
const LONGEST: usize = 400;

/// The end of a text that goes on.
#[derive(Debug)]
pub(crate) struct Tail {
    splitter: Splitter,
    kept: VecDeque<String>,
    /// How many lines have come and are not kept any more.
    gone: usize,
    ready: bool,
    panicked: bool,
}

impl Default for Tail {
    fn default() -> Self {
        Self { splitter: Splitter::new(LONGEST), kept: VecDeque::new(), gone: 0, ready: false, panicked: false }
    }
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        let Self { splitter, kept, gone, ready, panicked } = self;
        splitter.push(bytes, |line| {
            *ready |= says_ready(&line);
            *panicked |= says_panic(&line);
            if kept.len() == KEPT {
                kept.pop_front();
                *gone += 1;
            }
            kept.push_back(line);
        });
    }

    /// The last lines, an unfinished one too; without empty lines at the end.
    pub(crate) fn lines(&self) -> Vec<String> {
        let last = self.kept.iter().skip(self.kept.len().saturating_sub(LAST));
        let mut lines: Vec<_> = last.cloned().chain(self.splitter.rest()).collect();
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        lines
    }
}

/// A place between the lines of a text, at first before all of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place(usize);

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

    /// The next whole line after `place` of which `read` makes something; `place` is then after that line. Lines are
    /// not kept for ever: who looks often misses none.
    pub(crate) fn next<T>(&self, place: &mut Place, mut read: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let tail = self.tail();
        let first = place.0.saturating_sub(tail.gone);
        let found = tail.kept.iter().enumerate().skip(first).find_map(|(n, line)| Some((n, read(line)?)));
        place.0 = tail.gone + found.as_ref().map_or(tail.kept.len(), |(n, _)| n + 1);
        found.map(|(_, read)| read)
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
        assert_eq!(lines.len(), LAST + 1);
        assert_eq!((lines[0].as_str(), lines[LAST].as_str()), ("line 80", "and"));
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
    fn each_line_is_read_once_and_in_order() {
        let (listener, mut place) = (heard(b"n: 1\nx\nn: 2\nn: "), Place::default());
        let mut next = || listener.next(&mut place, |line| line.strip_prefix("n: ").map(str::to_owned));
        assert_eq!((next().as_deref(), next().as_deref(), next()), (Some("1"), Some("2"), None));
        listener.tail().push(b"3\n");
        assert_eq!(next().as_deref(), Some("3"));
    }

    #[test]
    fn a_place_stays_where_it_is_when_lines_before_it_are_forgotten() {
        let text: String = (0..KEPT + 10).map(|n| format!("{n}\n")).collect();
        let (listener, mut place) = (heard(text.as_bytes()), Place::default());
        assert_eq!(listener.next(&mut place, |line| line.parse().ok()), Some(10));
        listener.tail().push(b"more\n");
        assert_eq!(listener.next(&mut place, |line| line.parse().ok()), Some(11));
    }

    #[test]
    fn a_panic_is_noticed() {
        let listener = heard(b"panic: out of luck at src/main.rs:7\nbye\n\n");
        assert!(listener.has_panicked());
        assert_eq!(listener.lines().last().map(String::as_str), Some("bye"));
    }
}
