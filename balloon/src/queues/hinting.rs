//! The free page queue ("Free Page Hinting", 5.5.6.5): a live migration skips memory that the guest does not use.
//!
//! The host starts a round by writing a command id into the configuration space. The driver sends the id, then free blocks,
//! then STOP. It returns the blocks to the kernel when the host writes DONE.

use core::alloc::Layout;
use core::mem::take;

use aerostat_spec::balloon::{self, HintCommand, config, queue};
use aerostat_spec::{FeatureSet, Interface, Negotiated, Queue};
use aerostat_transport::queue::{Access, Element, Token};
use aerostat_transport::{
    Addressing, ConfigIo, Device, DeviceAddress, DeviceError, Dma, DmaRegion, FeaturesOk, InterruptStatus, LiveProof,
    Notifier, QueueError, ResetProof, Transport, VirtQueue,
};

use super::exchange::{Blocks, FillWhen};
use super::live_flag::LiveFlag;
use super::progress::Progress;
use super::slot::Slot;
use super::step::{LiveConfig, check, step};
use crate::error::BalloonError;
use crate::features::Platform;
use crate::features::feature::FreePageHint;
use crate::frames::{BlockBitmap, LooseBlocks};

/// Descriptors of the queue.
const DESCRIPTORS: usize = 32;
/// Bytes of a command id.
const COMMAND_BYTES: usize = size_of::<u32>();
/// The queue needs one descriptor for a block, and one for the command id that ends the round.
const MIN_DESCRIPTORS: u16 = 2;
/// Words of the block bitmap that a search for blocks to take back looks at: blocks of 512 GiB with the default size.
const SEARCHED_WORDS: u32 = 4096;
/// Bytes of shared memory: one command id for each descriptor.
const COMMANDS_BYTES: usize = DESCRIPTORS * COMMAND_BYTES;

/// What a descriptor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Buffer {
    /// The device does not have the descriptor.
    None,
    /// A command id.
    Command,
    /// A block by its number in the bitmap. It stays with the device until the host writes DONE.
    Block(u32),
}

/// The state of a round of hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// No round is open.
    Closed,
    /// The driver has sent the id and sends blocks.
    Open(u32),
    /// The driver has sent all blocks and has to send STOP.
    Ending,
}

/// The state of hinting in one generation of the device.
#[derive(Debug)]
struct State {
    in_flight: [Buffer; DESCRIPTORS],
    round: Round,
    /// The command id that the driver sent last.
    last_id: Option<u32>,
    /// The command in the configuration space when it changed last.
    command: HintCommand,
    /// Whether blocks were sent since the host was done.
    has_blocks: bool,
    /// The block from which the search for blocks to take back continues.
    cursor: u32,
}

impl State {
    const NEW: Self = Self {
        in_flight: [Buffer::None; DESCRIPTORS],
        round: Round::Closed,
        last_id: None,
        command: HintCommand::Stop,
        has_blocks: false,
        cursor: 0,
    };
}

/// The free page queue.
#[derive(Debug)]
pub(crate) struct HintingQueue<N, C> {
    pub(crate) slot: Slot<VirtQueue<N, DESCRIPTORS>>,
    /// Memory for command ids, shared with the device.
    commands: Option<DmaRegion>,
    /// The field of the command id, which exists only with the feature.
    field: Option<config::FreePageHintCmdId>,
    /// The configuration space of the live device.
    config: Option<LiveConfig<C>>,
    blocks: Blocks,
    /// Frames that are in no bitmap.
    loose: LooseBlocks,
    /// Number of buffers that the device has returned since the start of the driver. Wraps.
    pub(crate) returned: u32,
    interface: Interface,
    state: State,
}

impl<N: Notifier, C: ConfigIo> HintingQueue<N, C> {
    /// Creates a queue that is not set up.
    pub(crate) const fn new(bitmap: BlockBitmap) -> Self {
        Self {
            slot: Slot::new(),
            commands: None,
            field: None,
            config: None,
            blocks: Blocks::new(bitmap),
            loose: LooseBlocks::NEW,
            returned: 0,
            interface: Interface::Modern,
            state: State::NEW,
        }
    }

