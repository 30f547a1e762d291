//! Runs of a simulated guest.

use xtask_qemu::features::Offer;

use super::*;

/// A guest that moves by `stride` toward its target at each sample, but not below `least`.
struct SimulatedGuest {
    actual: Bytes,
    target: Bytes,
    stride: u64,
    least: Bytes,
    /// The least and the most resident memory.
    resident: (Bytes, Bytes),
    /// Resident memory does not rise again after it has fallen.
    stays_low: bool,
}

impl SimulatedGuest {
    fn new() -> Self {
        let memory = Bytes::from_mib(1024);
        let (least, resident) = (Bytes(0), (Bytes(0), memory));
        Self { actual: memory, target: memory, stride: u64::MAX, least, resident, stays_low: false }
    }
}

impl Session for SimulatedGuest {
    fn set_target(&mut self, target: Bytes) -> anyhow::Result<()> {
        self.target = target;
        Ok(())
    }

    fn sample(&mut self) -> anyhow::Result<Readings> {
        let (actual, target) = (self.actual.0, self.target.0.max(self.least.0));
        self.actual = Bytes(if target < actual {
            actual.saturating_sub(self.stride).max(target)
        } else {
            actual.saturating_add(self.stride).min(target)
        });
        let resident = self.actual.clamp(self.resident.0, self.resident.1);
        if self.stays_low {
            self.resident.1 = self.resident.1.min(resident);
        }
        Ok(Readings { actual: self.actual, statistics: None, resident })
    }

    fn off_target(&mut self, actual: Bytes, _: Duration) -> anyhow::Error {
        anyhow::anyhow!("off target at {actual}")
    }

    fn stop(self: Box<Self>) -> anyhow::Result<()> {
        Ok(())
    }
}

fn plan(rounds: u32) -> Plan {
    Plan {
        arch: None,
        transport: None,
        memory: Bytes::from_mib(1024),
        target: Bytes::from_mib(256),
        rounds,
        offer: Offer::Default,
        json: false,
        plot: None,
        qemu: None,
        image: None,
    }
}

/// Runs a guest that has no time without progress.
fn run(guest: &mut SimulatedGuest, rounds: u32) -> (Vec<Step>, anyhow::Result<()>) {
    run_with(guest, rounds, Duration::ZERO)
}

fn run_with(guest: &mut SimulatedGuest, rounds: u32, no_progress: Duration) -> (Vec<Step>, anyhow::Result<()>) {
    let limits = Limits { no_progress, step: Duration::from_secs(60), settle: Duration::ZERO };
    let mut steps = Vec::new();
    let result = run_within(&plan(rounds), limits, guest, &mut |event| {
        if let Event::Step(step) = event {
            steps.push(step);
        }
    });
    (steps, result)
}

#[test]
fn every_target_is_reached_in_order() {
    let (steps, result) = run(&mut SimulatedGuest::new(), 2);
    result.unwrap();
    let mibs: Vec<_> = steps.iter().map(|step| (step.target.mib(), step.actual.mib())).collect();
    assert_eq!(mibs, [(256, 256), (1024, 1024), (256, 256), (1024, 1024)]);
    assert_eq!((steps[0].resident_before.mib(), steps[0].resident_after.mib()), (1024, 256));
    assert_eq!((steps[1].resident_before.mib(), steps[1].resident_after.mib()), (256, 1024));
}

#[test]
fn a_guest_that_makes_progress_is_waited_for() {
    let mut guest = SimulatedGuest { stride: 400 << 20, ..SimulatedGuest::new() };
    let (steps, result) = run_with(&mut guest, 1, Duration::from_secs(30));
    result.unwrap();
    assert_eq!(steps.len(), 2);
}

#[test]
fn a_guest_that_stops_short_is_off_target() {
    let mut guest = SimulatedGuest { least: Bytes::from_mib(300), ..SimulatedGuest::new() };
    let (steps, result) = run(&mut guest, 1);
    assert!(steps.is_empty());
    assert_eq!(result.unwrap_err().to_string(), "off target at 300 MiB");
}

#[test]
fn memory_that_stays_resident_fails_the_run() {
    let memory = Bytes::from_mib(1024);
    let mut guest = SimulatedGuest { resident: (memory, memory), ..SimulatedGuest::new() };
    let (steps, result) = run(&mut guest, 1);
    assert_eq!(steps.len(), 1, "the observer gets the step");
    let message = result.unwrap_err().to_string();
    assert!(
        message.contains("from 1024 MiB to 256 MiB, but resident memory only went from 1024 MiB to 1024 MiB"),
        "{message}"
    );
    assert!(message.contains("by at least 700 MiB"), "{message}");
}

#[test]
fn the_least_change_is_enough() {
    let guest =
        |least| SimulatedGuest { resident: (Bytes::from_mib(least), Bytes::from_mib(1024)), ..SimulatedGuest::new() };
    run(&mut guest(324), 1).1.unwrap();
    run(&mut guest(325), 1).1.unwrap_err();
}

#[test]
fn memory_that_does_not_become_resident_again_fails_the_run() {
    let (steps, result) = run(&mut SimulatedGuest { stays_low: true, ..SimulatedGuest::new() }, 1);
    assert_eq!(steps.len(), 2);
    let message = result.unwrap_err().to_string();
    assert!(
        message.contains("from 256 MiB to 1024 MiB, but resident memory only went from 256 MiB to 256 MiB"),
        "{message}"
    );
}

#[test]
fn a_step_is_described_in_a_sentence() {
    let (steps, _) = run(&mut SimulatedGuest::new(), 1);
    let sentence = steps[0].sentence();
    assert!(sentence.starts_with("The guest has 256 MiB after ") && sentence.ends_with("from 1024 MiB to 256 MiB."));
}
