//! Free page reporting: how soon and how fast the host releases memory that a guest frees.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use xtask_common::{bytes::Bytes, process::interrupt};
use xtask_qemu::{
    features::{Feature, Offer},
    serial::Position,
    vm::Qemu,
};

use super::{
    device_only,
    guests::{Guests, INTERVAL, LIMIT, Options},
    results::{Report, Reporting, Results, System},
};

/// The memory that a guest uses and then frees.
pub(crate) const FREED: Bytes = Bytes::from_mib(768);
/// Reporting has begun when this much memory is released, and has ended when all but this much is.
const EDGE: Bytes = Bytes::from_mib(16);
/// The time without a change after which resident memory is steady. Linux waits for 2 s before each pass.
const STEADY: Duration = Duration::from_secs(5);

/// Measures one round.
pub(crate) fn round(results: &mut Results, guests: &Guests, round: u32) -> anyhow::Result<()> {
    note(results, System::Device, device_only::reporting(guests.memory, FREED)?);
    let systems = guests.systems();
    for turn in 0..systems.len() {
        let system = systems[(turn + round as usize) % systems.len()];
        let spare = format!("spare={}", FREED.mib());
        let options = Options {
            command_line: &spare,
            offer: Offer::Exactly(vec![Feature::FreePageReporting, Feature::EventIdx]),
            qemu: &[],
        };
        let mut qemu = guests.start(system, &options)?;
        let report = free(&mut qemu)?;
        qemu.quit()?;
        note(results, system, report);
    }
    Ok(())
}

fn note(results: &mut Results, system: System, report: Report) {
    match results.reporting.iter_mut().find(|reporting| reporting.system == system) {
        Some(reporting) => reporting.runs.push(report),
        None => results.reporting.push(Reporting { system, freed_mib: FREED.mib(), runs: vec![report] }),
    }
}

/// Has the guest free its memory and measures how the host releases it. Time starts with the request, because a guest may report the
/// first pages before it has freed the last.
fn free(qemu: &mut Qemu) -> anyhow::Result<Report> {
    let (mut position, mut is_free) = (Position::default(), false);
    let mut curve = vec![(Duration::ZERO, qemu.resident()?)];
    qemu.type_in("\n")?;
    let start = Instant::now();
    loop {
        interrupt::check()?;
        thread::sleep(INTERVAL);
        let now = (start.elapsed(), qemu.resident()?);
        let freed = |line: &str| line.starts_with("spare: freed ").then_some(());
        is_free |= qemu.next_line(&mut position, freed).is_some();
        if curve.last().is_none_or(|(_, resident)| resident.mib() != now.1.mib()) {
            curve.push(now);
        }
        let rest = now.0.saturating_sub(curve.last().map_or(Duration::ZERO, |(at, _)| *at));
        if is_free && rest > STEADY {
            return report(&curve).context("the host did not release the memory that the guest freed");
        }
        ensure!(now.0 < LIMIT, "the guest's memory was not free and steady after {} s", LIMIT.as_secs());
    }
}

/// Evaluates resident memory over time since the request. Returns `None` if it did not fall.
fn report(curve: &[(Duration, Bytes)]) -> Option<Report> {
    let before = curve.first()?.1;
    let after = curve.iter().map(|(_, resident)| *resident).min()?;
    let when = |below: Bytes| curve.iter().find(|(_, resident)| *resident <= below).map(|(at, _)| *at);
    let delay = when(before.minus(EDGE)).filter(|_| before.minus(after) > EDGE.plus(EDGE))?;
    let ends = when(after.plus(EDGE))?;
    Some(Report {
        delay: delay.as_secs_f64(),
        duration: ends.saturating_sub(delay).max(INTERVAL).as_secs_f64(),
        released_mib: before.minus(after).mib(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begin_and_duration_are_found_in_the_curve() {
        let curve = [(0, 900), (100, 880), (300, 500), (500, 110), (700, 100), (900, 101)];
        let curve = curve.map(|(ms, mib)| (Duration::from_millis(ms), Bytes::from_mib(mib)));
        let report = report(&curve).unwrap();
        assert_eq!((report.delay, report.duration, report.released_mib), (0.1, 0.4, 800));
        assert_eq!(report.speed(), 800.0 / 1024.0 / 0.4);
    }

    #[test]
    fn constant_memory_gives_no_report() {
        let flat = [0, 10].map(|ms| (Duration::from_millis(ms), Bytes::from_mib(900)));
        assert!(report(&flat).is_none());
    }
}
