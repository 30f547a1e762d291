//! The record of memory ownership, and its checks.

use std::alloc::Layout;
use std::collections::BTreeSet;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aerostat_balloon::platform::ManagedChange;
use aerostat_transport::DmaRegion;

use super::dma::DmaAllocator;
use super::failure::FailurePlan;
use super::frames::{FrameAllocator, Owner, Reuse, Runs};
use super::violation::OwnershipViolation;
use crate::device::BalloonDevice;
use crate::fault::When;
use crate::memory::{GuestMemory, PAGE_BYTES};
use crate::model::{PageSet, State, TakenBack, features};

/// A change of the owner of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameEvent {
    /// The driver allocated a run of frames.
    Allocated {
        /// Number of the first frame.
        first: u64,
        /// Number of frames.
        count: u32,
    },
    /// The driver returned a run of frames.
    Deallocated {
        /// Number of the first frame.
        first: u64,
        /// Number of frames.
        count: u32,
    },
    /// An allocation of the driver failed.
    AllocationFailed,
}

/// The record of the memory of a [`TestPlatform`](crate::TestPlatform): owners, events and violations. Clones share one
/// record.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(super) memory: GuestMemory,
    pub(super) device: Option<BalloonDevice>,
    pub(super) frames: Arc<Mutex<FrameAllocator>>,
    pub(super) dma: Arc<Mutex<DmaAllocator>>,
    pub(super) mapping_failures: Arc<Mutex<FailurePlan>>,
    pub(super) deallocation_panics: Arc<Mutex<FailurePlan>>,
    pub(super) statistics: Arc<Mutex<KernelStatistics>>,
    pub(super) record: Arc<Mutex<Record>>,
    pub(super) managed: Arc<Mutex<ManagedFrames>>,
}

/// The calls of [`Frames::adjust_managed`](aerostat_balloon::Frames::adjust_managed) since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ManagedFrames {
    /// Total number of frames removed from the managed memory of the kernel.
    pub removed: u64,
    /// Total number of frames added back to it.
    pub added: u64,
    /// Number of calls.
    pub calls: u64,
}

impl ManagedFrames {
    /// Returns the number of frames in the balloon: negative if more frames were added than removed.
    pub fn in_balloon(&self) -> i64 {
        self.removed as i64 - self.added as i64
    }
}

/// The memory statistics of the kernel.
#[derive(Debug, Default)]
pub(super) struct KernelStatistics {
    /// Tags and values.
    pub(super) values: Vec<(u16, u64)>,
    /// How many times the driver has sampled them.
    pub(super) samples: u64,
}

/// Events and violations.
#[derive(Debug, Default)]
pub(super) struct Record {
    events: Vec<FrameEvent>,
    violations: Vec<OwnershipViolation>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the page numbers of a frame.
pub(super) fn pages_of(frame: u64, pages_per_frame: u32) -> Range<u64> {
    let pages = u64::from(pages_per_frame);
    frame * pages..(frame + 1) * pages
}

/// Calls of the test.
impl Ledger {
    /// Returns the numbers of the frames that are allocated to the driver.
    pub fn allocated_frames(&self) -> BTreeSet<u64> {
        lock(&self.frames).owned_by(Owner::Driver).collect()
    }

    /// Returns the number of free frames.
    pub fn free_frames(&self) -> usize {
        lock(&self.frames).free_frames()
    }

    /// Returns the number of DMA regions that are allocated to the driver.
    pub fn allocated_dma(&self) -> usize {
        lock(&self.dma).len()
    }

    /// Returns the number of private allocations of the driver.
    pub fn allocated_private(&self) -> usize {
        lock(&self.frames).private.len()
    }

    /// Returns whether the driver has returned all frames, DMA memory and private memory, and unmapped everything.
    pub fn all_returned(&self) -> bool {
        let memory = self.allocated_frames().len() + self.allocated_dma() + self.allocated_private();
        memory == 0 && self.mappings() == 0
    }

    /// Returns whether the driver has returned everything except its private memory.
    pub fn all_returned_except_private(&self) -> bool {
        self.allocated_frames().is_empty() && self.allocated_dma() == 0 && self.mappings() == 0
    }

    /// Returns the changes of the managed memory of the kernel.
    pub fn managed(&self) -> ManagedFrames {
        *lock(&self.managed)
    }

    /// Returns the changes of frame owners, oldest first.
    pub fn events(&self) -> Vec<FrameEvent> {
        lock(&self.record).events.clone()
    }

