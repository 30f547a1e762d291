//! A migration sends less memory when the guest hints which pages are free.

use xtask_common::bytes::Bytes;
use xtask_qemu::{
    features::Feature,
    migration::{Amounts, DISCARD, Migration},
};

use super::guest::{Environment, Setup};

const MEMORY: Bytes = Bytes::from_mib(256);
/// The guest has written to all of its memory, because QEMU does not send zero pages.
const WITHOUT: Setup = Setup { memory: MEMORY, command_line: "touch", features: &[] };
const WITH: Setup = Setup { features: &[Feature::FreePageHint], ..WITHOUT };
/// The amount that QEMU may send in a second, so that hints arrive before QEMU has sent the pages.
const BANDWIDTH: Bytes = Bytes::from_mib(64);
/// The least amount that is sent without hints: nearly all memory.
const LEAST_WITHOUT: Bytes = Bytes::from_mib(200);

pub(crate) fn run(environment: &Environment) -> anyhow::Result<()> {
    let without = migrate(environment, WITHOUT)?;
    let with = migrate(environment, WITH)?;
    println!("Migration sent {without} without hints, {with} with them.");
    let (transferred, hinted) = (without.transferred, with.transferred);
    anyhow::ensure!(
        transferred >= LEAST_WITHOUT,
        "without hints at least {LEAST_WITHOUT} of {MEMORY} must be sent, but it was {transferred}"
    );
    anyhow::ensure!(
        hinted.0 <= transferred.0 / 2,
        "hints must save at least half of what is sent, but it was {transferred} without hints and {hinted} with them"
    );
    Ok(())
}

/// Migrates a guest and returns what QEMU sent.
fn migrate(environment: &Environment, setup: Setup) -> anyhow::Result<Amounts> {
    let mut guest = environment.start(setup)?;
    guest.qemu().migrate(DISCARD, BANDWIDTH)?;
    let ended = guest.wait_for("the migration to end", |qemu| {
        Ok(Some(qemu.migration()?).filter(|migration| *migration != Migration::Active))
    })?;
    match ended {
        Migration::Done(sent) => {
            guest.stop()?;
            Ok(sent)
        }
        other => Err(guest.error(format!("the migration failed: {other:?}")).into()),
    }
}
