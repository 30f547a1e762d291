//! Free page reporting ("Free Page Reporting", 5.5.6.7): the host drops memory that the kernel does not use, without any
//! change to the size of the balloon.

use aerostat_transport::queue::{Access, Disabled, Element, Enabled, QueueNeeds, Token};
use aerostat_transport::{Device, DeviceAddress, DeviceError, Dma, Live, Notifier, Transport, VirtQueue};

use crate::blocks::{Blocks, NotABlock, bytes};
use crate::declare::Fill;
use crate::error::{BalloonError, FrameError};
use crate::frame::{FrameRun, FrameSize};
use crate::platform::{Frames, ReportFrames};

/// Descriptors of the queue.
const DESCRIPTORS: usize = 32;
/// Blocks in a report.
const BLOCKS: usize = 16;
/// Reports with the device at a time.
const REPORTS: usize = DESCRIPTORS / BLOCKS;

/// A report takes a descriptor for each of its blocks, or one for all.
pub(crate) const NEEDS: QueueNeeds = QueueNeeds::least(1).indirect(BLOCKS as u16);

/// What a step of reporting has left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// Nothing, until the kernel has more free memory that the host does not know of.
    Everything,
    /// The device works on a report: call again after its interrupt.
    Waiting,
}

/// A report that is with the device.
#[derive(Clone, Copy, Debug)]
struct Report {
    token: Option<Token>,
    blocks: [u64; BLOCKS],
    len: usize,
}

impl Report {
    /// Gives the blocks back to the kernel that are still in the book.
    fn return_blocks<P: Dma + Frames>(&self, book: &Blocks, platform: &mut P, back: fn(&mut P, FrameRun<P::Size>)) {
        for &block in self.blocks.iter().take(self.len) {
            if let Some(run) = reclaim(book, block, platform) {
                back(platform, run);
            }
        }
    }
}

/// The reporting queue.
#[derive(Debug)]
pub(crate) struct ReportingQueue<N, S = Enabled> {
    queue: VirtQueue<N, DESCRIPTORS, S>,
    book: Blocks,
    reports: [Report; REPORTS],
}

impl<N: Notifier> ReportingQueue<N, Disabled> {
    pub(crate) fn new(queue: VirtQueue<N, DESCRIPTORS, Disabled>, book: Blocks) -> Self {
        let report = Report { token: None, blocks: [0; BLOCKS], len: 0 };
        Self { queue, book, reports: [report; REPORTS] }
    }

    pub(crate) fn enable<T: Transport, D, F>(self, live: &Device<T, D, Live<F>>) -> ReportingQueue<N> {
        ReportingQueue { queue: self.queue.enable(live), book: self.book, reports: self.reports }
    }
}

impl<N: Notifier> ReportingQueue<N> {
    /// Takes back what the device has dealt with, and reports more as far as there is room.
    pub(crate) fn service<P: Dma + ReportFrames>(
        &mut self,
        platform: &mut P,
        fill: Option<Fill<P>>,
    ) -> Result<Reported, BalloonError> {
        if !self.book.is_live() {
            return Err(DeviceError::Resetting.into());
        }
        while let Some(used) = self.queue.pop()? {
            let Some(report) = self.reports.iter_mut().find(|report| report.token == Some(used.token)) else {
                continue;
            };
            report.token = None;
            report.return_blocks(&self.book, platform, P::deallocate_reported);
        }
        let mut sent = false;
        let mut outcome = Ok(());
        // A buffer has less than 4 GiB, and a block up to 1 GiB.
        let block_bytes = u64::from(self.book.frames()) * P::Size::BYTES;
        let most = usize::try_from(u64::from(u32::MAX) / block_bytes).unwrap_or(BLOCKS);
        for report in self.reports.iter_mut().filter(|report| report.token.is_none()) {
            let mut elements = [Element { address: DeviceAddress(0), len: 0, access: Access::DeviceWrites }; BLOCKS];
            report.len = 0;
            for (element, block) in elements.iter_mut().zip(&mut report.blocks).take(self.queue.free().min(most)) {
                let Some(run) = platform.allocate_unreported(self.book.frames()) else { break };
                match lend(&self.book, run, platform, fill) {
                    Ok(Lent { run, address, number }) => {
                        element.address = address;
                        element.len = bytes(&run);
                        *block = number;
                        report.len += 1;
                    }
                    Err(error) => {
                        outcome = Err(error);
                        break;
                    }
                }
            }
            let Some(elements) = elements.get(..report.len).filter(|elements| !elements.is_empty()) else { break };
            // SAFETY: each element is free memory that the kernel gave up for this, by the contract of
            // `FrameRun::from_raw`; it is in the book until the buffer comes back or the device is reset.
            match unsafe { self.queue.add(elements) } {
                Ok(token) => {
                    report.token = Some(token);
                    sent = true;
                }
                // Nothing that the elements are; if the queue is unusable, the next step says why.
                Err(_) => {
                    report.return_blocks(&self.book, platform, P::deallocate);
                    break;
                }
            }
        }
        if sent {
            self.queue.notify();
        }
        outcome?;
        Ok(if self.queue.in_flight() > 0 { Reported::Waiting } else { Reported::Everything })
    }
}

