//! What came of it: a table for people, an object for programs.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::{choice::Chosen, flight::Step, plan::Plan};
use crate::{
    cli::{Arch, Device, Transport},
    qemu::features::{Feature, Offer},
};

/// The result of a demo.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    device: Device,
    /// The guest's architecture, where it is a guest of its own.
    arch: Option<Arch>,
    transport: Transport,
    /// Why it is this device.
    why: String,
    memory_mib: u64,
    target_mib: u64,
    rounds: u32,
    /// What the device was asked to offer, where it was.
    features: Option<Vec<Feature>>,
    /// The least by which resident memory had to follow.
    least_change_mib: u64,
    pub(crate) steps: Vec<StepReport>,
    passed: bool,
    /// Why it did not pass.
    error: Option<String>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct StepReport {
    target_mib: u64,
    actual_mib: u64,
    seconds: f64,
    rss_before_mib: u64,
    rss_after_mib: u64,
}

impl From<Step> for StepReport {
    fn from(step: Step) -> Self {
        Self {
            target_mib: step.target.mib(),
            actual_mib: step.actual.mib(),
            // Milliseconds are as fine as the looks are.
            seconds: (step.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
            rss_before_mib: step.resident_before.mib(),
            rss_after_mib: step.resident_after.mib(),
        }
    }
}

impl Report {
    /// The report of a demo that has not begun.
    pub(crate) fn new(plan: &Plan, chosen: &Chosen) -> Self {
        Self {
            device: chosen.device(),
            arch: chosen.arch(),
            transport: chosen.transport(),
            why: chosen.why().to_owned(),
            memory_mib: plan.memory.mib(),
            target_mib: plan.target.mib(),
            rounds: plan.rounds,
            features: match &plan.offer {
                Offer::Usual => None,
                Offer::Exactly(features) => Some(features.clone()),
            },
            least_change_mib: plan.least_change().mib(),
            steps: Vec::new(),
            passed: false,
            error: None,
        }
    }

    /// Notes how it ended.
    pub(crate) fn conclude(&mut self, result: &anyhow::Result<()>) {
        self.passed = result.is_ok();
        self.error = result.as_ref().err().map(|error| format!("{error:#}"));
    }

    /// The steps, for people.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(["target", "actual", "seconds", "RSS before", "RSS after"]);
        for step in &self.steps {
            let mib = |value: u64| format!("{value} MiB");
            table.add_row([
                mib(step.target_mib),
                mib(step.actual_mib),
                format!("{:.2}", step.seconds),
                mib(step.rss_before_mib),
                mib(step.rss_after_mib),
            ]);
        }
        for column in table.column_iter_mut() {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::units::Bytes;

    fn report() -> Report {
        let step = Step {
            target: Bytes::from_mib(256),
            actual: Bytes::from_mib(256),
            elapsed: Duration::from_micros(1_250_400),
            resident_before: Bytes::from_mib(1100),
            resident_after: Bytes::from_mib(330),
        };
        Report {
            device: Device::Qemu,
            arch: Some(Arch::X86_64),
            transport: Transport::Mmio,
            why: "it is there".to_owned(),
            memory_mib: 1024,
            target_mib: 256,
            rounds: 1,
            features: Some(vec![Feature::Stats, Feature::DeflateOnOom]),
            least_change_mib: 700,
            steps: vec![step.into()],
            passed: true,
            error: None,
        }
    }

    #[test]
    fn the_object_has_the_names_that_programs_look_for() {
        let value = serde_json::to_value(report()).unwrap();
        let expected = serde_json::json!({
            "device": "qemu",
            "arch": "x86_64",
            "transport": "mmio",
            "why": "it is there",
            "memory_mib": 1024,
            "target_mib": 256,
            "rounds": 1,
            "features": ["stats", "deflate-on-oom"],
            "least_change_mib": 700,
            "steps": [{
                "target_mib": 256, "actual_mib": 256, "seconds": 1.25, "rss_before_mib": 1100, "rss_after_mib": 330,
            }],
            "passed": true,
            "error": null,
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_failure_is_in_the_object() {
        let mut report = report();
        report.conclude(&Err(anyhow::anyhow!("inner").context("outer")));
        let value = serde_json::to_value(report).unwrap();
        assert_eq!((&value["passed"], &value["error"]), (&false.into(), &"outer: inner".into()));
    }

    #[test]
    fn the_table_has_a_row_for_each_step() {
        let table = report().table().to_string();
        for cell in ["target", "RSS after", "256 MiB", "1.25", "1100 MiB", "330 MiB"] {
            assert!(table.contains(cell), "{cell:?} is missing in:\n{table}");
        }
    }
}
