//! The report: a table for users, a JSON object for programs.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};
use xtask_common::arch::Arch;
use xtask_qemu::{
    features::{Feature, Offer},
    transport::Transport,
};

use super::{arguments::Device, device::Setup, plan::Plan, run::Step};

/// The result of a demo.
#[derive(Clone, Debug)]
pub struct Report {
    device: Device,
    /// The guest's architecture, if the guest is a virtual machine.
    arch: Option<Arch>,
    transport: Transport,
    /// Why this device was chosen.
    reason: String,
    memory_mib: u64,
    target_mib: u64,
    rounds: u32,
    /// The features that the device was to offer, if they were named.
    features: Option<Vec<Feature>>,
    /// The least change of resident memory that a step needs.
    least_change_mib: u64,
    /// The targets that were reached.
    pub steps: Vec<StepReport>,
    passed: bool,
    /// Why the demo failed.
    error: Option<String>,
}

/// One target that was reached.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
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
            // The samples are not more precise than a millisecond.
            seconds: (step.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
            rss_before_mib: step.resident_before.mib(),
            rss_after_mib: step.resident_after.mib(),
        }
    }
}

impl StepReport {
    fn json(&self) -> Value {
        json!({
            "target_mib": self.target_mib,
            "actual_mib": self.actual_mib,
            "seconds": self.seconds,
            "rss_before_mib": self.rss_before_mib,
            "rss_after_mib": self.rss_after_mib,
        })
    }
}

impl Report {
    /// Creates the report of a demo that has not started.
    pub fn new(plan: &Plan, setup: &Setup) -> Self {
        Self {
            device: setup.device(),
            arch: setup.arch(),
            transport: setup.transport(),
            reason: setup.reason().to_owned(),
            memory_mib: plan.memory.mib(),
            target_mib: plan.target.mib(),
            rounds: plan.rounds,
            features: match &plan.offer {
                Offer::Default => None,
                Offer::Exactly(features) => Some(features.clone()),
            },
            least_change_mib: plan.least_change().mib(),
            steps: Vec::new(),
            passed: false,
            error: None,
        }
    }

    /// Records the result of the demo.
    pub(crate) fn conclude(&mut self, result: &anyhow::Result<()>) {
        self.passed = result.is_ok();
        self.error = result.as_ref().err().map(|error| format!("{error:#}"));
    }

    /// Returns the JSON object.
    pub(crate) fn json(&self) -> Value {
        let features = |features: &Vec<Feature>| features.iter().map(|feature| feature.name()).collect::<Vec<_>>();
        json!({
            "device": self.device.name(),
            "arch": self.arch.map(Arch::name),
            "transport": self.transport.name(),
            "why": self.reason,
            "memory_mib": self.memory_mib,
            "target_mib": self.target_mib,
            "rounds": self.rounds,
            "features": self.features.as_ref().map(features),
            "least_change_mib": self.least_change_mib,
            "steps": self.steps.iter().map(StepReport::json).collect::<Vec<_>>(),
            "passed": self.passed,
            "error": self.error,
        })
    }

    /// Returns a table with a row for each step.
    pub fn table(&self) -> Table {
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

    use xtask_common::bytes::Bytes;

    use super::*;

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
            reason: "it is installed".to_owned(),
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
    fn the_json_object_has_stable_names() {
        let expected = json!({
            "device": "qemu",
            "arch": "x86_64",
            "transport": "mmio",
            "why": "it is installed",
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
        assert_eq!(report().json(), expected);
    }

    #[test]
    fn the_json_object_contains_the_error() {
        let mut report = report();
        report.conclude(&Err(anyhow::anyhow!("inner").context("outer")));
        let value = report.json();
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
