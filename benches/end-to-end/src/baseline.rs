//! The lower bound of the cost on the host: only the system calls that QEMU's device makes for the pages.

use std::{ffi::c_void, io};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
use xtask_common::bytes::Bytes;

use super::{
    clock::{Clock, Elapsed},
    results::{Action, Results, State, System},
};

/// The bytes of a page.
const PAGE: usize = 4096;
/// The bytes of a run, and of a huge page of the host.
const RUN: usize = 2 << 20;

/// Measures one round: discards and populates `bytes` in every state, in pieces of every size.
pub(crate) fn round(results: &mut Results, bytes: Bytes) -> io::Result<()> {
    let length = usize::try_from(bytes.0).map_err(|_| io::ErrorKind::InvalidInput)?;
    for (system, piece) in [(System::HostPages, PAGE), (System::HostRuns, RUN), (System::HostWhole, length)] {
        let mut memory = Mapping::new(length)?;
        for state in [State::Untouched, State::Touched, State::Discarded] {
            if state == State::Touched {
                memory.touch();
            }
            results.note(system, Action::Inflate, state, memory.advise(Advice::LinuxDontNeed, piece)?);
            results.note(system, Action::Deflate, state, memory.advise(Advice::WillNeed, piece)?);
        }
    }
    Ok(())
}

/// Memory as QEMU maps it for a guest: anonymous, not reserved, in huge pages if the host supports them.
struct Mapping {
    /// The start of the mapping, which is a run longer than needed.
    whole: *mut c_void,
    /// The start of its aligned part.
    start: *mut c_void,
    length: usize,
}

impl Mapping {
    fn new(length: usize) -> io::Result<Self> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
        // SAFETY: the system chooses the address, so no other mapping is replaced.
        let whole = unsafe { mmap_anonymous(std::ptr::null_mut(), length + RUN, access, flags) }?;
        let start = whole.wrapping_byte_add(whole.align_offset(RUN));
        let memory = Self { whole, start, length };
        // Fails on a system without huge pages, where QEMU has none either.
        let _ = memory.advise(Advice::LinuxHugepage, length);
        Ok(memory)
    }

    /// Writes to every page.
    fn touch(&mut self) {
        for offset in (0..self.length).step_by(PAGE) {
            // SAFETY: the address is inside the mapping, which only this value accesses.
            unsafe { self.start.wrapping_byte_add(offset).cast::<u8>().write_volatile(1) };
        }
    }

    /// Gives `advice` for all of the memory, piece by piece, and returns how long that took.
    fn advise(&self, advice: Advice, piece: usize) -> io::Result<Elapsed> {
        let clock = Clock::start_this_thread();
        for offset in (0..self.length).step_by(piece) {
            // SAFETY: the range is inside the mapping, and no code relies on its content.
            unsafe { madvise(self.start.wrapping_byte_add(offset), piece.min(self.length - offset), advice) }?;
        }
        clock.stop()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping. After a failure the mapping stays until the process ends.
        let _ = unsafe { munmap(self.whole, self.length + RUN) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_size_is_measured() {
        let mut results = Results::default();
        round(&mut results, Bytes::from_mib(4)).unwrap();
        round(&mut results, Bytes::from_mib(4)).unwrap();
        assert_eq!(results.balloon.len(), 3 * 3 * 2);
        assert!(results.balloon.iter().all(|series| series.seconds.len() == 2));
    }

    #[test]
    fn discarded_memory_reads_as_zero() {
        let mut memory = Mapping::new(RUN).unwrap();
        memory.touch();
        // SAFETY: inside the mapping.
        let read =
            |memory: &Mapping| unsafe { memory.start.wrapping_byte_add(RUN - PAGE).cast::<u8>().read_volatile() };
        assert_eq!(read(&memory), 1);
        memory.advise(Advice::LinuxDontNeed, PAGE).unwrap();
        assert_eq!(read(&memory), 0);
    }
}
