//! The one runner of the workspace: `cargo demo`, `cargo xtask guest`, `cargo xtask test`, `cargo xtask bench`.

mod bench;
mod build;
mod cli;
mod demo;
mod install;
mod process;
mod qemu;
mod test;
mod units;
mod workspace;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let result = process::interrupt::install().and_then(|()| match cli.command {
        cli::Command::Bench(arguments) => bench::command(&arguments),
        cli::Command::Demo(arguments) => demo::command(&arguments),
        cli::Command::Guest(arguments) => build::guest::command(&arguments),
        cli::Command::Test(arguments) => test::command(&arguments),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if process::interrupt::check().is_err() { ExitCode::from(130) } else { ExitCode::FAILURE }
        }
    }
}