    /// Sets the queue up.
    #[inline(never)]
    pub(crate) fn set_up<T: Transport<Notifier = N, Config = C>, F: FeatureSet>(
        &mut self,
        proof: Negotiated<FreePageHint>,
        device: &mut Device<T, balloon::Device, FeaturesOk<F>>,
        dma: &mut impl Dma,
        poison: Option<u32>,
        reserve: u64,
    ) -> Result<(), QueueError> {
        let addressing = device.addressing(dma)?;
        self.blocks.set_up(addressing, dma.domain(), poison, reserve);
        // If the queue cannot be set up, they are released after the reset.
        self.commands = Some(allocate_commands(dma, addressing)?);
        self.slot.fill(device.queue(queue::FreePage::given(proof), MIN_DESCRIPTORS, dma))?;
        self.field = Some(config::FreePageHintCmdId::given(proof));
        self.interface = device.interface();
        self.state = State::NEW;
        Ok(())
    }

    /// Starts the use of the queue, because its device is live now.
    pub(crate) fn enable(&mut self, live: LiveProof, config: LiveConfig<C>) {
        self.slot.enable(live);
        self.config = Some(config);
    }

    /// Returns the memory of the queue and of the command ids to `platform`, and then all blocks.
    ///
    /// # Safety
    ///
    /// The device was reset.
    pub(crate) unsafe fn end<P: Platform<F>, F>(&mut self, proof: &ResetProof, platform: &mut P) {
        self.slot.release(proof, platform);
        if let Some(commands) = take(&mut self.commands) {
            let _ = commands.release(platform);
        }
        // SAFETY: the device was reset, by the caller's promise, and uses nothing.
        unsafe { self.blocks.end::<P, F>(&mut self.loose, platform) };
    }

    /// Checks that the balloon has not reset the device, and that the device works.
    pub(crate) fn check(&self, live: &LiveFlag) -> Result<(), BalloonError> {
        check(live, self.config.as_ref())
    }

    /// Notifies the device again of the buffers that it has.
    pub(crate) fn notify_again(&mut self) {
        if let Ok((queue, live)) = self.slot.live() {
            queue.notify_live_again(live);
        }
    }

    /// Replaces the empty bitmap of blocks by another one.
    pub(crate) fn replace_bitmap(&mut self, bitmap: BlockBitmap) {
        self.blocks = Blocks::new(bitmap);
    }

    /// Returns the blocks that the device has through this queue.
    pub(crate) const fn blocks(&self) -> Blocks {
        self.blocks
    }

    /// Follows the command id of the host by one bounded step.
    pub(crate) fn service<P: Platform<F>, F>(
        &mut self,
        platform: &mut P,
        live: &LiveFlag,
        status: InterruptStatus,
    ) -> Result<Progress, BalloonError> {
        let result = self.follow::<P, F>(platform, live, status);
        self.slot.log("hinting: ", &result);
        result
    }

    fn follow<P: Platform<F>, F>(
        &mut self,
        platform: &mut P,
        live: &LiveFlag,
        status: InterruptStatus,
    ) -> Result<Progress, BalloonError> {
        self.check(live)?;
        self.blocks.check_platform(platform)?;
        self.loose.start()?;
        let progress = step(
            self,
            |this| &mut this.slot,
            platform,
            |this, _| {
                this.reclaim_buffers()?;
                this.read_command(status)
            },
            |this, platform| this.advance_round(platform, live),
        );
        self.loose.end(platform);
        let progress = progress?;
        let State { command, has_blocks, in_flight, .. } = &mut self.state;
        let is_block = |buffer: &Buffer| matches!(buffer, Buffer::Block(_));
        if *command == HintCommand::Done && *has_blocks && !in_flight.iter().any(is_block) {
            // SAFETY: the device has returned the buffers of all blocks, and the host is done.
            unsafe { self.blocks.return_all::<P, F>(&mut self.loose, platform) };
            *has_blocks = false;
        }
        Ok(progress)
    }

