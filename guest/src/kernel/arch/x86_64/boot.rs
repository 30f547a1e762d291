//! What the loader tells: PVH's `hvm_start_info`.

use core::arch::global_asm;
use core::ffi::CStr;
use core::{ptr, slice};

use aerostat_guest::{Kind, MemoryMap};

use super::acpi;
use crate::kernel::{self, Boot, memory};

global_asm!(include_str!("boot.s"), start = sym start);

/// `struct hvm_start_info`, in the version that has a memory map.
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
/// The kind of ordinary memory, as in every PC's memory map.
const RAM: u32 = 1;
/// Below lie the loader's tables, firmware and the video memory.
const LOW_MEMORY: u64 = 1 << 20;

/// Where `boot.s` ends. `info` is the physical address that the loader passed.
extern "C" fn start(info: usize) -> ! {
    // SAFETY: the loader put the structure there, below 4 GiB, where memory is mapped one to one; nobody writes to it.
    let info: &StartInfo = unsafe { &*ptr::with_exposed_provenance(info) };
    assert!(info.magic == MAGIC && info.version >= 1, "the loader passes no PVH start information with a memory map");
    acpi::set_root(info.rsdp);
    kernel::run(Boot { memory: memory_map(info), command_line: command_line(info) })
}

fn memory_map(info: &StartInfo) -> MemoryMap {
    let entries: *const MemoryMapEntry = ptr::with_exposed_provenance(info.memory_map as usize);
    // SAFETY: the loader put that many entries there, below 4 GiB; nobody writes to them.
    let entries = unsafe { slice::from_raw_parts(entries, info.memory_map_entries as usize) };

    let mut map = MemoryMap::new();
    let told = entries.iter().map(|entry| {
        let kind = if entry.kind == RAM { Kind::Ram } else { Kind::Reserved };
        (entry.address..entry.address.saturating_add(entry.bytes), kind)
    });
    for (addresses, kind) in told.chain([(0..LOW_MEMORY, Kind::Reserved), (memory::image(), Kind::Reserved)]) {
        map.add(addresses, kind).expect("the memory map has too many entries");
    }
    map
}

fn command_line(info: &StartInfo) -> &'static str {
    if info.command_line == 0 {
        return "";
    }
    let text = ptr::with_exposed_provenance(info.command_line as usize);
    // SAFETY: the loader put a string there that ends with a zero, below 1 MiB, where the kernel never writes.
    let text = unsafe { CStr::from_ptr(text) };
    // What is not UTF-8 was not written for this kernel.
    text.to_str().unwrap_or("")
}