    /// Returns the violations, oldest first. Empty after a test of a correct driver.
    pub fn violations(&self) -> Vec<OwnershipViolation> {
        lock(&self.record).violations.clone()
    }

    /// Sets the order in which frames are allocated from now on.
    pub fn set_runs(&self, runs: Runs) {
        lock(&self.frames).runs = runs;
    }

    /// Limits the number of frames that can be allocated from now on; `None` for no limit.
    pub fn limit_frames(&self, frames: Option<u64>) {
        lock(&self.frames).budget = frames;
    }

    /// Allocates up to `count` frames for other purposes of the kernel, and writes to them. Returns the number of frames.
    pub fn use_frames(&self, count: usize) -> usize {
        let mut frames = lock(&self.frames);
        let chosen: Vec<u64> = frames.owned_by(Owner::Free).take(count).collect();
        for &frame in &chosen {
            frames.set_owner(frame, Owner::Kernel);
            self.memory.fill(pages_of(frame, frames.pages_per_frame), 0x11);
        }
        chosen.len()
    }

    /// Frees all frames that [`Ledger::use_frames`] allocated.
    pub fn free_used_frames(&self) {
        let mut frames = lock(&self.frames);
        let used: Vec<u64> = frames.owned_by(Owner::Kernel).collect();
        for frame in used {
            frames.set_owner(frame, Owner::Free);
        }
    }

    /// Writes to all free frames, so that they are resident.
    pub fn touch_free_frames(&self) {
        let frames = lock(&self.frames);
        for frame in frames.owned_by(Owner::Free) {
            self.memory.fill(pages_of(frame, frames.pages_per_frame), 0x22);
        }
    }

    /// Makes DMA allocations fail, counted from 0 from now on; `None` for no failures.
    pub fn fail_dma(&self, when: Option<When>) {
        lock(&self.dma).fail(when);
    }

    /// Makes the platform panic when the driver returns frames, counted from 0 from now on; `None` for no panics. The frames are
    /// lost.
    pub fn panic_at_deallocation(&self, when: Option<When>) {
        *lock(&self.deallocation_panics) = FailurePlan::new(when);
    }

    /// Makes all private allocations fail from now on.
    pub fn fail_private(&self) {
        lock(&self.frames).private_fails = true;
    }

    /// Ends the failures of [`Ledger::fail_private`].
    pub fn allow_private(&self) {
        lock(&self.frames).private_fails = false;
    }
}

/// Calls of the platform.
impl Ledger {
    pub(super) fn violation(&self, violation: OwnershipViolation) {
        log::warn!("ownership violation: {violation}");
        lock(&self.record).violations.push(violation);
    }

    /// Returns whether the set that `pick` returns contains a page of the frame.
    fn device_has(&self, frame: u64, pages_per_frame: u32, pick: impl Fn(&State) -> &PageSet) -> bool {
        let Some(device) = &self.device else { return false };
        let mut pages = pages_of(frame, pages_per_frame);
        device.inspect(|state| pages.any(|page| pick(state).contains(page)))
    }

    pub(super) fn allocate(&self, max: u32) -> Option<(u64, u32)> {
        self.allocate_with(|frames| frames.allocate(max))
    }

