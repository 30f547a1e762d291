//! `cargo xtask`: runs the tests, the demo and the benchmark, and builds the guests and the book.

mod bench;
mod book;
mod cli;
mod conformance;
mod decode;
mod fuzz;
mod guest;
mod headers;
mod not_run;
mod packages;
mod release;
mod test;
mod tools;

use std::process::ExitCode;

use clap::Parser as _;
use xtask_common::process::interrupt;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    interrupt::exit_code(|| match cli.command {
        cli::Command::Bench(arguments) => bench::command(&arguments),
        cli::Command::Book(arguments) => book::command(&arguments),
        cli::Command::Conformance => conformance::command(),
        cli::Command::Decode(arguments) => decode::command(&arguments),
        cli::Command::Demo(arguments) => aerostat_demo::command(&arguments),
        cli::Command::Fuzz(arguments) => fuzz::command(&arguments),
        cli::Command::Guest(arguments) => guest::command(&arguments),
        cli::Command::Release(arguments) => release::command(&arguments),
        cli::Command::Test(arguments) => test::command(&arguments),
    })
}
