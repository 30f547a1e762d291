//! A QMP client with the few commands that are used here. Every command has a time limit.
//!
//! QMP is one JSON object a line in each direction: a greeting, then one answer for each command, with events in between.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use serde_json::{Value, json};
use xtask_common::bytes::Bytes;

use super::{machine::BALLOON, migration::Migration, statistics::Statistics};

/// The time limit of a command. QEMU may be busy releasing memory.
const ANSWER: Duration = Duration::from_secs(20);
/// The interval at which QEMU requests statistics from the guest, in seconds.
const STATISTICS_INTERVAL: u64 = 1;

/// A failed command.
#[derive(Debug)]
pub(crate) struct QmpError {
    pub(crate) command: &'static str,
    pub(crate) reason: String,
}

/// A QMP connection.
#[derive(Debug)]
pub(crate) struct Client {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Client {
    /// Reads the greeting of the QEMU at the other end of `stream` and enters command mode.
    pub(crate) fn connect(stream: UnixStream) -> Result<Self, QmpError> {
        const COMMAND: &str = "qmp_capabilities";
        let greeted = || -> io::Result<(Self, Value)> {
            stream.set_read_timeout(Some(ANSWER))?;
            stream.set_write_timeout(Some(ANSWER))?;
            let mut client = Self { reader: BufReader::new(stream.try_clone()?), writer: stream };
            let greeting = client.receive()?;
            Ok((client, greeting))
        };
        let failed = |reason: String| QmpError { command: COMMAND, reason };
        let (mut client, greeting) = greeted().map_err(|error| failed(explain(&error)))?;
        if greeting.get("QMP").is_none() {
            return Err(failed(format!("the greeting is not QMP's: {greeting}")));
        }
        client.execute(COMMAND, json!({}))?;
        Ok(client)
    }

    /// Sets the memory that the guest is to have.
    pub(crate) fn set_target(&mut self, target: Bytes) -> Result<(), QmpError> {
        self.execute("balloon", json!({"value": i64::try_from(target.0).unwrap_or(i64::MAX)})).map(drop)
    }

    /// Returns the memory that the guest has, according to the device.
    pub(crate) fn actual(&mut self) -> Result<Bytes, QmpError> {
        self.number("query-balloon", "actual").map(Bytes)
    }

    /// Has QEMU poll the guest for statistics from now on, if the guest supports them.
    pub(crate) fn poll_statistics(&mut self) -> Result<(), QmpError> {
        let property = json!({
            "path": balloon_path(), "property": "guest-stats-polling-interval", "value": STATISTICS_INTERVAL,
        });
        self.execute("qom-set", property).map(drop)
    }

    /// Returns the last statistics of the guest, if it has sent any.
    pub(crate) fn statistics(&mut self) -> Result<Option<Statistics>, QmpError> {
        let property = json!({"path": balloon_path(), "property": "guest-stats"});
        Ok(Statistics::read(&self.execute("qom-get", property)?))
    }

    /// Returns the guest's physical address of the used ring of a virtqueue of the balloon, or `None` if QEMU does not report
    /// it.
    pub(crate) fn used_ring(&mut self, queue: u16) -> Result<Option<u64>, QmpError> {
        // Over PCI, the device is a child of its PCI function.
        for device in [format!("{}/virtio-backend", balloon_path()), balloon_path()] {
            let arguments = json!({"path": device, "queue": queue});
            if let Ok(status) = self.execute("x-query-virtio-queue-status", arguments) {
                return Ok(status.get("vring-used").and_then(Value::as_u64));
            }
        }
        Ok(None)
    }

    /// Executes a command of the monitor for people, and returns what it prints.
    pub(crate) fn monitor(&mut self, line: &str) -> Result<String, QmpError> {
        const COMMAND: &str = "human-monitor-command";
        let printed = self.execute(COMMAND, json!({"command-line": line}))?;
        let printed = printed.as_str().map(|text| text.replace('\r', ""));
        printed.ok_or_else(|| QmpError { command: COMMAND, reason: "the answer is not text".to_owned() })
    }

    /// Starts to migrate the guest to `uri` at up to `bandwidth` a second.
    pub(crate) fn migrate(&mut self, uri: &str, bandwidth: Bytes) -> Result<(), QmpError> {
        self.execute("migrate-set-parameters", json!({"max-bandwidth": bandwidth.0}))?;
        self.execute("migrate", json!({"uri": uri})).map(drop)
    }