impl<N: Notifier, S> ReportingQueue<N, S> {
    pub(crate) fn into_queue(self) -> VirtQueue<N, DESCRIPTORS, S> {
        self.queue
    }

    pub(crate) fn number(&self) -> u16 {
        self.queue.index()
    }

    /// Whether the queue is of this device, in this life.
    pub(crate) fn is_of<T: Transport, D, F>(&self, device: &Device<T, D, Live<F>>) -> bool {
        self.queue.is_of(device)
    }

    /// Ends the use of the queue, before the device is reset.
    pub(crate) fn silence(&mut self) {
        self.book.close();
        self.queue.poison(DeviceError::Resetting);
    }

    pub(crate) fn book(&self) -> Blocks {
        self.book
    }
}

/// A block that is in the book.
pub(crate) struct Lent<S> {
    pub(crate) run: FrameRun<S>,
    /// Where the device finds it.
    pub(crate) address: DeviceAddress,
    /// Its number in the book.
    pub(crate) number: u64,
}

/// Enters a run that the kernel gave as a block, filled if it is to be, or hands it back.
///
/// The balloon may end meanwhile, and then gives back all that is in the book: what has to be done to a block is done before
/// it is entered.
pub(crate) fn lend<P: Dma + Frames>(
    book: &Blocks,
    run: FrameRun<P::Size>,
    platform: &mut P,
    fill: Option<Fill<P>>,
) -> Result<Lent<P::Size>, BalloonError> {
    let (frame, frames) = (run.first(), book.frames());
    match book.check(&run) {
        Ok(_) => {}
        Err(NotABlock::Shape) => {
            platform.deallocate(run);
            return Err(FrameError::NotABlock { frame, frames }.into());
        }
        // What the kernel gave twice is with the device: given back, it would be used.
        Err(NotABlock::Twice) => return Err(FrameError::Twice { frame }.into()),
    }
    if let Some(Fill { fill, value }) = fill {
        fill(platform, frame, run.count(), value);
    }
    let Some(address) = book.map(&run, platform) else {
        platform.deallocate(run);
        return Err(FrameError::NotMapped { frame, frames }.into());
    };
    let Ok(number) = book.lend(&run) else { return Err(FrameError::Twice { frame }.into()) };
    if book.is_live() {
        return Ok(Lent { run, address, number });
    }
    if let Some(run) = reclaim(book, number, platform) {
        platform.deallocate(run);
    }
    Err(DeviceError::Resetting.into())
}

/// Undoes [`lend`]: strikes a block out that the device no longer uses, unless somebody else did before.
pub(crate) fn reclaim<P: Dma + Frames>(book: &Blocks, number: u64, platform: &mut P) -> Option<FrameRun<P::Size>> {
    let run = book.take_back(number)?;
    book.unmap(&run, platform);
    Some(run)
}
