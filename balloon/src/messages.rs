//! Messages for the log of the kernel, with the Cargo feature `log`. Without it, nothing here is compiled to code.

#[cfg(feature = "log")]
use core::fmt::{self, Display, Write};
#[cfg(feature = "log")]
use core::sync::atomic::{AtomicU32, Ordering};

use crate::error::{BalloonError, ProbeError};

/// Writes a message at a level: `error`, `warn`, `info` or `debug`.
macro_rules! log_at {
    ($level:ident, $($message:tt)*) => {
        #[cfg(feature = "log")]
        log::$level!($($message)*)
    };
}

/// Which error was logged last, so that an error is logged once until it changes.
#[derive(Debug)]
pub(crate) struct LastError {
    /// The hash of its message: the error itself would need more memory and stack.
    #[cfg(feature = "log")]
    hash: AtomicU32,
}

impl LastError {
    /// Returns the value for no error.
    pub(crate) const fn new() -> Self {
        Self {
            #[cfg(feature = "log")]
            hash: AtomicU32::new(0),
        }
    }

    /// Logs that a call failed, except if only a reset that the kernel has requested is the reason. `what` stands before the
    /// error.
    #[inline(always)]
    pub(crate) fn log<R>(&self, _what: &str, _result: &Result<R, BalloonError>) {
        #[cfg(feature = "log")]
        if let Err(error) = _result {
            self.log_call(_what, error);
        }
    }

    /// Logs that a probe failed.
    #[inline(always)]
    pub(crate) fn log_probe(&self, _error: &ProbeError) {
        #[cfg(feature = "log")]
        self.log_changed("failed to probe the device: ", _error);
    }

    #[cfg(feature = "log")]
    #[cold]
    #[inline(never)]
    fn log_call(&self, what: &str, error: &BalloonError) {
        use aerostat_transport::DeviceError;

        if !matches!(error, BalloonError::NotLive | BalloonError::Device(DeviceError::Resetting)) {
            self.log_changed(what, error);
        }
    }

    #[cfg(feature = "log")]
    #[cold]
    #[inline(never)]
    fn log_changed(&self, what: &str, error: &dyn Display) {
        let mut hash = Fnv(0x811c_9dc5);
        let _ = write!(hash, "{error}");
        if self.hash.load(Ordering::Relaxed) != hash.0 {
            self.hash.store(hash.0, Ordering::Relaxed);
            log::error!("balloon: {what}{error}");
        }
    }
}

/// The hash FNV-1a.
#[cfg(feature = "log")]
struct Fnv(u32);

#[cfg(feature = "log")]
impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = text.bytes().fold(self.0, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Ok(())
    }
}

/// Logs that a balloon was dropped whose device was not reset: it needs time, refuses, or is gone, or the transport is lost.
#[inline(always)]
pub(crate) fn log_leak() {
    log_at!(
        error,
        "balloon: dropped, and what the device may still use is leaked: the device was not reset, or is gone"
    );
}
