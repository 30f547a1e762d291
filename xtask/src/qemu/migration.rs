//! A migration to nowhere, to see how much memory QEMU sends.

use std::fmt;

use qapi::{Command, qmp::QmpCommand};
use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// Where QEMU sends the guest: to a program that takes everything and keeps nothing.
pub(crate) const NOWHERE: &str = "exec:cat >/dev/null";

/// The QMP command `query-migrate`, of whose answer only what every version of QEMU gives is read.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct QueryMigrate {}

impl QmpCommand for QueryMigrate {}

impl Command for QueryMigrate {
    const NAME: &'static str = "query-migrate";
    const ALLOW_OOB: bool = false;
    type Ok = Answer;
}

/// The answer to [`QueryMigrate`].
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Answer {
    status: Option<String>,
    #[serde(rename = "error-desc")]
    error: Option<String>,
    ram: Option<Ram>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Ram {
    transferred: u64,
    #[serde(default)]
    normal: u64,
    #[serde(default)]
    duplicate: u64,
}

/// How a migration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Migration {
    /// It has not come to its end.
    UnderWay,
    /// It is done.
    Done(Sent),
    /// It failed, for this reason.
    Failed(String),
}

/// What a migration sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Bytes of memory.
    pub(crate) transferred: Bytes,
    /// Pages that were sent whole.
    pub(crate) whole: u64,
    /// Pages of which it was only said that they are zero.
    pub(crate) zero: u64,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transferred, whole, zero } = self;
        write!(f, "{transferred} ({whole} whole pages, {zero} of zeros)")
    }
}

impl From<Answer> for Migration {
    fn from(answer: Answer) -> Self {
        match (answer.status.as_deref(), answer.ram) {
            (Some("completed"), Some(Ram { transferred, normal, duplicate })) => {
                Self::Done(Sent { transferred: Bytes(transferred), whole: normal, zero: duplicate })
            }
            (Some(ended @ ("failed" | "cancelled" | "completed")), _) => {
                Self::Failed(answer.error.unwrap_or_else(|| format!("it ended as `{ended}`")))
            }
            _ => Self::UnderWay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(answer: serde_json::Value) -> Migration {
        serde_json::from_value::<Answer>(answer).unwrap().into()
    }

    #[test]
    fn the_end_tells_what_was_sent() {
        let ram = serde_json::json!({"transferred": 4096, "normal": 1, "duplicate": 2, "skipped": 0});
        let sent = Sent { transferred: Bytes(4096), whole: 1, zero: 2 };
        assert_eq!(migration(serde_json::json!({"status": "completed", "ram": ram})), Migration::Done(sent));
        assert_eq!(migration(serde_json::json!({"status": "active", "ram": ram})), Migration::UnderWay);
        assert_eq!(migration(serde_json::json!({})), Migration::UnderWay);
    }

    #[test]
    fn a_failure_is_told_in_qemus_words() {
        let failed = |text: &str| Migration::Failed(text.to_owned());
        let error = serde_json::json!({"status": "failed", "error-desc": "no wings"});
        assert_eq!(migration(error), failed("no wings"));
        assert_eq!(migration(serde_json::json!({"status": "cancelled"})), failed("it ended as `cancelled`"));
    }
}
