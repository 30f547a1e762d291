//! The command line of the benchmark.

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};
use xtask_qemu::arguments::QemuArguments;

/// Measures the balloon beside its host, its device and Linux's driver
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) arguments: BenchArguments,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct BenchArguments {
    /// How often to measure everything
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Memory of the guests, in MiB
    #[arg(long, value_name = "MiB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(256..=2048))]
    pub(crate) memory: u64,
    /// Memory to leave to a guest, in MiB
    #[arg(long, value_name = "MiB", default_value_t = 256)]
    pub(crate) target: u64,
    /// What to measure [default: everything]
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    only: Vec<Part>,
    /// Leave out the Linux guest, whose packages are downloaded from Debian
    #[arg(long)]
    pub(crate) no_linux: bool,
    /// Where to write the results [default: bench/results.json in the target directory]
    #[arg(long, value_name = "FILE.json")]
    pub(crate) out: Option<PathBuf>,
    /// Read results from this file instead of measuring
    #[arg(long, value_name = "FILE.json", conflicts_with_all = ["only", "out"])]
    pub(crate) from: Option<PathBuf>,
    /// Write the results with their page and plots to the book, and a summary to the README
    #[arg(long, conflicts_with = "only")]
    pub(crate) publish: bool,
    #[command(flatten)]
    pub(crate) qemu: QemuArguments,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The system calls of a device, without QEMU
    Baseline,
    /// QEMU's device, without a driver
    Device,
    /// Guests that inflate and deflate
    Guests,
    /// Guest and QEMU's device in turn, for the ratio of their times
    Pairs,
    /// Block inflation and arrays in turn, in fragmented memory without a virtual machine
    Fragmented,
    /// Instructions that the guests execute
    Instructions,
    /// Free page reporting
    Reporting,
    /// Growth of the cost with the guest's memory
    Growth,
    /// The driver without a virtual machine, and another crate
    Driver,
}

impl BenchArguments {
    /// Returns whether to measure `part`.
    pub(crate) fn includes(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// Returns whether a part needs guests.
    pub(crate) fn needs_guests(&self) -> bool {
        [Part::Guests, Part::Pairs, Part::Instructions, Part::Reporting].iter().any(|part| self.includes(*part))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_definition_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn only_limits_the_parts() {
        let includes =
            |words: &[&str], part| Cli::try_parse_from(["bench"].iter().chain(words)).unwrap().arguments.includes(part);
        assert!(includes(&[], Part::Driver));
        assert!(includes(&["--only", "driver,device"], Part::Driver));
        assert!(!includes(&["--only", "driver,device"], Part::Guests));
    }
}
