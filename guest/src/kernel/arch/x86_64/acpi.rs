//! The ACPI tables that the kernel needs: the I/O APICs, PCI configuration space, and virtio devices on MMIO.

use core::ptr::{self, NonNull};
use core::slice;

use acpi::madt::{Madt, MadtEntry};
use acpi::mcfg::Mcfg;
use acpi::{AcpiHandler, AcpiTable, AcpiTables, PhysicalMapping};
use aerostat_guest::MmioDevice;
use spin::Once;

use super::paging;

/// Physical address of the root system description pointer.
static ROOT: Once<usize> = Once::new();

/// Stores the address of the root pointer, which is 0 on a machine without ACPI.
pub(super) fn set_root(address: u64) {
    if address != 0 {
        ROOT.call_once(|| address as usize);
    }
}

/// An I/O APIC.
pub(super) struct IoApic {
    /// Physical address of its registers.
    pub(super) address: u64,
    /// The number of its first interrupt.
    pub(super) first_interrupt: u32,
}

/// Calls `found` with every I/O APIC.
pub(super) fn io_apics(mut found: impl FnMut(IoApic)) {
    let Some(madt) = table::<Madt>() else { return };
    for entry in madt.get().entries() {
        if let MadtEntry::IoApic(entry) = entry {
            found(IoApic {
                address: entry.io_apic_address.into(),
                first_interrupt: entry.global_system_interrupt_base,
            });
        }
    }
}

/// Returns the physical address of the PCI configuration space (ECAM) of segment 0, which starts with bus 0, and the
/// number of its last bus.
pub(super) fn ecam() -> Option<(u64, u8)> {
    let mcfg = table::<Mcfg>()?;
    let entries = mcfg.get().get_ref().entries();
    let entry = entries.iter().find(|entry| entry.pci_segment_group == 0 && entry.bus_number_start == 0)?;
    Some((entry.base_address, entry.bus_number_end))
}

/// Returns the virtio devices on MMIO of the machine.
pub(crate) fn virtio_mmio() -> impl Iterator<Item = MmioDevice> {
    aerostat_guest::virtio_mmio(dsdt().unwrap_or(&[]))
}

fn dsdt() -> Option<&'static [u8]> {
    let table = tables()?.dsdt().ok()?;
    paging::map(table.address as u64..table.address as u64 + u64::from(table.length))?;
    // SAFETY: the table is mapped, and the loader has reserved its memory, so that no code writes to it.
    Some(unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(table.address), table.length as usize) })
}

fn table<T: AcpiTable>() -> Option<PhysicalMapping<IdentityMapping, T>> {
    tables()?.find_table().ok()
}

fn tables() -> Option<AcpiTables<IdentityMapping>> {
    // SAFETY: the loader has passed the address.
    unsafe { AcpiTables::from_rsdp(IdentityMapping, *ROOT.get()?) }.ok()
}

/// Maps physical memory at its physical address.
#[derive(Clone)]
struct IdentityMapping;

impl AcpiHandler for IdentityMapping {
    unsafe fn map_physical_region<T>(&self, address: usize, bytes: usize) -> PhysicalMapping<Self, T> {
        let mapped = paging::map(address as u64..address.saturating_add(bytes) as u64);
        mapped.expect("failed to allocate page tables for an ACPI table");
        let start = NonNull::with_exposed_provenance(address.try_into().expect("an ACPI table has the address 0"));
        // SAFETY: the memory is mapped at its physical address forever.
        unsafe { PhysicalMapping::new(address, start, bytes, bytes, self.clone()) }
    }

    fn unmap_physical_region<T>(_: &PhysicalMapping<Self, T>) {}
}
