//! The few ACPI tables that the kernel needs: where the I/O APICs are, PCI configuration space, and virtio devices
//! on MMIO.

use core::ptr::{self, NonNull};
use core::slice;

use acpi::madt::{Madt, MadtEntry};
use acpi::mcfg::Mcfg;
use acpi::{AcpiHandler, AcpiTable, AcpiTables, PhysicalMapping};
use aerostat_guest::MmioDevice;
use spin::Once;

use super::paging;

/// Physical address of the root pointer.
static ROOT: Once<usize> = Once::new();

/// Notes where the root pointer is; 0 where the machine has no ACPI.
pub(super) fn set_root(address: u64) {
    if address != 0 {
        ROOT.call_once(|| address as usize);
    }
}

/// An I/O APIC, by the physical address of its registers and the number of its first interrupt.
pub(super) struct IoApic {
    pub(super) address: u64,
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

/// Physical address of the PCI configuration space (ECAM) of segment 0, and its last bus. It begins with bus 0.
pub(super) fn ecam() -> Option<(u64, u8)> {
    let mcfg = table::<Mcfg>()?;
    let entries = mcfg.get().get_ref().entries();
    let entry = entries.iter().find(|entry| entry.pci_segment_group == 0 && entry.bus_number_start == 0)?;
    Some((entry.base_address, entry.bus_number_end))
}

/// The virtio devices on MMIO that the machine describes.
pub(crate) fn virtio_mmio() -> impl Iterator<Item = MmioDevice> {
    aerostat_guest::virtio_mmio(dsdt().unwrap_or(&[]))
}

fn dsdt() -> Option<&'static [u8]> {
    let table = tables()?.dsdt().ok()?;
    paging::map(table.address as u64..table.address as u64 + u64::from(table.length))?;
    // SAFETY: the table is mapped, lies in memory that the loader has reserved, and nobody writes to it.
    Some(unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(table.address), table.length as usize) })
}

fn table<T: AcpiTable>() -> Option<PhysicalMapping<Direct, T>> {
    tables()?.find_table().ok()
}

fn tables() -> Option<AcpiTables<Direct>> {
    // SAFETY: the address is the one that the loader passed.
    unsafe { AcpiTables::from_rsdp(Direct, *ROOT.get()?) }.ok()
}

/// Physical memory is mapped where it is.
#[derive(Clone)]
struct Direct;

impl AcpiHandler for Direct {
    unsafe fn map_physical_region<T>(&self, address: usize, bytes: usize) -> PhysicalMapping<Self, T> {
        let mapped = paging::map(address as u64..address.saturating_add(bytes) as u64);
        mapped.expect("no memory for the page tables of an ACPI table");
        let start = NonNull::with_exposed_provenance(address.try_into().expect("an ACPI table at address 0"));
        // SAFETY: the memory is mapped at its physical address, and stays so.
        unsafe { PhysicalMapping::new(address, start, bytes, bytes, self.clone()) }
    }

    fn unmap_physical_region<T>(_: &PhysicalMapping<Self, T>) {}
}
