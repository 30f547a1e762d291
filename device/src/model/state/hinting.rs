//! The rounds of free page hinting (5.5.6.5), and the commands that the driver has read.

use super::super::page_set::PageSet;

/// The command that ends a round.
pub(crate) const STOP: u32 = 0;
/// The command that returns the hinted pages to the driver.
pub(crate) const DONE: u32 = 1;
/// The lowest id of a round.
pub(crate) const FIRST_ID: u32 = 2;

/// The rounds of hints.
#[derive(Debug)]
pub(crate) struct Hinting {
    /// The latest id that the host chose.
    latest_id: u32,
    /// The id of the round that the host requested and has not stopped.
    pub(crate) requested: Option<u32>,
    /// The id of the round that the driver has opened and not ended.
    pub(crate) open: Option<u32>,
    /// The id with which the driver opened the latest round.
    pub(crate) last_opened: Option<u32>,
    /// The commands that the driver has read, oldest first. Those without effect on later buffers are removed.
    reads: Vec<CommandRead>,
    /// The pages hinted in the latest round that the host requested.
    pub(crate) round: PageSet,
    /// The pages that the driver may not use yet.
    pub(crate) held: PageSet,
    /// The pages of `held` whose memory the device has discarded.
    pub(crate) discarded: PageSet,
}

/// A read of the command by the driver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommandRead {
    /// How many buffers the driver had made available before, modulo 2^16.
    available_total: u16,
    pub(crate) command: u32,
    /// How many times the driver has read DONE, including this read.
    pub(crate) dones: u64,
}

impl Hinting {
    pub(crate) fn new(pages: impl Fn() -> PageSet) -> Self {
        Self {
            latest_id: FIRST_ID - 1,
            requested: None,
            open: None,
            last_opened: None,
            reads: Vec::new(),
            round: pages(),
            held: pages(),
            discarded: pages(),
        }
    }

    pub(crate) fn reset(&mut self) {
        self.requested = None;
        self.open = None;
        self.last_opened = None;
        self.reads.clear();
        self.round.clear();
        self.held.clear();
        self.discarded.clear();
    }

    /// Starts a round with a new id, which it returns.
    pub(crate) fn request_round(&mut self) -> u32 {
        let id = self.latest_id.wrapping_add(1).max(FIRST_ID);
        self.latest_id = id;
        self.requested = Some(id);
        self.round.clear();
        id
    }

    /// Returns the id of a round that differs from the command that the driver read last.
    pub(crate) fn different_command(&self) -> u32 {
        self.reads.last().map_or(FIRST_ID, |read| read.command.wrapping_add(1).max(FIRST_ID))
    }

    /// Adapts to a reset of the queue, after which buffers are counted from 0 again.
    pub(crate) fn restart_queue(&mut self) {
        self.reads.drain(..self.reads.len().saturating_sub(1));
        for read in &mut self.reads {
            read.available_total = 0;
        }
    }

    /// Records that the driver has read `command` after it had made `available_total` buffers available.
    pub(crate) fn record_read(&mut self, available_total: u16, command: u32) {
        let dones = self.dones() + u64::from(command == DONE);
        // If no buffer was made available between two reads, only the later one has an effect.
        self.reads.pop_if(|last| last.available_total == available_total);
        self.reads.push(CommandRead { available_total, command, dones });
    }

    /// Returns how many times the driver has read DONE.
    pub(crate) fn dones(&self) -> u64 {
        self.reads.last().map_or(0, |read| read.dones)
    }

    /// Returns the latest read before the driver made buffer number `buffer` of the queue available. The numbers of
    /// successive calls only increase.
    pub(crate) fn read_before(&mut self, buffer: u16) -> Option<CommandRead> {
        let is_before = |read: &CommandRead| buffer.wrapping_sub(read.available_total) as i16 >= 0;
        let later = self.reads.iter().position(|read| !is_before(read)).unwrap_or(self.reads.len());
        self.reads.drain(..later.saturating_sub(1));
        self.reads.first().copied().filter(is_before)
    }
}
