//! `cargo xtask test`: everything that CI runs, step by step.

mod adapters;
mod bare_metal;
mod chapters;
mod context;
mod count;
mod counts;
mod demos;
mod dependencies;
mod failures;
mod foreign;
mod image;
mod interleavings;
mod kept;
mod matrix;
mod miri;
mod panics;
mod parts;
mod runner;
mod scenarios;
mod scope;
mod size;
mod skipped;
mod stack;
mod steps;
mod summary;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod workflow;

use std::{env, path::PathBuf};

use anyhow::ensure;
use clap::Args;
use xtask_build::guest;
use xtask_common::arch::Arch;
use xtask_install::Need;

use crate::not_run::NotRun;

use self::{
    context::{Baseline, Context, Ignored},
    runner::Outcome,
    scope::Scope,
    steps::Step,
};

#[derive(Clone, Debug, Args)]
pub(crate) struct TestArguments {
    /// Run only what needs neither QEMU nor a bare-metal target nor Linux's headers, and install nothing
    #[arg(long)]
    host_only: bool,
    /// Also run the long steps, which a change does not have to pass
    #[arg(long, conflicts_with = "host_only")]
    all: bool,
    /// Fail also if an optional step cannot run, for want of Miri, an older compiler or the registry
    #[arg(long)]
    complete: bool,
    /// Run only the steps whose names contain TEXT, long ones included
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Write the counts to benches/counts.json instead of comparing them
    #[arg(long)]
    bless: bool,
    /// Architecture of the guests, except in the matrix, which covers all architectures
    #[arg(long, value_enum, default_value_t)]
    arch: Arch,
    /// Test this guest image of that architecture instead of building one
    #[arg(long = "guest", value_name = "FILE")]
    image: Option<PathBuf>,
}

pub(crate) fn command(arguments: &TestArguments) -> anyhow::Result<()> {
    let scope = match arguments {
        TestArguments { host_only: true, .. } => Scope::Host,
        // A step that is named runs, also if it is long.
        TestArguments { all: true, .. } | TestArguments { only: Some(_), .. } => Scope::Long,
        _ => Scope::All,
    };
    let mut steps = steps::plan(scope, arguments.arch);
    if let Some(text) = &arguments.only {
        steps.retain(|step| step.name.contains(text));
        ensure!(!steps.is_empty(), "--only {text}: no step has this text in its name");
    }
    if scope != Scope::Host {
        let narrower = Scope::Host.variable();
        ensure!(
            env::var_os(narrower).is_none(),
            "{narrower} is set in the environment, and tests would be skipped: unset it, or pass --host-only"
        );
        xtask_install::ensure(&Need::ALL)?;
    }
    let image = arguments.image.as_deref().map(guest::check_image).transpose()?;
    let baseline = if arguments.bless { Baseline::Write } else { Baseline::Compare };
    let mut context = Context::new(scope, arguments.arch, image, baseline)?;
    let mut outcomes: Vec<(Step, Outcome)> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        eprintln!("\n[{}/{}] {}", number + 1, steps.len(), step.name);
        let outcome = runner::run(&mut context, step)?;
        eprintln!("[{}/{}] {}", number + 1, steps.len(), outcome.sentence());
        outcomes.push((step.clone(), outcome));
    }
    print(&context, &outcomes, arguments.complete)
}

/// Prints the results. Returns an error if a test failed, or was skipped although it is not optional or `complete`.
fn print(context: &Context, outcomes: &[(Step, Outcome)], complete: bool) -> anyhow::Result<()> {
    if let Some(matrix) = &context.matrix {
        println!("\n{matrix}");
    }
    println!("\n{}", summary::table(outcomes));
    for (step, outcome) in outcomes.iter().filter(|(_, outcome)| outcome.failure.is_some()) {
        println!("{}: {}", step.name, outcome.sentence());
    }
    for (step, outcome) in outcomes {
        if let Some(NotRun { reason, .. }) = &outcome.skipped {
            println!("skipped: {}: {reason}", step.name);
        }
    }
    let total = summary::total(outcomes);
    let skipped = context.skipped.list()?;
    for one in &skipped {
        println!("skipped: {one}");
    }
    for Ignored { name, reason } in &context.ignored {
        println!("ignored: {name}: {}", reason.as_deref().unwrap_or("no reason"));
    }
    println!("{total}");
    ensure!(total.failed == 0, "some tests failed");
    let is_complete = skipped.is_empty() && outcomes.iter().all(|(_, outcome)| outcome.is_complete());
    ensure!(is_complete || context.scope == Scope::Host, "some tests were skipped: install what they need");
    let is_whole = outcomes.iter().all(|(_, outcome)| outcome.skipped.is_none());
    ensure!(is_whole || !complete, "some optional tests were skipped: install what they need");
    Ok(())
}
