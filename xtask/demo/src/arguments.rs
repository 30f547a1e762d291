//! The command line of the demo.

use std::path::PathBuf;

use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, ValueEnum, builder::PossibleValue, value_parser,
};
use xtask_common::arch::Arch;
use xtask_qemu::{arguments::QemuArguments, features::Feature, transport::Transport};

/// Arguments of the demo.
// Without `derive`, which adds to the time to compile the demo: see the workspace's manifest.
#[derive(Clone, Debug)]
pub struct DemoArguments {
    /// The balloon device, if the user named one.
    pub device: Option<Device>,
    /// The guest's architecture, if the user named one.
    pub arch: Option<Arch>,
    /// How the guest reaches the device, if the user said so.
    pub transport: Option<Transport>,
    /// The memory of the guest, in MiB.
    pub memory: u64,
    /// The memory to leave to the guest, in MiB.
    pub target: u64,
    /// The features that QEMU's device offers, if the user named them.
    pub features: Option<Vec<Feature>>,
    /// How often to take the memory and return it.
    pub rounds: u32,
    /// Whether to print a JSON object.
    pub json: bool,
    /// The file for a plot of memory over time.
    pub plot: Option<PathBuf>,
    /// What replaces parts of the setup in QEMU.
    pub qemu: QemuArguments,
}

/// Returns the definition of the command line.
pub fn cli() -> Command {
    DemoArguments::augment_args(Command::new("cargo demo").bin_name("cargo demo").version(env!("CARGO_PKG_VERSION")))
        .about("Takes memory from a guest with its balloon and returns it")
}

impl DemoArguments {
    /// Parses the arguments of `cargo demo`.
    ///
    /// # Errors
    ///
    /// If they are not valid.
    pub fn parse_words(words: &[&str]) -> Result<Self, Error> {
        Self::from_arg_matches(&cli().try_get_matches_from(["demo"].iter().chain(words))?)
    }
}

impl FromArgMatches for DemoArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let number = |name| matches.get_one::<u64>(name).copied().unwrap_or_default();
        Ok(Self {
            device: matches.get_one("device").copied(),
            arch: matches.get_one("arch").copied(),
            transport: matches.get_one("transport").copied(),
            memory: number("memory"),
            target: number("target"),
            features: matches.get_many("features").map(|features| features.copied().collect()),
            rounds: matches.get_one("rounds").copied().unwrap_or_default(),
            json: matches.get_flag("json"),
            plot: matches.get_one("plot").cloned(),
            qemu: QemuArguments::from_arg_matches(matches)?,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for DemoArguments {
    fn augment_args(command: Command) -> Command {
        let command = command.args(device_options()).args(guest_options()).args(output_options());
        QemuArguments::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn option(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help)
}

/// Returns the options that select the device and its features.
fn device_options() -> [Arg; 3] {
    [
        option(
            "device",
            "Which balloon device to use [default: qemu if QEMU and a bare-metal Rust target are available, else embedded]",
        )
        .value_parser(value_parser!(Device)),
        option(
            "transport",
            "How the guest reaches the device [default: pci in QEMU; the embedded device supports mmio and mmio-legacy]",
        )
        .value_parser(value_parser!(Transport)),
        option(
            "features",
            "Features that QEMU's device offers, and no others [default: what QEMU enables by default]",
        )
        .value_name("LIST")
        .value_delimiter(',')
        .action(ArgAction::Append)
        .value_parser(value_parser!(Feature)),
    ]
}

/// Returns the options for the guest and its targets.
fn guest_options() -> [Arg; 4] {
    let mib = |name, help, default: &'static str| {
        option(name, help).value_name("MiB").default_value(default).value_parser(value_parser!(u64))
    };
    [
        option("arch", "Architecture of the guest in QEMU [default: x86_64]").value_parser(value_parser!(Arch)),
        mib("memory", "Memory of the guest, in MiB", "1024"),
        mib("target", "Memory to leave to the guest, in MiB", "256"),
        option("rounds", "How often to take the memory and return it")
            .value_name("N")
            .default_value("1")
            .value_parser(value_parser!(u32)),
    ]
}

/// Returns the options for the output.
fn output_options() -> [Arg; 2] {
    [
        option("json", "Print one JSON object on standard output").action(ArgAction::SetTrue),
        option("plot", "Plot memory over time").value_name("FILE.svg").value_parser(value_parser!(PathBuf)),
    ]
}

/// The balloon device that the demo uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The device in this program.
    Embedded,
    /// QEMU's device.
    Qemu,
}

impl Device {
    /// Returns the name, as the command line spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Qemu => "qemu",
        }
    }
}

impl ValueEnum for Device {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Embedded, Self::Qemu]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(match self {
            Self::Embedded => "The device in this program",
            Self::Qemu => "QEMU's device",
        }))
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Qemu => "QEMU",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_definition_is_valid() {
        cli().debug_assert();
    }

    #[test]
    fn the_demo_takes_768_of_1024_mib_once_by_default() {
        let demo = DemoArguments::parse_words(&[]).unwrap();
        assert_eq!((demo.memory, demo.target, demo.rounds), (1024, 256, 1));
        assert_eq!((demo.device, demo.arch, demo.transport), (None, None, None));
        assert_eq!(demo.features, None);
    }

    #[test]
    fn features_are_a_list() {
        let demo = DemoArguments::parse_words(&["--features", "stats,free-page-hint"]).unwrap();
        assert_eq!(demo.features, Some(vec![Feature::Stats, Feature::FreePageHint]));
        let error = DemoArguments::parse_words(&["--features", "hint"]).unwrap_err().to_string();
        assert!(error.contains("free-page-hint"), "{error}");
    }
}
