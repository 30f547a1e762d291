//! Who owned what, and what broke the rules of ownership.

use std::alloc::Layout;
use std::collections::BTreeSet;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aerostat_balloon::ManagedChange;
use aerostat_transport::DmaRegion;

use super::dma::DmaBook;
use super::frames::{FrameBook, Owner};
use super::mappings::MappingBook;
use super::statistics::Sampled;
use super::violation::OwnershipViolation;
use super::{Reuse, Runs};
use crate::device::BalloonDevice;
use crate::memory::{GuestMemory, PAGE_BYTES};
use crate::misbehave::When;
use crate::model::{PageSet, State, features};

/// Frames that changed hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameEvent {
    /// The driver got them.
    Given {
        /// Number of the first frame.
        first: u64,
        /// How many.
        count: u32,
    },
    /// The driver gave them back.
    TakenBack {
        /// Number of the first frame.
        first: u64,
        /// How many.
        count: u32,
    },
    /// The driver asked, and none was free.
    Absent,
}

/// The book of a [`TestPlatform`](super::TestPlatform). Clones are the same book.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(super) memory: GuestMemory,
    pub(super) device: Option<BalloonDevice>,
    pub(super) frames: Arc<Mutex<FrameBook>>,
    pub(super) dma: Arc<Mutex<DmaBook>>,
    pub(super) mappings: Arc<Mutex<MappingBook>>,
    pub(super) statistics: Arc<Mutex<Sampled>>,
    pub(super) record: Arc<Mutex<Record>>,
    pub(super) accounts: Arc<Mutex<Accounts>>,
}

/// What the kernel heard of frames that left its memory for the balloon and came back: sums since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Frames that were taken.
    pub taken: u64,
    /// Frames that were returned.
    pub returned: u64,
    /// How often the kernel heard of anything.
    pub calls: u64,
}

impl Accounts {
    /// Frames in the balloon, by what the kernel heard: negative when more came back than were taken.
    pub fn in_balloon(&self) -> i64 {
        self.taken as i64 - self.returned as i64
    }
}

/// What happened.
#[derive(Debug, Default)]
pub(super) struct Record {
    events: Vec<FrameEvent>,
    violations: Vec<OwnershipViolation>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The page numbers of a frame.
pub(super) fn pages_of(frame: u64, pages_per_frame: u32) -> Range<u64> {
    let pages = u64::from(pages_per_frame);
    frame * pages..(frame + 1) * pages
}

/// What the test asks and wants.
impl Ledger {
    /// The frames that the driver has, in ascending order.
    pub fn lent_frames(&self) -> BTreeSet<u64> {
        lock(&self.frames).owned_by(Owner::Driver).collect()
    }

    /// How many frames are free.
    pub fn free_frames(&self) -> usize {
        lock(&self.frames).free_frames()
    }

    /// How many pieces of device memory the driver has.
    pub fn lent_dma(&self) -> usize {
        lock(&self.dma).outstanding()
    }

    /// How many pieces of tracking memory the driver has.
    pub fn lent_private(&self) -> usize {
        lock(&self.frames).tracking.len()
    }

    /// Whether the driver has given everything back: frames, device memory and tracking memory, none of it mapped.
    pub fn is_settled(&self) -> bool {
        self.lent_frames().is_empty() && self.lent_dma() == 0 && self.lent_private() == 0 && self.mappings() == 0
    }

    /// What the kernel heard of frames that come and go.
    pub fn accounts(&self) -> Accounts {
        *lock(&self.accounts)
    }

    /// Which frames changed hands, in order.
    pub fn events(&self) -> Vec<FrameEvent> {
        lock(&self.record).events.clone()
    }

    /// Which rules were broken, in order. Empty after a test of a good driver.
    pub fn violations(&self) -> Vec<OwnershipViolation> {
        lock(&self.record).violations.clone()
    }

    /// Which frames are given first from now on.
    pub fn set_runs(&self, runs: Runs) {
        lock(&self.frames).runs = runs;
    }

