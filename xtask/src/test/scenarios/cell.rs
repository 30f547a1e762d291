//! The scenario of a cell of the matrix: statistics, inflation, freeze and deflation of a balloon, beside an entropy device, through
//! one interface and with one kind of rings.

use std::fmt;

use xtask_common::bytes::Bytes;
use xtask_qemu::{
    features::Feature,
    transport::{Bus, Interface, Transport},
};

use super::{
    entropy::Source,
    guest::{Environment, Guest, Setup},
    statistics,
};

const MEMORY: Bytes = Bytes::from_mib(256);
/// The guest writes to all of its memory, and freezes the balloon on a key.
const COMMAND_LINE: &str = "touch freeze=key";
/// The target before the freeze.
const BEFORE: Bytes = Bytes::from_mib(160);
/// The target after the restore.
const AFTER: Bytes = Bytes::from_mib(96);
/// The amount by which resident memory may change less than the balloon.
const SLACK: Bytes = Bytes::from_mib(16);

/// The layout of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ring {
    Split,
    Packed,
}

/// How notifications are suppressed.
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

/// Runs the cell of `ring` and `suppression` on the transport of `environment`.
pub(crate) fn run(environment: &Environment, ring: Ring, suppression: Suppression) -> anyhow::Result<()> {
    let source = Source::new()?;
    let features = features(ring, suppression);
    let mut guest = environment
        .start_with_entropy(Setup { memory: MEMORY, command_line: COMMAND_LINE, features }, source.path())?;
    check_interface(&mut guest, "device 4: ", environment.transport)?;
    source.compare(&mut guest)?;
    check_interface(&mut guest, "device 5: ", environment.transport)?;
    check_rings(&mut guest, ring, suppression)?;

    let full = guest.resident()?;
    guest.reach(BEFORE)?;
    wait_for_statistics(&mut guest, BEFORE)?;

    freeze_and_restore(&mut guest)?;
    guest.reach(AFTER)?;
    wait_for_statistics(&mut guest, AFTER)?;
    let low = guest.wait_for("QEMU's resident memory to fall by the size of the balloon", |qemu| {
        Ok(Some(qemu.resident()?).filter(|low| full.minus(*low) >= MEMORY.minus(AFTER).minus(SLACK)))
    })?;

    guest.reach(MEMORY)?;
    guest.wait_for("QEMU's resident memory to rise again", |qemu| {
        Ok((qemu.resident()?.minus(low) >= MEMORY.minus(AFTER).minus(SLACK)).then_some(()))
    })?;
    Ok(guest.stop()?)
}

/// Checks that the guest negotiated the rings and the notification suppression of the cell.
fn check_rings(guest: &mut Guest, ring: Ring, suppression: Suppression) -> anyhow::Result<()> {
    let negotiated =
        guest.line("the guest's line `features:…`", |line| Some(line.strip_prefix("features:")?.to_owned()))?;
    let has = |name| negotiated.split_whitespace().any(|word| word == name);
    guest.ensure(has("packed") == (ring == Ring::Packed), || {
        format!("expected {ring} rings, but the guest negotiated:{negotiated}")
    })?;
    guest.ensure(has("event-idx") == (suppression == Suppression::EventIndex), || {
        format!("expected notification suppression by {suppression}, but the guest negotiated:{negotiated}")
    })?;
    Ok(())
}

/// Freezes the balloon, which empties it, and restores it with another target.
fn freeze_and_restore(guest: &mut Guest) -> anyhow::Result<()> {
    guest.press_enter()?;
    guest.line("the guest's line `frozen until a key is pressed`", |line| {
        line.starts_with("frozen until").then_some(())
    })?;
    guest.wait_actual("the freeze to empty the balloon", |actual| actual == MEMORY)?;
    guest.set_target(AFTER)?;
    guest.press_enter()?;
    Ok(())
}

/// Returns the features that the devices offer.
const fn features(ring: Ring, suppression: Suppression) -> &'static [Feature] {
    match (ring, suppression) {
        (Ring::Split, Suppression::Flags) => &[],
        (Ring::Split, Suppression::EventIndex) => &[Feature::EventIdx],
        (Ring::Packed, Suppression::Flags) => &[Feature::Packed],
        (Ring::Packed, Suppression::EventIndex) => &[Feature::Packed, Feature::EventIdx],
    }
}

/// Checks that the guest uses `device` over `transport`.
fn check_interface(guest: &mut Guest, device: &str, transport: Transport) -> anyhow::Result<()> {
    let bus = match transport.bus() {
        Bus::Pci => "PCI",
        Bus::Mmio => "MMIO",
    };
    let interface = match transport.interface() {
        Interface::Modern => "modern",
        Interface::Legacy => "legacy",
    };
    let printed = guest
        .line("the guest's line `device …: on …`", |line| Some(line.strip_prefix(device)?.trim_end().to_owned()))?;
    guest.ensure(printed == format!("on {bus}, {interface} interface"), || {
        format!("{device}{printed}, but QEMU was started with {transport}")
    })?;
    Ok(())
}

/// Waits for statistics with a total of at most `most`, and for the same statistics on the guest's console.
fn wait_for_statistics(guest: &mut Guest, most: Bytes) -> anyhow::Result<()> {
    let statistics = guest.wait_for("statistics without the pages in the balloon", |qemu| {
        Ok(qemu.statistics()?.filter(|statistics| statistics.get("total").is_some_and(|total| Bytes(total) <= most)))
    })?;
    Ok(statistics::wait_printed(guest, &statistics)?)
}
