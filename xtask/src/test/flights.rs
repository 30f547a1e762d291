//! The demo as a test: the same code as `cargo demo`, without its display.

use super::runner::Context;
use crate::{
    cli::{Arch, DemoArguments, Transport},
    demo::{self, choice, plan::Plan, report::Report},
};

/// The demo on the embedded device, through both of its interfaces.
pub(crate) fn embedded(_: &mut Context) -> anyhow::Result<()> {
    fly(&DemoArguments::from_words(&["--device", "embedded"])?)?;
    fly(&DemoArguments::from_words(&["--device", "embedded", "--transport", "mmio-legacy"])?)
}

/// The demo in QEMU with the guest that was built.
pub(crate) fn qemu(context: &mut Context, arch: Arch, transport: Transport) -> anyhow::Result<()> {
    let image = context.build_guest(arch)?;
    let mut arguments = DemoArguments::from_words(&["--device", "qemu"])?;
    arguments.arch = Some(arch);
    arguments.transport = Some(transport);
    arguments.qemu.image = Some(image);
    fly(&arguments)
}

fn fly(arguments: &DemoArguments) -> anyhow::Result<()> {
    let plan = Plan::new(arguments)?;
    let chosen = choice::choose(&plan, arguments.device)?;
    let mut report = Report::new(&plan, &chosen);
    let flown = demo::fly(&plan, chosen, &mut report, &mut Vec::new());
    if !report.steps.is_empty() {
        println!("{}", report.table());
    }
    flown
}
