//! The frame allocator.

use std::ops::Range;

/// The order in which the allocator returns frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runs {
    /// The lowest free frames, in runs as long as requested.
    #[default]
    Contiguous,
    /// The lowest free frames, in runs of at most this many frames.
    AtMost(u32),
    /// Pseudo-random frames, in runs of one to four frames.
    Scattered {
        /// The seed: the same seed gives the same frames.
        seed: u64,
    },
}

/// What the kernel does with frames that the driver returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// The kernel writes to every page immediately, so that a device that still has the page detects it.
    #[default]
    AtOnce,
    /// The kernel does not touch the frames. For benchmarks.
    Later,
}

/// The owner of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// None: the frame is free.
    Free,
    /// The kernel, for other purposes than the balloon.
    Kernel,
    /// The driver.
    Driver,
}

/// A frame allocator that records the owner of each frame.
#[derive(Debug)]
pub(super) struct FrameAllocator {
    range: Range<u64>,
    pub(super) pages_per_frame: u32,
    owners: Vec<Owner>,
    /// For each frame, whether it was reported while free and not used since.
    reported: Vec<bool>,
    free: usize,
    /// No frame below this one is free.
    lowest_free: u64,
    pub(super) runs: Runs,
    random: u64,
    pub(super) reuse: Reuse,
    /// How many more frames can be allocated; `None` for no limit.
    pub(super) budget: Option<u64>,
    pub(super) private_fails: bool,
    /// Address and length in words of each allocation of private memory.
    pub(super) private: Vec<(usize, usize)>,
}

impl FrameAllocator {
    pub(super) fn new(range: Range<u64>, pages_per_frame: u32, runs: Runs, reuse: Reuse) -> Self {
        let frames = range.clone().count();
        Self {
            lowest_free: range.start,
            range,
            pages_per_frame,
            owners: vec![Owner::Free; frames],
            reported: vec![false; frames],
            free: frames,
            runs,
            random: match runs {
                // A xorshift generator never leaves the state 0.
                Runs::Scattered { seed } => seed | 1 << 63,
                Runs::Contiguous | Runs::AtMost(_) => 1,
            },
            reuse,
            budget: None,
            private_fails: false,
            private: Vec::new(),
        }
    }

    pub(super) fn owner(&self, frame: u64) -> Option<Owner> {
        self.range.contains(&frame).then(|| self.owners[(frame - self.range.start) as usize])
    }

    pub(super) fn free_frames(&self) -> usize {
        self.free
    }

    pub(super) fn owned_by(&self, owner: Owner) -> impl Iterator<Item = u64> {
        self.range.clone().zip(&self.owners).filter(move |(_, one)| **one == owner).map(|(frame, _)| frame)
    }

    /// Changes the owner of a frame in the range of the allocator.
    pub(super) fn set_owner(&mut self, frame: u64, to: Owner) {
        let index = (frame - self.range.start) as usize;
        self.reported[index] = false;
        let owner = &mut self.owners[index];
        if *owner == Owner::Free {
            self.free -= 1;
        }
        if to == Owner::Free {
            self.free += 1;
            self.lowest_free = self.lowest_free.min(frame);
        }
        *owner = to;
    }

    /// Allocates a run of one to `max` frames for the driver.
    pub(super) fn allocate(&mut self, max: u32) -> Option<(u64, u32)> {
        let max = u64::from(max).min(self.budget.unwrap_or(u64::MAX));
        if max == 0 || self.free == 0 {
            return None;
        }
        let (start, max) = match self.runs {
            Runs::Contiguous => (self.lowest_free, max),
            Runs::AtMost(limit) => (self.lowest_free, max.min(limit.max(1).into())),
            Runs::Scattered { .. } => {
                let length = 1 + self.next_random() % 4;
                (self.range.start + self.next_random() % (self.range.end - self.range.start), max.min(length))
            }
        };
        let is_free = |frame: &u64| self.owner(*frame) == Some(Owner::Free);
        let first = (start..self.range.end).find(is_free).or_else(|| (self.range.start..start).find(is_free))?;
        let end = (first..self.range.end.min(first + max)).find(|frame| !is_free(frame));
        let end = end.unwrap_or(self.range.end.min(first + max));
        for frame in first..end {
            self.set_owner(frame, Owner::Driver);
        }
        if start == self.lowest_free && first >= start {
            self.lowest_free = end;
        }
        if let Some(budget) = &mut self.budget {
            *budget -= end - first;
        }
        Some((first, (end - first) as u32))
    }

    /// Allocates a run of `min` to `max` unreported frames, for a report or a hint. The first frame is a multiple of `min`.
    pub(super) fn allocate_unreported(&mut self, min: u32, max: u32) -> Option<(u64, u32)> {
        let (min, max) = (u64::from(min.max(1)), u64::from(max));
        let is_unreported = |frame: &u64| self.owner(*frame) == Some(Owner::Free) && !self.is_reported(*frame);
        let fits =
            |first: &u64| first + min <= self.range.end && (*first..first + min).all(|frame| is_unreported(&frame));
        let starts = (self.range.start.next_multiple_of(min)..self.range.end).step_by(min as usize);
        let first = starts.filter(|_| min <= max).find(fits)?;
        let last = self.range.end.min(first + max);
        let end = (first..last).find(|frame| !is_unreported(frame)).unwrap_or(last);
        for frame in first..end {
            self.set_owner(frame, Owner::Driver);
        }
        Some((first, (end - first) as u32))
    }