    /// Cancels the migration.
    pub(crate) fn cancel_migration(&mut self) -> Result<(), QmpError> {
        self.execute("migrate_cancel", json!({})).map(drop)
    }

    /// Returns the state of the migration.
    pub(crate) fn migration(&mut self) -> Result<Migration, QmpError> {
        Ok(Migration::read(&self.execute("query-migrate", json!({}))?))
    }

    /// Returns the number of instructions that the guest has executed. QEMU counts them only while it records.
    pub(crate) fn instructions(&mut self) -> Result<u64, QmpError> {
        self.number("query-replay", "icount")
    }

    /// Returns the id of the thread that runs the guest's first CPU.
    pub(crate) fn cpu_thread(&mut self) -> Result<u32, QmpError> {
        const COMMAND: &str = "query-cpus-fast";
        let cpus = self.execute(COMMAND, json!({}))?;
        let thread = cpus.get(0).and_then(|cpu| cpu.get("thread-id")?.as_u64()?.try_into().ok());
        thread.ok_or_else(|| QmpError { command: COMMAND, reason: format!("the answer has no CPU thread: {cpus}") })
    }

    /// Ends QEMU.
    pub(crate) fn quit(&mut self) -> Result<(), QmpError> {
        self.execute("quit", json!({})).map(drop)
    }

    /// Executes a command without arguments and returns the number `field` of its answer.
    fn number(&mut self, command: &'static str, field: &str) -> Result<u64, QmpError> {
        let answer = self.execute(command, json!({}))?;
        let number = answer.get(field).and_then(Value::as_u64);
        number.ok_or_else(|| QmpError { command, reason: format!("the answer has no number `{field}`: {answer}") })
    }

    fn execute(&mut self, command: &'static str, arguments: Value) -> Result<Value, QmpError> {
        let mut exchange = || -> io::Result<Result<Value, String>> {
            let request = json!({"execute": command, "arguments": arguments}).to_string() + "\n";
            self.writer.write_all(request.as_bytes())?;
            loop {
                let mut answer = self.receive()?;
                if let Some(result) = answer.get_mut("return") {
                    return Ok(Ok(result.take()));
                }
                if let Some(error) = answer.get("error") {
                    let reason = error.get("desc").and_then(Value::as_str);
                    return Ok(Err(reason.map_or_else(|| error.to_string(), str::to_owned)));
                }
                // Anything else is an event.
            }
        };
        let result = exchange().unwrap_or_else(|error| Err(explain(&error)));
        result.map_err(|reason| QmpError { command, reason })
    }

    /// Receives one object.
    fn receive(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

fn balloon_path() -> String {
    format!("/machine/peripheral/{BALLOON}")
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "QEMU closed the connection".to_owned(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => format!("no answer within {} s", ANSWER.as_secs()),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, thread};

    use super::*;

    /// A fake QEMU: sends the first of `answers` as its greeting and each other one after a line from the client.
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
            // Closing with unread input would reset the connection instead of ending it.
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
        let mut client = Client::connect(qemu([GREETING, DONE, answer])).unwrap();
        assert_eq!(client.actual().unwrap(), Bytes::from_mib(256));
    }

    #[test]
    fn an_error_has_qemus_description() {
        let answer =
            "{\"error\": {\"class\": \"DeviceNotActive\", \"desc\": \"No balloon device has been activated\"}}\n";
        let error = Client::connect(qemu([GREETING, DONE, answer])).unwrap().actual().unwrap_err();
        assert_eq!(error.command, "query-balloon");
        assert_eq!(error.reason, "No balloon device has been activated");
    }

    #[test]
    fn a_closed_connection_is_an_error() {
        assert_eq!(Client::connect(qemu([])).unwrap_err().reason, "QEMU closed the connection");
        let mut client = Client::connect(qemu([GREETING, DONE])).unwrap();
        assert_eq!(client.actual().unwrap_err().reason, "QEMU closed the connection");
        for greeting in ["SSH-2.0-hello\n", "{}\n"] {
            assert!(Client::connect(qemu([greeting])).is_err());
        }
    }
}
