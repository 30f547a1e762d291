//! The results, as they are stored. All texts and plots are generated from them.

use serde::{Deserialize, Serialize};

use super::{clock::Elapsed, comparison::Pairs, curve::Curve};
pub(crate) use super::{
    spread::Spread,
    system::{Action, STATES, State, System},
};

/// The results of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) setup: Setup,
    /// Inflating and deflating.
    pub(crate) balloon: Vec<Series>,
    /// Resident memory while the balloon inflates. Results of older versions do not have it, nor the pairs.
    #[serde(default)]
    pub(crate) curves: Vec<Curve>,
    /// The same while a guest reports free memory and then inflates by arrays, and while it only inflates.
    #[serde(default)]
    pub(crate) report_first: Vec<Curve>,
    /// Two systems in turn.
    #[serde(default)]
    pub(crate) pairs: Vec<Pairs>,
    /// The elapsed seconds of commands that change nothing, see [`Comparison::Blocks`](super::comparison::Comparison::Blocks).
    #[serde(default)]
    pub(crate) commands: Vec<f64>,
    /// Instructions of the guest's CPU for inflating and deflating.
    pub(crate) instructions: Vec<Instructions>,
    /// Free page reporting.
    pub(crate) reporting: Vec<Reporting>,
    /// Growth of the cost with the guest's memory.
    pub(crate) growth: Vec<Growth>,
    /// The driver without a virtual machine.
    pub(crate) benchmarks: Vec<Benchmark>,
}

/// The host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The name of the CPU.
    pub(crate) cpu: String,
    /// The number of CPUs that this program may use.
    pub(crate) cpus: usize,
    pub(crate) memory_mib: u64,
    /// The host's kernel.
    pub(crate) kernel: String,
    /// The host's setting for transparent huge pages.
    pub(crate) huge_pages: String,
    /// Free memory in aligned blocks of 2 MiB or more, at the start of the measurement.
    #[serde(default)]
    pub(crate) free_in_blocks_mib: Option<u64>,
    pub(crate) qemu: String,
    /// The kernel of the Linux guest, if it was measured.
    pub(crate) linux: Option<String>,
    pub(crate) rust: String,
    /// The git revision of this workspace.
    pub(crate) revision: String,
    /// The date in UTC.
    pub(crate) day: String,
}

/// The arguments of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// The command line.
    pub(crate) command: String,
    pub(crate) rounds: u32,
    pub(crate) memory_mib: u64,
    pub(crate) target_mib: u64,
}

impl Setup {
    /// Returns the pages of each inflation and deflation.
    pub(crate) const fn pages(&self) -> u64 {
        (self.memory_mib - self.target_mib) << 8
    }
}

/// Repeated measurements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    pub(crate) system: System,
    pub(crate) action: Action,
    pub(crate) state: State,
    /// The elapsed time for all pages, one for each round.
    pub(crate) seconds: Vec<f64>,
    /// The CPU time, of all threads of QEMU.
    pub(crate) cpu_seconds: Vec<f64>,
}

/// The kind of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeKind {
    /// Elapsed time.
    Wall,
    /// CPU time, of all threads of QEMU.
    Cpu,
}

impl Results {
    /// Returns the times of a series, in microseconds per page.
    pub(crate) fn cost(&self, system: System, action: Action, state: State, kind: TimeKind) -> Option<Spread> {
        let series =
            self.balloon.iter().find(|series| (series.system, series.action, series.state) == (system, action, state));
        let seconds = match kind {
            TimeKind::Wall => &series?.seconds,
            TimeKind::Cpu => &series?.cpu_seconds,
        };
        Spread::of(seconds).map(|spread| spread.times(1e6 / self.setup.pages() as f64))
    }

    /// Returns the times of a benchmark, in nanoseconds per page or entry.
    pub(crate) fn benchmark(&self, name: &str) -> Option<Spread> {
        Spread::of(&self.benchmarks.iter().find(|benchmark| benchmark.name == name)?.nanoseconds)
    }

    /// Adds a measurement.
    pub(crate) fn note(&mut self, system: System, action: Action, state: State, elapsed: Elapsed) {
        let known = self
            .balloon
            .iter_mut()
            .find(|series| (series.system, series.action, series.state) == (system, action, state));
        let series = match known {
            Some(series) => series,
            None => {
                let new = Series { system, action, state, seconds: Vec::new(), cpu_seconds: Vec::new() };
                self.balloon.push_mut(new)
            }
        };
        series.seconds.push(elapsed.wall.as_secs_f64());
        series.cpu_seconds.push(elapsed.cpu.as_secs_f64());
    }
}

/// Instructions of the guest per page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Instructions {
    pub(crate) system: System,
    pub(crate) inflate: f64,
    pub(crate) deflate: f64,
}

/// Free memory that is reported and released.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reporting {
    pub(crate) system: System,
    /// The memory that was freed.
    pub(crate) freed_mib: u64,
    pub(crate) runs: Vec<Report>,
}

/// One measurement of reporting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Seconds from the request to free it until the first of it is released.
    pub(crate) delay: f64,
    /// Seconds from then until nearly all is released.
    pub(crate) duration: f64,
    /// The memory that was released.
    pub(crate) released_mib: u64,
}

impl Report {
    /// Returns the speed in GiB per second.
    pub(crate) fn speed(&self) -> f64 {
        self.released_mib as f64 / 1024.0 / self.duration
    }
}

/// How long something takes for a guest of a given size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Growth {
    pub(crate) what: Operation,
    /// The memory of the guest.
    pub(crate) gib: u64,
    /// The CPU time of each round.
    pub(crate) seconds: Vec<f64>,
}

/// What may grow with the guest's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Operation {
    /// Probing a balloon.
    Probe,
    /// Inflating by three quarters of its memory.
    Inflate,
    /// Deflating again.
    Deflate,
    /// Following a target by 1 GiB and back, with the only free frames at the end of the memory.
    Follow,
    /// The same by whole blocks.
    FollowBlocks,
}

/// A benchmark of `cargo bench`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Benchmark {
    /// Its name in `cargo bench`.
    pub(crate) name: String,
    /// The time per page or entry, one for each round.
    pub(crate) nanoseconds: Vec<f64>,
}
