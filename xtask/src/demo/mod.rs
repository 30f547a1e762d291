//! `cargo demo`: takes memory from a guest by its balloon, gives it back, and shows what that does to the host.

pub(crate) mod choice;
mod embedded;
pub(crate) mod flight;
mod live;
pub(crate) mod plan;
mod plot;
pub(crate) mod qemu;
pub(crate) mod report;

use std::io::Write as _;

use anyhow::Context as _;

use self::{
    choice::Chosen,
    flight::{Aircraft, Event, Sample},
    live::Live,
    plan::Plan,
    report::Report,
};
use crate::cli::DemoArguments;

/// `cargo demo`.
pub(crate) fn command(arguments: &DemoArguments) -> anyhow::Result<()> {
    let plan = Plan::new(arguments)?;
    let chosen = choice::choose(&plan, arguments.device)?;
    eprintln!("Device: {}, over {}: {}.", chosen.device(), chosen.transport(), chosen.why());
    let mut report = Report::new(&plan, &chosen);
    let mut samples = Vec::new();
    let result = fly(&plan, chosen, &mut report, &mut samples);
    report.conclude(&result);
    if plan.json {
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else if !report.steps.is_empty() {
        println!("{}", report.table());
    }
    let drawn = plan.plot.as_ref().map_or(Ok(()), |file| {
        plot::draw(file, plan.memory, &samples)?;
        eprintln!("Memory over time is drawn in {}.", file.display());
        Ok(())
    });
    result.and(drawn)
}

/// Starts the guest and takes it through the plan. What was reached is in `report` and `samples`, even on an error.
pub(crate) fn fly(plan: &Plan, chosen: Chosen, report: &mut Report, samples: &mut Vec<Sample>) -> anyhow::Result<()> {
    let (device, transport) = (chosen.device(), chosen.transport());
    let mut aircraft: Box<dyn Aircraft> = match chosen {
        Chosen::Embedded { .. } => Box::new(embedded::launch(plan, transport.interface())?),
        Chosen::Qemu { ground, .. } => Box::new(qemu::launch(plan, &ground, transport)?),
    };
    let live = Live::new(plan, device);
    let flown = flight::fly(plan, &mut *aircraft, &mut |event| match event {
        Event::Sample(sample) => {
            live.show(&sample);
            samples.push(sample);
        }
        Event::Step(step) => {
            live.say(&step.sentence());
            report.steps.push(step.into());
        }
    });
    drop(live);
    flown?;
    aircraft.land().context("the guest did what it should, but could not be ended in good order")
}
