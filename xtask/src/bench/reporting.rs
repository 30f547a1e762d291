//! Free page reporting: how soon memory that a guest frees has left the host, and how fast it goes.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use super::{
    alone,
    field::{Field, LIMIT, LOOK, Words},
    results::{Report, Reporting, Results, Who},
};
use crate::{
    process::interrupt,
    qemu::{
        features::{Feature, Offer},
        process::Qemu,
        serial::Place,
    },
    units::Bytes,
};

/// What a guest uses and then frees.
pub(super) const FREED: Bytes = Bytes::from_mib(768);
/// When so much has left, it has begun; and when all but so much has left, nothing more is waited for.
const EDGE: Bytes = Bytes::from_mib(16);
/// Resident memory that has not changed for so long will not change: Linux waits for 2 s before each pass.
const REST: Duration = Duration::from_secs(5);

/// One round of all.
pub(super) fn round(results: &mut Results, field: &Field, round: u32) -> anyhow::Result<()> {
    note(results, Who::Device, alone::reporting(field.memory, FREED)?);
    let guests = field.guests();
    for turn in 0..guests.len() {
        let who = guests[(turn + round as usize) % guests.len()];
        let spare = format!("spare={}", FREED.mib());
        let words = Words {
            guest: &spare,
            offer: Offer::Exactly(vec![Feature::FreePageReporting, Feature::EventIdx]),
            qemu: &[],
        };
        let mut qemu = field.start(who, &words)?;
        let report = free(&mut qemu)?;
        qemu.quit()?;
        note(results, who, report);
    }
    Ok(())
}

fn note(results: &mut Results, who: Who, report: Report) {
    match results.reporting.iter_mut().find(|reporting| reporting.who == who) {
        Some(reporting) => reporting.runs.push(report),
        None => results.reporting.push(Reporting { who, freed_mib: FREED.mib(), runs: vec![report] }),
    }
}

/// Has the guest free its memory, and watches that leave. The clock runs from the order to free: a guest that is slow to
/// do so may report the first of it before it has freed the last.
fn free(qemu: &mut Qemu) -> anyhow::Result<Report> {
    let (mut place, mut is_free) = (Place::default(), false);
    let mut curve = vec![(Duration::ZERO, qemu.resident()?)];
    qemu.type_in("\n")?;
    let asked = Instant::now();
    loop {
        interrupt::check()?;
        thread::sleep(LOOK);
        let now = (asked.elapsed(), qemu.resident()?);
        let says = |line: &str| line.starts_with("spare: freed ").then_some(());
        is_free |= qemu.next_line(&mut place, says).is_some();
        if curve.last().is_none_or(|(_, resident)| resident.mib() != now.1.mib()) {
            curve.push(now);
        }
        let rest = now.0.saturating_sub(curve.last().map_or(Duration::ZERO, |(at, _)| *at));
        if is_free && rest > REST {
            return report(&curve).context("nothing that the guest freed has left the host");
        }
        ensure!(now.0 < LIMIT, "the guest's memory was not free and at rest in {} s", LIMIT.as_secs());
    }
}

/// What resident memory over time says, from the order to free. `None` where it never fell.
fn report(curve: &[(Duration, Bytes)]) -> Option<Report> {
    let before = curve.first()?.1;
    let after = curve.iter().map(|(_, resident)| *resident).min()?;
    let when = |below: Bytes| curve.iter().find(|(_, resident)| *resident <= below).map(|(at, _)| *at);
    let begins = when(before.less(EDGE)).filter(|_| before.less(after) > EDGE.plus(EDGE))?;
    let ends = when(after.plus(EDGE))?;
    Some(Report {
        begins: begins.as_secs_f64(),
        lasts: ends.saturating_sub(begins).max(LOOK).as_secs_f64(),
        left_mib: before.less(after).mib(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_says_when_it_began_and_how_long_it_took() {
        let curve = [(0, 900), (100, 880), (300, 500), (500, 110), (700, 100), (900, 101)];
        let curve = curve.map(|(ms, mib)| (Duration::from_millis(ms), Bytes::from_mib(mib)));
        let report = report(&curve).unwrap();
        assert_eq!((report.begins, report.lasts, report.left_mib), (0.1, 0.4, 800));
        assert_eq!(report.speed(), 800.0 / 1024.0 / 0.4);
    }

    #[test]
    fn memory_that_stays_is_no_report() {
        let flat = [0, 10].map(|ms| (Duration::from_millis(ms), Bytes::from_mib(900)));
        assert!(report(&flat).is_none());
    }
}
