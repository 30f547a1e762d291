//! The device as a test or a demonstration holds it.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::builder::Builder;
use crate::interrupt::InterruptLine;
use crate::log::Event;
use crate::memory::GuestMemory;
use crate::misbehave::Misbehave;
use crate::model::{PageSet, Progress, QueueKind, State};
use crate::registers::Registers;
use crate::shared::{Mode, Shared, StillBusy};
use crate::violation::Violation;

/// A virtio memory balloon device in this process: the host's side of it.
///
/// The driver gets [`BalloonDevice::registers`]; the test keeps this value, moves the target, and reads what happened.
/// Clones are the same device. With the last clone the device's thread ends, and nobody answers any more.
#[derive(Clone)]
pub struct BalloonDevice {
    owner: Arc<Owner>,
}

struct Owner {
    shared: Arc<Shared>,
    memory: GuestMemory,
    worker: Option<JoinHandle<()>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.stop();
        // The last clone may be dropped by an interrupt handler, which runs on the worker's own thread.
        if let Some(worker) = self.worker.take().filter(|worker| worker.thread().id() != std::thread::current().id()) {
            // A worker that panicked has said so.
            let _ = worker.join();
        }
    }
}

impl BalloonDevice {
    /// A device with the usual choices, to be changed before it starts.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn start(memory: GuestMemory, state: State, mode: Mode) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(state, mode));
        let worker = match mode {
            Mode::Threaded => {
                let shared = Arc::clone(&shared);
                let name = String::from("balloon-device");
                Some(std::thread::Builder::new().name(name).spawn(move || shared.work())?)
            }
            Mode::Inline | Mode::Manual => None,
        };
        Ok(Self { owner: Arc::new(Owner { shared, memory, worker }) })
    }

    /// The registers, for the driver.
    pub fn registers(&self) -> Registers {
        Registers::new(Arc::clone(&self.owner.shared))
    }

    /// The memory of the guest.
    pub fn memory(&self) -> &GuestMemory {
        &self.owner.memory
    }

    /// The interrupt line.
    pub fn interrupt_line(&self) -> InterruptLine {
        self.owner.shared.line.clone()
    }

    /// Wants `pages` pages in the balloon: writes `num_pages` and tells the driver.
    pub fn set_target(&self, pages: u32) {
        self.act(|state| state.set_target(pages));
    }

    /// What the host wants in the balloon, in pages.
    pub fn target(&self) -> u32 {
        self.look(State::target)
    }

    /// What the driver last wrote to `actual`, in pages.
    pub fn actual(&self) -> u32 {
        self.look(State::actual)
    }

    /// The pages that the device counts as in the balloon, by what it was told.
    pub fn host_pages(&self) -> BTreeSet<u32> {
        self.look(|state| numbers(&state.pages))
    }

    /// How many pages the device counts as in the balloon.
    pub fn host_page_count(&self) -> usize {
        self.look(|state| state.pages.len())
    }

    /// Whether the device counts this page as in the balloon.
    pub fn has_page(&self, page: u32) -> bool {
        self.look(|state| state.pages.contains(page))
    }

    /// The number of the queue for this, where there is one. It may change with FEATURES_OK if the queues are numbered
    /// over the negotiated features.
    pub fn queue_number(&self, queue: QueueKind) -> Option<u16> {
        self.look(|state| state.queue_number(queue))
    }

    /// The device status.
    pub fn status(&self) -> u32 {
        self.look(State::status)
    }

    /// The features that the driver has written.
    pub fn accepted_features(&self) -> u64 {
        self.look(State::accepted)
    }

    /// What happened so far, in order.
    pub fn events(&self) -> Vec<Event> {
        self.look(|state| state.events.clone())
    }

    /// Forgets what happened so far. Violations stay.
    pub fn clear_events(&self) {
        self.act(|state| state.events.clear());
    }

    /// The rules that the driver broke so far, in order. Empty after a test of a good driver.
    pub fn violations(&self) -> Vec<Violation> {
        self.look(|state| state.violations.clone())
    }

    /// Adds a way to misbehave, from now on. Of two that contradict each other the later one holds.
    pub fn misbehave(&self, fault: impl Into<Misbehave>) {
        self.act(|state| state.misbehave(fault.into()));
    }

    /// Misbehaves no more. Buffers that were taken before keep their faults.
    pub fn behave(&self) {
        self.act(|state| state.faults.clear());
    }

    /// Sets DEVICE_NEEDS_RESET now: nothing is answered until the driver resets the device.
    pub fn needs_reset(&self) {
        self.act(State::needs_reset);
    }

    /// Lets time pass for buffers that are delayed. Happens by itself at every register access, and all the time when
    /// the device has a thread of its own.
    pub fn tick(&self) {
        self.act(|_| {});
    }

    /// Does one step of work, for a device that works by hand: takes what is available on one queue, or gives one
    /// buffer back. Whether there was one.
    pub fn step(&self) -> bool {
        self.owner.shared.run(1) == Progress::Made
    }

    /// Waits until the device has nothing to do before the next notification. A device that works by hand or in the
    /// driver's accesses does it now.
    ///
    /// # Errors
    ///
    /// [`StillBusy`] when it is not done after `limit`.
    pub fn settle(&self, limit: Duration) -> Result<(), StillBusy> {
        self.owner.shared.settle(limit)
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        self.owner.shared.look(look)
    }

    /// Changes what the device remembers without any time passing for it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.owner.shared.change(change)
    }

    fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        self.owner.shared.act(act)
    }
}

