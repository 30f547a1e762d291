//! A program that needs more memory than the kernel has: it makes the kernel deflate the balloon on OOM.

use core::fmt;

use aerostat_balloon::Pages;
use aerostat_guest::{FRAME_BYTES, Options};

use crate::kernel::balloon::{self, OOM};
use crate::kernel::{console, idle, memory};

/// Frames that the program allocates at a time.
const CHUNK: u64 = 256;
/// Frames between two lines on the console: 16 MiB.
const STRIDE: u64 = 4096;
/// Deflations without a frame for the program after which it ends.
const MAX_FAILURES: u32 = 1000;

/// A program that allocates memory, writes to it and never frees it.
#[derive(Debug)]
pub(super) struct MemoryTest {
    state: State,
    /// Frames that are still to be allocated.
    missing: u64,
    /// Frames that are allocated.
    allocated: u64,
    /// Deflations for the program.
    deflations: u32,
    /// Deflations since it last got a frame.
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The balloon has not reached a target above 0.
    NotStarted,
    Running,
    /// Waits for memory from the balloon.
    OutOfMemory,
    Ended,
}

impl MemoryTest {
    pub(super) fn new(options: &Options) -> Self {
        let missing = (options.memory_test.unwrap_or(0) << 20) / FRAME_BYTES;
        let state = if missing > 0 { State::NotStarted } else { State::Ended };
        Self { state, missing, allocated: 0, deflations: 0, failures: 0 }
    }

    /// Runs the program for a while.
    pub(super) fn poll(&mut self) {
        if self.state == State::NotStarted && balloon::size() > Pages(0) {
            self.state = State::Running;
        }
        if self.state == State::OutOfMemory
            && let Some(frames) = OOM.take_answer()
        {
            self.deflated(frames);
        }
        if self.state == State::Running {
            self.allocate();
        }
    }

    /// Allocates some frames, or requests memory of the balloon.
    fn allocate(&mut self) {
        let Some(run) = memory::allocate(self.missing.min(CHUNK) as u32) else {
            self.state = State::OutOfMemory;
            OOM.request();
            return;
        };
        let frames = run.end - run.start;
        // SAFETY: the frames were just allocated, and nothing else uses them.
        unsafe { memory::write_to(run) };
        self.failures = 0;
        self.missing -= frames;
        self.allocated += frames;
        if self.allocated % STRIDE < frames {
            self.print(format_args!("{} MiB, {} deflations", self.mebibytes(), self.deflations));
        }
        if self.missing == 0 {
            let (mebibytes, deflations) = (self.mebibytes(), self.deflations);
            self.end(format_args!("done {mebibytes} MiB after {deflations} deflations"));
        }
        // The kernel returns to the program once the balloon has been serviced.
        idle::wake();
    }

    /// Continues after a deflation by this many frames, or ends the program.
    fn deflated(&mut self, frames: u32) {
        self.deflations += 1;
        self.failures += 1;
        let (mebibytes, deflations) = (self.mebibytes(), self.deflations);
        if frames == 0 {
            self.end(format_args!("out of memory at {mebibytes} MiB after {deflations} deflations"));
        } else if self.failures == MAX_FAILURES {
            self.end(format_args!("no progress at {mebibytes} MiB after {deflations} deflations"));
        } else {
            self.state = State::Running;
        }
    }

    fn end(&mut self, result: fmt::Arguments<'_>) {
        self.state = State::Ended;
        self.print(result);
    }

    fn print(&self, what: fmt::Arguments<'_>) {
        console::print(format_args!("memory test: {what}\n"));
    }

    fn mebibytes(&self) -> u64 {
        (self.allocated * FRAME_BYTES) >> 20
    }
}
