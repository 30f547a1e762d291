//! Command-line arguments that replace parts of the setup.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

/// Command-line arguments that replace parts of the setup.
// Without `derive`, which adds to the time to compile the demo: see the workspace's manifest.
#[derive(Clone, Debug)]
pub struct QemuArguments {
    /// The QEMU program, instead of the one for the guest's architecture in `PATH`.
    pub program: Option<PathBuf>,
    /// A guest image to boot instead of building one.
    pub image: Option<PathBuf>,
}

impl FromArgMatches for QemuArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let path = |name| matches.get_one::<PathBuf>(name).cloned();
        Ok(Self { program: path("qemu"), image: path("guest") })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for QemuArguments {
    fn augment_args(command: Command) -> Command {
        let path = |name, value| Arg::new(name).long(name).value_name(value).value_parser(value_parser!(PathBuf));
        command
            .arg(
                path("qemu", "PROGRAM")
                    .help("The QEMU program [default: the one for the guest's architecture in PATH]"),
            )
            .arg(path("guest", "FILE").help("Boot this guest image instead of building one"))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
