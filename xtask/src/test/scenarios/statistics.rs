//! The host gets the statistics that the guest sends. The buffer that the device keeps is found in QEMU's monitor and decoded.

use xtask_common::{arch::Arch, bytes::Bytes};
use xtask_qemu::{
    error::QemuError,
    statistics::{Statistics, is_same_name},
    transport::Transport,
};

use super::{
    guest::{Environment, Guest, Setup},
    monitor,
};

const MEMORY: Bytes = Bytes::from_mib(256);
const SETUP: Setup = Setup { memory: MEMORY, command_line: "", features: &[] };
/// The memory that the balloon takes between two sets of statistics.
const TAKEN: Bytes = Bytes::from_mib(96);
/// The index of the statistics queue.
const QUEUE: u16 = 2;

pub(crate) fn run(environment: &Environment) -> anyhow::Result<()> {
    let mut guest = environment.start(SETUP)?;
    let mut printed = Vec::new();
    let before = compare(&mut guest, &mut printed)?;
    guest.reach(MEMORY.minus(TAKEN))?;
    let after = compare(&mut guest, &mut printed)?;

    let free = |statistics: &Statistics| statistics.get("free").map(Bytes);
    let (Some(free_before), Some(free_after)) = (free(&before), free(&after)) else {
        return Err(guest.error(format!("the guest does not send its free memory: {after}")).into());
    };
    let lost = free_before.minus(free_after);
    guest.ensure(lost.plus(Bytes::from_mib(1)) >= TAKEN, || {
        format!("the balloon took {TAKEN}, but free memory only fell from {free_before} to {free_after}")
    })?;
    let total = |statistics: &Statistics| statistics.get("total").map(Bytes);
    guest.ensure(total(&before).is_some_and(|total| total <= MEMORY), || {
        format!("the guest has {MEMORY}, but sends another total: {before}")
    })?;
    // Without deflate-on-OOM the pages in the balloon do not count as the guest's memory.
    guest.ensure(total(&after) == total(&before).map(|total| total.minus(TAKEN)), || {
        format!("the balloon took {TAKEN}, but the statistics went from {before} to {after}")
    })?;
    println!("Guest and host agree after {} sets of statistics. First: {before}. Last: {after}.", printed.len());
    let decoded = monitor::buffer_in_device(&mut guest, QUEUE)?;
    let sent = Printed::of_decoded(&decoded);
    guest.ensure(sent.as_ref().is_some_and(|sent| !sent.0.is_empty() && sent.agrees(&after)), || {
        format!("QEMU has {after}, but its monitor shows a buffer with\n{decoded}")
    })?;
    println!("QEMU's monitor shows the buffer with these statistics.");
    guest.stop()?;
    if environment.arch == Arch::X86_64 && environment.transport == Transport::Pci {
        monitor::check_request_of_the_bios()?;
    }
    Ok(())
}

/// Waits for statistics and finds the same in the guest's console lines, which are added to `printed`.
fn compare(guest: &mut Guest, printed: &mut Vec<Printed>) -> anyhow::Result<Statistics> {
    let statistics = guest.settled_statistics()?;
    while let Some(line) = guest.line_now(Printed::read) {
        printed.push(line);
    }
    // QEMU may have polled the guest again, so this need not be the last line.
    if let Some(line) = printed.iter().rev().find(|line| line.agrees(&statistics)) {
        guest.ensure(!line.0.is_empty(), || "the guest sends no statistics".to_owned())?;
        return Ok(statistics);
    }
    let last = printed
        .last()
        .map_or_else(|| "never printed a line `stats: …`".to_owned(), |line| format!("printed {:?}", line.0));
    Err(guest.error(format!("QEMU has {statistics}, but the guest {last}")).into())
}

/// Waits until the guest prints the same as `statistics`.
pub(crate) fn wait_printed(guest: &mut Guest, statistics: &Statistics) -> Result<(), QemuError> {
    guest.line("a line `stats: …` with the statistics that QEMU has", |line| {
        Printed::read(line).filter(|line| line.agrees(statistics)).map(drop)
    })
}

/// A console line of the guest: the names and values that it has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Printed(Vec<(String, u64)>);

impl Printed {
    /// Parses a line like `stats: free=4096 total=8192`.
    fn read(line: &str) -> Option<Self> {
        let words = line.strip_prefix("stats: ")?.split_whitespace();
        let pair = |word: &str| {
            let (name, value) = word.split_once('=')?;
            // Names have underscores in the specification and hyphens in QEMU.
            Some((name.replace('_', "-"), value.parse().ok()?))
        };
        words.map(pair).collect::<Option<_>>().map(Self)
    }

    /// Parses what the decoder shows for a buffer with statistics.
    fn of_decoded(decoded: &str) -> Option<Self> {
        let mut lines = decoded.strip_prefix("stats: statistics\n")?.lines();
        let mut pairs = Vec::new();
        while let Some(tag) = lines.next() {
            let (_, tag) = tag.split_once(".tag: ")?;
            let (name, _) = tag.split_once(" (")?;
            let (_, value) = lines.next()?.split_once(".val: 0x")?;
            pairs.push((name.replace('_', "-"), u64::from_str_radix(value, 16).ok()?));
        }
        Some(Self(pairs))
    }

    /// Returns whether QEMU has the same statistics, except those that it does not know.
    fn agrees(&self, statistics: &Statistics) -> bool {
        let known = self.0.iter().filter(|(name, _)| Statistics::knows(name));
        let arrived = known.clone().all(|(name, value)| statistics.get(name) == Some(*value));
        arrived && statistics.values().all(|(name, _)| known.clone().any(|(printed, _)| is_same_name(name, printed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics() -> Statistics {
        let stats = serde_json::json!({"stat-free-memory": 4, "stat-total-memory": 8, "stat-swap-in": u64::MAX});
        Statistics::read(&serde_json::json!({"last-update": 1, "stats": stats})).unwrap()
    }

    #[test]
    fn the_guests_line_is_parsed() {
        let printed = Printed::read("stats: free=4 total=8").unwrap();
        assert_eq!(printed, Printed(vec![("free".to_owned(), 4), ("total".to_owned(), 8)]));
        assert_eq!(Printed::read("stats: swap_in=1"), Some(Printed(vec![("swap-in".to_owned(), 1)])));
        assert_eq!(Printed::read("stats: free=many"), None);
        assert_eq!(Printed::read("statistics"), None);
    }

    #[test]
    fn decoded_statistics_are_parsed() {
        let decoded = "stats: statistics\n  > 0x0000 stats[0].tag: free_memory (0x4)\n  > 0x0002 stats[0].val: 0x10\n";
        assert_eq!(Printed::of_decoded(decoded), Some(Printed(vec![("free-memory".to_owned(), 16)])));
        assert_eq!(Printed::of_decoded("inflate: inflate\n  > 0x0000 pages[0]: 0x1\n"), None);
    }

    #[test]
    fn guest_and_host_must_agree() {
        let agrees = |line| Printed::read(line).unwrap().agrees(&statistics());
        assert!(agrees("stats: free=4 total=8"));
        assert!(agrees("stats: total=8 free=4 oom-kill=3"), "QEMU drops statistics that it does not know");
        assert!(!agrees("stats: free=5 total=8"), "another value");
        assert!(!agrees("stats: free=4"), "QEMU has more than the guest printed");
        assert!(!agrees("stats: free=4 total=8 swap-in=0"), "QEMU has less than the guest printed");
    }
}
