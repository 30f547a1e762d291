//! Lines on the serial port.

use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record};
use spin::Mutex;

use super::alarm::Alarm;
use super::{arch, exit};

/// The serial port, if the machine has one. Interrupt handlers keep away, but for one that ends the kernel.
static PORT: Mutex<Option<arch::SerialPort>> = Mutex::new(None);

/// Opens the serial port and sends the log to it.
pub(crate) fn start() {
    *PORT.lock() = arch::serial_port();
    // Fails only when there is a logger already, and this is the only place that sets one.
    let _ = log::set_logger(&Logger);
    log::set_max_level(LevelFilter::Info);
}

/// Prints as it stands.
pub(crate) fn print(text: fmt::Arguments<'_>) {
    if let Some(port) = &mut *PORT.lock() {
        // A console that cannot be written to is no reason to stop.
        let _ = port.write_fmt(text);
    }
}

/// Looks for bytes on the serial port, which does not interrupt.
#[derive(Debug, Default)]
pub(crate) struct Keyboard {
    look: Alarm,
}

impl Keyboard {
    /// How often to look.
    const EVERY: Duration = Duration::from_millis(20);

    /// Whether a byte has come in. It is taken. Else the kernel will wake for the next look.
    pub(crate) fn is_pressed(&mut self) -> bool {
        let is_time = self.look.rings();
        self.look.set_if_off(Self::EVERY);
        is_time && PORT.lock().as_mut().is_some_and(arch::received)
    }
}

/// Prints the last words of a kernel that cannot go on, whatever it was doing.
pub(crate) fn print_at_last(text: fmt::Arguments<'_>) {
    // SAFETY: whoever holds the lock was interrupted by its own end and does not run again: there is one CPU.
    unsafe { PORT.force_unlock() };
    if PORT.lock().is_none() {
        // The end may have come before `start`.
        *PORT.lock() = arch::serial_port();
    }
    print(text);
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

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    arch::disable_interrupts();
    match info.location() {
        Some(location) => print_at_last(format_args!("panic: {} at {location}\n", info.message())),
        None => print_at_last(format_args!("panic: {}\n", info.message())),
    }
    exit::exit(exit::Code::Panic)
}
