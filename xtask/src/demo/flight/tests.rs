//! Flights of a guest that is only a number.

use super::*;
use crate::qemu::features::Offer;

/// A guest that goes `stride` toward its target at each look, down to `floor`.
struct Paper {
    actual: Bytes,
    target: Bytes,
    stride: u64,
    floor: Bytes,
    /// Least and most resident memory.
    resident: (Bytes, Bytes),
}

impl Paper {
    fn new() -> Self {
        let memory = Bytes::from_mib(1024);
        Self { actual: memory, target: memory, stride: 400 << 20, floor: Bytes(0), resident: (Bytes(0), memory) }
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
        let resident = self.actual.clamp(self.resident.0, self.resident.1);
        Ok(Gauges { actual: self.actual, statistics: None, resident })
    }

    fn lost(&mut self, actual: Bytes, _: Duration) -> anyhow::Error {
        anyhow::anyhow!("lost at {actual}")
    }

    fn land(self: Box<Self>) -> anyhow::Result<()> {
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
        offer: Offer::Usual,
        json: false,
        plot: None,
        qemu: None,
        image: None,
    }
}

/// No patience: what is not there at the second look does not come.
fn limits() -> Limits {
    Limits { standstill: Duration::ZERO, step: Duration::from_secs(60), settling: Duration::ZERO }
}

fn flight(paper: &mut Paper, rounds: u32) -> (Vec<Step>, anyhow::Result<()>) {
    let mut steps = Vec::new();
    let result = fly_within(&plan(rounds), limits(), paper, &mut |event| {
        if let Event::Step(step) = event {
            steps.push(step);
        }
    });
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
    let memory = Bytes::from_mib(1024);
    let mut paper = Paper { stride: u64::MAX, resident: (memory, memory), ..Paper::new() };
    let (steps, result) = flight(&mut paper, 1);
    assert_eq!(steps.len(), 1, "the step was flown and is told");
    let message = result.unwrap_err().to_string();
    assert!(
        message.contains("from 1024 MiB to 256 MiB, but resident memory only from 1024 MiB to 1024 MiB"),
        "{message}"
    );
    assert!(message.contains("by at least 700 MiB"), "{message}");
}

#[test]
fn just_enough_of_the_memory_is_enough() {
    let least =
        |mib| Paper { stride: u64::MAX, resident: (Bytes::from_mib(mib), Bytes::from_mib(1024)), ..Paper::new() };
    flight(&mut least(324), 1).1.unwrap();
    flight(&mut least(325), 1).1.unwrap_err();
}

#[test]
fn memory_that_the_guest_does_not_take_back_fails_the_demo() {
    let mut paper = Paper { stride: u64::MAX, ..Paper::new() };
    let plan = plan(1);
    let limits = limits();
    let mut steps = 0;
    let mut paper_after_its_fall = Grounded { paper: &mut paper, fallen: false };
    let result = fly_within(&plan, limits, &mut paper_after_its_fall, &mut |event| {
        steps += usize::from(matches!(event, Event::Step(_)));
    });
    assert_eq!(steps, 2);
    let message = result.unwrap_err().to_string();
    assert!(
        message.contains("from 256 MiB to 1024 MiB, but resident memory only from 256 MiB to 256 MiB"),
        "{message}"
    );
}

/// A guest whose resident memory never rises again.
struct Grounded<'a> {
    paper: &'a mut Paper,
    fallen: bool,
}

impl Aircraft for Grounded<'_> {
    fn set_target(&mut self, target: Bytes) -> anyhow::Result<()> {
        self.paper.set_target(target)
    }

    fn sample(&mut self) -> anyhow::Result<Gauges> {
        let gauges = self.paper.sample()?;
        self.fallen |= gauges.actual == Bytes::from_mib(256);
        Ok(Gauges { resident: if self.fallen { Bytes::from_mib(256) } else { gauges.resident }, ..gauges })
    }

    fn lost(&mut self, actual: Bytes, limit: Duration) -> anyhow::Error {
        self.paper.lost(actual, limit)
    }

    fn land(self: Box<Self>) -> anyhow::Result<()> {
        Ok(())
    }
}

#[test]
fn a_step_tells_what_happened() {
    let mut paper = Paper { stride: u64::MAX, ..Paper::new() };
    let (steps, _) = flight(&mut paper, 1);
    let sentence = steps[0].sentence();
    assert!(sentence.starts_with("The guest has 256 MiB after ") && sentence.ends_with("from 1024 MiB to 256 MiB."));
}
