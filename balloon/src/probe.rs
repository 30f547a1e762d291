//! Probing: from an idle transport to a live device with its queues.

use aerostat_spec::balloon::{self, config, queue};
use aerostat_spec::{Block, Feature, HasFeature, Negotiated, Requirement, RequirementKind, RequirementOf};
use aerostat_transport::{Addressing, Device, DeviceError, Offer, Reset, SetupError, SetupFailed, Status};

use crate::core::{Connection, Core, LiveDevice, OomBackoff, Plan, Poll, Polls, ResettingDevice, SetUpDevice, WaitFn};
use crate::error::ProbeError;
use crate::features::feature::{BlockInflation, DeflateOnOom, FreePageHint, PagePoison, PageReporting, StatsVq};
use crate::features::{Platform, Types, declared, declared_mut, is_declared};
use crate::messages::LastError;
use crate::options::Options;
use crate::parts::Parts;
use crate::platform::{FreeContents, Sample};
use crate::queues::DeviceState;
use crate::units::Pages;

/// Length of the configuration space up to the end of `poison_val`, the last field.
const WITH_POISON: usize = <config::Space as Block>::LEN;
/// Length of the configuration space up to the end of `free_page_hint_cmd_id`.
const WITH_COMMAND_ID: usize = WITH_POISON - size_of::<u32>();

/// A device that was reset.
type ResetDevice<C> = Device<<C as Types>::Transport, balloon::Device, Reset>;

/// How an attempt to set the device up ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// The device is live.
    Live,
    /// The device needs another plan, which was noted.
    Again,
}

impl<C: Types> Parts<C> {
    /// Resets the device, negotiates features, sets up the queues, and sets DRIVER_OK. Continues an earlier call for which the
    /// device had not finished a reset.
    ///
    /// # Errors
    ///
    /// The reason. The device was reset again or has failed, and all memory was returned to the kernel. A device that has not
    /// finished its reset keeps its queues until a later call.
    pub(crate) fn probe(&mut self, wait: &mut WaitFn<'_>) -> Result<(), ProbeError> {
        // Each plan is tried once: the value of PAGE_POISON may be rejected, and then queues may be missing.
        for _ in 0..3 {
            self.end(Some(&mut *wait)).map_err(|error| self.explain(error))?;
            self.core.plan.failed_activation = false;
            // Device and queues stay where they are, and each step has a stack frame of its own: a kernel's stack is small.
            self.negotiate(&mut *wait)?;
            match self.set_up().and_then(|attempt| if attempt == Attempt::Live { self.go_live() } else { Ok(attempt) })
            {
                Ok(Attempt::Live) => {
                    self.log_probed();
                    return Ok(());
                }
                Ok(Attempt::Again) => {}
                // If the reset does not finish, the next call continues it. The error of the attempt is the one to report, unless it
                // only results from registers that read as ones.
                Err(error) => match self.end(Some(wait)) {
                    Err(SetupError::Gone) => return Err(SetupError::Gone.into()),
                    _ => return Err(error),
                },
            }
        }
        // The device of a failed probe is not in use, or its reset was requested.
        let _ = self.end(Some(wait));
        Err(ProbeError::Activation(DeviceError::NeedsReset))
    }

    /// Logs that the device was probed. This is not in `probe`, whose stack frame it would enlarge.
    #[cfg_attr(feature = "log", inline(never))]
    fn log_probed(&mut self) {
        self.core.counters.probe_errors = LastError::new();
        log_at!(info, "balloon: probed {}; {}", self.core.connection, self.queue_numbers());
    }

    /// Returns why the device does not finish the reset before another attempt. Dragonball sets FAILED if its queues are not
    /// those that it needs, and cannot be reset then. The driver sets FAILED too, but not on a device that was live.
    fn explain(&self, error: SetupError) -> ProbeError {
        match error {
            SetupError::ResetUnfinished { status }
                if self.core.plan.failed_activation && Status(status).contains(Status::FAILED) =>
            {
                ProbeError::Activation(DeviceError::NeedsReset)
            }
            error => error.into(),
        }
    }

    /// Takes the device and negotiates the declared features.
    #[inline(never)]
    fn negotiate(&mut self, wait: &mut WaitFn<'_>) -> Result<(), ProbeError> {
        let device = self.reset(wait)?;
        match negotiate::<C>(device, &self.core.options, self.core.plan) {
            Ok(device) => {
                self.core.connection = Connection::SettingUp(device);
                Ok(())
            }
            Err(SetupFailed { error, transport }) => {
                self.core.connection = Connection::Idle(transport);
                Err(error.into())
            }
        }
    }