    /// Gives the driver at most so many more frames, and then none; `None` lifts the limit.
    pub fn limit_frames(&self, frames: Option<u64>) {
        lock(&self.frames).budget = frames;
    }

    /// The kernel uses up to `frames` free frames itself, and writes to them. How many it got.
    pub fn use_frames(&self, frames: usize) -> usize {
        let mut book = lock(&self.frames);
        let chosen: Vec<u64> = book.owned_by(Owner::Free).take(frames).collect();
        let pages = u64::from(book.pages_per_frame);
        for &frame in &chosen {
            book.pass(frame, Owner::Kernel);
            self.memory.fill(frame * pages..(frame + 1) * pages, 0x11);
        }
        chosen.len()
    }

    /// The kernel frees all frames that it uses itself.
    pub fn unuse_frames(&self) {
        let mut book = lock(&self.frames);
        let used: Vec<u64> = book.owned_by(Owner::Kernel).collect();
        for frame in used {
            book.pass(frame, Owner::Free);
        }
    }

    /// Writes to all free frames, so that resident memory has something to fall from.
    pub fn touch_free_frames(&self) {
        let book = lock(&self.frames);
        let pages = u64::from(book.pages_per_frame);
        for frame in book.owned_by(Owner::Free) {
            self.memory.fill(frame * pages..(frame + 1) * pages, 0x22);
        }
    }

    /// Lets allocations of device memory fail, counted from 0 from now on; `None` for none.
    pub fn fail_dma(&self, when: Option<When>) {
        lock(&self.dma).fail(when);
    }

    /// Lets no tracking memory be lent from now on.
    pub fn fail_private(&self) {
        lock(&self.frames).tracking_fails = true;
    }
}

/// What the platform does.
impl Ledger {
    pub(super) fn violation(&self, violation: OwnershipViolation) {
        log::warn!("the driver broke a rule of ownership: {violation}");
        lock(&self.record).violations.push(violation);
    }

    /// Whether the device has a part of the frame in the set that `pick` chooses.
    fn device_has(&self, frame: u64, pages_per_frame: u32, pick: impl Fn(&State) -> &PageSet) -> bool {
        let Some(device) = &self.device else { return false };
        let mut pages = pages_of(frame, pages_per_frame);
        device.look(|state| pages.any(|page| pick(state).contains(page)))
    }

    pub(super) fn allocate(&self, most: u32) -> Option<(u64, u32)> {
        let mut book = lock(&self.frames);
        let given = book.allocate(most);
        let pages = book.pages_per_frame;
        drop(book);
        self.hand_out(given, pages)
    }

    /// Looks at frames that the driver is about to get, and notes it.
    pub(super) fn hand_out(&self, given: Option<(u64, u32)>, pages: u32) -> Option<(u64, u32)> {
        let Some((first, count)) = given else {
            lock(&self.record).events.push(FrameEvent::Absent);
            return None;
        };
        for frame in first..first + u64::from(count) {
            if self.device_has(frame, pages, |state| &state.pages) {
                self.violation(OwnershipViolation::BalloonedUnowned(frame));
            }
            if self.device_has(frame, pages, |state| &state.reported) {
                self.violation(OwnershipViolation::ReportedUnowned(frame));
            }
            if self.device_has(frame, pages, |state| &state.hinting.held) {
                self.violation(OwnershipViolation::HintedUnowned(frame));
            }
        }
        lock(&self.record).events.push(FrameEvent::Given { first, count });
        given
    }

    pub(super) fn adjust_managed(&self, change: ManagedChange) {
        let mut accounts = lock(&self.accounts);
        accounts.calls += 1;
        match change {
            ManagedChange::Removed(frames) => accounts.taken += u64::from(frames),
            ManagedChange::Added(frames) => accounts.returned += u64::from(frames),
        }
    }

    pub(super) fn deallocate(&self, first: u64, count: u32) {
        let reuse = lock(&self.frames).reuse;
        self.take_back_as(first, count, reuse);
    }

