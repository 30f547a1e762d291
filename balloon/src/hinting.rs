//! Free page hinting ("Free Page Hinting", 5.5.6.5): during a migration the host skips memory that the guest does not use.
//!
//! The host opens a round by putting a command id into the configuration. The driver sends the id, then free blocks, then
//! STOP. The blocks are the kernel's again when the host says that it is done.

use core::alloc::Layout;

use aerostat_spec::balloon::queue::FreePage;
use aerostat_spec::balloon::{HintCommand, config};
use aerostat_spec::{Interface, Queue};
use aerostat_transport::queue::{Access, Disabled, Element, Enabled, Token};
use aerostat_transport::{
    Addressing, Config, ConfigIo, Device, DeviceAddress, DeviceError, Dma, DmaRegion, InUse, InterruptStatus, Live,
    Notifier, QueueError, Transport, VirtQueue,
};

use crate::blocks::{Blocks, bytes};
use crate::declare::Fill;
use crate::error::BalloonError;
use crate::platform::HintFrames;
use crate::reporting::{Lent, lend, reclaim};
use crate::start::release_blocks;

/// Descriptors of the queue.
pub(crate) const DESCRIPTORS: usize = 32;
/// Bytes of a command id.
const COMMAND: usize = size_of::<u32>();
/// Descriptors that the queue has to have: for a block, and for the command id that ends the round.
pub(crate) const LEAST: u16 = 2;
/// Bytes of shared memory: a command id for each descriptor.
const COMMANDS: usize = DESCRIPTORS * COMMAND;
/// There is no such memory.
pub(crate) const NO_MEMORY: QueueError =
    QueueError::NoMemory { queue: <FreePage as Queue>::SPEC.index, bytes: COMMANDS };

/// Allocates the shared memory for command ids.
pub(crate) fn commands(dma: &mut impl Dma, addressing: Addressing) -> Option<DmaRegion> {
    DmaRegion::allocate(dma, Layout::from_size_align(COMMANDS, COMMAND).ok()?, addressing)
}

/// What a step of hinting has left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hinted {
    /// Nothing, until the configuration changes.
    Idle,
    /// The device works on hints: call again after its interrupt.
    Waiting,
}

/// What a buffer with the device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Nothing,
    Command,
    /// The block of this number, which stays lent until the host is done.
    Block,
}

/// Where a round stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// None is open.
    Closed,
    /// The id was sent, and blocks follow.
    Open(u32),
    /// All blocks were sent; STOP has to follow.
    Ending(u32),
}

/// The free page queue.
#[derive(Debug)]
pub(crate) struct HintingQueue<N, S = Enabled> {
    queue: VirtQueue<N, DESCRIPTORS, S>,
    commands: DmaRegion,
    book: Blocks,
    field: config::FreePageHintCmdId,
    sent: [Sent; DESCRIPTORS],
    round: Round,
    /// The id that was sent last.
    last: Option<u32>,
    /// What the configuration said when it had changed last.
    command: HintCommand,
    interface: Interface,
}

impl<N: Notifier> HintingQueue<N, Disabled> {
    pub(crate) fn new(
        queue: VirtQueue<N, DESCRIPTORS, Disabled>,
        commands: DmaRegion,
        book: Blocks,
        field: config::FreePageHintCmdId,
        interface: Interface,
    ) -> Self {
        Self {
            queue,
            commands,
            book,
            field,
            sent: [Sent::Nothing; DESCRIPTORS],
            round: Round::Closed,
            last: None,
            command: HintCommand::Stop,
            interface,
        }
    }

    pub(crate) fn enable<T: Transport, D, F>(self, live: &Device<T, D, Live<F>>) -> HintingQueue<N> {
        let Self { queue, commands, book, field, sent, round, last, command, interface } = self;
        HintingQueue { queue: queue.enable(live), commands, book, field, sent, round, last, command, interface }
    }
}

