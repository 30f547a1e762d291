//! Ctrl-C and termination: noted by a handler, looked at by every wait.

use std::{
    process,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::Context as _;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The user (or the system) asked the program to stop.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// Installs the handler. The first signal lets the current wait end in good order, a second one ends the program.
pub(crate) fn install() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            process::exit(130);
        }
    })
    .context("no handler could be installed for Ctrl-C")
}

/// An error once the program was asked to stop.
pub(crate) fn check() -> Result<(), Interrupted> {
    if INTERRUPTED.load(Ordering::Relaxed) { Err(Interrupted) } else { Ok(()) }
}
