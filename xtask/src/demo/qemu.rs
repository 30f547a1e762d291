//! The demo on QEMU's device, with a real guest.

use std::time::Duration;

use super::{
    choice::Ground,
    flight::{Aircraft, Gauges},
    plan::Plan,
};
use crate::{
    cli::Transport,
    qemu::{
        error::{Activity, QemuError},
        features::{Feature, Offer},
        machine::{Balloon, Machine, Start},
        process::Qemu,
    },
    units::Bytes,
};

/// The guest writes to all of its memory first, so that the host has to back it.
const COMMAND_LINE: &str = "touch quiet";
/// Has the guest use page poison as well, which it does not of its own accord. Pages are poisoned with zeros, the one
/// value that leaves it to QEMU to drop them.
const POISON: &str = "features=tell,stats,oom,hint,report,poison";

/// A guest in QEMU.
#[derive(Debug)]
pub(crate) struct Flying {
    qemu: Qemu,
    target: Bytes,
}

impl Flying {
    /// A guest of `plan` that is ready.
    pub(crate) const fn new(qemu: Qemu, plan: &Plan) -> Self {
        Self { qemu, target: plan.memory }
    }
}

/// The guest's command line for what the device offers.
fn command_line(offer: &Offer) -> String {
    if offer.names(Feature::PagePoison) { format!("{COMMAND_LINE} {POISON}") } else { COMMAND_LINE.to_owned() }
}

/// Builds the guest, starts it and waits until it is ready.
pub(crate) fn launch(plan: &Plan, ground: &Ground, transport: Transport) -> anyhow::Result<Flying> {
    let machine = Machine {
        arch: ground.arch,
        program: ground.qemu.path.clone(),
        image: ground.image()?,
        command_line: command_line(&plan.offer),
        memory: plan.memory,
        transport,
        balloon: Balloon::Fitted(plan.offer.clone()),
        start: Start::Running,
        entropy: None,
    };
    eprintln!("Starting a guest of {} on {}.", plan.memory, ground.arch);
    let mut qemu = Qemu::start(&machine)?;
    qemu.wait_ready()?;
    Ok(Flying::new(qemu, plan))
}

impl Aircraft for Flying {
    fn set_target(&mut self, target: Bytes) -> anyhow::Result<()> {
        self.target = target;
        Ok(self.qemu.set_target(target)?)
    }

    fn sample(&mut self) -> anyhow::Result<Gauges> {
        let activity = Activity::Following { target: self.target };
        Ok(Gauges {
            actual: self.qemu.actual(activity)?,
            statistics: self.qemu.statistics()?,
            resident: self.qemu.resident()?,
        })
    }

    fn lost(&mut self, actual: Bytes, limit: Duration) -> anyhow::Error {
        let evidence = Box::new(self.qemu.evidence());
        QemuError::Lost { target: self.target, actual, limit, evidence }.into()
    }

    fn land(self: Box<Self>) -> anyhow::Result<()> {
        Ok(self.qemu.quit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_uses_poison_only_where_it_was_asked_for() {
        assert_eq!(command_line(&Offer::Usual), "touch quiet");
        assert_eq!(command_line(&Offer::Exactly(vec![Feature::Stats])), "touch quiet");
        assert!(command_line(&Offer::Exactly(vec![Feature::PagePoison])).ends_with(",report,poison"));
    }
}
