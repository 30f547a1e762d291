//! The live display: a bar for each amount of memory.

use std::cell::Cell;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use xtask_common::bytes::Bytes;
use xtask_qemu::statistics::Statistics;

use super::{arguments::Device, plan::Plan, run::Sample};

/// Bars on standard error. Without a terminal only sentences and statistics are printed.
#[derive(Debug)]
pub(crate) struct Display {
    bars: MultiProgress,
    memory: Bytes,
    target: ProgressBar,
    balloon: ProgressBar,
    guest: ProgressBar,
    resident: ProgressBar,
    statistics: ProgressBar,
    /// The arrival time of the statistics that are shown.
    arrived: Cell<Option<u64>>,
}

impl Display {
    /// Creates a display for a guest of `plan` on `device`.
    pub(crate) fn new(plan: &Plan, device: Device) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(15));
        let style = ProgressStyle::with_template("{prefix:>18} {bar:40} {msg:>10}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let words = ProgressStyle::with_template("{prefix:>18} {wide_msg}").unwrap_or_else(|_| style.clone());
        let add = |name: String| {
            let bar = bars.add(ProgressBar::new(plan.memory.0));
            bar.set_style(style.clone());
            bar.set_prefix(name);
            bar
        };
        let display = Self {
            memory: plan.memory,
            target: add("target".to_owned()),
            balloon: add("balloon".to_owned()),
            guest: add("used by guest".to_owned()),
            resident: add(format!("{device} resident")),
            statistics: add("statistics".to_owned()),
            arrived: Cell::new(None),
            bars,
        };
        display.statistics.set_style(words);
        display.statistics.set_message("none yet");
        display
    }

    /// Shows `sample`.
    pub(crate) fn show(&self, sample: &Sample) {
        let readings = &sample.readings;
        // A guest without statistics has written to all of its memory.
        let guest = readings.statistics.and_then(|statistics| statistics.used()).unwrap_or(readings.actual);
        let balloon = self.memory.minus(readings.actual);
        for (bar, amount) in [
            (&self.target, sample.target),
            (&self.balloon, balloon),
            (&self.guest, guest),
            (&self.resident, readings.resident),
        ] {
            bar.set_position(amount.0.min(self.memory.0));
            bar.set_message(amount.to_string());
        }
        if let Some(statistics) = &readings.statistics {
            self.show_statistics(statistics);
        }
    }

    /// Shows each set of statistics once.
    fn show_statistics(&self, statistics: &Statistics) {
        if self.arrived.replace(Some(statistics.arrived)) == Some(statistics.arrived) {
            return;
        }
        if self.bars.is_hidden() {
            eprintln!("Statistics: {statistics}.");
        } else {
            self.statistics.set_message(statistics.to_string());
        }
    }

    /// Prints a sentence above the bars.
    pub(crate) fn print(&self, sentence: &str) {
        if self.bars.is_hidden() {
            eprintln!("{sentence}");
        } else {
            // The run goes on if the terminal is closed.
            let _ = self.bars.println(sentence);
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        for bar in [&self.target, &self.balloon, &self.guest, &self.resident, &self.statistics] {
            bar.finish_and_clear();
        }
        let _ = self.bars.clear();
    }
}
