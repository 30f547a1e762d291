//! `cargo demo`: takes memory from a guest with its balloon, returns it, and shows the effect on the host.

pub mod arguments;
pub mod device;
mod display;
mod embedded;
pub mod plan;
mod plot;
pub mod qemu;
pub mod report;
pub mod run;

use std::io::Write as _;

use anyhow::Context as _;

use self::{
    arguments::DemoArguments,
    device::Setup,
    display::Display,
    plan::Plan,
    report::Report,
    run::{Event, Sample, Session},
};

/// Runs the demo and prints its report.
///
/// # Errors
///
/// If the arguments are not valid, the guest fails or it misses its target.
pub fn command(arguments: &DemoArguments) -> anyhow::Result<()> {
    let plan = Plan::new(arguments)?;
    let setup = device::choose(&plan, arguments.device)?;
    eprintln!("Device: {}, over {}: {}.", setup.device(), setup.transport(), setup.reason());
    let mut report = Report::new(&plan, &setup);
    let mut samples = Vec::new();
    let result = run(&plan, setup, &mut report, &mut samples);
    report.conclude(&result);
    print(&plan, &report)?;
    let plotted = plan.plot.as_ref().map_or(Ok(()), |file| {
        plot::draw(file, plan.memory, &samples)?;
        eprintln!("Memory over time is plotted in {}.", file.display());
        Ok(())
    });
    result.and(plotted)
}

/// Prints the report: as JSON, or as a table if there is anything to show.
fn print(plan: &Plan, report: &Report) -> anyhow::Result<()> {
    if plan.json {
        writeln!(std::io::stdout().lock(), "{}", report.json())?;
    } else if !report.steps.is_empty() {
        println!("{}", report.table());
    }
    Ok(())
}

/// Starts the guest, runs the plan and stops the guest. On an error, `report` and `samples` contain what was done before.
///
/// # Errors
///
/// If the guest fails or misses its target.
pub fn run(plan: &Plan, setup: Setup, report: &mut Report, samples: &mut Vec<Sample>) -> anyhow::Result<()> {
    let (device, transport) = (setup.device(), setup.transport());
    let mut session: Box<dyn Session> = match setup {
        Setup::Embedded { .. } => Box::new(embedded::start(plan, transport.interface())?),
        Setup::Qemu { qemu, .. } => Box::new(qemu::start(plan, &qemu, transport)?),
    };
    let display = Display::new(plan, device);
    let result = run::run(plan, &mut *session, &mut |event| match event {
        Event::Sample(sample) => {
            display.show(&sample);
            samples.push(sample);
        }
        Event::Step(step) => {
            display.print(&step.sentence());
            report.steps.push(step.into());
        }
    });
    drop(display);
    result?;
    session.stop().context("the demo succeeded, but the guest did not stop cleanly")
}
