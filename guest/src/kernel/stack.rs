//! Measures how much stack each public call of the balloon uses. The method is described in `stack/measure.rs`.

mod arena;
mod balloon;
mod measure;
mod minimal;
mod self_test;

use aerostat_guest::Options;

use super::{console, exit};

/// Measures every public call of the balloon. Prints a line for each call, like `stack: probe 3456`, and `stack: done` at the end.
pub(super) fn run(options: &Options) -> ! {
    self_test::run();
    balloon::run(options);
    minimal::run(options);
    console::print(format_args!("stack: done\n"));
    exit::hang()
}
