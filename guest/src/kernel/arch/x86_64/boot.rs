//! Boot by PVH: reads the loader's `hvm_start_info`.

use core::arch::global_asm;
use core::ffi::CStr;
use core::{ptr, slice};

use aerostat_guest::{MemoryMap, RegionKind};

use super::acpi;
use crate::kernel::boot::{self, Boot};
use crate::kernel::memory;

global_asm!(include_str!("boot.s"), start = sym start_cpu);

/// `struct hvm_start_info`, version 1, which has a memory map.
#[repr(C)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

/// `struct hvm_memmap_table_entry`.
#[repr(C)]
struct MemoryMapEntry {
    address: u64,
    bytes: u64,
    kind: u32,
    reserved: u32,
}

const MAGIC: u32 = 0x336e_c578;
/// The kind of RAM, as in the memory map of every PC.
const RAM: u32 = 1;
/// The end of low memory, which has tables of the loader, firmware and video memory.
const LOW_MEMORY: u64 = 1 << 20;

/// Called at the end of `boot.s` with the physical address of the start information.
extern "C" fn start_cpu(info: usize) -> ! {
    // SAFETY: the loader has put the structure there, below 4 GiB, where memory is mapped at its physical address. No code
    // writes to it.
    let info: &StartInfo = unsafe { &*ptr::with_exposed_provenance(info) };
    assert!(
        info.magic == MAGIC && info.version >= 1,
        "the loader passes no PVH start information of version 1 or later"
    );
    acpi::set_root(info.rsdp);
    boot::enter(Boot { memory: memory_map(info), command_line: command_line(info) })
}

fn memory_map(info: &StartInfo) -> MemoryMap {
    let entries: *const MemoryMapEntry = ptr::with_exposed_provenance(info.memory_map as usize);
    // SAFETY: the loader has put that many entries there, below 4 GiB. No code writes to them.
    let entries = unsafe { slice::from_raw_parts(entries, info.memory_map_entries as usize) };

    let mut map = MemoryMap::new();
    let regions = entries.iter().map(|entry| {
        let kind = if entry.kind == RAM { RegionKind::Ram } else { RegionKind::Reserved };
        (entry.address..entry.address.saturating_add(entry.bytes), kind)
    });
    let reserved = [0..LOW_MEMORY, memory::image()].map(|addresses| (addresses, RegionKind::Reserved));
    for (addresses, kind) in regions.chain(reserved) {
        map.add(addresses, kind).expect("the memory map has too many entries");
    }
    map
}

fn command_line(info: &StartInfo) -> &'static str {
    if info.command_line == 0 {
        return "";
    }
    let text = ptr::with_exposed_provenance(info.command_line as usize);
    // SAFETY: the loader has put a string there that ends with a zero, below 1 MiB, where the kernel never writes.
    let text = unsafe { CStr::from_ptr(text) };
    // The words of this kernel are ASCII.
    text.to_str().unwrap_or("")
}
