//! The guest's memory statistics, as QEMU reports them.

use std::fmt;

use serde_json::Value;
use xtask_common::bytes::Bytes;

/// QEMU's names without the prefix `stat-`, in the order of the tags.
const NAMES: [&str; 10] = [
    "swap-in",
    "swap-out",
    "major-faults",
    "minor-faults",
    "free-memory",
    "total-memory",
    "available-memory",
    "disk-caches",
    "htlb-pgalloc",
    "htlb-pgfail",
];
/// The statistics in bytes, besides those whose names end in [`MEMORY`].
const AMOUNTS: [&str; 3] = ["swap-in", "swap-out", "disk-caches"];
/// The suffix of the names of memory amounts.
const MEMORY: &str = "-memory";

/// The last statistics that the guest sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// The time of their arrival, in seconds of QEMU's clock.
    pub arrived: u64,
    values: [Option<u64>; NAMES.len()],
}

impl Statistics {
    /// Reads QEMU's `guest-stats`. Returns `None` if the guest has sent nothing.
    pub fn read(stats: &Value) -> Option<Self> {
        let arrived = stats.get("last-update")?.as_u64().filter(|&second| second != 0)?;
        let stats = stats.get("stats")?;
        // QEMU reports all ones for a statistic that the guest does not send.
        let value = |name| stats.get(format!("stat-{name}"))?.as_u64().filter(|&value| value != u64::MAX);
        Some(Self { arrived, values: NAMES.map(value) })
    }

    /// Returns the memory that the guest uses, if it sends the total and the free memory.
    pub fn used(&self) -> Option<Bytes> {
        self.get("total")?.checked_sub(self.get("free")?).map(Bytes)
    }

    /// Returns a value by its name. The suffix `-memory` may be left out.
    pub fn get(&self, name: &str) -> Option<u64> {
        let (_, value) = NAMES.iter().zip(self.values).find(|(known, _)| is_same_name(known, name))?;
        value
    }

    /// Returns the names and values that the guest sent.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.values).filter_map(|(name, value)| Some((name, value?)))
    }

    /// Returns whether QEMU reports a statistic with this name.
    pub fn knows(name: &str) -> bool {
        NAMES.iter().any(|known| is_same_name(known, name))
    }
}

/// Returns whether `name` is the name `known`, with or without the suffix `-memory`.
pub fn is_same_name(known: &str, name: &str) -> bool {
    known == name || known.strip_suffix(MEMORY) == Some(name)
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Memory amounts come first: they matter most, and a display may truncate the line.
        let memory = self.values().filter_map(|(name, value)| Some((name.strip_suffix(MEMORY)?, value, true)));
        let rest = self.values().filter(|(name, _)| !name.ends_with(MEMORY));
        let mut comma = "";
        for (name, value, is_amount) in memory.chain(rest.map(|(name, value)| (name, value, AMOUNTS.contains(&name)))) {
            if is_amount {
                write!(f, "{comma}{name} {}", Bytes(value))?;
            } else {
                write!(f, "{comma}{name} {value}")?;
            }
            comma = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(last_update: u64, free: u64) -> Value {
        let stats = serde_json::json!({
            "stat-total-memory": 10 << 20, "stat-free-memory": free, "stat-major-faults": 7, "stat-swap-in": u64::MAX,
        });
        serde_json::json!({"last-update": last_update, "stats": stats})
    }

    #[test]
    fn missing_statistics_are_left_out() {
        let statistics = Statistics::read(&stats(5, 4 << 20)).unwrap();
        assert_eq!(statistics.arrived, 5);
        assert_eq!(statistics.to_string(), "free 4 MiB, total 10 MiB, major-faults 7");
        let values: Vec<_> = statistics.values().collect();
        assert_eq!(values, [("major-faults", 7), ("free-memory", 4 << 20), ("total-memory", 10 << 20)]);
    }

    #[test]
    fn there_are_no_statistics_before_the_first_update() {
        assert_eq!(Statistics::read(&stats(0, 4)), None);
        assert_eq!(Statistics::read(&serde_json::json!({})), None);
    }

    #[test]
    fn used_memory_needs_total_and_free() {
        let used = |free| Statistics::read(&stats(1, free)).unwrap().used();
        assert_eq!(used(4 << 20), Some(Bytes::from_mib(6)));
        assert_eq!(used(u64::MAX), None);
        assert_eq!(used(11 << 20), None);
    }

    #[test]
    fn the_suffix_may_be_left_out() {
        let statistics = Statistics::read(&stats(1, 4)).unwrap();
        assert_eq!((statistics.get("free"), statistics.get("free-memory")), (Some(4), Some(4)));
        assert_eq!((statistics.get("swap-in"), statistics.get("fre")), (None, None));
        assert!(Statistics::knows("available") && Statistics::knows("swap-in") && !Statistics::knows("oom-kill"));
    }
}