    /// Takes blocks back whose buffers the device has used, at least `frames` frames if there are as many. Ends an open round.
    /// Returns the number of frames.
    pub(crate) fn reclaim<P: Platform<F>, F>(
        &mut self,
        platform: &mut P,
        live: &LiveFlag,
        frames: u32,
    ) -> Result<u32, BalloonError> {
        let reclaimed = self.try_reclaim::<P, F>(platform, live, frames);
        self.slot.log("hinting: ", &reclaimed);
        reclaimed
    }

    fn try_reclaim<P: Platform<F>, F>(
        &mut self,
        platform: &mut P,
        live: &LiveFlag,
        frames: u32,
    ) -> Result<u32, BalloonError> {
        self.check(live)?;
        self.blocks.check_platform(platform)?;
        self.loose.check_space()?;
        self.reclaim_buffers()?;
        self.end_round();
        if self.state.round == Round::Ending {
            self.send_stop_if_ending();
            let (queue, live) = self.slot.live()?;
            queue.notify_live(live);
        }
        Ok(self.reclaim_blocks::<P, F>(platform, frames))
    }

    fn reclaim_blocks<P: Platform<F>, F>(&mut self, platform: &mut P, frames: u32) -> u32 {
        let Self { blocks, loose, state, .. } = self;
        let (mut reclaimed, mut words, mut may_wrap) = (0_u32, SEARCHED_WORDS, state.cursor > 0);
        while reclaimed < frames {
            let before = words;
            let Some(block) = blocks.find(state.cursor, &mut words) else {
                if words == 0 {
                    // The next call continues behind the words of this one.
                    state.cursor = (state.cursor & !(u32::BITS - 1)).saturating_add(before.saturating_mul(u32::BITS));
                    break;
                }
                if !may_wrap {
                    break;
                }
                (state.cursor, may_wrap) = (0, false);
                continue;
            };
            state.cursor = block.saturating_add(1);
            if !state.in_flight.contains(&Buffer::Block(block)) {
                // SAFETY: the device has returned the buffer of the block, which ends its use.
                let count = unsafe { blocks.reclaim::<P, F>(block, loose, platform) };
                reclaimed = reclaimed.saturating_add(count);
            }
        }
        reclaimed
    }

    /// Reclaims the buffers that the device has used. Their blocks stay in the bitmap.
    fn reclaim_buffers(&mut self) -> Result<(), DeviceError> {
        let (queue, _) = self.slot.live()?;
        while let Some(used) = queue.pop()? {
            self.returned = self.returned.wrapping_add(1);
            if let Some(entry) = self.state.in_flight.get_mut(used.token.index()) {
                *entry = Buffer::None;
            }
        }
        Ok(())
    }

    /// Reads the command of the host if the configuration has changed. Some hosts replace it by STOP without an interrupt as
    /// soon as a round is open, so it is not read at other times.
    fn read_command(&mut self, status: InterruptStatus) -> Result<(), BalloonError> {
        if let (Some(field), Some(config)) = (self.field, &self.config)
            && status.configuration
        {
            self.state.command = config.read(field)?;
        }
        Ok(())
    }

    /// Starts, continues or ends the round of the command.
    fn advance_round<P: Platform<F>, F>(&mut self, platform: &mut P, live: &LiveFlag) -> Result<(), BalloonError> {
        let mut supplied = Ok(());
        match self.state.command {
            HintCommand::Round(id) => {
                if self.state.last_id != Some(id) {
                    self.start_round(id);
                }
                if self.state.round == Round::Open(id) {
                    supplied = self.supply_blocks(platform, live);
                }
            }
            // STOP or DONE.
            _ => self.end_round(),
        }
        self.send_stop_if_ending();
        supplied
    }

    /// Ends the round before, if any, and sends the id of the new one. Does nothing while no descriptor is free.
    fn start_round(&mut self, id: u32) {
        self.end_round();
        self.send_stop_if_ending();
        if self.state.round == Round::Closed && self.send_command(id) {
            self.state.last_id = Some(id);
            self.state.round = Round::Open(id);
        }
    }

