//! Flights of a guest that is only a number.

use super::*;
use crate::cli::Transport;

/// A guest that goes `stride` toward its target at each look, down to `floor`.
struct Paper {
    actual: Bytes,
    target: Bytes,
    stride: u64,
    floor: Bytes,
    /// Whether memory that the guest gives becomes free.
    freed: bool,
}

impl Paper {
    fn new() -> Self {
        let memory = Bytes::from_mib(1024);
        Self { actual: memory, target: memory, stride: 400 << 20, floor: Bytes(0), freed: true }
    }
}

impl Aircraft for Paper {
    fn set_target(&mut self, target: Bytes) -> anyhow::Result<()> {
        self.target = target;
        Ok(())
    }

    fn sample(&mut self) -> anyhow::Result<Gauges> {
        let (actual, target) = (self.actual.0, self.target.0.max(self.floor.0));
        self.actual = Bytes(if target < actual {
            actual.saturating_sub(self.stride).max(target)
        } else {
            actual.saturating_add(self.stride).min(target)
        });
        let resident = if self.freed { self.actual } else { Bytes::from_mib(1024) };
        Ok(Gauges { actual: self.actual, guest_used: None, resident })
    }

    fn lost(&mut self, actual: Bytes, _: Duration) -> anyhow::Error {
        anyhow::anyhow!("lost at {actual}")
    }

    fn land(self: Box<Self>) -> anyhow::Result<()> {
        Ok(())
    }
}

fn flight(paper: &mut Paper, rounds: u32) -> (Vec<Step>, anyhow::Result<()>) {
    let plan = Plan {
        transport: Transport::Pci,
        memory: Bytes::from_mib(1024),
        target: Bytes::from_mib(256),
        rounds,
        json: false,
        plot: None,
        qemu: None,
        image: None,
    };
    let mut steps = Vec::new();
    let mut onlooker = |event| {
        if let Event::Step(step) = event {
            steps.push(step);
        }
    };
    let limits = Limits { standstill: Duration::ZERO, step: Duration::from_secs(60), settling: Duration::ZERO };
    let result = fly_within(&plan, limits, paper, &mut onlooker);
    (steps, result)
}

#[test]
fn every_target_is_reached_in_order() {
    let mut paper = Paper { stride: u64::MAX, ..Paper::new() };
    let (steps, result) = flight(&mut paper, 2);
    result.unwrap();
    let mibs: Vec<_> = steps.iter().map(|step| (step.target.mib(), step.actual.mib())).collect();
    assert_eq!(mibs, [(256, 256), (1024, 1024), (256, 256), (1024, 1024)]);
    assert_eq!((steps[0].resident_before.mib(), steps[0].resident_after.mib()), (1024, 256));
    assert_eq!((steps[1].resident_before.mib(), steps[1].resident_after.mib()), (256, 1024));
}

#[test]
fn a_guest_that_stops_short_is_lost_where_it_stopped() {
    let mut paper = Paper { stride: u64::MAX, floor: Bytes::from_mib(300), ..Paper::new() };
    let (steps, result) = flight(&mut paper, 1);
    assert!(steps.is_empty());
    assert_eq!(result.unwrap_err().to_string(), "lost at 300 MiB");
}

#[test]
fn memory_that_does_not_become_free_fails_the_demo_and_states_the_rule() {
    let mut paper = Paper { stride: u64::MAX, freed: false, ..Paper::new() };
    let (steps, result) = flight(&mut paper, 1);
    assert_eq!(steps.len(), 1, "the step was flown and is told");
    let message = result.unwrap_err().to_string();
    assert!(message.contains("by 0 MiB, where at least 700 MiB of the 768 MiB"), "{message}");
}

#[test]
fn a_step_tells_what_happened() {
    let mut paper = Paper { stride: u64::MAX, ..Paper::new() };
    let (steps, _) = flight(&mut paper, 1);
    let sentence = steps[0].sentence();
    assert!(sentence.starts_with("The guest has 256 MiB after ") && sentence.ends_with("from 1024 MiB to 256 MiB."));
}
