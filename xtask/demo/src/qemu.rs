//! The demo on QEMU's device, with a guest in a virtual machine.

use std::time::Duration;

use xtask_common::bytes::Bytes;
use xtask_qemu::{
    error::{Activity, QemuError},
    features::{Feature, Offer},
    machine::{Balloon, Machine, Start},
    transport::Transport,
    vm::Qemu,
};

use super::{
    device::QemuSetup,
    plan::Plan,
    run::{Readings, Session},
};

/// Has the guest write to all of its memory first, so that all of it is resident on the host.
const COMMAND_LINE: &str = "touch quiet";
/// Has the guest use page poison, which it does not use by default. The poison value is 0, with which QEMU discards pages.
const POISON: &str = "features=tell,stats,oom,hint,report,poison";
/// Has the guest inflate the balloon by whole blocks.
const BLOCKS: &str = "blocks";

/// A guest in QEMU.
#[derive(Debug)]
pub struct QemuSession {
    qemu: Qemu,
    target: Bytes,
}

impl QemuSession {
    /// Wraps a guest of `plan` that is ready.
    pub const fn new(qemu: Qemu, plan: &Plan) -> Self {
        Self { qemu, target: plan.memory }
    }
}

/// Returns the guest's command line for the features that the device offers.
fn command_line(offer: &Offer) -> String {
    let words = [(Feature::PagePoison, POISON), (Feature::Blocks, BLOCKS)];
    let requested = words.into_iter().filter(|(feature, _)| offer.requests(*feature));
    requested.fold(COMMAND_LINE.to_owned(), |line, (_, word)| format!("{line} {word}"))
}

/// Builds the guest, starts it and waits until it is ready.
pub(crate) fn start(plan: &Plan, setup: &QemuSetup, transport: Transport) -> anyhow::Result<QemuSession> {
    let machine = Machine {
        arch: setup.arch,
        program: setup.qemu.path.clone(),
        image: setup.image()?,
        command_line: command_line(&plan.offer),
        memory: plan.memory,
        transport,
        balloon: Balloon::Present(plan.offer.clone()),
        start: Start::Running,
        entropy: None,
    };
    eprintln!("Starting a guest of {} on {}.", plan.memory, setup.arch);
    let mut qemu = Qemu::start(&machine)?;
    qemu.wait_ready()?;
    Ok(QemuSession::new(qemu, plan))
}

impl Session for QemuSession {
    fn set_target(&mut self, target: Bytes) -> anyhow::Result<()> {
        self.target = target;
        Ok(self.qemu.set_target(target)?)
    }

    fn sample(&mut self) -> anyhow::Result<Readings> {
        let activity = Activity::Resizing { target: self.target };
        Ok(Readings {
            actual: self.qemu.actual(activity)?,
            statistics: self.qemu.statistics()?,
            resident: self.qemu.resident()?,
        })
    }

    fn off_target(&mut self, actual: Bytes, limit: Duration) -> anyhow::Error {
        let output = Box::new(self.qemu.last_output());
        QemuError::OffTarget { target: self.target, actual, limit, output }.into()
    }

    fn stop(self: Box<Self>) -> anyhow::Result<()> {
        Ok(self.qemu.quit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_uses_poison_only_on_request() {
        assert_eq!(command_line(&Offer::Default), "touch quiet");
        assert_eq!(command_line(&Offer::Exactly(vec![Feature::Stats])), "touch quiet");
        assert!(command_line(&Offer::Exactly(vec![Feature::PagePoison])).ends_with(",report,poison"));
        assert_eq!(command_line(&Offer::Exactly(vec![Feature::Blocks])), "touch quiet blocks");
    }
}
