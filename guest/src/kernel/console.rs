//! The serial console and the log.

use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record};
use spin::Mutex;

use super::alarm::Alarm;
use super::{arch, exit};

/// The serial port, if the machine has one. Interrupt handlers do not lock it, except for a panic.
static PORT: Mutex<Option<arch::SerialPort>> = Mutex::new(None);

/// Opens the serial port and sends the log to it.
pub(crate) fn start() {
    *PORT.lock() = arch::serial_port();
    // This fails only if there is a logger already, and no other code sets one.
    let _ = log::set_logger(&Logger);
    log::set_max_level(LevelFilter::Info);
}

/// Prints text to the serial port, without a prefix or a line break.
pub(crate) fn print(text: fmt::Arguments<'_>) {
    if let Some(port) = &mut *PORT.lock() {
        // The kernel continues without a console.
        let _ = port.write_fmt(text);
    }
}

/// Polls the serial port for input, because the port does not interrupt.
#[derive(Debug, Default)]
pub(crate) struct Keyboard {
    next: Alarm,
}

impl Keyboard {
    /// The time between two polls.
    const INTERVAL: Duration = Duration::from_millis(20);

    /// Returns whether a byte has been received, and removes it. Otherwise the kernel will wake for the next poll.
    pub(crate) fn is_pressed(&mut self) -> bool {
        let is_due = self.next.expired();
        self.next.set_if_unset(Self::INTERVAL);
        is_due && PORT.lock().as_mut().is_some_and(arch::received)
    }
}

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        let prefix = match record.level() {
            Level::Error => "error: ",
            Level::Warn => "warning: ",
            Level::Info => "",
            Level::Debug | Level::Trace => "debug: ",
        };
        print(format_args!("{prefix}{}\n", record.args()));
    }

    fn flush(&self) {}
}

/// Prints the message and ends the machine. CPU exceptions end up here too.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    arch::disable_interrupts();
    // SAFETY: there is one CPU. If the lock is held, its holder was interrupted by this panic and never runs again.
    unsafe { PORT.force_unlock() };
    if PORT.lock().is_none() {
        // The panic may have come before `start`.
        *PORT.lock() = arch::serial_port();
    }
    match info.location() {
        Some(location) => print(format_args!("panic: {} at {location}\n", info.message())),
        None => print(format_args!("panic: {}\n", info.message())),
    }
    exit::exit(exit::Code::Panic)
}