    pub(super) fn take_back_as(&self, first: u64, count: u32, reuse: Reuse) {
        let must_tell =
            self.device.as_ref().is_some_and(|device| device.accepted_features() & features::MUST_TELL_HOST != 0);
        let mut book = lock(&self.frames);
        let pages = book.pages_per_frame;
        for frame in first..first.saturating_add(count.into()) {
            if book.owner(frame) != Some(Owner::Driver) {
                self.violation(OwnershipViolation::NotLent(frame));
                continue;
            }
            if must_tell && self.device_has(frame, pages, |state| &state.pages) {
                self.violation(OwnershipViolation::BeforeTold(frame));
            }
            if self.device_has(frame, pages, |state| &state.reported) {
                self.violation(OwnershipViolation::WhileReported(frame));
            }
            if self.device_has(frame, pages, |state| &state.hinting.held) {
                self.violation(OwnershipViolation::WhileHinted(frame));
            }
            self.check_unmapped(frame * u64::from(pages) * PAGE_BYTES, u64::from(pages) * PAGE_BYTES);
            self.check_poison(frame, pages);
            if reuse == Reuse::AtOnce {
                self.memory.fill(pages_of(frame, pages), 0x33);
            }
            book.pass(frame, Owner::Free);
        }
        drop(book);
        lock(&self.record).events.push(FrameEvent::TakenBack { first, count });
    }

    fn check_poison(&self, frame: u64, pages_per_frame: u32) {
        let Some(device) = &self.device else { return };
        let pages = pages_of(frame, pages_per_frame);
        let Some(value) = device.change(|state| state.take_leave(pages.clone())) else { return };
        if !pages.clone().all(|page| self.memory.is_filled_with(page, value)) {
            self.violation(OwnershipViolation::NotPoisoned { frame, value });
        }
    }

    pub(super) fn alloc(&self, layout: Layout) -> Option<DmaRegion> {
        let address = lock(&self.dma).alloc(layout)?;
        let start = self.memory.pointer(address, layout.size())?;
        // Contents are arbitrary: a driver that relies on zeros is found out.
        self.memory.write(address, &vec![0xdb; layout.size()]).ok()?;
        let bus = self.memory.bus_address(address);
        // SAFETY: the bytes lie in the guest memory, whose mapping the book keeps until they come back; it lends them to
        // nobody else before. Both addresses have the alignment: the book's has, and the bus is off by whole pages.
        Some(unsafe { DmaRegion::new(start, bus, layout) })
    }

    pub(super) fn free(&self, region: DmaRegion) {
        let (bus, length) = (region.physical(), region.len());
        let address = bus.wrapping_sub(self.memory.layout().bus_offset);
        if self.memory.pointer(address, length) != Some(region.as_ptr())
            || !lock(&self.dma).free(address, length as u64)
        {
            self.violation(OwnershipViolation::ForeignDma { address: bus, length });
        }
        self.check_unmapped(bus, length as u64);
    }

    pub(super) fn allocate_private(&self, words: usize) -> Option<&'static mut [u64]> {
        let mut book = lock(&self.frames);
        if book.tracking_fails {
            return None;
        }
        // Contents are arbitrary here too.
        let lent = Box::leak(vec![0xdbdb_dbdb_dbdb_dbdb_u64; words].into_boxed_slice());
        book.tracking.push((lent.as_ptr().addr(), words));
        Some(lent)
    }

    pub(super) fn deallocate_private(&self, words: NonNull<[u64]>) {
        let mut book = lock(&self.frames);
        let known = book.tracking.iter().position(|&(at, length)| at == words.addr().get() && length == words.len());
        let Some(known) = known else {
            drop(book);
            return self.violation(OwnershipViolation::ForeignTracking(words.len()));
        };
        book.tracking.swap_remove(known);
        drop(book);
        // SAFETY: the book says that a box of this address and length was leaked by `allocate_private` and not taken back
        // since; by the contract of `PrivateMemory` nobody has a reference to it.
        drop(unsafe { Box::from_raw(words.as_ptr()) });
    }
}
