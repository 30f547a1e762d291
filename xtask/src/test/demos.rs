//! The demo as a test: the code of `cargo demo` with another report.

use aerostat_demo::{arguments::DemoArguments, device, plan::Plan, report::Report};
use xtask_common::arch::Arch;
use xtask_qemu::transport::Transport;

use super::context::Context;

/// Runs the demo on the embedded device, through both of its interfaces.
pub(crate) fn embedded(_: &mut Context) -> anyhow::Result<()> {
    run(&DemoArguments::parse_words(&["--device", "embedded"])?)?;
    run(&DemoArguments::parse_words(&["--device", "embedded", "--transport", "mmio-legacy"])?)
}

/// Runs the demo in QEMU.
pub(crate) fn qemu(context: &mut Context, arch: Arch, transport: Transport) -> anyhow::Result<()> {
    let image = context.build_guest(arch)?;
    let mut arguments = DemoArguments::parse_words(&["--device", "qemu"])?;
    arguments.arch = Some(arch);
    arguments.transport = Some(transport);
    arguments.qemu.image = Some(image);
    run(&arguments)
}

fn run(arguments: &DemoArguments) -> anyhow::Result<()> {
    let plan = Plan::new(arguments)?;
    let setup = device::choose(&plan, arguments.device)?;
    let mut report = Report::new(&plan, &setup);
    let result = aerostat_demo::run(&plan, setup, &mut report, &mut Vec::new());
    if !report.steps.is_empty() {
        println!("{}", report.table());
    }
    result
}
