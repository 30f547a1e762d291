//! How hostile a device is.

use crate::choices::Choices;

/// How hostile a device is, in an episode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hostility {
    /// The device keeps the protocol, and works only when it is notified. The driver may not report an error.
    pub(crate) is_conforming: bool,
    /// Register reads of 1024 that return a wrong value: before and after DRIVER_OK, and in PCI configuration space.
    pub(crate) bends_setup: u32,
    pub(crate) bends_live: u32,
    pub(crate) bends_function: u32,
    /// Turns of 1024 in which the device breaks the protocol in a way that the driver must notice.
    pub(crate) breaks: u32,
    /// Turns of 1024 in which the device writes arbitrary values to a ring.
    pub(crate) scribbles: u32,
    /// Turns of 1024 in which the device needs a reset, is reset by the host, or is unplugged.
    pub(crate) events: u32,
    /// Allocations of 256 that fail.
    pub(crate) no_memory: u32,
    /// Turns and notifications of 8 in which the device works on a queue.
    pub(crate) works: u32,
    /// Reads of the status until a slow reset has finished.
    pub(crate) slow_reset: u32,
    /// Whether the driver numbers its queues as the device does.
    pub(crate) uses_numbers: bool,
}

impl Hostility {
    /// Returns a device that keeps the protocol.
    pub(crate) const CONFORMING: Self = Self {
        is_conforming: true,
        bends_setup: 0,
        bends_live: 0,
        bends_function: 0,
        breaks: 0,
        scribbles: 0,
        events: 0,
        no_memory: 0,
        works: 4,
        slow_reset: 50,
        uses_numbers: true,
    };

    /// Chooses how hostile the device of an episode is: mostly conforming with single deviations, or hostile throughout.
    pub(crate) fn choose(choices: &mut Choices) -> Self {
        let slow_reset = if choices.chance(1, 512) { u32::MAX } else { 1000 };
        let works = choices.pick(&[1, 4, 4, 8]);
        let base = Self {
            is_conforming: false,
            works,
            no_memory: choices.pick(&[0, 0, 1, 8]),
            slow_reset,
            ..Self::CONFORMING
        };
        match choices.below(16) {
            0..=2 => Self { works, ..Self::CONFORMING },
            3..=5 => Self { breaks: choices.pick(&[2, 8, 64]), ..base },
            6 | 7 => Self { bends_live: choices.pick(&[1, 8, 64]), ..base },
            8 | 9 => Self { scribbles: choices.pick(&[2, 16, 512]), ..base },
            10 => Self { events: choices.pick(&[2, 16]), ..base },
            11 => Self { bends_setup: choices.pick(&[1, 8, 32]), bends_function: choices.pick(&[1, 16]), ..base },
            12 => Self { events: 4, breaks: 4, bends_live: 4, ..base },
            13 => Self { bends_setup: 2, bends_function: 2, bends_live: 2, breaks: 2, scribbles: 8, events: 2, ..base },
            14 => Self { bends_live: 256, scribbles: 256, breaks: 64, events: 8, ..base },
            _ => Self { bends_setup: 300, bends_function: 300, bends_live: 512, scribbles: 900, ..base },
        }
    }
}
