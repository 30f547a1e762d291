//! The statistics that the device has received.

/// The latest statistics.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    /// Tags and values, in the order of the buffer.
    pub(crate) values: Option<Vec<(u16, u64)>>,
    /// Number of buffers since the device was started.
    pub(crate) count: u64,
}

impl Statistics {
    pub(crate) fn reset(&mut self) {
        self.values = None;
    }
}
