//! Free page reporting: how soon and how fast the host releases memory that a guest frees.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use xtask_common::{bytes::Bytes, process::interrupt};
use xtask_qemu::{
    features::{Feature, Offer},
    serial::Position,
    vm::Qemu,
};

use super::{
    clock::{Clock, Elapsed},
    device_only,
    guests::{Guests, INTERVAL, LIMIT, Options, Resized, resize},
    results::{Report, Reporting, Results, System},
};

/// The memory that a guest uses and then frees.
pub(crate) const FREED: Bytes = Bytes::from_mib(768);
/// Reporting has begun when this much memory is released, and has ended when all but this much is.
const EDGE: Bytes = Bytes::from_mib(16);
/// The time without a change after which resident memory is steady: this guest reports after 0.1 s, Linux after 2 s and in passes.
const STEADY: Duration = Duration::from_millis(600);
const STEADY_LINUX: Duration = Duration::from_secs(3);

/// Measures one round.
pub(crate) fn round(results: &mut Results, guests: &Guests, round: u32) -> anyhow::Result<()> {
    note(results, System::Device, device_only::reporting(guests.memory, FREED)?);
    let all = guests.systems().iter().copied();
    // Block inflation does not change reporting.
    let systems: Vec<System> =
        all.filter(|system| !matches!(system, System::AerostatBlocks | System::AerostatDeflateEntries)).collect();
    for turn in 0..systems.len() {
        let system = systems[(turn + round as usize) % systems.len()];
        let spare = format!("spare={}", FREED.mib());
        let options = Options { command_line: &spare, offer: offer(), qemu: &[] };
        let mut qemu = guests.start(system, &options)?;
        let steady = if system == System::Aerostat { STEADY } else { STEADY_LINUX };
        let curve = free(&mut qemu, steady)?;
        qemu.quit()?;
        let report = report(&curve).context("the host did not release the memory that the guest freed")?;
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

/// The features of a device with reporting.
fn offer() -> Offer {
    Offer::Exactly(vec![Feature::FreePageReporting, Feature::EventIdx])
}

/// Has a guest free written memory, which it reports if `reports`, and then inflate by page arrays. Returns the time of both and the
/// resident memory in it, without the time that the guest waits before it reports.
pub(crate) fn then_inflate(guests: &Guests, taken: Bytes, reports: bool) -> anyhow::Result<Resized> {
    let command_line = format!("spare={} features=stats{}", taken.mib(), if reports { ",report" } else { "" });
    let options = Options { command_line: &command_line, offer: offer(), qemu: &[] };
    let mut qemu = guests.start(System::Aerostat, &options)?;
    let clock = Clock::start(qemu.id())?;
    let curve = free(&mut qemu, STEADY)?;
    let mut reporting = Elapsed { wall: Duration::ZERO, ..clock.stop()? };
    let mut resident = Vec::new();
    match (report(&curve), reports) {
        (Some(report), true) => {
            reporting.wall = Duration::from_secs_f64(report.duration);
            let start = Duration::from_secs_f64(report.delay);
            let in_time = |(at, resident): &(Duration, Bytes)| Some((at.checked_sub(start)?, *resident));
            resident.extend(curve.iter().filter_map(in_time).take_while(|(at, _)| *at <= reporting.wall));
        }
        (None, false) => {}
        (Some(_), false) => bail!("the host released memory that was not reported"),
        (None, true) => bail!("the host did not release the memory that the guest freed"),
    }
    let inflating = resize(&mut qemu, guests.memory.minus(taken))?;
    qemu.quit()?;
    resident.extend(inflating.resident.iter().map(|(at, resident)| (*at + reporting.wall, *resident)));
    Ok(Resized { elapsed: reporting.plus(inflating.elapsed), resident })
}

/// Has the guest free its memory and returns how much is resident over time, until it is `steady`. Time starts with the request,
/// because a guest may report the first pages before it has freed the last.
fn free(qemu: &mut Qemu, steady: Duration) -> anyhow::Result<Vec<(Duration, Bytes)>> {
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
        if is_free && rest > steady {
            return Ok(curve);
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
