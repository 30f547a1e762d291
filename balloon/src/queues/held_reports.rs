//! Reports of the blocks that block inflation holds.

use aerostat_transport::queue::{Element, Token};
use aerostat_transport::{Addressing, Dma};

use crate::frames::{BlockRun, HeldBlocks, LooseRuns, Run};
use crate::platform::Frames;
use crate::units::{FrameRun, FrameSize};

/// Elements of a report.
// conformance: construct ring.split.framing.2: a report has at most 16 elements, and every other buffer of the
// balloon one
pub(crate) const ELEMENTS: usize = 16;
/// Reports of held blocks that the device may have at a time.
const REPORTS: usize = 4;

/// The contents of a report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldReport {
    runs: [BlockRun; ELEMENTS],
    len: usize,
}

impl HeldReport {
    /// A report without blocks.
    pub(crate) const EMPTY: Self = Self { runs: [BlockRun { first: 0, count: 0 }; ELEMENTS], len: 0 };

    /// Returns the runs of blocks, one for each element.
    pub(crate) fn runs(&self) -> &[BlockRun] {
        self.runs.get(..self.len).unwrap_or_default()
    }

    /// Returns the numbers of the blocks.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = u32> {
        self.runs().iter().flat_map(|run| run.blocks())
    }

    /// Adds blocks to the report, which has `elements`. If they `merge`, the last element is extended by blocks that are adjacent to it,
    /// on either side: a kernel may return the blocks of a list in descending order. Returns whether there was room.
    pub(crate) fn push(&mut self, elements: &mut [Element], element: Element, blocks: BlockRun, merge: bool) -> bool {
        if let Some(last) = self.len.checked_sub(1)
            && merge
            && let (Some(run), Some(before)) = (self.runs.get_mut(last), elements.get_mut(last))
            && let Some(len) = before.len.checked_add(element.len)
        {
            let end = |element: &Element| element.address.0.checked_add(element.len.into());
            let is_behind = run.blocks().end == blocks.first && end(before) == Some(element.address.0);
            let is_before = blocks.blocks().end == run.first && end(&element) == Some(before.address.0);
            if is_before {
                (run.first, before.address) = (blocks.first, element.address);
            }
            if is_behind || is_before {
                run.count += blocks.count;
                before.len = len;
                return true;
            }
        }
        let (Some(run), Some(next)) = (self.runs.get_mut(self.len), elements.get_mut(self.len)) else { return false };
        (*run, *next) = (blocks, element);
        self.len += 1;
        true
    }
}

/// The reports of held blocks in the reporting queue.
#[derive(Debug)]
pub(crate) struct HeldReports {
    blocks: HeldBlocks,
    reports: [(Option<Token>, HeldReport); REPORTS],
}

impl HeldReports {
    pub(crate) const fn new(blocks: HeldBlocks) -> Self {
        Self { blocks, reports: [(None, HeldReport::EMPTY); REPORTS] }
    }

    /// Forgets all reports, because the queue is set up again.
    pub(crate) fn clear(&mut self) {
        self.reports.iter_mut().for_each(|(token, _)| *token = None);
    }

    /// Returns whether another report can be sent.
    pub(crate) fn has_room(&self) -> bool {
        self.reports.iter().any(|(token, _)| token.is_none())
    }

    /// Notes a report that was sent.
    pub(super) fn note(&mut self, token: Token, report: &HeldReport) {
        if let Some(free) = self.reports.iter_mut().find(|(token, _)| token.is_none()) {
            *free = (Some(token), *report);
        }
    }

    /// Acknowledges the blocks of a report that the device has used, if it is one of these.
    ///
    /// # Safety
    ///
    /// The device has returned the report.
    pub(super) unsafe fn acknowledge<P: Dma + Frames>(
        &mut self,
        used: Token,
        addressing: Addressing,
        loose: &mut LooseRuns,
        platform: &mut P,
    ) {
        let Some((token, report)) = self.reports.iter_mut().find(|(token, _)| *token == Some(used)) else { return };
        *token = None;
        for block in report.blocks() {
            // SAFETY: by the caller's promise.
            unsafe { acknowledge(&self.blocks, block, addressing, loose, platform) };
        }
    }
}

