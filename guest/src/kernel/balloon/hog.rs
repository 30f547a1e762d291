//! A program that wants more memory than there is: what the balloon does for a kernel that is out of memory.

use core::fmt;

use aerostat_balloon::{BalloonError, Pages};
use aerostat_guest::{FRAME_BYTES, Options};

use super::Driver;
use super::features::Wants;
use super::follow::Follow;
use crate::kernel::idle::{self, Asleep};
use crate::kernel::{console, memory, platform};

/// Frames that the program allocates at a time.
const BITE: u64 = 256;
/// Frames between two lines on the console: 16 MiB.
const STRIDE: u64 = 4096;
/// Deflations without a frame for the program after which it gives up.
const PATIENCE: u32 = 1000;

/// A program that allocates memory, writes to it and never frees it.
#[derive(Debug)]
pub(super) struct Hog {
    is_running: bool,
    /// Frames that it still wants.
    missing: u64,
    /// Frames that it has.
    has: u64,
    /// Deflations for it.
    deflations: u32,
    /// Deflations since it last got a frame.
    in_vain: u32,
}

/// What the program needs to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// It has ended, or does not run yet.
    Nothing,
    /// Its next turn.
    Turn,
    /// Memory.
    Memory,
}

impl Hog {
    pub(super) fn new(options: &Options) -> Self {
        let missing = (options.hog.unwrap_or(0) << 20) / FRAME_BYTES;
        Self { is_running: false, missing, has: 0, deflations: 0, in_vain: 0 }
    }

    /// Gives the program a turn. It begins when the balloon was on target with some `size`.
    pub(super) fn turn(&mut self, size: Pages) -> Need {
        self.is_running |= size > Pages(0);
        if !self.is_running || self.missing == 0 {
            return Need::Nothing;
        }
        let Some(run) = memory::take(self.missing.min(BITE) as u32) else { return Need::Memory };
        let frames = run.end - run.start;
        // SAFETY: the frames were just taken, and are nobody else's.
        unsafe { memory::write_to(run) };
        self.in_vain = 0;
        self.missing -= frames;
        self.has += frames;
        if self.has % STRIDE < frames {
            self.say(format_args!("{} MiB, {} relieved", self.mebibytes(), self.deflations));
        }
        if self.missing > 0 {
            return Need::Turn;
        }
        self.say(format_args!("done {} MiB after {} deflations", self.mebibytes(), self.deflations));
        Need::Nothing
    }

    /// Notes that the balloon has given so many frames back.
    pub(super) fn relieved(&mut self, frames: u32) {
        platform::count_stall();
        self.deflations += 1;
        self.in_vain += 1;
        let (mebibytes, deflations) = (self.mebibytes(), self.deflations);
        if frames == 0 {
            self.missing = 0;
            self.say(format_args!("out of memory at {mebibytes} MiB after {deflations} deflations"));
        } else if self.in_vain == PATIENCE {
            self.missing = 0;
            self.say(format_args!("no progress at {mebibytes} MiB after {deflations} deflations"));
        }
    }

    /// Gives the program a turn, and the kernel memory where it has none for it.
    pub(super) fn look<L: Wants>(&mut self, driver: &mut Driver<L>, follow: &mut Follow) -> Result<(), BalloonError> {
        match self.turn(follow.size()) {
            Need::Nothing => {}
            Need::Turn => idle::wake(),
            Need::Memory => {
                let frames = match driver.deflate_on_oom() {
                    Some(deflated) => deflated.tell_host().wait(&mut Asleep::default())?,
                    // The host wants to keep what it has got.
                    None => 0,
                };
                self.relieved(frames);
                follow.relieved();
            }
        }
        Ok(())
    }

    fn say(&self, what: fmt::Arguments<'_>) {
        console::print(format_args!("hog: {what}\n"));
    }

    fn mebibytes(&self) -> u64 {
        (self.has * FRAME_BYTES) >> 20
    }
}
