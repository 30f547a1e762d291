//! The few QMP commands that are needed, each with a limit.

use std::{
    io::{self, BufRead as _, BufReader},
    os::unix::net::UnixStream,
    time::Duration,
};

use qapi::{
    Command as _, ExecuteError, Qmp, Stream,
    qmp::{self, QmpCommand},
};

use super::{
    cpu::QueryCpus,
    machine::BALLOON,
    migration::{Migration, QueryMigrate},
    statistics::Statistics,
};
use crate::units::Bytes;

/// Longest time for QEMU to answer a command. It may be busy with releasing memory.
const ANSWER: Duration = Duration::from_secs(20);
/// How often QEMU is to ask the guest for statistics, in seconds.
const STATISTICS: u64 = 1;

/// A command that was not carried out.
#[derive(Debug)]
pub(crate) struct QmpError {
    pub(crate) command: &'static str,
    pub(crate) reason: String,
}

/// A QMP connection.
pub(crate) struct Client {
    qmp: Qmp<Stream<BufReader<UnixStream>, UnixStream>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Greets the QEMU at the other end of `stream`.
    pub(crate) fn greet(stream: UnixStream) -> Result<Self, QmpError> {
        let failed = |reason: String| QmpError { command: "qmp_capabilities", reason };
        let prepare = || -> io::Result<_> {
            stream.set_read_timeout(Some(ANSWER))?;
            stream.set_write_timeout(Some(ANSWER))?;
            let mut reader = BufReader::new(stream.try_clone()?);
            // The library takes for granted that a greeting comes; a QEMU that dies here sends none.
            if reader.fill_buf()?.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Stream::new(reader, stream))
        };
        let mut qmp = Qmp::new(prepare().map_err(|error| failed(explain(&error)))?);
        qmp.handshake().map_err(|error| failed(text(error)))?;
        Ok(Self { qmp })
    }

    /// Tells QEMU what the guest is to have.
    pub(crate) fn set_target(&mut self, target: Bytes) -> Result<(), QmpError> {
        let value = i64::try_from(target.0).unwrap_or(i64::MAX);
        self.execute(&qmp::balloon { value }).map(drop)
    }

    /// What the guest has, by the device's account.
    pub(crate) fn actual(&mut self) -> Result<Bytes, QmpError> {
        let info = self.execute(&qmp::query_balloon {})?;
        Ok(Bytes(u64::try_from(info.actual).unwrap_or(0)))
    }

    /// Has QEMU ask the guest for statistics from now on. A guest that knows none is not asked.
    pub(crate) fn poll_statistics(&mut self) -> Result<(), QmpError> {
        let (path, property) = (balloon_path(), "guest-stats-polling-interval".to_owned());
        self.execute(&qmp::qom_set { path, property, value: STATISTICS.into() }).map(drop)
    }

    /// What the guest told of its memory last, if it did.
    pub(crate) fn statistics(&mut self) -> Result<Option<Statistics>, QmpError> {
        let command = qmp::qom_get { path: balloon_path(), property: "guest-stats".to_owned() };
        Ok(Statistics::read(&self.execute(&command)?))
    }

    /// Begins to migrate the guest to `uri`, at so many bytes a second.
    pub(crate) fn migrate(&mut self, uri: &str, bandwidth: Bytes) -> Result<(), QmpError> {
        let parameters = qmp::MigrateSetParameters { max_bandwidth: Some(bandwidth.0), ..Default::default() };
        self.execute(&qmp::migrate_set_parameters(parameters))?;
        let command = qmp::migrate { uri: Some(uri.to_owned()), channels: None, detach: None, resume: None };
        self.execute(&command).map(drop)
    }

    /// How the migration stands.
    pub(crate) fn migration(&mut self) -> Result<Migration, QmpError> {
        self.execute(&QueryMigrate {}).map(Migration::from)
    }

    /// How many instructions the guest has executed, where QEMU counts them.
    pub(crate) fn instructions(&mut self) -> Result<u64, QmpError> {
        let info = self.execute(&qmp::query_replay {})?;
        Ok(u64::try_from(info.icount).unwrap_or(0))
    }

    /// The thread of the guest's first CPU.
    pub(crate) fn cpu_thread(&mut self) -> Result<u32, QmpError> {
        let cpus = self.execute(&QueryCpus {})?;
        let none = || QmpError { command: QueryCpus::NAME, reason: "QEMU names no CPU".to_owned() };
        cpus.first().map(|cpu| cpu.thread).ok_or_else(none)
    }

    /// Ends QEMU.
    pub(crate) fn quit(&mut self) -> Result<(), QmpError> {
        self.execute(&qmp::quit {}).map(drop)
    }

    fn execute<C: QmpCommand>(&mut self, command: &C) -> Result<C::Ok, QmpError> {
        let result = self.qmp.execute(command).map_err(|error| QmpError { command: C::NAME, reason: text(error) });
        self.qmp.events().for_each(drop);
        result
    }
}

fn balloon_path() -> String {
    format!("/machine/peripheral/{BALLOON}")
}

fn text(error: ExecuteError) -> String {
    match error {
        ExecuteError::Qapi(error) => error.to_string(),
        ExecuteError::Io(error) => explain(&error),
    }
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "QEMU closed the connection".to_owned(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => format!("no answer in {} s", ANSWER.as_secs()),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        thread,
    };

    use super::*;

    /// Plays QEMU: sends each of `answers` after a line of the client's; the first one is the greeting.
    fn qemu<const N: usize>(answers: [&'static str; N]) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        thread::spawn(move || {
            let mut lines = BufReader::new(theirs.try_clone().unwrap()).lines();
            for (n, answer) in answers.into_iter().enumerate() {
                if n > 0 && lines.next().is_none() {
                    break;
                }
                (&theirs).write_all(answer.as_bytes()).unwrap();
            }
            // The client's unread lines would turn the end of the stream into a reset.
            theirs.shutdown(std::net::Shutdown::Write).unwrap();
            let _ = (&theirs).read_to_end(&mut Vec::new());
        });
        ours
    }

    const GREETING: &str = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, \
                            \"package\": \"\"}, \"capabilities\": [\"oob\"]}}\n";
    const DONE: &str = "{\"return\": {}}\n";

    #[test]
    fn events_before_an_answer_are_skipped() {
        let answer = "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"BALLOON_CHANGE\", \
                      \"data\": {\"actual\": 5}}\n{\"return\": {\"actual\": 268435456}}\n";
        let mut client = Client::greet(qemu([GREETING, DONE, answer])).unwrap();
        assert_eq!(client.actual().unwrap(), Bytes::from_mib(256));
    }

    #[test]
    fn a_refusal_is_told_in_qemus_words() {
        let answer =
            "{\"error\": {\"class\": \"DeviceNotActive\", \"desc\": \"No balloon device has been activated\"}}\n";
        let error = Client::greet(qemu([GREETING, DONE, answer])).unwrap().actual().unwrap_err();
        assert_eq!(error.command, "query-balloon");
        assert!(error.reason.contains("No balloon device has been activated"), "{}", error.reason);
    }

    #[test]
    fn an_end_in_the_middle_is_an_error_and_no_panic() {
        assert_eq!(Client::greet(qemu([])).unwrap_err().reason, "QEMU closed the connection");
        let mut client = Client::greet(qemu([GREETING, DONE])).unwrap();
        assert_eq!(client.actual().unwrap_err().reason, "QEMU closed the connection");
        assert!(Client::greet(qemu(["SSH-2.0-hello\n"])).is_err());
    }
}
