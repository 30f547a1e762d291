//! The ledger of all frames: who owns each of them, and what the device may do with it.

use crate::choices::Choices;

/// Who owns a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The kernel's allocator.
    Kernel,
    /// The balloon, or a run on its way to or from it.
    Balloon,
}

/// What the driver has announced to the device about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostState {
    /// Nothing: it is the guest's.
    Guest,
    /// The frame is in the balloon.
    Inflated,
    /// The deflate buffer with this id names the frame.
    Deflated(u8),
    /// The report with this id and number names the frame. With block inflation the frame stays in the balloon longer than the buffer.
    Reported(u8, u16),
    /// The hint with this id and number names the frame. The frame stays with the device longer than the buffer.
    Hinted(u8, u16),
}

/// The ledger.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Number of the first frame.
    pub(crate) base: u64,
    owners: Vec<Owner>,
    states: Vec<HostState>,
    free: u32,
    /// Frames that the kernel counts as removed.
    pub(crate) managed: i64,
    /// Frames that the device has in the balloon.
    pub(crate) inflated: u32,
}

impl Ledger {
    /// Creates a ledger of frames that the kernel owns.
    pub(crate) fn new(base: u64, frames: u32) -> Self {
        let frames_usize = frames as usize;
        Self {
            base,
            owners: vec![Owner::Kernel; frames_usize],
            states: vec![HostState::Guest; frames_usize],
            free: frames,
            managed: 0,
            inflated: 0,
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.owners.len() as u32
    }

    /// Returns how many frames the kernel owns.
    pub(crate) const fn free(&self) -> u32 {
        self.free
    }

    /// Takes a run of up to `max` frames from the kernel.
    pub(crate) fn take(&mut self, max: u32, choices: &mut Choices) -> Option<(u64, u32)> {
        if self.free == 0 || max == 0 {
            return None;
        }
        let start = choices.below(self.len()) as usize;
        let is_free = |owner: &Owner| *owner == Owner::Kernel;
        let first = self.owners[start..].iter().position(is_free).map(|at| at + start);
        let first = first.or_else(|| self.owners[..start].iter().position(is_free))?;
        let count = self.owners[first..].iter().take(max as usize).take_while(|owner| is_free(owner)).count();
        Some(self.remove(first, count))
    }

    /// Takes an aligned block of frames from the kernel.
    pub(crate) fn take_block(&mut self, frames: u32, choices: &mut Choices) -> Option<(u64, u32)> {
        let count = frames as usize;
        let skip = (self.base.next_multiple_of(frames.into()) - self.base) as usize;
        let blocks = self.owners.len().checked_sub(skip)? / count;
        if blocks == 0 || self.free < frames {
            return None;
        }
        let start = choices.below(blocks as u32) as usize;
        let found = (start..blocks).chain(0..start).take(16).find(|block| {
            let at = skip + block * count;
            self.owners[at..at + count].iter().all(|owner| *owner == Owner::Kernel)
        })?;
        Some(self.remove(skip + found * count, count))
    }

    /// Takes adjacent aligned blocks of frames from the kernel, of at most `max` frames in total unless a block is longer.
    pub(crate) fn take_blocks(&mut self, frames: u32, max: u32, choices: &mut Choices) -> Option<(u64, u32)> {
        let (first, mut count) = self.take_block(frames, choices)?;
        let blocks = choices.below(max / frames + 1);
        while count / frames < blocks {
            let at = (first - self.base) as usize + count as usize;
            let next = self.owners.get(at..at + frames as usize);
            if next.is_none_or(|next| next.iter().any(|owner| *owner != Owner::Kernel)) {
                break;
            }
            count += self.remove(at, frames as usize).1;
        }
        Some((first, count))
    }

    fn remove(&mut self, first: usize, count: usize) -> (u64, u32) {
        self.owners[first..first + count].fill(Owner::Balloon);
        self.free -= count as u32;
        (self.base + first as u64, count as u32)
    }

    /// Returns the position of a frame.
    fn position(&self, frame: u64) -> Result<usize, String> {
        let at = frame.checked_sub(self.base).filter(|&at| at < self.owners.len() as u64);
        at.map(|at| at as usize).ok_or_else(|| format!("frame {frame} is not one of the kernel's"))
    }

    /// Returns a run to the kernel. `may_return` decides whether the device permits it.
    pub(crate) fn give_back(
        &mut self,
        first: u64,
        count: u32,
        mut may_return: impl FnMut(HostState) -> bool,
    ) -> Result<(), String> {
        if count == 0 {
            return Ok(());
        }
        self.position(first)?;
        for frame in first..first + u64::from(count) {
            let at = self.position(frame)?;
            if self.owners[at] == Owner::Kernel {
                return Err(format!("frame {frame} went back to the kernel twice"));
            }
            let state = self.states[at];
            if !may_return(state) {
                return Err(format!("frame {frame} went back to the kernel while the device has it ({state:?})"));
            }
            if state == HostState::Inflated {
                self.inflated -= 1;
            }
            self.owners[at] = Owner::Kernel;
            self.states[at] = HostState::Guest;
            self.free += 1;
        }
        Ok(())
    }

    /// Checks that the balloon owns a run that it uses.
    pub(crate) fn check_owned(&self, first: u64, count: u32) -> Result<(), String> {
        for frame in first..first.saturating_add(count.into()) {
            if self.owners[self.position(frame)?] == Owner::Kernel {
                return Err(format!("the balloon uses frame {frame}, which the kernel owns"));
            }
        }
        Ok(())
    }

    /// Notes what the driver announces about a frame.
    pub(crate) fn announce(&mut self, frame: u64, what: HostState) -> Result<(), String> {
        let at = self.position(frame)?;
        let state = self.states[at];
        if self.owners[at] == Owner::Kernel {
            return Err(format!("the driver announces {what:?} of frame {frame}, which the kernel owns"));
        }
        match (state, what) {
            (HostState::Guest, HostState::Inflated) => self.inflated += 1,
            (HostState::Inflated, HostState::Deflated(_)) => self.inflated -= 1,
            (HostState::Guest, HostState::Reported(..) | HostState::Hinted(..)) => {}
            // A part of a block, or its rest.
            (HostState::Reported(..), HostState::Deflated(_)) => {}
            _ => return Err(format!("the driver announces {what:?} of frame {frame} after {state:?}")),
        }
        self.states[at] = what;
        Ok(())
    }

    /// Returns what the driver has announced about a frame.
    pub(crate) fn host_state(&self, frame: u64) -> HostState {
        self.position(frame).map_or(HostState::Guest, |at| self.states[at])
    }

    /// Returns whether the kernel owns a frame.
    pub(crate) fn is_free(&self, frame: u64) -> bool {
        self.position(frame).is_ok_and(|at| self.owners[at] == Owner::Kernel)
    }

    /// Returns the number of frames that were reported and did not go back to the kernel.
    pub(crate) fn reported(&self) -> u32 {
        self.states.iter().filter(|state| matches!(state, HostState::Reported(..))).count() as u32
    }

    /// Notes that the device was reset: it has no frame any more.
    pub(crate) fn reset(&mut self) {
        self.states.fill(HostState::Guest);
        self.inflated = 0;
    }

    /// Returns a frame that the kernel does not own.
    pub(crate) fn missing(&self) -> Option<u64> {
        let at = self.owners.iter().position(|owner| *owner != Owner::Kernel)?;
        Some(self.base + at as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_comes_back_twice_is_noticed() {
        let mut ledger = Ledger::new(100, 16);
        let (first, count) = ledger.take(4, &mut Choices::seeded(1)).unwrap();
        assert_eq!(ledger.give_back(first, count, |_| true), Ok(()));
        assert!(ledger.give_back(first, 1, |_| true).unwrap_err().contains("twice"));
        assert_eq!((ledger.missing(), ledger.free), (None, 16));
    }

    #[test]
    fn a_frame_that_the_device_has_is_noticed_when_it_comes_back() {
        let mut ledger = Ledger::new(0, 16);
        let (first, _) = ledger.take(1, &mut Choices::seeded(1)).unwrap();
        ledger.announce(first, HostState::Inflated).unwrap();
        assert!(ledger.announce(first, HostState::Inflated).is_err());
        assert!(ledger.give_back(first, 1, |state| state == HostState::Guest).is_err());
        ledger.reset();
        assert_eq!(ledger.give_back(first, 1, |state| state == HostState::Guest), Ok(()));
    }

    #[test]
    fn blocks_are_aligned() {
        let mut ledger = Ledger::new(5, 40);
        for _ in 0..4 {
            let (first, count) = ledger.take_block(8, &mut Choices::seeded(3)).unwrap();
            assert_eq!((first % 8, count), (0, 8));
        }
        assert_eq!(ledger.take_block(8, &mut Choices::seeded(3)), None);
        let lengths: Vec<u32> = (0..40)
            .map(|seed| {
                let (first, count) = Ledger::new(5, 40).take_blocks(8, 24, &mut Choices::seeded(seed)).unwrap();
                assert_eq!((first % 8, count % 8), (0, 0));
                count
            })
            .collect();
        assert!(
            [8, 16, 24].iter().all(|length| lengths.contains(length)) && lengths.iter().all(|&length| length <= 24)
        );
    }
}
