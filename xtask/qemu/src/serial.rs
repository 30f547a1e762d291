//! The last lines of an output stream, and the events that lines report.

use std::{
    collections::VecDeque,
    io::Read,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use xtask_common::process::lines::Splitter;

/// The number of lines that are kept.
const KEPT: usize = 2000;
/// The number of lines that errors quote.
const LAST: usize = 20;
/// The longest line that is kept, in bytes: a line of a log with 4096 bytes of each direction in hexadecimal. Longer lines are truncated.
const LONGEST: usize = 16500;

/// The most recent lines of a growing text.
#[derive(Debug)]
struct RecentLines {
    splitter: Splitter,
    kept: VecDeque<String>,
    /// The number of lines that have been dropped.
    dropped: usize,
    ready: bool,
    panicked: bool,
}

impl Default for RecentLines {
    fn default() -> Self {
        Self { splitter: Splitter::new(LONGEST), kept: VecDeque::new(), dropped: 0, ready: false, panicked: false }
    }
}

impl RecentLines {
    fn push(&mut self, bytes: &[u8]) {
        let Self { splitter, kept, dropped, ready, panicked } = self;
        splitter.push(bytes, |line| {
            *ready |= reports_ready(&line);
            *panicked |= reports_panic(&line);
            if kept.len() == KEPT {
                kept.pop_front();
                *dropped += 1;
            }
            kept.push_back(line);
        });
    }

    /// Returns the last lines, including an unfinished one, without empty lines at the end.
    fn lines(&self) -> Vec<String> {
        let last = self.kept.iter().skip(self.kept.len().saturating_sub(LAST));
        let mut lines: Vec<_> = last.cloned().chain(self.splitter.rest()).collect();
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        lines
    }
}

/// A position between the lines of a text. The default is before the first line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Position(usize);

/// Returns whether the guest reports that its balloon is live.
fn reports_ready(line: &str) -> bool {
    line.starts_with("ready: ")
}

/// Returns whether the guest reports a panic.
fn reports_panic(line: &str) -> bool {
    line.starts_with("panic: ")
}

/// Reads a stream on its own thread and keeps its last lines.
#[derive(Clone, Debug, Default)]
pub struct Listener(Arc<Mutex<RecentLines>>);

impl Listener {
    /// Starts to read `stream` until it ends.
    pub fn listen(stream: impl Read + Send + 'static) -> Self {
        let listener = Self::default();
        let shared = listener.clone();
        // The thread ends when the process at the other end closes the stream.
        thread::spawn(move || shared.read(stream));
        listener
    }

    fn read(&self, mut stream: impl Read) {
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => self.lock().push(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, RecentLines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the last lines.
    pub fn lines(&self) -> Vec<String> {
        self.lock().lines()
    }

    /// Returns the first result of `read` for a complete line after `position`, and moves `position` behind that line. Old
    /// lines are dropped, so call this often.
    pub fn next<T>(&self, position: &mut Position, mut read: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let recent = self.lock();
        let first = position.0.saturating_sub(recent.dropped);
        let found = recent.kept.iter().enumerate().skip(first).find_map(|(n, line)| Some((n, read(line)?)));
        position.0 = recent.dropped + found.as_ref().map_or(recent.kept.len(), |(n, _)| n + 1);
        found.map(|(_, read)| read)
    }

    /// Returns whether the guest has reported that it is ready.
    pub fn is_ready(&self) -> bool {
        self.lock().ready
    }

    /// Returns whether the guest has reported a panic.
    pub fn has_panicked(&self) -> bool {
        self.lock().panicked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener_for(bytes: &[u8]) -> Listener {
        let listener = Listener::default();
        listener.read(bytes);
        listener
    }

    #[test]
    fn lines_returns_the_last_ones_and_the_unfinished_one() {
        let text: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let lines = listener_for(format!("{text}and").as_bytes()).lines();
        assert_eq!(lines.len(), LAST + 1);
        assert_eq!((lines[0].as_str(), lines[LAST].as_str()), ("line 80", "and"));
    }

    #[test]
    fn readiness_is_kept_after_its_line_is_dropped() {
        let mut text = b"ready: 1024 MiB, 1000 MiB free\n".to_vec();
        assert!(listener_for(&text).is_ready());
        text.extend(b"more\n".repeat(100));
        assert!(listener_for(&text).is_ready() && !listener_for(&text).has_panicked());
        assert!(!listener_for(b"is it ready: not yet\nready").is_ready());
    }

    #[test]
    fn each_line_is_read_once_in_order() {
        let (listener, mut position) = (listener_for(b"n: 1\nx\nn: 2\nn: "), Position::default());
        let mut next = || listener.next(&mut position, |line| line.strip_prefix("n: ").map(str::to_owned));
        assert_eq!((next().as_deref(), next().as_deref(), next()), (Some("1"), Some("2"), None));
        listener.lock().push(b"3\n");
        assert_eq!(next().as_deref(), Some("3"));
    }

    #[test]
    fn a_position_stays_valid_when_lines_are_dropped() {
        let text: String = (0..KEPT + 10).map(|n| format!("{n}\n")).collect();
        let (listener, mut position) = (listener_for(text.as_bytes()), Position::default());
        assert_eq!(listener.next(&mut position, |line| line.parse().ok()), Some(10));
        listener.lock().push(b"more\n");
        assert_eq!(listener.next(&mut position, |line| line.parse().ok()), Some(11));
    }

    #[test]
    fn a_panic_is_detected() {
        let listener = listener_for(b"panic: failed at src/main.rs:7\nbye\n\n");
        assert!(listener.has_panicked());
        assert_eq!(listener.lines().last().map(String::as_str), Some("bye"));
    }
}
