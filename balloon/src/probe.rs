//! Probing: from an idle transport to a live device with its queues.

use aerostat_spec::balloon::{config, queue};
use aerostat_spec::{Block, Feature, HasFeature, Negotiated, Requirement, RequirementOf};
use aerostat_transport::{Device, Offer, SetupFailed};

use crate::core::{Connection, Core, Counters, OomBackoff, SetUpDevice};
use crate::error::ProbeError;
use crate::features::feature::{DeflateOnOom, FreePageHint, PagePoison, PageReporting, StatsVq};
use crate::features::{Platform, Types, declared_mut, is_declared};
use crate::options::Options;
use crate::parts::Parts;
use crate::platform::{FreeContents, Sample};
use crate::units::Pages;

/// Length of the configuration space up to the end of `poison_val`, the last field.
const WITH_POISON: usize = <config::Space as Block>::LEN;
/// Length of the configuration space up to the end of `free_page_hint_cmd_id`.
const WITH_COMMAND_ID: usize = WITH_POISON - size_of::<u32>();

impl<C: Types> Parts<C> {
    /// Resets the device, negotiates features, sets up the queues, and sets DRIVER_OK.
    ///
    /// # Errors
    ///
    /// The reason. The device was reset again or has failed. All memory was returned to the kernel, except for queues that
    /// the device may still use.
    pub(crate) fn probe(&mut self) -> Result<(), ProbeError> {
        // Device and queues stay where they are, and each step has a stack frame of its own: a kernel's stack is small.
        self.negotiate()?;
        match self.set_up() {
            Ok(()) => {
                self.go_live();
                Ok(())
            }
            Err(error) => {
                self.undo();
                Err(error)
            }
        }
    }

    /// Takes the device and negotiates the declared features.
    #[inline(never)]
    fn negotiate(&mut self) -> Result<(), ProbeError> {
        let transport = self.core.connection.take_idle().ok_or(ProbeError::NotIdle)?;
        match negotiate::<C>(transport, &self.core.options) {
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

    /// Sets up the configuration and every queue of the negotiated features.
    #[inline(never)]
    fn set_up(&mut self) -> Result<(), ProbeError> {
        self.configure()?;
        let Core { connection, platform, inflate, deflate, .. } = &mut self.core;
        inflate.set_up(queue::Inflate, connection.setting_up()?, platform)?;
        deflate.set_up(queue::Deflate, connection.setting_up()?, platform)?;
        self.set_up_statistics()?;
        self.set_up_hinting()?;
        self.set_up_reporting()
    }

    /// Checks that the fields that every balloon has can be read, writes the poison value, and resets the state of the
    /// balloon to that of an empty one.
    fn configure(&mut self) -> Result<(), ProbeError> {
        let core = &mut self.core;
        let device = core.connection.setting_up()?;
        device.number_queues(core.options.numbering);
        let config = device.config();
        config.read(config::NumPages)?;
        core.poison = None;
        if let Some(proof) = negotiated::<C, _>(device, PagePoison) {
            core.poison = Some(core.options.poison_value);
            device.set(config::PoisonVal::given(proof), core.options.poison_value)?;
        }
        core.counts_managed = !device.accepted().has(DeflateOnOom);
        core.backoff = OomBackoff::new(core.options.oom_backoff);
        core.counters = Counters::starting(Pages(config.read(config::Actual)?));
        Ok(())
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
        let Self { core: Core { connection, platform, poison, .. }, hinting, .. } = self;
        let device = connection.setting_up()?;
        let proof = negotiated::<C, _>(device, FreePageHint);
        match proof.zip(declared_mut::<C::Features, FreePageHint, _>(hinting)) {
            Some((proof, queue)) => Ok(queue.set_up(proof, device, platform, *poison)?),
            None => Ok(()),
        }
    }

    fn set_up_reporting(&mut self) -> Result<(), ProbeError> {
        let Self { core: Core { connection, platform, poison, .. }, reporting, .. } = self;
        let device = connection.setting_up()?;
        let proof = negotiated::<C, _>(device, PageReporting);
        match proof.zip(declared_mut::<C::Features, PageReporting, _>(reporting)) {
            Some((proof, queue)) => Ok(queue.set_up(proof, device, platform, *poison)?),
            None => Ok(()),
        }
    }

    /// Sets DRIVER_OK and enables the queues.
    #[inline(never)]
    fn go_live(&mut self) {
        let Some(device) = self.core.connection.take_setting_up() else { return };
        let device = device.go_live();
        let live = device.live_proof();
        self.core.inflate.slot.enable(live);
        self.core.deflate.slot.enable(live);
        self.shared.live.set(true);
        if let Some(queue) = self.reporting() {
            queue.slot.enable(live);
        }
        if let Some(queue) = self.hinting() {
            queue.enable(live, device.config());
        }
        if let Some(queue) = self.statistics() {
            queue.enable(live);
        }
        self.core.connection = Connection::of(device);
    }

    /// Sets FAILED, resets the device, and releases the queues that were set up.
    #[inline(never)]
    fn undo(&mut self) {
        let Some(device) = self.core.connection.take_setting_up() else { return };
        self.core.connection = match device.abandon() {
            Ok((transport, proof)) => {
                self.core.inflate.slot.release(&proof, &mut self.core.platform);
                self.core.deflate.slot.release(&proof, &mut self.core.platform);
                self.release_queues(&proof);
                Connection::Idle(transport)
            }
            Err(SetupFailed { transport, .. }) => {
                // The device may still use the memory of the queues, so it is leaked.
                self.forget_queues();
                Connection::Idle(transport)
            }
        };
    }
}

/// Takes the device and negotiates the declared features.
#[inline(never)]
fn negotiate<C: Types>(
    transport: C::Transport,
    options: &Options<C::Features>,
) -> Result<SetUpDevice<C>, SetupFailed<C::Transport>> {
    let device = Device::take(transport)?.acknowledge().driver();
    let contents = <C::Platform as Platform<C::Features>>::CONTENTS;
    device.negotiate_within::<C::Features>(|offer| {
        usable(offer, options.without, contents, is_declared::<C::Features, PagePoison>())
    })
}

/// Returns the mask of the features that can be used with what the device offers and the kernel relies on.
fn usable(offer: Offer, without: u64, contents: FreeContents, declares_poison: bool) -> u64 {
    let mut mask = !without;
    if offer.config_bytes < WITH_COMMAND_ID {
        mask &= !(1 << FreePageHint::BIT);
    }
    if offer.config_bytes < WITH_POISON || !declares_poison {
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
