//! The handle of a device, for the test.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::interrupt::InterruptLine;
use super::registers::Registers;
use super::shared::{Mode, Shared, StillBusy};
use crate::event::{Cause, Event};
use crate::fault::Fault;
use crate::memory::GuestMemory;
use crate::model::{PageSet, Progress, QueueKind, State};
use crate::violation::Violation;

/// A virtio memory balloon device in this process, from the host's side.
///
/// Pass [`BalloonDevice::registers`] to the driver, and use this value to set the target and to read what happened. Clones
/// are handles of the same device. Dropping the last one stops the thread of the device.
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
            // The panic message of a worker that panicked has been printed already.
            let _ = worker.join();
        }
    }
}

impl BalloonDevice {
    pub(crate) fn start(memory: GuestMemory, state: State, mode: Mode) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(state, mode));
        let worker = match mode {
            Mode::Threaded => {
                let shared = Arc::clone(&shared);
                let name = String::from("balloon-device");
                Some(std::thread::Builder::new().name(name).spawn(move || shared.run_worker())?)
            }
            Mode::Inline | Mode::Manual => None,
        };
        Ok(Self { owner: Arc::new(Owner { shared, memory, worker }) })
    }

    /// Returns the register file, for the driver.
    pub fn registers(&self) -> Registers {
        Registers::new(Arc::clone(&self.owner.shared))
    }

    /// Returns the guest memory.
    pub fn memory(&self) -> &GuestMemory {
        &self.owner.memory
    }

    /// Returns the interrupt line.
    pub fn interrupt_line(&self) -> InterruptLine {
        self.owner.shared.line.clone()
    }

    /// Sets `num_pages`, the target size of the balloon in pages, and raises the configuration interrupt.
    pub fn set_target(&self, pages: u32) {
        self.act(|state| state.set_target(pages));
    }

    /// Returns `num_pages`, the target size of the balloon in pages.
    pub fn target(&self) -> u32 {
        self.inspect(State::target)
    }

    /// Returns the last value that the driver wrote to `actual`, in pages.
    pub fn actual(&self) -> u32 {
        self.inspect(State::actual)
    }

    /// Returns the numbers of the pages in the balloon, according to the device.
    pub fn host_pages(&self) -> BTreeSet<u32> {
        self.inspect(|state| page_numbers(&state.pages))
    }

    /// Returns the number of pages in the balloon, according to the device.
    pub fn host_page_count(&self) -> usize {
        self.inspect(|state| state.pages.len())
    }

    /// Returns whether this page is in the balloon, according to the device.
    pub fn has_page(&self, page: u32) -> bool {
        self.inspect(|state| state.pages.contains(page))
    }

    /// Returns the number of the queue of this kind, if it exists. With [`Numbering::DenseOverNegotiated`] the number is
    /// final after FEATURES_OK.
    ///
    /// [`Numbering::DenseOverNegotiated`]: crate::Numbering::DenseOverNegotiated
    pub fn queue_number(&self, queue: QueueKind) -> Option<u16> {
        self.inspect(|state| state.queue_number(queue))
    }

    /// Returns the device status.
    pub fn status(&self) -> u32 {
        self.inspect(State::status)
    }

    /// Returns the features that the driver has accepted.
    pub fn accepted_features(&self) -> u64 {
        self.inspect(State::accepted)
    }

    /// Returns the event log, oldest event first.
    pub fn events(&self) -> Vec<Event> {
        self.inspect(|state| state.events.clone())
    }

    /// Clears the event log. Violations stay.
    pub fn clear_events(&self) {
        self.act(|state| state.events.clear());
    }

    /// Returns the rules that the driver broke, oldest violation first. Empty after a test of a correct driver.
    pub fn violations(&self) -> Vec<Violation> {
        self.inspect(|state| state.violations.clone())
    }

    /// Injects a fault, from now on. Of two contradicting faults the later one takes effect.
    pub fn inject(&self, fault: impl Into<Fault>) {
        self.act(|state| state.inject(fault.into()));
    }

    /// Removes all injected faults. Buffers that the device has already taken keep theirs.
    pub fn clear_faults(&self) {
        self.act(|state| state.faults.clear());
    }

    /// Sets DEVICE_NEEDS_RESET. The device stops working until the driver resets it.
    pub fn set_needs_reset(&self) {
        self.act(State::set_needs_reset);
    }

    /// Raises the interrupt, as the host does for this cause. Also works after a [reset](BalloonDevice::host_reset).
    pub fn raise_interrupt(&self, cause: Cause) {
        self.act(|state| state.interrupt(cause));
    }

    /// Resets the device without the driver, like a reset of the machine by the host, or a suspension to memory. QEMU does
    /// this for `system_reset`.
    ///
    /// Status reads 0, the queues are forgotten, and memory of the driver is not accessed any more. No interrupt is raised:
    /// use [`BalloonDevice::raise_interrupt`] for hosts that do.
    ///
    /// A driver that has not read the status since cannot know of the reset: until then, the device records no violations.
    pub fn host_reset(&self) {
        self.act(State::host_reset);
    }

    /// Removes the device without notice, as when a PCI function is unplugged: every register reads as ones, writes have no
    /// effect, and memory is not accessed any more. This is final.
    pub fn remove(&self) {
        self.act(State::remove);
    }

    /// Stops all work of the device until [`BalloonDevice::resume`]: it takes and returns no buffers. Registers still work, and
    /// notifications are not lost.
    pub fn pause(&self) {
        self.act(|state| state.is_paused = true);
    }

    /// Continues after [`BalloonDevice::pause`].
    pub fn resume(&self) {
        self.act(|state| state.is_paused = false);
    }

    /// Advances the time of delayed buffers by one tick. Every register access is a tick too; a device with its own thread
    /// ticks continuously.
    pub fn tick(&self) {
        self.act(|_| {});
    }

    /// Does one step of work, for a device built with [`Builder::manual`](crate::Builder::manual): takes the buffers of one
    /// queue, or completes one batch. Returns whether there was work.
    pub fn step(&self) -> bool {
        self.owner.shared.run(1) == Progress::Made
    }

    /// Waits until the device has no work before the next notification. A device without a thread does its work in this
    /// call.
    ///
    /// # Errors
    ///
    /// [`StillBusy`] if the device still has work after `limit`.
    pub fn settle(&self, limit: Duration) -> Result<(), StillBusy> {
        self.owner.shared.settle(limit)
    }

    /// Reads the state, without a tick.
    pub(crate) fn inspect<T>(&self, inspect: impl FnOnce(&State) -> T) -> T {
        self.owner.shared.inspect(inspect)
    }

    /// Changes the state, without a tick and without any work.
    pub(crate) fn update<T>(&self, update: impl FnOnce(&mut State) -> T) -> T {
        self.owner.shared.update(update)
    }

    fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        self.owner.shared.act(act)
    }
}