impl<N: Notifier> HintingQueue<N> {
    /// Follows the command id of the host one bounded step. The id is read only when the configuration has changed: some
    /// hosts show it as STOP, without saying so, as soon as a round is open.
    pub(crate) fn service<P: Dma + HintFrames, C: ConfigIo>(
        &mut self,
        platform: &mut P,
        config: &Config<C, config::Space, InUse>,
        fill: Option<Fill<P>>,
        causes: InterruptStatus,
    ) -> Result<Hinted, BalloonError> {
        if !self.book.is_live() {
            return Err(DeviceError::Resetting.into());
        }
        while let Some(used) = self.queue.pop()? {
            if let Some(sent) = self.sent.get_mut(used.token.index()) {
                *sent = Sent::Nothing;
            }
        }
        if causes.configuration {
            self.command = HintCommand::from_raw(config.read(self.field)?);
        }
        let mut outcome = Ok(());
        let mut notify = false;
        match self.command {
            HintCommand::Unknown(id) if self.last != Some(id) => {
                // A round that the host has given up ends with STOP, like every other.
                notify |= self.end_round();
                if self.round == Round::Closed && self.send_command(id) {
                    self.last = Some(id);
                    self.round = Round::Open(id);
                    notify = true;
                }
                if self.round == Round::Open(id) {
                    outcome = self.supply(platform, id);
                }
            }
            HintCommand::Unknown(id) if self.round == Round::Open(id) => {
                outcome = self.supply(platform, id);
                notify = true;
            }
            HintCommand::Unknown(_) => {}
            _ => {
                if let Round::Open(id) = self.round {
                    self.round = Round::Ending(id);
                }
            }
        }
        notify |= self.end_round_if_ending();
        if notify {
            self.queue.notify();
        }
        outcome?;
        if self.command == HintCommand::Done && !self.holds_blocks() {
            release_blocks(self.book, platform, fill);
        }
        Ok(if self.queue.in_flight() > 0 { Hinted::Waiting } else { Hinted::Idle })
    }

    /// Sends free blocks as far as there is room. Ends the round when the kernel has no more.
    fn supply<P: Dma + HintFrames>(&mut self, platform: &mut P, id: u32) -> Result<(), BalloonError> {
        // One descriptor is kept for STOP.
        while self.queue.free() > 1 {
            let Some(run) = platform.allocate_block(self.book.frames()) else {
                self.round = Round::Ending(id);
                break;
            };
            let Lent { run, address, number } = lend(&self.book, run, platform, None)?;
            let element = Element { address, len: bytes(&run), access: Access::DeviceWrites };
            // SAFETY: free memory that the kernel gave up for this, by the contract of `FrameRun::from_raw`; it is in
            // the book until the host is done or the device is reset.
            match unsafe { self.queue.add(&[element]) } {
                Ok(token) => self.note(token, Sent::Block),
                Err(_) => {
                    if let Some(run) = reclaim(&self.book, number, platform) {
                        platform.deallocate(run);
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Sends STOP for a round that is open, whatever the reason.
    fn end_round(&mut self) -> bool {
        if let Round::Open(id) = self.round {
            self.round = Round::Ending(id);
        }
        self.end_round_if_ending()
    }

    fn end_round_if_ending(&mut self) -> bool {
        let ends = matches!(self.round, Round::Ending(_)) && self.send_command(HintCommand::Stop.to_raw());
        if ends {
            self.round = Round::Closed;
        }
        ends
    }

    /// Sends a command id in the place of the descriptor that comes next. `false` when none is free.
    fn send_command(&mut self, id: u32) -> bool {
        let Ok(next) = self.queue.next_token() else { return false };
        let offset = next.index() * COMMAND;
        // Little-endian, but in the byte order of the guest on the legacy interface.
        let id = match self.interface {
            Interface::Modern => id.to_le(),
            Interface::Legacy => id,
        };
        self.commands.write_u32(offset, id);
        let address = DeviceAddress(self.commands.device_address().0.wrapping_add(offset as u64));
        let element = Element { address, len: COMMAND as u32, access: Access::DeviceReads };
        // SAFETY: the element lies in memory of this queue, which lives until the queue is released. Its place is that of
        // the descriptor, and is written only while the descriptor is free.
        match unsafe { self.queue.add(&[element]) } {
            Ok(token) => {
                self.note(token, Sent::Command);
                true
            }
            Err(_) => false,
        }
    }

    fn note(&mut self, token: Token, sent: Sent) {
        if let Some(entry) = self.sent.get_mut(token.index()) {
            *entry = sent;
        }
    }

    /// Whether the device still has buffers of blocks.
    fn holds_blocks(&self) -> bool {
        self.sent.contains(&Sent::Block)
    }
}

impl<N: Notifier, S> HintingQueue<N, S> {
    pub(crate) fn into_parts(self) -> (VirtQueue<N, DESCRIPTORS, S>, DmaRegion) {
        (self.queue, self.commands)
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
