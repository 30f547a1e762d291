//! What the oracle checks between and after the calls of the driver.

use crate::coverage::Event;
use crate::device::Role;
use crate::driver::End;
use crate::ledger::{HostState, Ledger};
use crate::memory::Memory;
use crate::world::World;

impl World {
    /// Counts how deep the driver is.
    pub(crate) fn note_depth(&mut self) {
        let pending = |world: &Self, role| world.ring(role).map_or(0, |ring| ring.pending.len());
        let arrays = pending(self, Role::Inflate) + pending(self, Role::Deflate);
        let is_broken = self.device.queues.iter().filter_map(|queue| queue.ring.as_ref()).any(|ring| ring.is_broken);
        for (event, happens) in [
            (Event::StepArrays, arrays > 0),
            (Event::StepManyArrays, arrays > 1),
            (Event::StepReports, pending(self, Role::Reporting) > 0),
            (Event::StepRound, pending(self, Role::Hinting) > 1),
            (Event::StepPacked, self.device.enabled > 0 && self.device.rules().packed),
            (Event::StepBroken, is_broken),
        ] {
            if happens {
                self.coverage.count(event);
            }
        }
    }

    /// Checks the size of a balloon that is on its target, with a device that keeps the protocol.
    /// `has_blocks` says whether it may hold blocks, which were reported.
    pub(crate) fn check_size(&mut self, size: u32, has_blocks: bool) {
        let pages = |frames: u32| u64::from(frames) * self.frame / 4096;
        let device = pages(self.ledger.inflated);
        let most = device + if has_blocks { pages(self.ledger.reported()) } else { 0 };
        let actual = self.device.config[1];
        if self.hostility.is_conforming && (!(device..=most).contains(&size.into()) || actual != size) {
            self.fail(format!("the balloon has {size} pages, the device {device}, and `actual` is {actual}"));
        }
    }

    /// Checks what the balloon says about a frame.
    pub(crate) fn check_contains(&mut self, frame: u64, is_in_balloon: bool) {
        self.observe();
        let must_contain = matches!(self.ledger.host_state(frame), HostState::Inflated);
        if must_contain && !is_in_balloon {
            self.fail(format!("the device has frame {frame}, which the balloon does not contain"));
        }
        if is_in_balloon && self.ledger.is_free(frame) {
            self.fail(format!("the balloon contains frame {frame}, which the kernel owns"));
        }
    }

    /// Checks the number of arrays and blocks that the balloon says the device has.
    pub(crate) fn check_in_flight(&mut self, in_flight: usize) {
        self.observe();
        let pending = |role| self.ring(role).map_or(0, |ring| ring.pending.len());
        let arrays = pending(Role::Inflate) + pending(Role::Deflate);
        if self.hostility.is_conforming && in_flight < arrays {
            self.fail(format!("the device has {arrays} arrays, and the balloon says {in_flight}"));
        }
    }

    /// Checks the number of buffers that a handle says the device has.
    pub(crate) fn check_buffers(&mut self, role: Role, in_flight: usize) {
        self.observe();
        let pending = self.ring(role).map_or(0, |ring| ring.pending.len());
        if self.hostility.is_conforming && in_flight < pending {
            self.fail(format!(
                "the device has {pending} buffers of the {role:?} queue, and the handle says {in_flight}"
            ));
        }
    }

    /// Checks the pages that the balloon says it has as blocks.
    pub(crate) fn check_blocks(&mut self, pages: u32) {
        self.observe();
        let reported = u64::from(self.ledger.reported()) * self.frame / 4096;
        if self.hostility.is_conforming && u64::from(pages) > reported {
            self.fail(format!("the balloon says that {pages} pages are in blocks, and {reported} were reported"));
        }
    }

    /// Checks that a balloon has returned every frame, after its device can no longer access memory.
    pub(crate) fn check_returned(&mut self) {
        if let Some(frame) = self.ledger.missing() {
            self.fail(format!("frame {frame} did not go back to the kernel"));
        }
    }

    /// Checks that a balloon that is not live has no memory for DMA, after its device can no longer access memory.
    pub(crate) fn check_released(&mut self) {
        self.check_returned();
        let (regions, mappings) = self.memory.outstanding();
        if (regions, mappings) != (0, 0) {
            self.fail(format!("{regions} DMA regions and {mappings} mappings did not go back to the kernel"));
        }
    }

    /// Checks that the device was reset before the machine is switched off.
    pub(crate) fn check_switched_off(&mut self) {
        if !self.has_seen_gone && self.device.enabled > 0 {
            self.fail("the machine is switched off and the device was not reset");
        }
    }

    /// Returns whether every queue is large enough for the driver.
    pub(crate) fn has_room(&self) -> bool {
        self.device.queues.iter().all(|queue| queue.size_max >= 2)
    }

    /// Returns the number of a frame that may be in the balloon.
    pub(crate) fn some_frame(&mut self) -> u64 {
        let frames = self.ledger.len();
        let start = u64::from(self.choices.below(frames));
        let base = self.ledger.base;
        let near = (start..u64::from(frames).min(start + 64)).map(|at| base + at);
        let found = near.into_iter().find(|frame| self.ledger.host_state(*frame) == HostState::Inflated);
        found.unwrap_or(base + start)
    }

    /// Lets the device work on all queues of which it was notified.
    pub(crate) fn serve(&mut self) {
        self.observe();
        if self.device.is_live() {
            for index in 0..self.device.queues.len() {
                if self.device.queues[index].ring.as_ref().is_some_and(|ring| ring.is_active) {
                    self.work(index);
                }
            }
        }
    }

    /// Checks that everything is back after the balloon is gone.
    pub(crate) fn check_end(&mut self, end: End) {
        self.observe();
        if end == End::Leaked || self.finding.is_some() {
            return;
        }
        if self.has_seen_gone {
            // The driver may not be able to reset a device that is gone, and everything is leaked.
            return;
        }
        if self.device.enabled > 0 && self.device.reset_in.is_none() {
            return self.fail("the balloon is gone and its device was not reset");
        }
        if self.device.reset_in.is_some() {
            // The device may still use everything, so it is leaked.
            return;
        }
        if let Some(frame) = self.ledger.missing() {
            return self.fail(format!("frame {frame} was lost"));
        }
        if self.ledger.managed != 0 {
            return self.fail(format!("the kernel's count of its memory is off by {} frames", self.ledger.managed));
        }
        if !self.may_lose_memory && (self.memory.outstanding() != (0, 0) || !self.private.is_empty()) {
            let (regions, mappings) = self.memory.outstanding();
            let private = self.private.len();
            self.fail(format!("{regions} DMA regions, {mappings} mappings, {private} private allocations were lost"));
        }
    }

    /// Frees all memory of an episode. The driver no longer exists, or was forgotten.
    pub(crate) fn clear(&mut self) {
        for memory in self.private.drain(..) {
            // SAFETY: the kernel leaked it as a box, and the driver that used it no longer exists.
            drop(unsafe { Box::from_raw(memory.as_ptr()) });
        }
        for queue in &mut self.device.queues {
            queue.ring = None;
        }
        self.memory = Memory::default();
        self.ledger = Ledger::new(0, 0);
    }
}
