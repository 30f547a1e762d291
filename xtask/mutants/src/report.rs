//! The numbers of a run.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
};

use crate::{list::Mutant, programs::Verdict, tree::Found};

/// The mutants by their verdicts.
#[derive(Debug, Default)]
pub(crate) struct Report<'a> {
    caught: usize,
    timeouts: usize,
    unviable: usize,
    missed: Vec<&'a str>,
    /// Mutants that are not in the program: cargo-mutants judges them.
    left: Vec<&'a str>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(mutants: &'a [Mutant], found: &Found, verdicts: &BTreeMap<String, Verdict>) -> Self {
        let mut report = Self::default();
        for mutant in mutants {
            match verdicts.get(&mutant.name) {
                Some(Verdict::Caught { .. }) => report.caught += 1,
                Some(Verdict::Timeout) => report.timeouts += 1,
                Some(Verdict::Missed | Verdict::Unreached) => report.missed.push(&mutant.name),
                None if found.unviable.contains_key(&mutant.name) => report.unviable += 1,
                None => report.left.push(&mutant.name),
            }
        }
        report
    }
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { caught, timeouts, unviable, missed, left } = self;
        missed.iter().try_for_each(|name| writeln!(f, "missed: {name}"))?;
        left.iter().try_for_each(|name| writeln!(f, "for cargo-mutants: {name}"))?;
        let (caught, viable) = (caught + timeouts, caught + timeouts + missed.len());
        let tenths = caught.saturating_mul(1000).checked_div(viable).unwrap_or(0);
        writeln!(
            f,
            "{caught} of {viable} mutants caught ({}.{} %), {timeouts} of them by time; {} missed; {unviable} do not compile; {} for \
             cargo-mutants",
            tenths / 10,
            tenths % 10,
            missed.len(),
            left.len()
        )
    }
}
