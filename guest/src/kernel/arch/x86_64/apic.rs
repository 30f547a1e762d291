//! The local APIC, which delivers interrupts to the CPU, and the I/O APICs, which route interrupt lines to the local APIC.

use core::ptr;

use heapless::Vec;
use spin::Once;
use x86_64::instructions::port::Port;

use super::acpi::{self, IoApic};
use super::vectors::{SPURIOUS, TIMER};

/// The divisor of the timer's frequency.
pub(super) const TIMER_DIVISOR: u32 = 16;

/// Physical addresses of registers of the local APIC.
mod local {
    pub(super) const ID: u64 = 0xfee0_0020;
    pub(super) const TASK_PRIORITY: u64 = 0xfee0_0080;
    pub(super) const END_OF_INTERRUPT: u64 = 0xfee0_00b0;
    pub(super) const SPURIOUS_VECTOR: u64 = 0xfee0_00f0;
    pub(super) const TIMER_VECTOR: u64 = 0xfee0_0320;
    pub(super) const PIN_0: u64 = 0xfee0_0350;
    pub(super) const PIN_1: u64 = 0xfee0_0360;
    pub(super) const TIMER_START: u64 = 0xfee0_0380;
    pub(super) const TIMER_NOW: u64 = 0xfee0_0390;
    pub(super) const TIMER_DIVIDE: u64 = 0xfee0_03e0;
}

/// Bit of a vector register: the interrupt is masked.
const MASKED: u32 = 1 << 16;
/// Bit of the vector register of a line: level-triggered.
const LEVEL: u32 = 1 << 15;

static IO_APICS: Once<Vec<IoApic, 4>> = Once::new();

/// Enables the local APIC and disables the older interrupt controllers.
pub(super) fn start() {
    for port in [0x21, 0xa1] {
        // SAFETY: these are the ports of the two 8259 on every PC. The value masks all their interrupts.
        unsafe { Port::<u8>::new(port).write(0xff) };
    }
    let settings = [
        (local::PIN_0, MASKED),
        (local::PIN_1, MASKED),
        (local::TASK_PRIORITY, 0),
        (local::TIMER_VECTOR, u32::from(TIMER)),
        (local::TIMER_DIVIDE, 0b0011),
        (local::SPURIOUS_VECTOR, 1 << 8 | u32::from(SPURIOUS)),
    ];
    settings.into_iter().for_each(|(register, value)| write(register, value));

    IO_APICS.call_once(find_io_apics);
}

fn find_io_apics() -> Vec<IoApic, 4> {
    let mut found = Vec::new();
    acpi::io_apics(|io_apic| found.push(io_apic).unwrap_or(()));
    if found.is_empty() {
        // A PC without ACPI has one at this address.
        let _ = found.push(IoApic { address: 0xfec0_0000, first_interrupt: 0 });
    }
    found
}

/// Signals the end of an interrupt to the local APIC.
pub(super) fn end_of_interrupt() {
    write(local::END_OF_INTERRUPT, 0);
}

/// Makes the timer interrupt once, after `ticks`.
pub(super) fn start_timer(ticks: u32) {
    write(local::TIMER_START, ticks);
}

/// Stops the timer.
pub(super) fn stop_timer() {
    write(local::TIMER_START, 0);
}

/// Returns the ticks until the timer interrupts.
pub(super) fn timer() -> u32 {
    read(local::TIMER_NOW)
}

/// Returns the address for messages that interrupt this CPU.
pub(super) fn message_address() -> u64 {
    // The upper byte of the register is the id of the local APIC.
    0xfee0_0000 | u64::from(read(local::ID) >> 24) << 12
}

/// Routes interrupt number `interrupt` of the machine to this CPU as `vector`. Returns `None` if no I/O APIC has the
/// interrupt.
pub(super) fn route(interrupt: u32, vector: u8) -> Option<()> {
    let io_apics = IO_APICS.get()?;
    let (io_apic, pin) = io_apics.iter().find_map(|io_apic| {
        let pin = interrupt.checked_sub(io_apic.first_interrupt)?;
        (pin <= read_indirect(io_apic, 1) >> 16 & 0xff).then_some((io_apic, pin))
    })?;
    let destination = read(local::ID) & 0xff00_0000;
    // The lower half unmasks the interrupt, so it is written last.
    let entry = 0x10 + 2 * pin;
    write_indirect(io_apic, entry, MASKED);
    write_indirect(io_apic, entry + 1, destination);
    write_indirect(io_apic, entry, LEVEL | u32::from(vector));
    Some(())
}

fn read_indirect(io_apic: &IoApic, register: u32) -> u32 {
    write(io_apic.address, register);
    read(io_apic.address + 0x10)
}

fn write_indirect(io_apic: &IoApic, register: u32, value: u32) {
    write(io_apic.address, register);
    write(io_apic.address + 0x10, value);
}

fn read(address: u64) -> u32 {
    let register: *const u32 = ptr::with_exposed_provenance(address as usize);
    // SAFETY: this module reads only registers of APICs, which are mapped below 4 GiB and aligned. Reading has no side effects.
    unsafe { register.read_volatile() }
}

fn write(address: u64, value: u32) {
    let register: *mut u32 = ptr::with_exposed_provenance_mut(address as usize);
    // SAFETY: this module writes only to registers of APICs, which are mapped below 4 GiB and aligned. Every vector that it
    // sets has an entry point.
    unsafe { register.write_volatile(value) };
}
