//! Memory that is in use for a while, so that there is something to free.

use core::ops::Range;

use aerostat_guest::{FRAME_BYTES, Options};
use heapless::Vec;
use log::warn;

use super::alarm::Alarm;
use super::console::{self, Keyboard};
use super::memory::{self, FRAMES};

/// Memory in use, until a byte comes in on the serial port, or its time is up.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    runs: Vec<Range<u64>, 64>,
    keyboard: Keyboard,
    end: Alarm,
}

impl Spare {
    /// Takes as much memory as the command line asks for, and writes to it.
    pub(crate) fn new(options: &Options) -> Self {
        let mut spare = Self::default();
        let mut missing = (options.spare.unwrap_or(0) << 20) / FRAME_BYTES;
        while missing > 0 && !spare.runs.is_full() {
            let Some(run) = memory::take(missing.try_into().unwrap_or(u32::MAX)) else { break };
            // SAFETY: the frames were just taken, and are nobody else's.
            unsafe { memory::write_to(run.clone()) };
            missing -= run.end - run.start;
            // There is room, see above.
            let _ = spare.runs.push(run);
        }
        if missing > 0 {
            warn!("there are {} MiB too little for `spare`", (missing * FRAME_BYTES) >> 20);
        }
        if !spare.runs.is_empty() {
            spare.end = options.spare_after.map(Alarm::after).unwrap_or_default();
        }
        spare
    }

    /// Frees the memory if it is time to.
    pub(crate) fn look(&mut self) {
        let is_asked = !self.runs.is_empty() && self.keyboard.is_pressed();
        if self.end.rings() || is_asked {
            let frames: u64 = self.runs.iter().map(|run| run.end - run.start).sum();
            self.runs.drain(..).for_each(|run| FRAMES.lock().put(run));
            console::print(format_args!("spare: freed {} MiB\n", (frames * FRAME_BYTES) >> 20));
            self.end.off();
        }
    }
}