    fn end_round(&mut self) {
        if let Round::Open(_) = self.state.round {
            self.state.round = Round::Ending;
        }
    }

    fn send_stop_if_ending(&mut self) {
        if self.state.round == Round::Ending && self.send_command(HintCommand::Stop.to_raw()) {
            self.state.round = Round::Closed;
        }
    }

    /// Sends blocks while there is room. Ends the round when the kernel has no more that can be sent.
    ///
    /// # Errors
    ///
    /// A block that cannot be sent, which ends the round too: the host waits for its end.
    fn supply_blocks<P: Platform<F>, F>(&mut self, platform: &mut P, live: &LiveFlag) -> Result<(), BalloonError> {
        let Self { slot, blocks, loose, state, .. } = self;
        let (queue, _) = slot.live()?;
        let mut spare = blocks.spare(platform);
        // One descriptor is kept for STOP.
        while queue.free() > 1 {
            let taken = match spare {
                0 => Ok(None),
                _ => blocks.take::<P, F>(loose, platform, live, FillWhen::After, P::block_to_hint),
            };
            let Ok(Some(block)) = taken else {
                state.round = Round::Ending;
                return taken.map(drop);
            };
            spare -= 1;
            state.has_blocks = true;
            let element = Element { address: block.address, len: block.len, access: Access::DeviceWrites };
            // SAFETY:
            // * The element is free memory that the kernel gave up, by the contract of `FrameRun::from_raw`.
            // * It stays in the bitmap until the host writes DONE or the device is reset.
            match unsafe { queue.add(&[element]) } {
                Ok(token) => note(&mut state.in_flight, token, Buffer::Block(block.number)),
                Err(_) => {
                    // SAFETY: the device did not get the block.
                    if let Some(run) = unsafe { blocks.remove(block.number, loose, platform) } {
                        platform.deallocate(run);
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Sends a command id. Returns `false` when no descriptor is free.
    fn send_command(&mut self, id: u32) -> bool {
        let (Ok((queue, _)), Some(commands)) = (self.slot.live(), &self.commands) else { return false };
        let Ok(next) = queue.next_token() else { return false };
        let offset = next.index() * COMMAND_BYTES;
        commands.write_u32(offset, in_device_order(id, self.interface));
        let address = DeviceAddress(commands.device_address().0.wrapping_add(offset as u64));
        let element = Element { address, len: COMMAND_BYTES as u32, access: Access::DeviceReads };
        // SAFETY:
        // * The element lies in memory of this queue, which is not freed before the queue is released.
        // * Each descriptor has its own word of that memory, which is written only while the descriptor is free.
        let Ok(token) = (unsafe { queue.add(&[element]) }) else { return false };
        note(&mut self.state.in_flight, token, Buffer::Command);
        true
    }
}

/// Allocates the memory for command ids.
fn allocate_commands(dma: &mut impl Dma, addressing: Addressing) -> Result<DmaRegion, QueueError> {
    let layout = Layout::from_size_align(COMMANDS_BYTES, COMMAND_BYTES).ok();
    let region = layout.and_then(|layout| DmaRegion::allocate(dma, layout, addressing).ok());
    let missing = QueueError::NoMemory { queue: <queue::FreePage as Queue>::SPEC.index, bytes: COMMANDS_BYTES };
    let mut region = region.ok_or(missing)?;
    // The device can read all of it, so it must not contain what the kernel had there.
    region.zero();
    Ok(region)
}

/// Returns a command id in the byte order of the interface: little-endian, or that of the guest on the legacy interface.
// `HintRound` of the description has the same bytes, which `tests/byte_order/hints.rs` compares. Its byte order is a type, so encoding it
// takes a branch with a request for each order.
const fn in_device_order(id: u32, interface: Interface) -> u32 {
    match interface {
        Interface::Modern => id.to_le(),
        Interface::Legacy => id,
    }
}

fn note(in_flight: &mut [Buffer; DESCRIPTORS], token: Token, what: Buffer) {
    if let Some(entry) = in_flight.get_mut(token.index()) {
        *entry = what;
    }
}
