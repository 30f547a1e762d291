//! Free page hinting: section 5.5.6.5.
//!
//! The host asks for a round of hints by a command id in the configuration. The driver opens the round with that id,
//! names free pages, and closes it with STOP. It keeps the pages until it reads DONE.
//!
//! Driver and device work at their own pace, so that the device judges what the driver sends by what the driver had
//! read *when it sent it*: see [`Read`].

use std::ops::Range;

use super::page_set::PageSet;
use super::requests::{Content, Request};
use super::ring::Element;
use super::{QueueKind, State, Work};
use crate::log::Event;
use crate::misbehave::{QueueFault, Scribble};
use crate::violation::{FreePageViolation, Violation};

/// The command that ends a round.
const STOP: u32 = 0;
/// The command that gives the hinted pages back.
const DONE: u32 = 1;
/// The lowest id of a round.
const FIRST_ID: u32 = 2;

/// What `free_page_hint_cmd_id` shows of the round that the host asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HintCommand {
    /// Its id, until the host stops it.
    #[default]
    Shown,
    /// Its id until the driver opens the round, and STOP from then on, without an interrupt: as QEMU does.
    HiddenOnceOpened,
}

/// A round of hints, and the pages that come of it.
#[derive(Debug)]
pub(crate) struct Hinting {
    /// The latest id that the host chose.
    latest: u32,
    /// The id of the round that the host wants now.
    asked: Option<u32>,
    /// The id of the round that the driver has opened and not closed.
    pub(crate) open: Option<u32>,
    /// The id that the driver opened a round with last.
    sent: Option<u32>,
    /// The commands that the driver has read, as far as they still matter.
    reads: Vec<Read>,
    /// The pages hinted in the round that the host wants.
    pub(crate) round: PageSet,
    /// The pages that the driver may not use yet.
    pub(crate) held: PageSet,
    /// Those of them whose memory is the host's.
    dropped: PageSet,
}

/// A look of the driver at the command.
#[derive(Clone, Copy, Debug)]
struct Read {
    /// The available index at that time: buffers before it had been sent.
    index: u16,
    command: u32,
    /// How often the driver had read DONE, this time included.
    dones: u64,
}

/// Hinted pages in flight.
#[derive(Debug)]
pub(super) struct Hint {
    runs: Vec<Range<u64>>,
    /// How often the driver had read DONE when it sent them.
    dones: u64,
}

impl Hinting {
    pub(super) fn new(pages: impl Fn() -> PageSet) -> Self {
        Self {
            latest: FIRST_ID - 1,
            asked: None,
            open: None,
            sent: None,
            reads: Vec::new(),
            round: pages(),
            held: pages(),
            dropped: pages(),
        }
    }

    pub(super) fn reset(&mut self) {
        self.asked = None;
        self.open = None;
        self.sent = None;
        self.reads.clear();
        self.round.clear();
        self.held.clear();
        self.dropped.clear();
    }

    /// The id of a round that is not the one that the driver read before.
    pub(super) fn another_command(&self) -> u32 {
        self.reads.last().map_or(FIRST_ID, |read| read.command.wrapping_add(1).max(FIRST_ID))
    }

    /// The queue starts over, and places are counted from 0 again.
    pub(super) fn restart(&mut self) {
        self.reads.drain(..self.reads.len().saturating_sub(1));
        for read in &mut self.reads {
            read.index = 0;
        }
    }

    /// How often the driver has read DONE.
    fn dones(&self) -> u64 {
        self.reads.last().map_or(0, |read| read.dones)
    }

    /// What the driver had read last when it sent the buffer at this place of the queue. Places only ever grow.
    fn read_before(&mut self, place: u16) -> Option<Read> {
        let is_before = |read: &Read| place.wrapping_sub(read.index) as i16 >= 0;
        let later = self.reads.iter().position(|read| !is_before(read)).unwrap_or(self.reads.len());
        self.reads.drain(..later.saturating_sub(1));
        self.reads.first().copied().filter(is_before)
    }
}

/// What the host does.
impl State {
    /// Asks for a new round. Its id.
    pub(crate) fn start_hinting(&mut self) -> u32 {
        let id = self.hinting.latest.wrapping_add(1).max(FIRST_ID);
        self.hinting.latest = id;
        self.hinting.asked = Some(id);
        self.hinting.round.clear();
        self.set_hint_command(id);
        id
    }

    /// Wants no more hints; the driver keeps the pages.
    pub(crate) fn stop_hinting(&mut self) {
        self.hinting.asked = None;
        self.set_hint_command(STOP);
    }

    /// Gives the hinted pages back.
    pub(crate) fn finish_hinting(&mut self) {
        self.hinting.asked = None;
        self.set_hint_command(DONE);
    }
}

