//! What was measured, as programs keep it. Everything that people read is made from this.

use serde::{Deserialize, Serialize};

use super::clock::Took;

/// All that one run has measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Results {
    pub(super) machine: Machine,
    pub(super) setup: Setup,
    /// Inflating and deflating.
    pub(super) balloon: Vec<Series>,
    /// Instructions of the guest's CPU for the same.
    pub(super) instructions: Vec<Instructions>,
    /// Free page reporting.
    pub(super) reporting: Vec<Reporting>,
    /// How cost grows with the guest.
    pub(super) growth: Vec<Growth>,
    /// The driver by itself.
    pub(super) benchmarks: Vec<Benchmark>,
}

/// Where it was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Machine {
    /// The CPU's name.
    pub(super) cpu: String,
    /// How many of them this program may use.
    pub(super) cpus: usize,
    pub(super) memory_mib: u64,
    /// The host's kernel.
    pub(super) kernel: String,
    /// Whether the host makes large pages of its own accord.
    pub(super) huge_pages: String,
    pub(super) qemu: String,
    /// The kernel of the Linux guest, where there was one.
    pub(super) linux: Option<String>,
    pub(super) rust: String,
    /// The version of this workspace.
    pub(super) revision: String,
    /// The day, in UTC.
    pub(super) day: String,
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Setup {
    /// The command line.
    pub(super) command: String,
    pub(super) rounds: u32,
    pub(super) memory_mib: u64,
    pub(super) target_mib: u64,
}

impl Setup {
    /// Pages that change hands each time.
    pub(super) const fn pages(&self) -> u64 {
        (self.memory_mib - self.target_mib) << 8
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Who {
    /// The host's kernel, asked for each page on its own.
    FloorPages,
    /// The host's kernel, asked for 2 MiB at a time.
    FloorRuns,
    /// The host's kernel, asked once.
    FloorWhole,
    /// QEMU's device with a driver that takes no time.
    Device,
    /// This driver in its guest.
    Aerostat,
    /// Linux's driver.
    Linux,
    /// Linux's driver, in a kernel that does not write zeros to what it allocates.
    LinuxUnzeroed,
}

impl Who {
    pub(super) const ALL: [Self; 7] = [
        Self::FloorPages,
        Self::FloorRuns,
        Self::FloorWhole,
        Self::Device,
        Self::Aerostat,
        Self::Linux,
        Self::LinuxUnzeroed,
    ];

    /// For people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::FloorPages => "host, page by page",
            Self::FloorRuns => "host, 2 MiB at a time",
            Self::FloorWhole => "host, all at once",
            Self::Device => "QEMU's device alone",
            Self::Aerostat => "Aerostat",
            Self::Linux => "Linux",
            Self::LinuxUnzeroed => "Linux, init_on_alloc=0",
        }
    }
}

/// Which way pages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Action {
    Inflate,
    Deflate,
}

/// What had become of the memory before it went into the balloon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// Nobody ever wrote to it.
    Untouched,
    /// All of it was written to.
    Touched,
    /// It was written to, and the host has dropped it since.
    Dropped,
}

/// The same thing done over and over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Series {
    pub(super) who: Who,
    pub(super) action: Action,
    pub(super) state: State,
    /// How long it took, for all pages, each time.
    pub(super) seconds: Vec<f64>,
    /// For how long of that the thread that does the work had a CPU.
    pub(super) cpu_seconds: Vec<f64>,
}

/// By which clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The time that passes.
    Wall,
    /// The time for which the thread that does the work has a CPU.
    Cpu,
}

impl Results {
    /// The times of a series, in microseconds for each page.
    pub(super) fn cost(&self, who: Who, action: Action, state: State, by: By) -> Option<Spread> {
        let series =
            self.balloon.iter().find(|series| (series.who, series.action, series.state) == (who, action, state));
        let seconds = match by {
            By::Wall => &series?.seconds,
            By::Cpu => &series?.cpu_seconds,
        };
        Spread::of(seconds).map(|spread| spread.times(1e6 / self.setup.pages() as f64))
    }

    /// The times of one of the benchmarks, in nanoseconds for each page or entry.
    pub(super) fn benchmark(&self, name: &str) -> Option<Spread> {
        Spread::of(&self.benchmarks.iter().find(|benchmark| benchmark.name == name)?.nanoseconds)
    }

    /// Notes how long something took.
    pub(super) fn note(&mut self, who: Who, action: Action, state: State, took: Took) {
        let known =
            self.balloon.iter_mut().find(|series| (series.who, series.action, series.state) == (who, action, state));
        let series = match known {
            Some(series) => series,
            None => {
                let new = Series { who, action, state, seconds: Vec::new(), cpu_seconds: Vec::new() };
                self.balloon.push_mut(new)
            }
        };
        series.seconds.push(took.wall.as_secs_f64());
        series.cpu_seconds.push(took.cpu.as_secs_f64());
    }
}

/// Instructions of the guest for each page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Instructions {
    pub(super) who: Who,
    pub(super) inflate: f64,
    pub(super) deflate: f64,
}

/// Free memory that leaves the host because somebody reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reporting {
    pub(super) who: Who,
    /// What was freed.
    pub(super) freed_mib: u64,
    pub(super) runs: Vec<Report>,
}

/// One time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    /// From the order to free it until the first of it has left, in seconds.
    pub(super) begins: f64,
    /// From then until nearly all has left, in seconds.
    pub(super) lasts: f64,
    /// What has left in the end.
    pub(super) left_mib: u64,
}

impl Report {
    /// Speed in GiB a second.
    pub(super) fn speed(&self) -> f64 {
        self.left_mib as f64 / 1024.0 / self.lasts
    }
}

/// How long something takes for a guest of some size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Growth {
    pub(super) what: Grows,
    /// Memory of the guest.
    pub(super) gib: u64,
    /// On a CPU.
    pub(super) seconds: Vec<f64>,
}

/// What may grow with the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Grows {
    /// Bringing up a balloon for all of its memory.
    Probe,
    /// Inflating by three quarters of its memory.
    Inflate,
    /// Deflating again.
    Deflate,
    /// Following a target by 1 GiB and back, the only frames there are at the end of its memory.
    Follow,
}

/// One of the benchmarks of `cargo bench`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Benchmark {
    /// As `cargo bench` calls it.
    pub(super) name: String,
    /// For each page or entry, one number a round.
    pub(super) nanoseconds: Vec<f64>,
}

/// The middle and the ends of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) most: f64,
}

impl Spread {
    /// `None` where there are no numbers.
    pub(super) fn of(numbers: &[f64]) -> Option<Self> {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        let median = if sorted.len() % 2 == 1 { upper } else { (sorted[middle - 1] + upper) / 2.0 };
        Some(Self { least: sorted[0], median, most: sorted[sorted.len() - 1] })
    }

    /// The same in another unit.
    pub(super) fn times(self, factor: f64) -> Self {
        Self { least: self.least * factor, median: self.median * factor, most: self.most * factor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { least: 1.0, median: 2.0, most: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]), Some(Spread { least: 1.0, median: 2.5, most: 4.0 }));
    }
}
