//! `cargo demo`.

use std::process::ExitCode;

use aerostat_demo::arguments::{DemoArguments, cli};
use clap::FromArgMatches as _;
use xtask_common::process::interrupt;

fn main() -> ExitCode {
    let arguments = DemoArguments::from_arg_matches(&cli().get_matches()).unwrap_or_else(|error| error.exit());
    interrupt::exit_code(|| aerostat_demo::command(&arguments))
}