/// Statistics, reports and hints.
impl BalloonDevice {
    /// Asks the driver for newer statistics: gives back the buffer that the device holds. Whether it held one; if not, the
    /// driver has not answered the last time yet, or does without statistics.
    pub fn request_statistics(&self) -> bool {
        self.act(State::request_statistics)
    }

    /// The statistics that came last, tags and values in the order in which they came. `None` before the first ones and
    /// after a reset.
    pub fn statistics(&self) -> Option<Vec<(u16, u64)>> {
        self.look(|state| state.statistics.values.clone())
    }

    /// How many buffers of statistics came so far.
    pub fn statistics_count(&self) -> u64 {
        self.look(|state| state.statistics.count)
    }

    /// The pages of the reports that the device has and has not acknowledged.
    pub fn reported_pages(&self) -> BTreeSet<u32> {
        self.look(|state| numbers(&state.reported))
    }

    /// Asks the driver for a new round of hints: shows a new command id, and tells the driver. The id, 2 at the least.
    pub fn start_hinting(&self) -> u32 {
        self.act(State::start_hinting)
    }

    /// Shows the command STOP, and tells the driver: the host wants no more hints, and the driver keeps the pages.
    pub fn stop_hinting(&self) {
        self.act(State::stop_hinting);
    }

    /// Shows the command DONE, and tells the driver: it may use the hinted pages again.
    pub fn finish_hinting(&self) {
        self.act(State::finish_hinting);
    }

    /// What `free_page_hint_cmd_id` shows.
    pub fn hint_command(&self) -> u32 {
        self.look(State::hint_command)
    }

    /// The id of the round of hints that the driver has opened and not closed.
    pub fn open_round(&self) -> Option<u32> {
        self.look(|state| state.hinting.open)
    }

    /// The pages that were hinted in the round that the host asked for last.
    pub fn hinted_pages(&self) -> BTreeSet<u32> {
        self.look(|state| numbers(&state.hinting.round))
    }

    /// The hinted pages of all rounds that the driver may not use yet: their buffers are in flight, or it has not read
    /// DONE since.
    pub fn held_pages(&self) -> BTreeSet<u32> {
        self.look(|state| numbers(&state.hinting.held))
    }

    /// What the driver wrote to `poison_val`. `None` where it did not, or PAGE_POISON was not negotiated.
    pub fn poison(&self) -> Option<u32> {
        self.look(State::poison)
    }
}

/// The page numbers that the balloon interface can name, which all test memory has.
fn numbers(pages: &PageSet) -> BTreeSet<u32> {
    pages.iter().filter_map(|page| u32::try_from(page).ok()).collect()
}

impl fmt::Debug for BalloonDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (target, actual, pages, status) =
            self.look(|state| (state.target(), state.actual(), state.pages.len(), state.status()));
        f.debug_struct("BalloonDevice")
            .field("target", &target)
            .field("actual", &actual)
            .field("host_pages", &pages)
            .field("status", &format_args!("{status:#x}"))
            .finish_non_exhaustive()
    }
}
