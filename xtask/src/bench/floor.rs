//! The least that the host takes for the pages: the calls that QEMU's device makes, and nothing else.

use std::{ffi::c_void, io};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use super::{
    clock::{Clock, Took},
    results::{Action, Results, State, Who},
};
use crate::units::Bytes;

/// Bytes of a page.
const PAGE: usize = 4096;
/// Bytes of a run, and of a large page of the host.
const RUN: usize = 2 << 20;

/// One round: as many bytes are dropped and asked for again, in every state and by pieces of every size.
pub(super) fn round(results: &mut Results, bytes: Bytes) -> io::Result<()> {
    let length = usize::try_from(bytes.0).map_err(|_| io::ErrorKind::InvalidInput)?;
    for (who, piece) in [(Who::FloorPages, PAGE), (Who::FloorRuns, RUN), (Who::FloorWhole, length)] {
        let mut memory = Mapping::new(length)?;
        for state in [State::Untouched, State::Touched, State::Dropped] {
            if state == State::Touched {
                memory.touch();
            }
            results.note(who, Action::Inflate, state, memory.advise(Advice::LinuxDontNeed, piece)?);
            results.note(who, Action::Deflate, state, memory.advise(Advice::WillNeed, piece)?);
        }
    }
    Ok(())
}

/// Memory as QEMU gives it to a guest: anonymous, not reserved, in large pages where the host makes those when asked.
struct Mapping {
    /// All of the mapping, with a run more than needed.
    whole: *mut c_void,
    /// The part that begins with a whole run.
    start: *mut c_void,
    length: usize,
}

impl Mapping {
    fn new(length: usize) -> io::Result<Self> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
        // SAFETY: the address is the system's choice, so that no other mapping is replaced.
        let whole = unsafe { mmap_anonymous(std::ptr::null_mut(), length + RUN, access, flags) }?;
        let start = whole.wrapping_byte_add(whole.align_offset(RUN));
        let memory = Self { whole, start, length };
        // A system without large pages refuses, and then it has none here and none in QEMU.
        let _ = memory.advise(Advice::LinuxHugepage, length);
        Ok(memory)
    }

    /// Writes to every page.
    fn touch(&mut self) {
        for offset in (0..self.length).step_by(PAGE) {
            // SAFETY: inside the mapping, which nobody else knows of.
            unsafe { self.start.wrapping_byte_add(offset).cast::<u8>().write_volatile(1) };
        }
    }

    /// Advises the system about all of the memory, in pieces from the first to the last, and says how long that took.
    fn advise(&self, advice: Advice, piece: usize) -> io::Result<Took> {
        let clock = Clock::start_here();
        for offset in (0..self.length).step_by(piece) {
            // SAFETY: inside the mapping, whose contents nobody relies on.
            unsafe { madvise(self.start.wrapping_byte_add(offset), piece.min(self.length - offset), advice) }?;
        }
        clock.stop()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own. To fail would be to leave it there until the end.
        let _ = unsafe { munmap(self.whole, self.length + RUN) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_measured_in_pieces_of_every_size() {
        let mut results = Results::default();
        round(&mut results, Bytes::from_mib(4)).unwrap();
        round(&mut results, Bytes::from_mib(4)).unwrap();
        assert_eq!(results.balloon.len(), 3 * 3 * 2);
        assert!(results.balloon.iter().all(|series| series.seconds.len() == 2));
    }

    #[test]
    fn memory_that_is_dropped_reads_as_zero() {
        let mut memory = Mapping::new(RUN).unwrap();
        memory.touch();
        // SAFETY: inside the mapping.
        let look =
            |memory: &Mapping| unsafe { memory.start.wrapping_byte_add(RUN - PAGE).cast::<u8>().read_volatile() };
        assert_eq!(look(&memory), 1);
        memory.advise(Advice::LinuxDontNeed, PAGE).unwrap();
        assert_eq!(look(&memory), 0);
    }
}
