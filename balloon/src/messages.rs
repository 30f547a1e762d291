//! Messages for the log of the kernel, with the Cargo feature `log`.

/// Writes a message at a level: `error`, `warn`, `info` or `debug`.
macro_rules! log_at {
    ($level:ident, $($message:tt)*) => {
        #[cfg(feature = "log")]
        log::$level!($($message)*)
    };
}
