//! Dispatches interrupts and exceptions.

use core::arch::global_asm;
use core::fmt::Debug;

use riscv::interrupt::Trap;
use riscv::interrupt::supervisor::{Exception, Interrupt};
use riscv::register::stvec::{Stvec, TrapMode};
use riscv::register::{scause, sepc, stval, stvec};

use super::{clock, plic};

global_asm!(include_str!("interrupts.s"), dispatch = sym dispatch);

/// Sets the entry point.
pub(super) fn start() {
    unsafe extern "C" {
        safe fn interrupt_entry();
    }
    let entry = Stvec::new(interrupt_entry as *const () as usize, TrapMode::Direct);
    // SAFETY: the entry point handles every trap and preserves all registers.
    unsafe { stvec::write(entry) };
}

/// Called from the entry point, with interrupts off.
extern "C" fn dispatch() {
    match scause::read().cause().try_into::<Interrupt, Exception>() {
        // The interrupt has ended the sleep; `idle::wait` checks the time.
        Ok(Trap::Interrupt(Interrupt::SupervisorTimer)) => clock::stop_timer(),
        Ok(Trap::Interrupt(Interrupt::SupervisorExternal)) => plic::dispatch(),
        Ok(Trap::Interrupt(Interrupt::SupervisorSoft)) => {}
        Ok(Trap::Exception(exception)) => panic_on(exception),
        Err(_) => panic_on("unknown"),
    }
}

/// Ends the kernel because of an exception.
fn panic_on(exception: impl Debug) -> ! {
    panic!(
        "{exception:?} (cause {:#x}) at instruction {:#x}, last fault address {:#x}",
        scause::read().bits(),
        sepc::read(),
        stval::read(),
    )
}