/// Claims a block that the device no longer has, and unmaps it, unless another context was first. If the kernel panics there, its
/// frames stay in `loose`.
///
/// # Safety
///
/// The device does not use the block, if it is in flight.
#[inline(never)]
pub(crate) unsafe fn acknowledge<P: Dma + Frames>(
    blocks: &HeldBlocks,
    block: u32,
    addressing: Addressing,
    loose: &mut LooseRuns,
    platform: &mut P,
) {
    let run = Run { first: blocks.first_frame(block), count: blocks.frames() };
    let has_ended = blocks.acknowledge(block, || {
        let mark = loose.record(run);
        // SAFETY: only the context that claims it calls this, once. The device does not use it, by the caller's promise.
        unsafe { unmap(blocks, block, addressing, platform) };
        loose.forget(mark);
    });
    if has_ended {
        platform.deallocate(run.into_frames());
    }
}

/// Makes a block unreachable for the device.
///
/// # Safety
///
/// The device does not use the block. The caller has claimed it, or taken it away, and calls this once.
pub(crate) unsafe fn unmap<P: Dma + Frames>(blocks: &HeldBlocks, block: u32, addressing: Addressing, platform: &mut P) {
    let frames: FrameRun<P::Size> = Run { first: blocks.first_frame(block), count: blocks.frames() }.into_frames();
    // The platform is that of the device: it was checked before.
    // SAFETY:
    // * The block was mapped before it was added: by a call of its own, or as a part of a run with `Addressing::Physical`.
    // * It goes back to the kernel only after this call: as an idle block, through the context that claimed it, or with all frames of
    //   the balloon.
    // * The device does not use it, and this is called once, by the caller's promise.
    let _ = unsafe { addressing.unmap(platform, frames.address(), block_bytes::<P::Size>(blocks) as usize) };
}

/// Returns the length of a block in bytes. Blocks have at most 1 GiB.
pub(crate) fn block_bytes<S: FrameSize>(blocks: &HeldBlocks) -> u32 {
    u32::try_from(u64::from(blocks.frames()).saturating_mul(S::BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use aerostat_transport::DeviceAddress;
    use aerostat_transport::queue::Access;

    use super::*;

    fn run(first: u32, count: u32) -> BlockRun {
        BlockRun { first, count }
    }

    fn element(block: u64) -> Element {
        Element { address: DeviceAddress(block << 21), len: 2 << 20, access: Access::DeviceWrites }
    }

    #[test]
    fn adjacent_blocks_are_one_element_in_either_order() {
        let (mut report, mut elements) = (HeldReport::EMPTY, [element(0); 2]);
        for (block, count) in [(10, 1), (11, 1), (9, 1), (12, 2), (5, 4), (30, 1), (28, 2)] {
            let element = Element { len: count << 21, ..element(block) };
            assert!(report.push(&mut elements, element, run(block as u32, count), true), "{block}");
        }
        assert_eq!((elements[0].address.0, elements[0].len), (5 << 21, 9 << 21));
        assert_eq!((elements[1].address.0, elements[1].len), (28 << 21, 3 << 21));
        assert!(report.blocks().eq((5..14).chain(28..31)));
        assert!(!report.push(&mut elements, element(40), run(40, 1), true), "there are two elements");
    }

    #[test]
    fn blocks_that_the_device_sees_apart_are_elements_of_their_own() {
        let (mut report, mut elements) = (HeldReport::EMPTY, [element(0); 4]);
        assert!(
            report.push(&mut elements, element(100), run(1, 1), true)
                && report.push(&mut elements, element(200), run(2, 1), true)
        );
        assert!(report.push(&mut elements, element(201), run(7, 1), true));
        assert!(report.push(&mut elements, element(202), run(8, 1), false), "mapped by another call");
        assert_eq!(report.runs().len(), 4);
        // The same for a block before the last element: its number and its address are both adjacent, or it is not merged.
        let (mut report, mut elements) = (HeldReport::EMPTY, [element(0); 3]);
        for (address, block) in [(100, 9), (50, 8), (49, 3)] {
            assert!(report.push(&mut elements, element(address), run(block, 1), true));
        }
        assert_eq!(report.runs().len(), 3);
    }

    #[test]
    fn an_element_is_shorter_than_4_gib() {
        let gib = |number: u64| Element { address: DeviceAddress(number << 30), len: 1 << 30, ..element(0) };
        let (mut report, mut elements) = (HeldReport::EMPTY, [element(0); 4]);
        (0..4).for_each(|block| assert!(report.push(&mut elements, gib(block.into()), run(block, 1), true)));
        assert_eq!(report.runs().iter().map(|run| run.count).collect::<std::vec::Vec<_>>(), [3, 1]);
    }
}
