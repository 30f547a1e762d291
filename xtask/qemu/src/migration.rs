//! The state of a migration.

use std::fmt;

use serde_json::Value;
use xtask_common::bytes::Bytes;

/// A migration target that discards all data.
pub const DISCARD: &str = "exec:cat >/dev/null";

/// The state of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Migration {
    /// It has not ended.
    Active,
    /// It succeeded.
    Done(Amounts),
    /// It failed for this reason.
    Failed(String),
}

/// The amounts that a migration sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// Bytes of memory.
    pub transferred: Bytes,
    /// Pages that were sent with their content.
    pub normal: u64,
    /// Pages that were sent as a mark that they are zero.
    pub zero: u64,
}

impl fmt::Display for Amounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transferred, normal, zero } = self;
        write!(f, "{transferred} ({normal} normal pages, {zero} zero pages)")
    }
}

impl Migration {
    /// Reads the answer to QMP's `query-migrate`, from the fields that every version of QEMU has.
    pub fn read(answer: &Value) -> Self {
        let text = |name| answer.get(name).and_then(Value::as_str);
        match (text("status"), Amounts::read(answer)) {
            (Some("completed"), Some(sent)) => Self::Done(sent),
            (Some(status @ ("failed" | "cancelled" | "completed")), _) => {
                Self::Failed(text("error-desc").map_or_else(|| format!("it ended as `{status}`"), str::to_owned))
            }
            _ => Self::Active,
        }
    }
}

impl Amounts {
    fn read(answer: &Value) -> Option<Self> {
        let ram = answer.get("ram")?;
        let number = |name| ram.get(name).and_then(Value::as_u64);
        Some(Self {
            transferred: Bytes(number("transferred")?),
            normal: number("normal").unwrap_or(0),
            zero: number("duplicate").unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(answer: Value) -> Migration {
        Migration::read(&answer)
    }

    #[test]
    fn a_completed_migration_has_its_amounts() {
        let ram = serde_json::json!({"transferred": 4096, "normal": 1, "duplicate": 2, "skipped": 0});
        let sent = Amounts { transferred: Bytes(4096), normal: 1, zero: 2 };
        assert_eq!(migration(serde_json::json!({"status": "completed", "ram": ram})), Migration::Done(sent));
        assert_eq!(migration(serde_json::json!({"status": "active", "ram": ram})), Migration::Active);
        assert_eq!(migration(serde_json::json!({})), Migration::Active);
    }

    #[test]
    fn a_failure_has_qemus_description() {
        let failed = |text: &str| Migration::Failed(text.to_owned());
        let error = serde_json::json!({"status": "failed", "error-desc": "no memory"});
        assert_eq!(migration(error), failed("no memory"));
        assert_eq!(migration(serde_json::json!({"status": "cancelled"})), failed("it ended as `cancelled`"));
    }
}
