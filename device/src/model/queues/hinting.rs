//! Free page hinting (5.5.6.5).
//!
//! The host requests a round of hints by a command id in the configuration space. The driver opens the round by sending
//! that id, sends free pages, and ends the round with STOP. It may not use the pages before it has read DONE.
//!
//! Driver and device run concurrently. The device therefore judges a buffer by the command that the driver had read
//! *when it made the buffer available*: see [`CommandRead`].

use std::ops::Range;

use super::super::numbering::QueueKind;
use super::super::options::{HintCommand, Work};
use super::super::state::{CommandRead, DONE, Hint, NewBuffer, Payload, Request, STOP, State};
use crate::event::Event;
use crate::violation::{FreePageViolation, PageViolation};

/// Whether the driver may return hinted pages to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenBack {
    Allowed,
    /// The buffer of a page is in flight.
    InFlight,
    /// A page was not written since the device discarded it.
    Untouched,
}

/// Actions of the host.
impl State {
    /// Requests a new round and returns its id.
    pub(crate) fn start_hinting(&mut self) -> u32 {
        let id = self.hinting.request_round();
        self.set_hint_command(id);
        id
    }

    /// Stops the round. The driver keeps the pages until DONE.
    pub(crate) fn stop_hinting(&mut self) {
        self.hinting.requested = None;
        self.set_hint_command(STOP);
    }

    /// Returns the hinted pages to the driver.
    pub(crate) fn finish_hinting(&mut self) {
        self.hinting.requested = None;
        self.set_hint_command(DONE);
    }
}

/// Actions of the driver.
impl State {
    /// Records that the driver has read `command`, which may be a fault.
    pub(crate) fn hint_command_was_read(&mut self, command: u32) {
        let queue = self.queues.values().find(|queue| queue.kind == QueueKind::FreePage);
        let available_total = queue.and_then(|queue| queue.available_total(&self.bus)).unwrap_or(0);
        self.hinting.record_read(available_total, command);
        if command == DONE {
            self.release_hinted_pages();
        }
    }

    /// Returns all hinted pages to the driver, except those whose buffers are in flight.
    fn release_hinted_pages(&mut self) {
        let in_flight: Vec<Range<u64>> = self.requests.iter().filter_map(hinted_pages).flatten().cloned().collect();
        let held: Vec<u64> = self.hinting.held.iter().collect();
        for page in held {
            if !in_flight.iter().any(|run| run.contains(&page)) {
                self.release_hinted_page(page);
            }
        }
    }

    /// Takes a command id or a range of pages.
    pub(crate) fn take_hint(&mut self, buffer: NewBuffer<'_>) -> Hint {
        let NewBuffer { queue, number, head, elements, .. } = buffer;
        let read = self.hinting.read_before(number);
        if elements.len() != 1 {
            self.violation(PageViolation::ChainedArray { queue, head, descriptors: elements.len() });
        }
        if buffer.has_readable() {
            self.take_command_id(buffer, read);
        }
        let free = match buffer.has_writable() {
            true => self.take_hinted_pages(buffer, read),
            false => Vec::new(),
        };
        Hint { free, dones: read.map_or(0, |read| read.dones) }
    }

    /// Takes ranges of pages, and discards their memory if they belong to the round that the host wants. Returns the
    /// pages that can be free.
    fn take_hinted_pages(&mut self, buffer: NewBuffer<'_>, read: Option<CommandRead>) -> Vec<Range<u64>> {
        let NewBuffer { queue, head, elements, .. } = buffer;
        self.check_round(head, read);
        let ranges = self.read_ranges(queue, elements);
        let in_round = self.hinting.open.is_some() && self.hinting.open == self.hinting.requested;
        let free = self.check_free(queue, &ranges, |state, page| {
            let new = !in_round || state.hinting.round.insert(page);
            state.hinting.held.insert(page);
            new
        });
        if in_round {
            self.discard(&free);
            if self.options.work == Work::Full && !buffer.is_scribbled() {
                for page in free.iter().cloned().flatten() {
                    self.hinting.discarded.insert(page);
                }
            }
        }
        for pages in ranges {
            self.log(Event::Hinted { pages });
        }
        free
    }

