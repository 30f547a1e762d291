//! One cell of the matrix: all that a balloon does in a day, and an entropy device beside it, through one interface and over
//! rings of one kind.

use std::fmt;

use super::{
    entropy::Source,
    guest::{Guest, Setup, Stage},
    statistics,
};
use crate::{
    cli::{Bus, Interface, Transport},
    qemu::features::Feature,
    units::Bytes,
};

const MEMORY: Bytes = Bytes::from_mib(256);
/// The guest writes to all of its memory, and sleeps by a key.
const WORDS: &str = "touch freeze=key";
/// What the guest is to have before it sleeps.
const BEFORE: Bytes = Bytes::from_mib(160);
/// What it is to have after that.
const AFTER: Bytes = Bytes::from_mib(96);
/// How much less resident memory may follow by.
const SLACK: Bytes = Bytes::from_mib(16);

/// How a ring is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ring {
    Split,
    Packed,
}

/// How each side keeps the other from notifying it too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suppression {
    Flags,
    EventIndex,
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Split => "split",
            Self::Packed => "packed",
        })
    }
}

impl fmt::Display for Suppression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flags => "flags",
            Self::EventIndex => "event index",
        })
    }
}

/// Shows the cell of `ring` and `suppression` on the transport of `stage`.
pub(crate) fn show(stage: &Stage, ring: Ring, suppression: Suppression) -> anyhow::Result<()> {
    let source = Source::new()?;
    let features = features(ring, suppression);
    let mut guest = stage.start_with_entropy(Setup { memory: MEMORY, words: WORDS, features }, source.path())?;
    is_driven(&mut guest, "device 4: ", stage.transport)?;
    source.compare(&mut guest)?;
    is_driven(&mut guest, "device 5: ", stage.transport)?;
    let negotiated =
        guest.line("the guest's line `features:…`", |line| Some(line.strip_prefix("features:")?.to_owned()))?;
    let has = |name| negotiated.split_whitespace().any(|word| word == name);
    guest.ensure(has("packed") == (ring == Ring::Packed), || {
        format!("the rings were to be {ring}, but negotiated is:{negotiated}")
    })?;
    guest.ensure(has("event-idx") == (suppression == Suppression::EventIndex), || {
        format!("notifications were to be suppressed by {suppression}, but negotiated is:{negotiated}")
    })?;

    let full = guest.resident()?;
    guest.reach(BEFORE)?;
    tells_of(&mut guest, BEFORE)?;

    guest.press_enter()?;
    guest.line("the guest's line `frozen until a key is pressed`", |line| {
        line.starts_with("frozen until").then_some(())
    })?;
    guest.wait_actual("an empty balloon, by the freeze", |actual| actual == MEMORY)?;
    guest.set_target(AFTER)?;
    guest.press_enter()?;
    guest.reach(AFTER)?;
    tells_of(&mut guest, AFTER)?;
    let low = guest.wait_for("a fall of QEMU's resident memory by what is in the balloon", |qemu| {
        Ok(Some(qemu.resident()?).filter(|low| full.less(*low) >= MEMORY.less(AFTER).less(SLACK)))
    })?;

    guest.reach(MEMORY)?;
    guest.wait_for("a rise of QEMU's resident memory by what was in the balloon", |qemu| {
        Ok((qemu.resident()?.less(low) >= MEMORY.less(AFTER).less(SLACK)).then_some(()))
    })?;
    Ok(guest.end()?)
}

/// What the devices offer.
const fn features(ring: Ring, suppression: Suppression) -> &'static [Feature] {
    match (ring, suppression) {
        (Ring::Split, Suppression::Flags) => &[],
        (Ring::Split, Suppression::EventIndex) => &[Feature::EventIdx],
        (Ring::Packed, Suppression::Flags) => &[Feature::Packed],
        (Ring::Packed, Suppression::EventIndex) => &[Feature::Packed, Feature::EventIdx],
    }
}

/// Whether the guest says that it drives `device` by `transport`.
fn is_driven(guest: &mut Guest, device: &str, transport: Transport) -> anyhow::Result<()> {
    let bus = match transport.bus() {
        Bus::Pci => "PCI",
        Bus::Mmio => "MMIO",
    };
    let interface = match transport.interface() {
        Interface::Modern => "modern",
        Interface::Legacy => "legacy",
    };
    let said = guest
        .line("the guest's line `device …: on …`", |line| Some(line.strip_prefix(device)?.trim_end().to_owned()))?;
    guest.ensure(said == format!("on {bus}, {interface} interface"), || {
        format!("{device}{said}, but QEMU was asked for {transport}")
    })?;
    Ok(())
}

/// Waits for statistics of a guest that has no more than `most`, and for the words of the guest that say the same.
fn tells_of(guest: &mut Guest, most: Bytes) -> anyhow::Result<()> {
    let statistics = guest.wait_for("statistics without what is in the balloon", |qemu| {
        Ok(qemu.statistics()?.filter(|statistics| statistics.get("total").is_some_and(|total| Bytes(total) <= most)))
    })?;
    Ok(statistics::wait_said(guest, &statistics)?)
}
