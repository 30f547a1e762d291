//! The command line.

use aerostat_demo::arguments::DemoArguments;
use clap::{Parser, Subcommand};

use crate::{
    bench::BenchArguments, book::BookArguments, decode::DecodeArguments, fuzz::FuzzArguments, guest::GuestArguments,
    release::ReleaseArguments, test::TestArguments,
};

/// Runs the tests, the demo and the benchmark, and builds the guests and the book
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measures the balloon beside its host, its device and Linux's driver
    Bench(BenchArguments),
    /// Builds the book with mdBook, and checks links and includes
    Book(BookArguments),
    /// Generates the conformance page of the book
    Conformance,
    /// Shows the bytes of a queue as the fields of a description
    Decode(DecodeArguments),
    /// Takes memory from a guest with its balloon and returns it
    Demo(DemoArguments),
    /// Runs the driver against a hostile device, or the description compiler on mutated descriptions
    Fuzz(FuzzArguments),
    /// Builds the guest and prints the path of its image
    Guest(GuestArguments),
    /// Checks that the crates can be published
    Release(ReleaseArguments),
    /// Runs all tests that a change has to pass
    Test(TestArguments),
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
    fn an_unknown_architecture_is_rejected_with_the_known_ones() {
        let error = Cli::try_parse_from(["xtask", "guest", "--arch", "vax"]).unwrap_err();
        assert!(error.to_string().contains("[possible values: x86_64, aarch64, riscv64]"), "{error}");
    }

    #[test]
    fn the_benchmark_gets_its_arguments_as_they_are() {
        let Command::Bench(arguments) =
            Cli::try_parse_from(["xtask", "bench", "--rounds", "1", "--help"]).unwrap().command
        else {
            panic!("not the benchmark")
        };
        assert_eq!(arguments.arguments, ["--rounds", "1", "--help"]);
    }
}
