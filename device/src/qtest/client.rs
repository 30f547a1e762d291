//! The qtest protocol: one line for each request and for each answer.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::QemuError;
use super::stderr::Stderr;

/// Maximum time to wait for one answer.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// A qtest connection. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    connection: Arc<Mutex<Connection>>,
}

#[derive(Debug)]
struct Connection {
    stream: BufReader<UnixStream>,
    stderr: Stderr,
    /// The first error of an access that cannot return an error.
    failure: Option<QemuError>,
    /// Whether an I/O error has occurred, after which every request fails immediately.
    broken: bool,
    /// The level of each intercepted interrupt line.
    lines: BTreeMap<u32, bool>,
}

impl Client {
    pub(super) fn new(stream: UnixStream, stderr: Stderr) -> io::Result<Self> {
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        let stream = BufReader::new(stream);
        let connection = Connection { stream, stderr, failure: None, broken: false, lines: BTreeMap::new() };
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request, and returns the part of the answer after `OK`.
    pub(super) fn request(&self, request: &str) -> Result<String, QemuError> {
        self.lock().request(request)
    }

    /// Sends a request for an access that cannot return an error, and returns the number in the answer. On failure, stores
    /// the error and returns all ones.
    pub(super) fn request_number(&self, request: &str) -> u64 {
        let mut connection = self.lock();
        let answer = connection.request(request).and_then(|answer| {
            let digits = answer.strip_prefix("0x").unwrap_or(&answer);
            u64::from_str_radix(digits, 16)
                .map_err(|_| QemuError::Answer { request: request.into(), answer: answer.clone() })
        });
        connection.store_error(answer).unwrap_or(u64::MAX)
    }

    /// Sends a request for an access that cannot return an error. On failure, stores the error.
    pub(super) fn request_write(&self, request: &str) {
        let mut connection = self.lock();
        let answer = connection.request(request);
        connection.store_error(answer);
    }

    /// Returns the stored error.
    pub(super) fn take_failure(&self) -> Option<QemuError> {
        self.lock().failure.take()
    }

    /// Returns the last known level of an intercepted interrupt line.
    pub(super) fn line_level(&self, line: u32) -> bool {
        self.lock().lines.get(&line).copied().unwrap_or(false)
    }
}

impl Connection {
    fn store_error<T>(&mut self, answer: Result<T, QemuError>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                log::error!("{error}");
                self.failure.get_or_insert(error);
                None
            }
        }
    }

    fn request(&mut self, request: &str) -> Result<String, QemuError> {
        if self.broken {
            // Otherwise every access would wait until its timeout.
            return Err(QemuError::Exited { during: describe(request), stderr: self.stderr.text() });
        }
        self.exchange(request).map_err(|error| {
            self.broken = true;
            match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    QemuError::Timeout { during: describe(request), limit: LIMIT, stderr: self.stderr.text() }
                }
                _ => QemuError::Exited { during: describe(request), stderr: self.stderr.complete_text() },
            }
        })?
    }

    fn exchange(&mut self, request: &str) -> io::Result<Result<String, QemuError>> {
        self.stream.get_mut().write_all(format!("{request}\n").as_bytes())?;
        loop {
            let mut answer = String::new();
            if self.stream.read_line(&mut answer)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let answer = answer.trim_end();
            // A change of an interrupt line can be reported before any answer.
            if let Some(change) = answer.strip_prefix("IRQ ") {
                self.record_line(change);
                continue;
            }
            return Ok(match answer.strip_prefix("OK") {
                Some(rest) => Ok(rest.trim_start().to_owned()),
                None => Err(QemuError::Answer { request: request.into(), answer: answer.into() }),
            });
        }
    }

    fn record_line(&mut self, change: &str) {
        let (level, line) = change.split_once(' ').unwrap_or((change, ""));
        if let Ok(line) = line.trim().parse() {
            self.lines.insert(line, level == "raise");
        }
    }
}

fn describe(request: &str) -> String {
    format!("the request {request:?}")
}