    /// Waits for the end of the reset at the start. The device is in `connection` during each call of `wait`, so that a panic there
    /// does not lose it.
    #[inline(never)]
    fn reset(&mut self, wait: &mut WaitFn<'_>) -> Result<ResetDevice<C>, ProbeError> {
        let mut polls = Polls::new(Some(wait), matches!(self.core.connection, Connection::Resetting(_)));
        loop {
            match self.take_device()?.poll() {
                Ok(device) => return Ok(device),
                Err((device, SetupError::Gone)) => {
                    // Another device may be in its place at the next attempt.
                    self.core.connection = Connection::Idle(device.into_transport());
                    return Err(SetupError::Gone.into());
                }
                Err((device, error)) => {
                    self.core.connection = Connection::Resetting(device);
                    if polls.next(error)? == Poll::RequestAgain
                        && let Connection::Resetting(device) = &mut self.core.connection
                    {
                        device.request_again();
                    }
                }
            }
        }
    }

    /// Requests the reset of the device, unless an earlier call has done so.
    fn take_device(&mut self) -> Result<ResettingDevice<C>, ProbeError> {
        match self.core.connection.take() {
            Connection::Idle(transport) => Device::take(transport).map_err(|SetupFailed { error, transport }| {
                self.core.connection = Connection::Idle(transport);
                error.into()
            }),
            Connection::Resetting(device) => Ok(device),
            other => {
                self.core.connection = other;
                Err(ProbeError::NotIdle)
            }
        }
    }

    /// Sets up the configuration and every queue of the negotiated features.
    #[inline(never)]
    fn set_up(&mut self) -> Result<Attempt, ProbeError> {
        if self.configure()? == Attempt::Again {
            return Ok(Attempt::Again);
        }
        let Core { connection, platform, inflate, deflate, .. } = &mut self.core;
        inflate.set_up(queue::Inflate, connection.setting_up()?, platform)?;
        deflate.set_up(queue::Deflate, connection.setting_up()?, platform)?;
        self.set_up_statistics()?;
        self.set_up_hinting()?;
        self.set_up_reporting()?;
        self.park_queues()?;
        Ok(Attempt::Live)
    }

    /// Checks that the fields that every balloon has can be read, writes the poison value, and resets the state of the
    /// balloon to that of an empty one.
    fn configure(&mut self) -> Result<Attempt, ProbeError> {
        let core = &mut self.core;
        let device = core.connection.setting_up()?;
        device.number_queues(core.options.numbering)?;
        let config = device.config();
        config.read(config::NumPages)?;
        core.poison = None;
        if let Some(proof) = negotiated::<C, _>(device, PagePoison) {
            let written = core.options.poison_value;
            core.poison = Some(written);
            device.set(config::PoisonVal::given(proof), written)?;
            // Some devices offer the feature and do not implement it. Their reports would come back with other contents.
            let read = config.read(config::PoisonVal::given(proof))?;
            if read != written {
                // The registers of a device that is gone read as ones. The next attempt notices that.
                let may_be_gone = read == u32::MAX && !core.plan.rejects_poison;
                if is_required::<C, PagePoison>() && !may_be_gone {
                    return Err(ProbeError::PoisonRejected { written, read });
                }
                log_at!(warn, "balloon: the device does not take the poison value {written:#x}, probing again");
                core.plan.rejects_poison = true;
                return Ok(Attempt::Again);
            }
        }
        core.reserve = core.options.reserve.frames(&core.bitmap.range());
        core.counts_managed = !device.accepted().has(DeflateOnOom);
        core.backoff = OomBackoff::new(core.options.oom_backoff);
        core.counters.start(Pages(config.read(config::Actual)?));
        Ok(Attempt::Live)
    }

    fn set_up_statistics(&mut self) -> Result<(), ProbeError> {
        let Self { core: Core { connection, platform, .. }, statistics, .. } = self;
        let device = connection.setting_up()?;
        let (Some(proof), Some(queue)) =
            (negotiated::<C, _>(device, StatsVq), declared_mut::<C::Features, StatsVq, _>(statistics))
        else {
            return Ok(());
        };
        let mut sample = Sample::default();
        Platform::<C::Features>::sample_statistics(platform, &mut sample);
        if sample.is_empty() {
            return Err(ProbeError::NoStatistics);
        }
        Ok(queue.set_up(proof, device, platform, sample)?)
    }

    fn set_up_hinting(&mut self) -> Result<(), ProbeError> {
        let Self { core: Core { connection, platform, poison, reserve, .. }, hinting, .. } = self;
        let device = connection.setting_up()?;
        let proof = negotiated::<C, _>(device, FreePageHint);
        match proof.zip(declared_mut::<C::Features, FreePageHint, _>(hinting)) {
            Some((proof, queue)) => Ok(queue.set_up(proof, device, platform, *poison, *reserve)?),
            None => Ok(()),
        }
    }

    fn set_up_reporting(&mut self) -> Result<(), ProbeError> {
        let Self { core: Core { connection, platform, poison, reserve, .. }, reporting, .. } = self;
        let device = connection.setting_up()?;
        let proof = negotiated::<C, _>(device, PageReporting);
        match proof.zip(declared_mut::<C::Features, PageReporting, _>(reporting)) {
            Some((proof, queue)) => Ok(queue.set_up(proof, device, platform, *poison, *reserve)?),
            None => Ok(()),
        }
    }