    /// Allocates a run of whole blocks of `block` frames, at most `max` frames. It counts for the limit of frames.
    pub(super) fn allocate_blocks(&mut self, block: u32, max: u32) -> Option<(u64, u32)> {
        let block = u64::from(block.max(1));
        let max = match self.runs {
            Runs::Contiguous => max.into(),
            Runs::AtMost(limit) => u64::from(max.min(limit)).max(block),
            Runs::Scattered { .. } => block,
        };
        let max = max.min(self.budget.unwrap_or(u64::MAX)) / block * block;
        let is_free = |first: &u64| (*first..*first + block).all(|frame| self.owner(frame) == Some(Owner::Free));
        let mut starts = (self.range.start.next_multiple_of(block)..self.range.end).step_by(block as usize);
        let first = starts.by_ref().filter(|_| max > 0).find(is_free)?;
        let mut end = first + block;
        while end < first + max && is_free(&end) {
            end += block;
        }
        for frame in first..end {
            self.set_owner(frame, Owner::Driver);
        }
        if let Some(budget) = &mut self.budget {
            *budget -= end - first;
        }
        Some((first, (end - first) as u32))
    }

    pub(super) fn is_reported(&self, frame: u64) -> bool {
        self.range.contains(&frame) && self.reported[(frame - self.range.start) as usize]
    }

    /// Marks a frame as reported, if it is free.
    pub(super) fn mark_reported(&mut self, frame: u64) {
        if self.owner(frame) == Some(Owner::Free) {
            self.reported[(frame - self.range.start) as usize] = true;
        }
    }

    /// Returns the next value of Marsaglia's 64-bit xorshift generator.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocator(runs: Runs) -> FrameAllocator {
        FrameAllocator::new(16..32, 1, runs, Reuse::Later)
    }

    #[test]
    fn contiguous_runs_use_the_lowest_free_frames() {
        let mut frames = allocator(Runs::Contiguous);
        assert_eq!(frames.allocate(4), Some((16, 4)));
        assert_eq!(frames.allocate(100), Some((20, 12)));
        assert_eq!(frames.allocate(1), None);
        frames.set_owner(18, Owner::Free);
        frames.set_owner(30, Owner::Free);
        assert_eq!(frames.allocate(4), Some((18, 1)));
        assert_eq!(frames.allocate(4), Some((30, 1)));
        assert_eq!((frames.allocate(4), frames.free_frames()), (None, 0));
    }

    #[test]
    fn scattered_runs_cover_every_frame_and_depend_on_the_seed_only() {
        let all = |seed| {
            let mut frames = allocator(Runs::Scattered { seed });
            let mut runs = Vec::new();
            while let Some(run) = frames.allocate(8) {
                assert!(run.1 <= 4);
                runs.push(run);
            }
            runs
        };
        let mut reached: Vec<u64> = all(7).iter().flat_map(|&(first, count)| first..first + u64::from(count)).collect();
        assert!(!reached.is_sorted());
        reached.sort_unstable();
        assert_eq!(reached, (16..32).collect::<Vec<_>>());
        assert_eq!(all(7), all(7));
        assert_ne!(all(7), all(8));
    }

    #[test]
    fn whole_blocks_are_allocated_in_runs_within_the_limit() {
        let mut frames = allocator(Runs::Contiguous);
        frames.set_owner(21, Owner::Kernel);
        assert_eq!(frames.allocate_blocks(4, 16), Some((16, 4)));
        assert_eq!(frames.allocate_blocks(4, 3), None);
        frames.budget = Some(7);
        assert_eq!(frames.allocate_blocks(4, 16), Some((24, 4)));
        assert_eq!(frames.allocate_blocks(4, 16), None);
        frames.budget = None;
        assert_eq!(frames.allocate_blocks(4, 16), Some((28, 4)));
        assert_eq!(frames.allocate_blocks(4, 16), None);
        assert_eq!(frames.allocate_blocks(2, 16), Some((22, 2)));
    }

    #[test]
    fn unreported_runs_are_aligned_and_long_enough() {
        let mut frames = allocator(Runs::Contiguous);
        frames.set_owner(17, Owner::Kernel);
        assert_eq!(frames.allocate_unreported(4, 6), Some((20, 6)));
        assert_eq!(frames.allocate_unreported(4, 100), Some((28, 4)));
        assert_eq!(frames.allocate_unreported(4, 100), None);
        assert_eq!(frames.allocate_unreported(4, 2), None);
        for frame in 20..26 {
            frames.set_owner(frame, Owner::Free);
            frames.mark_reported(frame);
        }
        assert_eq!(frames.allocate_unreported(2, 2), Some((18, 2)));
        assert_eq!(frames.allocate_unreported(2, 2), Some((26, 2)), "reported frames are skipped");
        frames.set_owner(20, Owner::Kernel);
        frames.set_owner(20, Owner::Free);
        assert_eq!(frames.allocate_unreported(1, 100), Some((16, 1)));
        assert_eq!(frames.allocate_unreported(1, 100), Some((20, 1)), "a frame that was used is no longer reported");
    }

    #[test]
    fn allocation_respects_run_limit_and_budget() {
        let mut frames = allocator(Runs::AtMost(3));
        frames.budget = Some(4);
        assert_eq!(frames.allocate(8), Some((16, 3)));
        assert_eq!(frames.allocate(8), Some((19, 1)));
        assert_eq!(frames.allocate(8), None);
    }
}
