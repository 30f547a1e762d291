//! Ctrl-C and termination: a handler sets a flag, and every wait checks it.

use std::{
    io,
    process::ExitCode,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The exit code of a program that Ctrl-C stopped: 128 + SIGINT.
const EXIT_CODE: u8 = 130;

/// The user or the system interrupted the program.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Installs the handler. The first signal ends the current wait, a second one ends the program at once.
///
/// # Errors
///
/// If the system does not install the handler.
fn install() -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // Order matters: on the first signal the flag is not yet set when the shutdown checks it.
        flag::register_conditional_shutdown(signal, EXIT_CODE.into(), Arc::clone(&INTERRUPTED))?;
        flag::register(signal, Arc::clone(&INTERRUPTED))?;
    }
    Ok(())
}

/// Returns an error if the program was interrupted.
///
/// # Errors
///
/// [`Interrupted`], once a signal has arrived.
pub fn check() -> Result<(), Interrupted> {
    if INTERRUPTED.load(Ordering::Relaxed) { Err(Interrupted) } else { Ok(()) }
}

/// Runs a program that Ctrl-C can stop: installs the handler, runs `command` and prints its error.
pub fn exit_code(command: impl FnOnce() -> anyhow::Result<()>) -> ExitCode {
    match install().context("failed to install the handler of Ctrl-C").and_then(|()| command()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if check().is_err() { ExitCode::from(EXIT_CODE) } else { ExitCode::FAILURE }
        }
    }
}
