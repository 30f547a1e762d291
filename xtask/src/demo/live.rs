//! The live display: a bar for each amount of memory.

use std::cell::Cell;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{flight::Sample, plan::Plan};
use crate::{cli::Device, qemu::statistics::Statistics, units::Bytes};

/// Bars on standard error, where that is a terminal; else only the sentences, and the statistics as they arrive.
#[derive(Debug)]
pub(crate) struct Live {
    bars: MultiProgress,
    memory: Bytes,
    target: ProgressBar,
    balloon: ProgressBar,
    guest: ProgressBar,
    resident: ProgressBar,
    statistics: ProgressBar,
    /// When the statistics arrived that are shown.
    arrived: Cell<Option<u64>>,
}

impl Live {
    /// A display for a guest of `plan` on `device`.
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
        let live = Self {
            memory: plan.memory,
            target: add("target".to_owned()),
            balloon: add("balloon".to_owned()),
            guest: add("guest in use".to_owned()),
            resident: add(format!("{device} resident")),
            statistics: add("statistics".to_owned()),
            arrived: Cell::new(None),
            bars,
        };
        live.statistics.set_style(words);
        live.statistics.set_message("none yet");
        live
    }

    /// Shows `sample`.
    pub(crate) fn show(&self, sample: &Sample) {
        let gauges = &sample.gauges;
        // A guest that keeps no account has touched all that it has.
        let guest = gauges.statistics.and_then(|statistics| statistics.used()).unwrap_or(gauges.actual);
        let balloon = self.memory.less(gauges.actual);
        for (bar, amount) in [
            (&self.target, sample.target),
            (&self.balloon, balloon),
            (&self.guest, guest),
            (&self.resident, gauges.resident),
        ] {
            bar.set_position(amount.0.min(self.memory.0));
            bar.set_message(amount.to_string());
        }
        if let Some(statistics) = &gauges.statistics {
            self.tell(statistics);
        }
    }

    /// Shows what the guest told of its memory, once for each time it does.
    fn tell(&self, statistics: &Statistics) {
        if self.arrived.replace(Some(statistics.arrived)) == Some(statistics.arrived) {
            return;
        }
        if self.bars.is_hidden() {
            eprintln!("Statistics: {statistics}.");
        } else {
            self.statistics.set_message(statistics.to_string());
        }
    }

    /// Says a sentence above the bars.
    pub(crate) fn say(&self, sentence: &str) {
        if self.bars.is_hidden() {
            eprintln!("{sentence}");
        } else {
            // A terminal that went away is no reason to end the flight.
            let _ = self.bars.println(sentence);
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        for bar in [&self.target, &self.balloon, &self.guest, &self.resident, &self.statistics] {
            bar.finish_and_clear();
        }
        let _ = self.bars.clear();
    }
}
