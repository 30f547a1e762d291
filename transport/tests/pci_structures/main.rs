//! Finds the structures of PCI functions with arbitrary contents.

mod bars;
mod capabilities;
mod ranges;

use std::cell::RefCell;
use std::rc::Rc;

use aerostat_test_support::soft_pci::{
    BAR, CFG_COMMON, CFG_DEVICE, CFG_ISR, CFG_NOTIFY, COMMON, DEVICE, ISR, NOTIFY, NOTIFY_LEN,
};
use aerostat_test_support::{BarRegisters, SoftPci};
use aerostat_transport::Pci;
use aerostat_transport::pci::{BarRange, PciError, Routing, Space, StructureKind};

/// Finds the structures and returns the ranges mapped for common configuration, ISR status, notifications, device configuration,
/// in this order.
fn find(function: &SoftPci) -> Result<Vec<BarRange>, PciError> {
    let mapped = Rc::new(RefCell::new(Vec::new()));
    let found = Pci::<BarRegisters, _>::new(&function.reach(), &mut function.mapper(&mapped), Routing::Line);
    function.assert_careful();
    assert!(function.config().reads < 20_000, "the search is bounded");
    found.map(|_| mapped.take())
}

fn range(offset: u32, len: u64) -> BarRange {
    BarRange { space: Space::Memory, address: u64::from(BAR) + u64::from(offset), len }
}

/// The ranges that are mapped of the usual function.
fn usual() -> Vec<BarRange> {
    vec![range(COMMON, 0x38), range(ISR, 1), range(NOTIFY, NOTIFY_LEN.into()), range(DEVICE, 0x100)]
}

fn missing(kind: StructureKind) -> Result<Vec<BarRange>, PciError> {
    Err(PciError::Missing(kind))
}

/// Adds one structure of the usual function.
fn add(function: &SoftPci, kind: u8) {
    match kind {
        CFG_COMMON => function.structure(kind, 0, COMMON, 0x38),
        CFG_NOTIFY => function.notify(0, NOTIFY, NOTIFY_LEN, 4),
        CFG_ISR => function.structure(kind, 0, ISR, 1),
        _ => function.structure(kind, 0, DEVICE, 0x100),
    };
}

const KINDS: [u8; 4] = [CFG_COMMON, CFG_NOTIFY, CFG_ISR, CFG_DEVICE];
