//! The book of frames.

use std::ops::Range;

use super::{Reuse, Runs};

/// Who has a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The allocator.
    Free,
    /// The kernel uses it.
    Kernel,
    /// The driver.
    Driver,
}

/// Who has which frame, and which one is next.
#[derive(Debug)]
pub(super) struct FrameBook {
    span: Range<u64>,
    pub(super) pages_per_frame: u32,
    owners: Vec<Owner>,
    /// Which free frames the host knows of: reported, and not used since.
    reported: Vec<bool>,
    free: usize,
    /// No frame below this one is free.
    lowest: u64,
    pub(super) runs: Runs,
    chance: u64,
    pub(super) reuse: Reuse,
    /// How many more frames may be given; `None` for all that are free.
    pub(super) budget: Option<u64>,
    pub(super) tracking_fails: bool,
    /// Address and length in words of each piece of tracking memory that is lent.
    pub(super) tracking: Vec<(usize, usize)>,
}

impl FrameBook {
    pub(super) fn new(span: Range<u64>, pages_per_frame: u32, runs: Runs, reuse: Reuse) -> Self {
        let frames = span.clone().count();
        Self {
            lowest: span.start,
            span,
            pages_per_frame,
            owners: vec![Owner::Free; frames],
            reported: vec![false; frames],
            free: frames,
            runs,
            chance: match runs {
                // A generator of this kind does not leave 0.
                Runs::Scattered { seed } => seed | 1 << 63,
                Runs::Contiguous | Runs::AtMost(_) => 1,
            },
            reuse,
            budget: None,
            tracking_fails: false,
            tracking: Vec::new(),
        }
    }

    pub(super) fn owner(&self, frame: u64) -> Option<Owner> {
        self.span.contains(&frame).then(|| self.owners[(frame - self.span.start) as usize])
    }

    pub(super) fn free_frames(&self) -> usize {
        self.free
    }

    pub(super) fn owned_by(&self, owner: Owner) -> impl Iterator<Item = u64> {
        self.span.clone().zip(&self.owners).filter(move |(_, one)| **one == owner).map(|(frame, _)| frame)
    }

    /// Gives the frame, which is inside the span, to another owner.
    pub(super) fn pass(&mut self, frame: u64, to: Owner) {
        let index = (frame - self.span.start) as usize;
        self.reported[index] = false;
        let owner = &mut self.owners[index];
        if *owner == Owner::Free {
            self.free -= 1;
        }
        if to == Owner::Free {
            self.free += 1;
            self.lowest = self.lowest.min(frame);
        }
        *owner = to;
    }

    /// A run of frames for the driver: at least one, at most `most`.
    pub(super) fn allocate(&mut self, most: u32) -> Option<(u64, u32)> {
        let most = u64::from(most).min(self.budget.unwrap_or(u64::MAX));
        if most == 0 || self.free == 0 {
            return None;
        }
        let (start, most) = match self.runs {
            Runs::Contiguous => (self.lowest, most),
            Runs::AtMost(limit) => (self.lowest, most.min(limit.max(1).into())),
            Runs::Scattered { .. } => {
                let length = 1 + self.roll() % 4;
                (self.span.start + self.roll() % (self.span.end - self.span.start), most.min(length))
            }
        };
        let is_free = |frame: &u64| self.owner(*frame) == Some(Owner::Free);
        let first = (start..self.span.end).find(is_free).or_else(|| (self.span.start..start).find(is_free))?;
        let end = (first..self.span.end.min(first + most)).find(|frame| !is_free(frame));
        let end = end.unwrap_or(self.span.end.min(first + most));
        for frame in first..end {
            self.pass(frame, Owner::Driver);
        }
        if start == self.lowest && first >= start {
            self.lowest = end;
        }
        if let Some(budget) = &mut self.budget {
            *budget -= end - first;
        }
        Some((first, (end - first) as u32))
    }

