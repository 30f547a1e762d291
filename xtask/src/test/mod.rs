//! `cargo xtask test`: everything that CI runs, step by step.

mod bare_metal;
mod count;
mod counts;
mod failures;
mod flights;
mod foreign;
mod matrix;
mod proofs;
mod runner;
mod size;
mod steps;
mod summary;

use anyhow::ensure;

pub(crate) use self::bare_metal::NARROW;
use self::{
    runner::{Baseline, Context, Outcome},
    steps::{Scope, Step},
};
use crate::{
    build::guest,
    cli::TestArguments,
    install::{self, Need},
};

/// `cargo xtask test`.
pub(crate) fn command(arguments: &TestArguments) -> anyhow::Result<()> {
    let scope = if arguments.host_only { Scope::Host } else { Scope::All };
    let mut steps = steps::plan(scope, arguments.arch);
    if let Some(text) = &arguments.only {
        steps.retain(|step| step.name.contains(text));
        ensure!(!steps.is_empty(), "--only {text}: no step has that in its name");
    }
    if scope == Scope::All {
        install::ensure(&Need::ALL)?;
    }
    let image = arguments.image.as_deref().map(guest::given).transpose()?;
    let baseline = if arguments.bless { Baseline::Write } else { Baseline::Compare };
    let mut context = Context::new(scope, arguments.arch, image, baseline);
    let mut outcomes: Vec<(Step, Outcome)> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        eprintln!("\n[{}/{}] {}", number + 1, steps.len(), step.name);
        let outcome = context.run(step)?;
        eprintln!("[{}/{}] {}", number + 1, steps.len(), outcome.sentence());
        outcomes.push((step.clone(), outcome));
    }
    if let Some(matrix) = &context.matrix {
        println!("\n{matrix}");
    }
    println!("\n{}", summary::table(&outcomes));
    for (step, outcome) in outcomes.iter().filter(|(_, outcome)| outcome.failure.is_some()) {
        println!("{}: {}", step.name, outcome.sentence());
    }
    let total = summary::total(&outcomes);
    println!("{total}");
    ensure!(total.failed == 0, "not everything passed");
    Ok(())
}
