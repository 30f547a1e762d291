//! A migration sends less memory when the guest hints at what is free.

use super::guest::{Setup, Stage};
use crate::{
    qemu::{
        features::Feature,
        migration::{Migration, NOWHERE, Sent},
    },
    units::Bytes,
};

const MEMORY: Bytes = Bytes::from_mib(256);
/// The guest has written to all of its memory, else QEMU would find zeros and send nothing anyway.
const WITHOUT: Setup = Setup { memory: MEMORY, words: "touch", features: &[] };
const WITH: Setup = Setup { features: &[Feature::FreePageHint], ..WITHOUT };
/// How much QEMU may send in a second. The guest has to say what is free before QEMU has sent it.
const BANDWIDTH: Bytes = Bytes::from_mib(64);
/// Without hints nearly all memory is sent.
const LEAST_WITHOUT: Bytes = Bytes::from_mib(200);

pub(crate) fn show(stage: &Stage) -> anyhow::Result<()> {
    let without = migrate(stage, WITHOUT)?;
    let with = migrate(stage, WITH)?;
    println!("Migration sent {without} without hints, {with} with them.");
    let (transferred, hinted) = (without.transferred, with.transferred);
    anyhow::ensure!(
        transferred >= LEAST_WITHOUT,
        "without hints nearly all of {MEMORY} is to be sent, at least {LEAST_WITHOUT}, but it was {transferred}"
    );
    anyhow::ensure!(
        hinted.0 <= transferred.0 / 2,
        "hints at the free memory, which is most of {MEMORY}, are to save half of what is sent; \
         but it was {transferred} without hints and {hinted} with them"
    );
    Ok(())
}

/// What QEMU sends of a guest.
fn migrate(stage: &Stage, setup: Setup) -> anyhow::Result<Sent> {
    let mut guest = stage.start(setup)?;
    guest.qemu().migrate(NOWHERE, BANDWIDTH)?;
    let ended = guest.wait_for("the end of the migration", |qemu| {
        Ok(Some(qemu.migration()?).filter(|migration| *migration != Migration::UnderWay))
    })?;
    match ended {
        Migration::Done(sent) => {
            guest.end()?;
            Ok(sent)
        }
        other => Err(guest.wrong(format!("the migration did not come to its end: {other:?}")).into()),
    }
}
