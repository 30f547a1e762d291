//! Interrupts and exceptions: who is called when one comes.

use core::arch::global_asm;
use core::fmt::Debug;

use riscv::interrupt::Trap;
use riscv::interrupt::supervisor::{Exception, Interrupt};
use riscv::register::stvec::{Stvec, TrapMode};
use riscv::register::{scause, sepc, stval, stvec};

use super::{clock, plic};
use crate::kernel::{console, exit, idle};

global_asm!(include_str!("interrupts.s"), dispatch = sym dispatch);

/// Makes the CPU use the entry point.
pub(super) fn start() {
    unsafe extern "C" {
        safe fn interrupt_entry();
    }
    let entry = Stvec::new(interrupt_entry as *const () as usize, TrapMode::Direct);
    // SAFETY: the entry point is for everything that may come, and preserves all registers.
    unsafe { stvec::write(entry) };
}

/// Called from the entry point, with interrupts off.
extern "C" fn dispatch() {
    match scause::read().cause().try_into::<Interrupt, Exception>() {
        Ok(Trap::Interrupt(Interrupt::SupervisorTimer)) => {
            clock::stop_timer();
            idle::wake();
        }
        Ok(Trap::Interrupt(Interrupt::SupervisorExternal)) => plic::dispatch(),
        Ok(Trap::Interrupt(Interrupt::SupervisorSoft)) => {}
        Ok(Trap::Exception(exception)) => report(exception),
        Err(_) => report("unknown"),
    }
}

/// Says what went wrong, and ends the kernel.
fn report(what: impl Debug) -> ! {
    console::print_at_last(format_args!(
        "panic: {what:?} (cause {:#x}) at instruction {:#x}, last fault address {:#x}\n",
        scause::read().bits(),
        sepc::read(),
        stval::read(),
    ));
    exit::exit(exit::Code::Panic)
}
