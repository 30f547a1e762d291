//! Measures how much stack a call uses. Fills the unused stack with a pattern, makes the call, and searches for the lowest
//! word that has changed.
//!
//! The result is the number of bytes below the frame of the measuring code: return addresses, the frame of the closure that
//! makes the call, and all frames below. The method has three limits:
//!
//! * A part of the lowest frame that is reserved but never written is not counted.
//! * Values that the closure moves or returns are counted, because every caller has to move them too.
//! * The call must not enable interrupts, because their handlers use the same stack. A call that waits has to poll.

use core::mem::MaybeUninit;

use log::LevelFilter;

use crate::kernel::{arch, console};

/// The value of unused words. It is not an address of this kernel, and an unlikely number.
const PATTERN: u64 = 0x5afe_57ac_c0de_d00d;
/// If a call leaves fewer bytes of the stack unchanged, the stack counts as exhausted: the call may have reserved more
/// without writing to it.
pub(super) const MARGIN: usize = 4096;

/// The stack that a call used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Used {
    /// In bytes.
    Bytes(usize),
    /// The call used all of the stack, or all but the [`MARGIN`].
    Exhausted,
}

/// The most stack that one kind of call used.
#[derive(Debug)]
pub(super) struct Peak {
    name: &'static str,
    used: Used,
}

impl Peak {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, used: Used::Bytes(0) }
    }

    /// Makes and measures a call. The log is off, because its messages use stack of the kernel's logger.
    pub(super) fn measure<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let level = log::max_level();
        log::set_max_level(LevelFilter::Off);
        let (result, used) = used(call);
        log::set_max_level(level);
        self.used = self.used.max(used);
        result
    }

    pub(super) fn print(&self) {
        let name = self.name;
        match self.used {
            Used::Bytes(bytes) => console::print(format_args!("stack: {name} {bytes}\n")),
            Used::Exhausted => console::print(format_args!("stack: {name} exhausted\n")),
        }
    }
}

/// Measures one call and prints its line.
pub(super) fn measure<T>(name: &'static str, call: impl FnOnce() -> T) -> T {
    let mut peak = Peak::new(name);
    let result = peak.measure(call);
    peak.print();
    result
}

/// Makes a call with interrupts off, and returns its result and the stack that it used. Returns with interrupts on.
pub(super) fn used<T>(call: impl FnOnce() -> T) -> (T, Used) {
    let (bytes, result) = Call::new(call).make();
    (result, if bytes + MARGIN > size() { Used::Exhausted } else { Used::Bytes(bytes) })
}

/// A closure and its result, for a call through a pointer.
struct Call<F, T> {
    function: MaybeUninit<F>,
    result: MaybeUninit<T>,
}

impl<F: FnOnce() -> T, T> Call<F, T> {
    const fn new(function: F) -> Self {
        Self { function: MaybeUninit::new(function), result: MaybeUninit::uninit() }
    }

    /// Makes the call on a painted stack. Returns the bytes that it used, and its result.
    fn make(mut self) -> (usize, T) {
        arch::disable_interrupts();
        // SAFETY: this kernel has one stack, whose lowest word is at `bottom`. Everything below the frame of the callee is
        // unused, and stays so while interrupts are off. `run` gets the value that it is made for, once. A panic does not
        // unwind.
        let bytes = unsafe { arch::call_on_painted_stack(Self::run, (&raw mut self).cast(), bottom(), PATTERN) };
        arch::enable_interrupts();
        // SAFETY: `run` has written the result.
        (bytes, unsafe { self.result.assume_init() })
    }

    /// Runs the closure and stores its result.
    ///
    /// # Safety
    ///
    /// `call` points to a `Self` with a closure, which nothing else borrows. After the call the closure is gone and the
    /// result is there.
    unsafe extern "C" fn run(call: *mut ()) {
        // SAFETY: the caller's promise.
        let call = unsafe { &mut *call.cast::<Self>() };
        // SAFETY: the closure is there, and is read only once.
        let function = unsafe { call.function.assume_init_read() };
        call.result.write(function());
    }
}

unsafe extern "C" {
    // From the boot code or the link script: the lowest word of the boot stack.
    static boot_stack_begin: u64;
}

/// Returns the lowest word of the stack.
fn bottom() -> *mut u64 {
    (&raw const boot_stack_begin).cast_mut()
}

/// Returns the bytes between the lowest word of the stack and the current frame.
pub(super) fn size() -> usize {
    let here = 0_u8;
    (&raw const here).addr() - bottom().addr()
}
