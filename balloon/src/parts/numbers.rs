//! The numbers of the queues.

use core::fmt::{self, Display, Formatter};

/// The numbers of the queues on the device. `None` for a queue that is not in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueNumbers {
    /// The inflate queue.
    pub inflate: Option<u16>,
    /// The deflate queue.
    pub deflate: Option<u16>,
    /// The statistics queue.
    pub statistics: Option<u16>,
    /// The free page queue, for hinting.
    pub hinting: Option<u16>,
    /// The reporting queue.
    pub reporting: Option<u16>,
}

impl Display for QueueNumbers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let queues = [
            ("inflate", self.inflate),
            ("deflate", self.deflate),
            ("statistics", self.statistics),
            ("hinting", self.hinting),
            ("reporting", self.reporting),
        ];
        f.write_str("queues:")?;
        let used = queues.into_iter().filter_map(|(name, number)| Some((name, number?)));
        used.enumerate()
            .try_for_each(|(at, (name, number))| write!(f, "{} {name} {number}", if at == 0 { "" } else { "," }))
    }
}
