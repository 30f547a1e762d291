//! Logs what drivers and devices of this crate exchange, in the form that `cargo xtask decode --log` reads.

use std::fmt::{self, Display, Formatter};

use log::{Level, log_enabled, trace};

/// The target of the log records.
pub const EXCHANGE_LOG: &str = "aerostat_device::exchange";

/// Returns whether a logger wants exchanges, so that others do not have to read the buffers.
pub(crate) fn is_enabled() -> bool {
    log_enabled!(target: EXCHANGE_LOG, Level::Trace)
}

/// Logs a buffer that the device of type `device` completes: what it read, and what it wrote.
pub(crate) fn log(device: u32, queue: u16, readable: &[u8], written: &[u8]) {
    trace!(target: EXCHANGE_LOG, "virtio {device} queue {queue}: {} -> {}", Hex(readable), Hex(written));
}

struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