/// What the driver does.
impl State {
    /// The driver has read `command`, true or not.
    pub(super) fn hint_command_was_read(&mut self, command: u32) {
        let slot = self.queues.values().find(|slot| slot.kind == QueueKind::FreePage);
        let index = slot.and_then(|slot| slot.next_place(&self.bus)).unwrap_or(0);
        let dones = self.hinting.dones() + u64::from(command == DONE);
        // Of two looks with nothing sent in between only the later one matters.
        self.hinting.reads.pop_if(|last| last.index == index);
        self.hinting.reads.push(Read { index, command, dones });
        if command != DONE {
            return;
        }
        let in_flight: Vec<Range<u64>> = self.requests.iter().filter_map(hinted).flatten().cloned().collect();
        let held: Vec<u64> = self.hinting.held.iter().collect();
        for page in held {
            if !in_flight.iter().any(|run| run.contains(&page)) {
                self.release_hinted(page);
            }
        }
    }

    /// Takes a command id or a range of pages.
    pub(super) fn take_hint(
        &mut self,
        queue: u16,
        place: u16,
        head: u16,
        elements: &[Element],
        faults: &[QueueFault],
    ) -> Hint {
        let read = self.hinting.read_before(place);
        if elements.len() != 1 {
            self.violation(Violation::ChainedArray { queue, head, descriptors: elements.len() });
        }
        if elements.iter().any(|element| !element.writable) {
            self.take_id(queue, head, read, elements);
        }
        let dones = read.map_or(0, |read| read.dones);
        if !elements.iter().any(|element| element.writable) {
            return Hint { runs: Vec::new(), dones };
        }
        match self.hinting.open {
            None => self.violation(FreePageViolation::OutsideRound { head }),
            Some(_) if self.options.hint_command == HintCommand::HiddenOnceOpened => {}
            Some(_) => {
                if let Some(Read { command: command @ (STOP | DONE), .. }) = read {
                    self.violation(FreePageViolation::HintedAfterStop { head, command });
                }
            }
        }
        let ranges = self.free_ranges(queue, elements);
        // What belongs to no round, or to one that the host has given up on, is let lie.
        let counts = self.hinting.open.is_some() && self.hinting.open == self.hinting.asked;
        let runs = self.really_free(queue, &ranges, |state, page| {
            let fresh = !counts || state.hinting.round.insert(page);
            state.hinting.held.insert(page);
            fresh
        });
        if counts {
            self.drop_pages(&runs);
            let scribbles = faults.contains(&QueueFault::Scribbles(Scribble::Array));
            if self.options.work == Work::Full && !scribbles {
                for page in runs.iter().cloned().flatten() {
                    self.hinting.dropped.insert(page);
                }
            }
        }
        for pages in ranges {
            self.log(Event::Hinted { pages });
        }
        Hint { runs, dones }
    }

    fn take_id(&mut self, queue: u16, head: u16, read: Option<Read>, elements: &[Element]) {
        let readable = elements.iter().filter(|element| !element.writable);
        let bytes: u64 = readable.map(|element| u64::from(element.length)).sum();
        let Some(content) = self.readable_bytes(elements, 4) else {
            return self.violation(Violation::BrokenChain { queue, head });
        };
        if bytes != 4 {
            self.violation(FreePageViolation::IdLength { head, bytes });
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

    fn open_round(&mut self, id: u32, read: Option<Read>) {
        if let Some(open) = self.hinting.open {
            self.violation(FreePageViolation::RoundNotEnded { open, id });
        }
        if self.hinting.sent == Some(id) {
            self.violation(FreePageViolation::IdTwice { id });
        } else if read.is_none_or(|read| read.command != id) {
            self.violation(FreePageViolation::StaleId { id, read: read.map(|read| read.command) });
        }
        self.hinting.sent = Some(id);
        self.hinting.open = Some(id);
        self.log(Event::HintRoundOpened(id));
        if self.hinting.asked == Some(id) && self.options.hint_command == HintCommand::HiddenOnceOpened {
            self.show_hint_command(STOP);
        }
    }

    /// The buffer goes back: its pages are free if the driver has read DONE since it sent them.
    pub(super) fn finish_hint(&mut self, hint: &Hint) {
        if self.hinting.dones() > hint.dones {
            for page in hint.runs.iter().cloned().flatten() {
                self.release_hinted(page);
            }
        }
    }

    /// The driver may use the page from now on.
    fn release_hinted(&mut self, page: u64) {
        self.hinting.held.remove(page);
        if self.hinting.dropped.remove(page) && self.memory.is_resident(page) {
            self.violation(FreePageViolation::TouchedWhileHinted { page });
        }
    }
}

/// The pages of a request that hints some.
fn hinted(request: &Request) -> Option<&[Range<u64>]> {
    match &request.content {
        Content::Hint(hint) => Some(&hint.runs),
        _ => None,
    }
}
