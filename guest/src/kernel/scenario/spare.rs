//! Memory that the kernel holds for a while and then frees, to test free page reporting.

use core::ops::Range;

use aerostat_guest::{FRAME_BYTES, Options};
use heapless::Vec;
use log::warn;

use crate::kernel::alarm::Alarm;
use crate::kernel::console::{self, Keyboard};
use crate::kernel::memory::{self, FRAMES};

/// Memory in use, until a byte is received on the serial port or a time is over.
#[derive(Debug, Default)]
pub(super) struct Spare {
    runs: Vec<Range<u64>, 64>,
    keyboard: Keyboard,
    end: Alarm,
}

impl Spare {
    /// Allocates as much memory as the command line says, and writes to it.
    pub(super) fn new(options: &Options) -> Self {
        let mut spare = Self::default();
        let mut missing = (options.spare.unwrap_or(0) << 20) / FRAME_BYTES;
        while missing > 0 && !spare.runs.is_full() {
            let Some(run) = memory::allocate(missing.try_into().unwrap_or(u32::MAX)) else { break };
            // SAFETY: the frames were just allocated.
            unsafe { memory::write_to(run.clone()) };
            missing -= run.end - run.start;
            // The vector is not full, see above.
            let _ = spare.runs.push(run);
        }
        if missing > 0 {
            warn!("failed to allocate {} MiB for `spare`", (missing * FRAME_BYTES) >> 20);
        }
        if !spare.runs.is_empty() {
            spare.end = options.spare_after.map(Alarm::after).unwrap_or_default();
        }
        spare
    }

    /// Frees the memory if it is time to.
    pub(super) fn free_if_due(&mut self) {
        let is_requested = !self.runs.is_empty() && self.keyboard.is_pressed();
        if self.end.expired() || is_requested {
            let frames: u64 = self.runs.iter().map(|run| run.end - run.start).sum();
            self.runs.drain(..).for_each(|run| FRAMES.lock().deallocate(run));
            console::print(format_args!("spare: freed {} MiB\n", (frames * FRAME_BYTES) >> 20));
            self.end.cancel();
        }
    }
}
