//! The qtest protocol: one line asks, one line answers.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::QemuError;
use super::stderr::Stderr;

/// How long QEMU may take for one answer.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// The connection, shared by everything that reaches registers through it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    connection: Arc<Mutex<Connection>>,
}

#[derive(Debug)]
struct Connection {
    stream: BufReader<UnixStream>,
    stderr: Stderr,
    /// The first thing that went wrong in an access that could not say so. Nothing is asked any more after that.
    failure: Option<QemuError>,
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

    /// Asks, and returns what follows `OK` in the answer.
    pub(super) fn ask(&self, question: &str) -> Result<String, QemuError> {
        self.lock().ask(question)
    }

    /// Reads a number, for an access that cannot fail: all ones where it did, and the failure is kept.
    pub(super) fn number(&self, question: &str) -> u64 {
        let mut connection = self.lock();
        let answer = connection.ask(question).and_then(|answer| {
            let digits = answer.strip_prefix("0x").unwrap_or(&answer);
            u64::from_str_radix(digits, 16)
                .map_err(|_| QemuError::Answer { question: question.into(), answer: answer.clone() })
        });
        connection.keep(answer).unwrap_or(u64::MAX)
    }

    /// Writes, for an access that cannot fail: the failure is kept.
    pub(super) fn tell(&self, question: &str) {
        let mut connection = self.lock();
        let answer = connection.ask(question);
        connection.keep(answer);
    }

    /// What went wrong in an access that could not say so.
    pub(super) fn take_failure(&self) -> Option<QemuError> {
        self.lock().failure.take()
    }

    /// The level of an intercepted interrupt line, as far as QEMU has told.
    pub(super) fn line(&self, line: u32) -> bool {
        self.lock().lines.get(&line).copied().unwrap_or(false)
    }
}

impl Connection {
    fn keep<T>(&mut self, answer: Result<T, QemuError>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                log::error!("{error}");
                self.failure.get_or_insert(error);
                None
            }
        }
    }

    fn ask(&mut self, question: &str) -> Result<String, QemuError> {
        if self.broken {
            // Each access would wait for its limit: a driver that looks often would seem to hang.
            let (doing, stderr) = (format!("asked {question:?}"), self.stderr.text());
            return Err(QemuError::Gone { doing, stderr });
        }
        self.exchange(question).map_err(|error| {
            self.broken = true;
            match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    QemuError::Silent { doing: format!("asked {question:?}"), limit: LIMIT, stderr: self.stderr.text() }
                }
                _ => QemuError::Gone { doing: format!("asked {question:?}"), stderr: self.stderr.last_words() },
            }
        })?
    }

    fn exchange(&mut self, question: &str) -> io::Result<Result<String, QemuError>> {
        self.stream.get_mut().write_all(format!("{question}\n").as_bytes())?;
        loop {
            let mut answer = String::new();
            if self.stream.read_line(&mut answer)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let answer = answer.trim_end();
            // Interrupt lines change at any time.
            if let Some(change) = answer.strip_prefix("IRQ ") {
                self.note_line(change);
                continue;
            }
            return Ok(match answer.strip_prefix("OK") {
                Some(rest) => Ok(rest.trim_start().to_owned()),
                None => Err(QemuError::Answer { question: question.into(), answer: answer.into() }),
            });
        }
    }

    fn note_line(&mut self, change: &str) {
        let (level, line) = change.split_once(' ').unwrap_or((change, ""));
        if let Ok(line) = line.trim().parse() {
            self.lines.insert(line, level == "raise");
        }
    }
}