    /// Starts block inflation, if it is declared.
    fn start_blocks(&mut self) -> Result<(), ProbeError> {
        let Self { core, reporting, held, .. } = self;
        let queue = declared::<C::Features, PageReporting, _>(reporting);
        if let Some(held) = declared_mut::<C::Features, BlockInflation, _>(held) {
            held.clear();
        }
        match core.start_blocks(queue.map_or(Addressing::Physical, |queue| queue.addressing())) {
            Some(fallback) if is_required::<C, BlockInflation>() => Err(ProbeError::NoBlockInflation(fallback)),
            _ => Ok(()),
        }
    }

    /// Starts block inflation, and sets up the queues that the driver does not use, if the device needs them.
    // Not in `set_up`, whose stack frame is part of the deepest call.
    #[inline(never)]
    fn park_queues(&mut self) -> Result<(), ProbeError> {
        if is_declared::<C::Features, BlockInflation>() {
            self.start_blocks()?;
        }
        let Core { connection, platform, parked, plan, .. } = &mut self.core;
        if plan.parks_queues {
            *parked = Some(connection.setting_up()?.park_unused_queues(platform)?);
        }
        Ok(())
    }

    /// Sets DRIVER_OK, checks that the device works with the queues that were set up, and enables them.
    #[inline(never)]
    fn go_live(&mut self) -> Result<Attempt, ProbeError> {
        let device = self.core.connection.take_setting_up().ok_or(ProbeError::NotIdle)?;
        let device = device.go_live();
        let checked = device.check();
        self.core.plan.failed_activation = checked == Err(DeviceError::NeedsReset);
        if checked.is_ok() {
            self.enable_queues(&device);
        }
        self.core.connection = Connection::of(device);
        match checked {
            Ok(()) => Ok(Attempt::Live),
            Err(DeviceError::Gone) => Err(SetupError::Gone.into()),
            // Firecracker needs all of its queues. This is not the first attempt, because crosvm accepts no unused queue.
            Err(DeviceError::NeedsReset) if !self.core.plan.parks_queues => {
                log_at!(info, "balloon: the device needs a reset, probing again with all of its queues");
                self.core.plan.parks_queues = true;
                Ok(Attempt::Again)
            }
            Err(error) => {
                self.core.plan.parks_queues = false;
                Err(ProbeError::Activation(error))
            }
        }
    }

    #[inline(never)]
    fn enable_queues(&mut self, device: &LiveDevice<C>) {
        let live = device.live_proof();
        self.core.inflate.slot.enable(live);
        self.core.deflate.slot.enable(live);
        self.shared.live.set(DeviceState::Live);
        if let Some(queue) = self.reporting() {
            queue.enable(live, device.config());
            let index = queue.slot.index();
            self.core.note_reporting(index);
        }
        if let Some(queue) = self.hinting() {
            queue.enable(live, device.config());
        }
        if let Some(queue) = self.statistics() {
            queue.enable(live, device.config());
        }
    }
}

/// Negotiates the declared features.
#[inline(never)]
fn negotiate<C: Types>(
    device: ResetDevice<C>,
    options: &Options<C::Features>,
    plan: Plan,
) -> Result<SetUpDevice<C>, SetupFailed<C::Transport>> {
    let contents = <C::Platform as Platform<C::Features>>::CONTENTS;
    let leaves_poison_out = plan.rejects_poison && !is_required::<C, PagePoison>();
    let takes_poison = is_declared::<C::Features, PagePoison>() && !leaves_poison_out;
    let device = device.acknowledge().driver();
    device.negotiate_within::<C::Features>(|offer| usable(offer, options.without, contents, takes_poison))
}

/// Returns the mask of the features that can be used with what the device offers and the kernel relies on.
fn usable(offer: Offer, without: u64, contents: FreeContents, takes_poison: bool) -> u64 {
    // Block inflation is not a feature of the device.
    let mut mask = !without & !(1 << BlockInflation::BIT);
    if offer.config_bytes < WITH_COMMAND_ID {
        mask &= !(1 << FreePageHint::BIT);
    }
    if offer.config_bytes < WITH_POISON || !takes_poison {
        mask &= !(1 << PagePoison::BIT);
    }
    let has_poison = offer.features & mask & 1 << PagePoison::BIT != 0;
    // Reported memory loses its contents, unless the host knows them ("Feature bits", 5.5.3).
    if contents == FreeContents::Kept && !has_poison {
        mask &= !(1 << PageReporting::BIT);
    }
    mask
}

/// Returns the proof that the feature was negotiated, if it was.
fn negotiated<C: Types, X: Feature>(device: &SetUpDevice<C>, feature: X) -> Option<Negotiated<X>>
where
    C::Features: HasFeature<X>,
{
    RequirementOf::<C::Features, X>::into_option(device.accepted().depending_on(feature, |proof| proof))
}

/// Returns whether the feature `X` is required.
const fn is_required<C: Types, X>() -> bool
where
    C::Features: HasFeature<X>,
{
    matches!(<RequirementOf<C::Features, X> as Requirement>::KIND, RequirementKind::Required)
}