    /// Allocates a run by `allocate`, checks its frames, and records the event. Returns the first frame and their number.
    pub(super) fn allocate_with(
        &self,
        allocate: impl FnOnce(&mut FrameAllocator) -> Option<(u64, u32)>,
    ) -> Option<(u64, u32)> {
        let mut frames = lock(&self.frames);
        let run = allocate(&mut frames);
        let pages = frames.pages_per_frame;
        drop(frames);
        let Some((first, count)) = run else {
            lock(&self.record).events.push(FrameEvent::AllocationFailed);
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
        lock(&self.record).events.push(FrameEvent::Allocated { first, count });
        run
    }

    pub(super) fn adjust_managed(&self, change: ManagedChange) {
        let mut managed = lock(&self.managed);
        managed.calls += 1;
        match change {
            ManagedChange::Removed(frames) => managed.removed += u64::from(frames),
            ManagedChange::Added(frames) => managed.added += u64::from(frames),
        }
    }

    pub(super) fn deallocate(&self, first: u64, count: u32) {
        let panics = lock(&self.deallocation_panics).next_call_fails();
        assert!(!panics, "the test makes the platform panic");
        let reuse = lock(&self.frames).reuse;
        self.deallocate_as(first, count, reuse);
    }

    pub(super) fn deallocate_as(&self, first: u64, count: u32, reuse: Reuse) {
        let mut frames = lock(&self.frames);
        let pages = frames.pages_per_frame;
        for frame in first..first.saturating_add(count.into()) {
            if frames.owner(frame) != Some(Owner::Driver) {
                self.violation(OwnershipViolation::NotAllocated(frame));
                continue;
            }
            self.check_returned(frame, pages);
            if reuse == Reuse::AtOnce {
                self.memory.fill(pages_of(frame, pages), 0x33);
            }
            frames.set_owner(frame, Owner::Free);
        }
        drop(frames);
        lock(&self.record).events.push(FrameEvent::Deallocated { first, count });
    }

    /// Checks that the driver may return a frame.
    fn check_returned(&self, frame: u64, pages: u32) {
        let accepted = self.device.as_ref().map_or(0, BalloonDevice::accepted_features);
        if accepted & features::MUST_TELL_HOST != 0 && self.device_has(frame, pages, |state| &state.pages) {
            self.violation(OwnershipViolation::ReturnedBeforeDeflation(frame));
        }
        if self.device_has(frame, pages, |state| &state.reported) {
            self.violation(OwnershipViolation::ReturnedWhileReported(frame));
        }
        self.check_hinted(frame, pages);
        self.check_unmapped(frame * u64::from(pages) * PAGE_BYTES, u64::from(pages) * PAGE_BYTES);
        self.check_poison(frame, pages);
    }

    fn check_hinted(&self, frame: u64, pages_per_frame: u32) {
        let Some(device) = &self.device else { return };
        match device.update(|state| state.take_back_hinted(pages_of(frame, pages_per_frame))) {
            TakenBack::Allowed => {}
            TakenBack::InFlight => self.violation(OwnershipViolation::ReturnedWhileHinted(frame)),
            TakenBack::Untouched => self.violation(OwnershipViolation::HintedNotInitialized(frame)),
        }
    }

    fn check_poison(&self, frame: u64, pages_per_frame: u32) {
        let Some(device) = &self.device else { return };
        let pages = pages_of(frame, pages_per_frame);
        let Some(value) = device.update(|state| state.return_to_kernel(pages.clone())) else { return };
        if !pages.clone().all(|page| self.memory.is_filled_with(page, value)) {
            self.violation(OwnershipViolation::NotPoisoned { frame, value });
        }
    }

    pub(super) fn alloc(&self, layout: Layout) -> Option<DmaRegion> {
        let address = lock(&self.dma).alloc(layout)?;
        let start = self.memory.pointer(address, layout.size())?;
        // Not zero, so that a driver that relies on zeroed memory fails its tests.
        self.memory.write(address, &vec![0xdb; layout.size()]).ok()?;
        let bus = self.memory.bus_address(address);
        // SAFETY: the bytes are inside guest memory, whose mapping stays until they are freed, and belong to no other
        // region. Both addresses are aligned: the allocator aligns the physical one, and the bus offset is whole pages.
        Some(unsafe { DmaRegion::new(start, bus, layout) })
    }

    pub(super) fn free(&self, region: DmaRegion) {
        let (bus, length) = (region.physical(), region.len());
        let address = bus.wrapping_sub(self.memory.layout().bus_offset);
        if self.memory.pointer(address, length) != Some(region.as_ptr())
            || !lock(&self.dma).free(address, length as u64)
        {
            self.violation(OwnershipViolation::UnknownDma { address: bus, length });
        }
        self.check_unmapped(bus, length as u64);
    }

    pub(super) fn allocate_private(&self, words: usize) -> Option<&'static mut [u64]> {
        let mut frames = lock(&self.frames);
        if frames.private_fails {
            return None;
        }
        // Not zero either.
        let memory = Box::leak(vec![0xdbdb_dbdb_dbdb_dbdb_u64; words].into_boxed_slice());
        frames.private.push((memory.as_ptr().addr(), words));
        Some(memory)
    }

    pub(super) fn deallocate_private(&self, words: NonNull<[u64]>) {
        let mut frames = lock(&self.frames);
        let known = frames.private.iter().position(|&(at, length)| at == words.addr().get() && length == words.len());
        let Some(known) = known else {
            drop(frames);
            return self.violation(OwnershipViolation::UnknownPrivateMemory(words.len()));
        };
        frames.private.swap_remove(known);
        drop(frames);
        // SAFETY: `allocate_private` leaked a box of this address and length, which was not returned since; by the contract
        // of `PrivateMemory` there are no references to it.
        drop(unsafe { Box::from_raw(words.as_ptr()) });
    }
}