    /// A run of free frames that the host does not know of, for a report or a hint: at least `least`, at most `most`. It
    /// starts at a multiple of `least`.
    pub(super) fn allocate_unreported(&mut self, least: u32, most: u32) -> Option<(u64, u32)> {
        let (least, most) = (u64::from(least.max(1)), u64::from(most));
        let is_good = |frame: &u64| self.owner(*frame) == Some(Owner::Free) && !self.is_reported(*frame);
        let fits = |first: &u64| first + least <= self.span.end && (*first..first + least).all(|frame| is_good(&frame));
        let starts = (self.span.start.next_multiple_of(least)..self.span.end).step_by(least as usize);
        let first = starts.filter(|_| least <= most).find(fits)?;
        let last = self.span.end.min(first + most);
        let end = (first..last).find(|frame| !is_good(frame)).unwrap_or(last);
        for frame in first..end {
            self.pass(frame, Owner::Driver);
        }
        Some((first, (end - first) as u32))
    }

    pub(super) fn is_reported(&self, frame: u64) -> bool {
        self.span.contains(&frame) && self.reported[(frame - self.span.start) as usize]
    }

    /// The host knows that the frame is free, if it is.
    pub(super) fn mark_reported(&mut self, frame: u64) {
        if self.owner(frame) == Some(Owner::Free) {
            self.reported[(frame - self.span.start) as usize] = true;
        }
    }

    /// Marsaglia's 64-bit xorshift: chance that is the same in every run.
    fn roll(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(runs: Runs) -> FrameBook {
        FrameBook::new(16..32, 1, runs, Reuse::Later)
    }

    #[test]
    fn contiguous_runs_start_low_and_fill_holes() {
        let mut book = book(Runs::Contiguous);
        assert_eq!(book.allocate(4), Some((16, 4)));
        assert_eq!(book.allocate(100), Some((20, 12)));
        assert_eq!(book.allocate(1), None);
        book.pass(18, Owner::Free);
        book.pass(30, Owner::Free);
        assert_eq!(book.allocate(4), Some((18, 1)));
        assert_eq!(book.allocate(4), Some((30, 1)));
        assert_eq!((book.allocate(4), book.free_frames()), (None, 0));
    }

    #[test]
    fn scattered_runs_reach_every_frame_once_and_repeat_by_seed() {
        let all = |seed| {
            let mut book = book(Runs::Scattered { seed });
            let mut runs = Vec::new();
            while let Some(run) = book.allocate(8) {
                assert!(run.1 <= 4);
                runs.push(run);
            }
            runs
        };
        let mut frames: Vec<u64> = all(7).iter().flat_map(|&(first, count)| first..first + u64::from(count)).collect();
        assert!(!frames.is_sorted());
        frames.sort_unstable();
        assert_eq!(frames, (16..32).collect::<Vec<_>>());
        assert_eq!(all(7), all(7));
        assert_ne!(all(7), all(8));
    }

    #[test]
    fn a_run_for_a_report_is_aligned_long_enough_and_new_to_the_host() {
        let mut book = book(Runs::Contiguous);
        book.pass(17, Owner::Kernel);
        assert_eq!(book.allocate_unreported(4, 6), Some((20, 6)));
        assert_eq!(book.allocate_unreported(4, 100), Some((28, 4)));
        assert_eq!(book.allocate_unreported(4, 100), None);
        assert_eq!(book.allocate_unreported(4, 2), None);
        for frame in 20..26 {
            book.pass(frame, Owner::Free);
            book.mark_reported(frame);
        }
        assert_eq!(book.allocate_unreported(2, 2), Some((18, 2)));
        assert_eq!(book.allocate_unreported(2, 2), Some((26, 2)), "not what the host knows of");
        book.pass(20, Owner::Kernel);
        book.pass(20, Owner::Free);
        assert_eq!(book.allocate_unreported(1, 100), Some((16, 1)));
        assert_eq!(book.allocate_unreported(1, 100), Some((20, 1)), "which it no longer does once the frame was used");
    }

    #[test]
    fn a_limited_run_and_a_budget_hold() {
        let mut book = book(Runs::AtMost(3));
        book.budget = Some(4);
        assert_eq!(book.allocate(8), Some((16, 3)));
        assert_eq!(book.allocate(8), Some((19, 1)));
        assert_eq!(book.allocate(8), None);
    }
}