/// Statistics, reports and hints.
impl BalloonDevice {
    /// Requests new statistics: completes the buffer that the device holds. Returns whether it held one. If not, the driver
    /// has not answered the previous request, or does not use the statistics queue.
    pub fn request_statistics(&self) -> bool {
        self.act(State::request_statistics)
    }

    /// Returns the latest statistics: tags and values, in the order of the buffer. `None` before the first buffer and after
    /// a reset.
    pub fn statistics(&self) -> Option<Vec<(u16, u64)>> {
        self.inspect(|state| state.statistics.values.clone())
    }

    /// Returns how many statistics buffers the device has received.
    pub fn statistics_count(&self) -> u64 {
        self.inspect(|state| state.statistics.count)
    }

    /// Returns the number of pages whose report was completed and that did not go back to the kernel since: those that a driver with
    /// block inflation holds. Needs [`Builder::block_inflation`](crate::Builder::block_inflation).
    pub fn block_page_count(&self) -> usize {
        self.inspect(|state| state.held.pages.len())
    }

    /// Returns the numbers of the pages of all reports in flight.
    pub fn reported_pages(&self) -> BTreeSet<u32> {
        self.inspect(|state| page_numbers(&state.reported))
    }

    /// Requests a new round of hints: sets a new command id and raises the configuration interrupt. Returns the id, at least
    /// 2.
    pub fn start_hinting(&self) -> u32 {
        self.act(State::start_hinting)
    }

    /// Sets the command STOP and raises the configuration interrupt: the driver sends no more hints and keeps the pages.
    pub fn stop_hinting(&self) {
        self.act(State::stop_hinting);
    }

    /// Sets the command DONE and raises the configuration interrupt: the driver may use the hinted pages again.
    pub fn finish_hinting(&self) {
        self.act(State::finish_hinting);
    }

    /// Returns `free_page_hint_cmd_id`.
    pub fn hint_command(&self) -> u32 {
        self.inspect(State::hint_command)
    }

    /// Returns the id of the round of hints that the driver has opened and not ended.
    pub fn open_round(&self) -> Option<u32> {
        self.inspect(|state| state.hinting.open)
    }

    /// Returns the numbers of the pages that were hinted in the round that the host requested last.
    pub fn hinted_pages(&self) -> BTreeSet<u32> {
        self.inspect(|state| page_numbers(&state.hinting.round))
    }

    /// Returns the numbers of the hinted pages that the driver may not use yet, in all rounds: their buffers are in flight,
    /// or the driver has not read DONE since.
    pub fn held_pages(&self) -> BTreeSet<u32> {
        self.inspect(|state| page_numbers(&state.hinting.held))
    }

    /// Returns `poison_val`. `None` if the driver has not written it or PAGE_POISON is not negotiated.
    pub fn poison(&self) -> Option<u32> {
        self.inspect(State::poison)
    }
}

/// Returns the page numbers of a set. Test memory has no page above the 32 bits of the balloon interface.
fn page_numbers(pages: &PageSet) -> BTreeSet<u32> {
    pages.iter().filter_map(|page| u32::try_from(page).ok()).collect()
}

impl fmt::Debug for BalloonDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (target, actual, pages, status) =
            self.inspect(|state| (state.target(), state.actual(), state.pages.len(), state.status()));
        f.debug_struct("BalloonDevice")
            .field("target", &target)
            .field("actual", &actual)
            .field("host_pages", &pages)
            .field("status", &format_args!("{status:#x}"))
            .finish_non_exhaustive()
    }
}
