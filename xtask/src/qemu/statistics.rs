//! The guest's memory statistics, as QEMU passes them on.

use std::fmt;

use qapi::Any;

use crate::units::Bytes;

/// QEMU's names, without their `stat-`, in the order of the tags.
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
/// Names of what is counted in bytes, beside the ones that end like [`MEMORY`].
const AMOUNTS: [&str; 3] = ["swap-in", "swap-out", "disk-caches"];
/// How the names of amounts of memory end.
const MEMORY: &str = "-memory";

/// What the guest told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Statistics {
    /// When it did, in seconds of QEMU's clock.
    pub(crate) arrived: u64,
    values: [Option<u64>; NAMES.len()],
}

impl Statistics {
    /// Reads QEMU's `guest-stats`. `None` where the guest has told nothing.
    pub(crate) fn read(stats: &Any) -> Option<Self> {
        let arrived = stats.get("last-update")?.as_u64().filter(|&second| second != 0)?;
        let stats = stats.get("stats")?;
        // What the guest does not tell is all ones.
        let value = |name| stats.get(format!("stat-{name}"))?.as_u64().filter(|&value| value != u64::MAX);
        Some(Self { arrived, values: NAMES.map(value) })
    }

    /// The memory that the guest uses, where it tells.
    pub(crate) fn used(&self) -> Option<Bytes> {
        self.get("total")?.checked_sub(self.get("free")?).map(Bytes)
    }

    /// A value by its name, which may be without the end of an amount of memory.
    pub(crate) fn get(&self, name: &str) -> Option<u64> {
        let (_, value) = NAMES.iter().zip(self.values).find(|(known, _)| is_called(known, name))?;
        value
    }

    /// All that the guest told, by name.
    pub(crate) fn told(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.values).filter_map(|(name, value)| Some((name, value?)))
    }

    /// Whether QEMU passes on a statistic with this name.
    pub(crate) fn knows(name: &str) -> bool {
        NAMES.iter().any(|known| is_called(known, name))
    }
}

/// Whether `name` means what is `known`.
pub(crate) fn is_called(known: &str, name: &str) -> bool {
    known == name || known.strip_suffix(MEMORY) == Some(name)
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is of most interest comes first, and is seen where a line has to be cut off.
        let memory = self.told().filter_map(|(name, value)| Some((name.strip_suffix(MEMORY)?, value, true)));
        let rest = self.told().filter(|(name, _)| !name.ends_with(MEMORY));
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

    fn stats(last_update: u64, free: u64) -> Any {
        let stats = serde_json::json!({
            "stat-total-memory": 10 << 20, "stat-free-memory": free, "stat-major-faults": 7, "stat-swap-in": u64::MAX,
        });
        serde_json::json!({"last-update": last_update, "stats": stats})
    }

    #[test]
    fn what_the_guest_does_not_tell_is_left_out() {
        let statistics = Statistics::read(&stats(5, 4 << 20)).unwrap();
        assert_eq!(statistics.arrived, 5);
        assert_eq!(statistics.to_string(), "free 4 MiB, total 10 MiB, major-faults 7");
        let told: Vec<_> = statistics.told().collect();
        assert_eq!(told, [("major-faults", 7), ("free-memory", 4 << 20), ("total-memory", 10 << 20)]);
    }

    #[test]
    fn before_the_first_word_of_the_guest_there_are_none() {
        assert_eq!(Statistics::read(&stats(0, 4)), None);
        assert_eq!(Statistics::read(&serde_json::json!({})), None);
    }

    #[test]
    fn used_memory_needs_both_amounts() {
        let used = |free| Statistics::read(&stats(1, free)).unwrap().used();
        assert_eq!(used(4 << 20), Some(Bytes::from_mib(6)));
        assert_eq!(used(u64::MAX), None);
        assert_eq!(used(11 << 20), None);
    }

    #[test]
    fn names_may_be_short() {
        let statistics = Statistics::read(&stats(1, 4)).unwrap();
        assert_eq!((statistics.get("free"), statistics.get("free-memory")), (Some(4), Some(4)));
        assert_eq!((statistics.get("swap-in"), statistics.get("fre")), (None, None));
        assert!(Statistics::knows("available") && Statistics::knows("swap-in") && !Statistics::knows("oom-kill"));
    }
}
