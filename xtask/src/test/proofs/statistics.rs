//! The guest's statistics arrive at the host as the guest said them.

use super::guest::{Guest, Setup, Stage};
use crate::{
    qemu::{
        error::QemuError,
        statistics::{Statistics, is_called},
    },
    units::Bytes,
};

const MEMORY: Bytes = Bytes::from_mib(256);
const SETUP: Setup = Setup { memory: MEMORY, words: "", features: &[] };
/// What the guest is made to give up between two looks.
const TAKEN: Bytes = Bytes::from_mib(96);

pub(crate) fn show(stage: &Stage) -> anyhow::Result<()> {
    let mut guest = stage.start(SETUP)?;
    let mut said = Vec::new();
    let before = compare(&mut guest, &mut said)?;
    guest.reach(MEMORY.less(TAKEN))?;
    let after = compare(&mut guest, &mut said)?;

    let free = |statistics: &Statistics| statistics.get("free").map(Bytes);
    let (Some(free_before), Some(free_after)) = (free(&before), free(&after)) else {
        return Err(guest.wrong(format!("the guest does not tell how much memory is free: {after}")).into());
    };
    let lost = free_before.less(free_after);
    guest.ensure(lost.plus(Bytes::from_mib(1)) >= TAKEN, || {
        format!("{TAKEN} went into the balloon, but free memory only fell from {free_before} to {free_after}")
    })?;
    let total = |statistics: &Statistics| statistics.get("total").map(Bytes);
    guest.ensure(total(&before).is_some_and(|total| total <= MEMORY), || {
        format!("the guest has {MEMORY}, but tells of another total: {before}")
    })?;
    // The guest may not take pages back on its own, so they do not count as its memory.
    guest.ensure(total(&after) == total(&before).map(|total| total.less(TAKEN)), || {
        format!("{TAKEN} are not the guest's any more, but its total went from {before} to {after}")
    })?;
    println!("The same on both sides, {} times asked. First: {before}. Last: {after}.", said.len());
    Ok(guest.end()?)
}

/// Waits for statistics that QEMU has got, and looks for the guest's line that says the same. All lines go to `said`.
fn compare(guest: &mut Guest, said: &mut Vec<Said>) -> anyhow::Result<Statistics> {
    let statistics = guest.settled_statistics()?;
    while let Some(line) = guest.line_now(Said::read) {
        said.push(line);
    }
    // The guest may have been asked again in the meantime, so that it is not necessarily its last line.
    if let Some(said) = said.iter().rev().find(|said| said.agrees(&statistics)) {
        guest.ensure(!said.0.is_empty(), || "the guest tells no statistics at all".to_owned())?;
        return Ok(statistics);
    }
    let last =
        said.last().map_or_else(|| "never said a line `stats: …`".to_owned(), |said| format!("said {:?}", said.0));
    Err(guest.wrong(format!("QEMU has got {statistics}, but the guest {last}")).into())
}

/// Waits for the guest's line that says the same as `statistics`.
pub(crate) fn wait_said(guest: &mut Guest, statistics: &Statistics) -> Result<(), QemuError> {
    guest.line("a line `stats: …` that says what QEMU has got", |line| {
        Said::read(line).filter(|said| said.agrees(statistics)).map(drop)
    })
}

/// A line of the guest's: names and values of what it has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said(Vec<(String, u64)>);

impl Said {
    /// Reads a line like `stats: free=4096 total=8192`.
    fn read(line: &str) -> Option<Self> {
        let words = line.strip_prefix("stats: ")?.split_whitespace();
        let pair = |word: &str| {
            let (name, value) = word.split_once('=')?;
            // The specification's names have underscores, QEMU's have not.
            Some((name.replace('_', "-"), value.parse().ok()?))
        };
        words.map(pair).collect::<Option<_>>().map(Self)
    }

    /// Whether QEMU has got the same: nothing else, and nothing less but what it does not know.
    fn agrees(&self, statistics: &Statistics) -> bool {
        let known = self.0.iter().filter(|(name, _)| Statistics::knows(name));
        let arrived = known.clone().all(|(name, value)| statistics.get(name) == Some(*value));
        arrived && statistics.told().all(|(name, _)| known.clone().any(|(said, _)| is_called(name, said)))
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
    fn the_guests_line_is_understood() {
        let said = Said::read("stats: free=4 total=8").unwrap();
        assert_eq!(said, Said(vec![("free".to_owned(), 4), ("total".to_owned(), 8)]));
        assert_eq!(Said::read("stats: swap_in=1"), Some(Said(vec![("swap-in".to_owned(), 1)])));
        assert_eq!(Said::read("stats: free=many"), None);
        assert_eq!(Said::read("statistics"), None);
    }

    #[test]
    fn both_sides_have_to_tell_the_same() {
        let agrees = |line| Said::read(line).unwrap().agrees(&statistics());
        assert!(agrees("stats: free=4 total=8"));
        assert!(agrees("stats: total=8 free=4 oom-kill=3"), "QEMU does not pass on what it does not know");
        assert!(!agrees("stats: free=5 total=8"), "another value");
        assert!(!agrees("stats: free=4"), "QEMU has more than was said");
        assert!(!agrees("stats: free=4 total=8 swap-in=0"), "QEMU has less than was said");
    }
}