    /// Checks that the driver may send pages now.
    fn check_round(&mut self, head: u16, read: Option<CommandRead>) {
        match (self.hinting.open, self.options.hint_command) {
            (None, _) => self.violation(FreePageViolation::OutsideRound { head }),
            (Some(_), HintCommand::HiddenOnceOpened) => {}
            (Some(_), HintCommand::Shown) => {
                if let Some(CommandRead { command: command @ (STOP | DONE), .. }) = read {
                    self.violation(FreePageViolation::HintedAfterStop { head, command });
                }
            }
        }
    }

    fn take_command_id(&mut self, buffer: NewBuffer<'_>, read: Option<CommandRead>) {
        let Some(content) = self.read_buffer(buffer, 4) else { return };
        let bytes = buffer.readable_bytes();
        if bytes != 4 {
            self.violation(FreePageViolation::IdLength { head: buffer.head, bytes });
        }
        let Some(id) = content.first_chunk().map(|id| self.bus.order().u32(*id)) else { return };
        match id {
            STOP => match self.hinting.open.take() {
                Some(id) => self.log(Event::HintRoundClosed(id)),
                None => self.violation(FreePageViolation::StopOutsideRound),
            },
            DONE => self.violation(FreePageViolation::DoneSent),
            id => self.open_round(id, read),
        }
    }

    fn open_round(&mut self, id: u32, read: Option<CommandRead>) {
        if let Some(open) = self.hinting.open {
            self.violation(FreePageViolation::RoundNotEnded { open, id });
        }
        if self.hinting.last_opened == Some(id) {
            self.violation(FreePageViolation::IdTwice { id });
        } else if read.is_none_or(|read| read.command != id) {
            self.violation(FreePageViolation::StaleId { id, read: read.map(|read| read.command) });
        }
        self.hinting.last_opened = Some(id);
        self.hinting.open = Some(id);
        self.log(Event::HintRoundOpened(id));
        if self.hinting.requested == Some(id) && self.options.hint_command == HintCommand::HiddenOnceOpened {
            // QEMU changes the field without an interrupt and without a new generation.
            self.config.free_page_hint_cmd_id = STOP;
        }
    }

    /// Handles the completion of a hint. The driver may use its pages if it has read DONE since it sent them.
    pub(crate) fn finish_hint(&mut self, hint: &Hint) {
        if self.hinting.dones() > hint.dones {
            for page in hint.free.iter().cloned().flatten() {
                self.release_hinted_page(page);
            }
        }
    }

    /// Handles that the driver returns pages to the kernel, which it may do before DONE if it has initialized them.
    pub(crate) fn take_back_hinted(&mut self, pages: Range<u64>) -> TakenBack {
        let mut result = TakenBack::Allowed;
        for page in pages {
            if !self.hinting.held.contains(page) {
                continue;
            }
            let mut hints = self.requests.iter().filter_map(hinted_pages).flatten();
            if hints.any(|run| run.contains(&page)) {
                return TakenBack::InFlight;
            }
            self.hinting.held.remove(page);
            // A page that was written is resident again.
            if self.hinting.discarded.remove(page) && !self.memory.is_resident(page) {
                result = TakenBack::Untouched;
            }
        }
        result
    }

    /// Returns a hinted page to the driver, and checks that the driver did not touch it before.
    fn release_hinted_page(&mut self, page: u64) {
        self.hinting.held.remove(page);
        if self.hinting.discarded.remove(page) && self.memory.is_resident(page) {
            self.violation(FreePageViolation::TouchedWhileHinted { page });
        }
    }
}

/// Returns the pages of a request that hints pages.
fn hinted_pages(request: &Request) -> Option<&[Range<u64>]> {
    match &request.payload {
        Payload::Hint(hint) => Some(&hint.free),
        _ => None,
    }
}
