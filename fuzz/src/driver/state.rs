//! The states of the balloon, and the calls of those in which it is not live.

use std::rc::Rc;

use aerostat_balloon::ops::Pause;
use aerostat_balloon::spec::Feature;
use aerostat_balloon::transport::{DeviceError, Transport};
use aerostat_balloon::{
    Balloon, BalloonError, FrameSize, Frozen, Handles, Options, Platform, ProbeError, Ready, Signal, Unprobed, feature,
};

use crate::coverage::Event;
use crate::declared::Declared;
use crate::device::Role;
use crate::kernel::{Kernel, share};
use crate::world::Shared;

// Register accesses that a call may make, and reads of the status, as documented.
/// Reading the target, or a command id: 64 attempts.
pub(super) const READ: (u32, u32) = (129, 1);
/// A step that reads the target.
pub(super) const STEP: (u32, u32) = (131, 1);
/// A step that does not read the target.
pub(super) const DRAIN: (u32, u32) = (2, 1);
pub(super) const STATISTICS: (u32, u32) = (1, 1);
pub(super) const REPORTING: (u32, u32) = (1, 1);
pub(super) const HINTING: (u32, u32) = (130, 1);
/// Accesses of a call that resets the device, probes it, or waits.
pub(super) const PROBE: (u32, u32) = (2000, 100);
pub(super) const RESET: (u32, u32) = (150, 10);
/// Accesses of dropping a balloon, which does not wait.
pub(super) const DROP: (u32, u32) = (20, 4);

/// The bit by which a set declares block inflation.
pub(super) const BLOCKS: u64 = 1 << feature::BlockInflation::BIT;

/// The queues that the balloon itself looks at.
pub(super) const PAGES: &[Role] = &[Role::Inflate, Role::Deflate];

/// A balloon in any state.
pub(super) enum Life<T: Transport, S: FrameSize, F: Declared>
where
    Kernel<S>: Platform<F>,
{
    Unprobed(Balloon<Unprobed<T, Kernel<S>, F>>),
    Ready(Balloon<Ready<T, Kernel<S>, F>>),
    Split(Handles<T, Kernel<S>, F>),
    Frozen(Balloon<Frozen<T, Kernel<S>, F>>),
    Gone,
}

/// What an episode ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The balloon was taken apart or dropped: everything is back.
    Returned,
    /// Something was forgotten, which leaks it.
    Forgotten,
}

/// The driver in an episode.
pub(crate) struct Driver<T: Transport, S: FrameSize, F: Declared>
where
    Kernel<S>: Platform<F>,
{
    pub(super) world: Shared,
    pub(super) life: Life<T, S, F>,
    pub(super) pause: Option<Pause>,
    pub(super) signal: Rc<Signal>,
    pub(super) is_abandoned: bool,
    /// Whether the last call returned an error of the device.
    pub(super) has_failed: bool,
    /// Whether handles of the split balloon were dropped or forgotten, so that their memory is leaked.
    pub(super) lacks_handles: bool,
    pub(super) end: End,
}

/// Classifies the result of a call: whether it is an error that the device caused.
fn is_device_error(error: BalloonError) -> bool {
    match error {
        // The kernel gave up waiting, or the balloon was abandoned.
        BalloonError::Device(DeviceError::NoAnswer { .. } | DeviceError::Resetting) => false,
        BalloonError::Device(_) => true,
        _ => false,
    }
}

impl<T: Transport, S: FrameSize, F: Declared> Driver<T, S, F>
where
    Kernel<S>: Platform<F>,
{
    /// Creates a balloon. `None` if the kernel has no memory for it.
    pub(crate) fn new(world: Shared, transport: T, options: Options<F>) -> Option<Self> {
        let balloon = Balloon::new(transport, Kernel::new(share(&world)), options).ok()?;
        Some(Self {
            world,
            life: Life::Unprobed(balloon),
            pause: None,
            signal: Rc::new(Signal::new()),
            is_abandoned: false,
            has_failed: false,
            lacks_handles: false,
            end: End::Returned,
        })
    }

    pub(super) fn below(&self, end: u32) -> u32 {
        self.world.borrow_mut().choices.below(end)
    }

    pub(super) fn begin(&mut self, name: &'static str, limits: (u32, u32), looks_at: &[Role]) {
        // Block inflation adds at most one access to a call.
        let more = u32::from(F::DECLARED & BLOCKS != 0);
        self.world.borrow_mut().begin(name, (limits.0 + more, limits.1), looks_at);
    }

    /// Ends a call that may have returned an error.
    pub(super) fn end_with<R>(&mut self, result: &Result<R, BalloonError>) {
        let is_error = result.as_ref().err().is_some_and(|error| is_device_error(*error));
        self.has_failed = is_error;
        let mut world = self.world.borrow_mut();
        if let (Err(error), true) = (result, world.prints) {
            eprintln!("        {error}");
        }
        world.end(is_error);
    }

    pub(super) fn end_fine(&self) {
        let mut world = self.world.borrow_mut();
        // Calls that end here look at no queue.
        world.end(false);
    }

    pub(super) fn count(&self, event: Event) {
        self.world.borrow_mut().coverage.count(event);
    }

    /// Makes one step: a call of the driver in the state that the balloon is in. Returns whether the episode goes on.
    pub(crate) fn step(&mut self) -> bool {
        self.note_state();
        let life = std::mem::replace(&mut self.life, Life::Gone);
        self.life = match life {
            Life::Unprobed(balloon) => self.step_unprobed(balloon),
            Life::Ready(balloon) => self.step_ready(balloon),
            Life::Split(handles) => self.step_split(handles),
            Life::Frozen(balloon) => self.step_frozen(balloon),
            Life::Gone => Life::Gone,
        };
        !matches!(self.life, Life::Gone)
    }

    pub(super) fn note_state(&self) {
        let mut world = self.world.borrow_mut();
        let state = match &self.life {
            Life::Ready(_) if self.is_abandoned => Some(Event::StepAbandoned),
            Life::Ready(_) => Some(Event::StepLive),
            Life::Split(_) => Some(Event::StepSplit),
            Life::Frozen(_) => Some(Event::StepFrozen),
            _ => None,
        };
        if let Some(state) = state {
            world.coverage.count(state);
        }
        world.note_depth();
    }

    pub(super) fn step_unprobed(&mut self, balloon: Balloon<Unprobed<T, Kernel<S>, F>>) -> Life<T, S, F> {
        if self.below(64) == 0 {
            drop(balloon.into_parts());
            return Life::Gone;
        }
        let mut wait = self.wait();
        self.begin("probe", PROBE, &[]);
        let probed = balloon.probe(&mut wait);
        self.end_fine();
        match probed {
            Ok(balloon) => self.probed(balloon),
            Err(failed) => {
                self.probe_failed(failed.error);
                if self.below(4) == 0 {
                    return Life::Gone;
                }
                Life::Unprobed(failed.balloon)
            }
        }
    }

    pub(super) fn probed(&mut self, balloon: Balloon<Ready<T, Kernel<S>, F>>) -> Life<T, S, F> {
        self.count(Event::Probed);
        (self.is_abandoned, self.pause) = (false, None);
        Life::Ready(balloon)
    }

    pub(super) fn probe_failed(&self, error: ProbeError) {
        let mut world = self.world.borrow_mut();
        world.coverage.count(Event::ProbeFailed);
        // The memory of the queues is leaked, because the device may still use it.
        world.may_lose_memory |= world.device.reset_in.is_some();
        if world.temper.is_gentle && world.device.offered & F::NEEDS == F::NEEDS && world.has_room() {
            world.fail(format!("the probe of a device that keeps the protocol failed: {error}"));
        }
    }

    pub(super) fn step_frozen(&mut self, balloon: Balloon<Frozen<T, Kernel<S>, F>>) -> Life<T, S, F> {
        if self.below(8) == 0 {
            drop(balloon.into_parts());
            return Life::Gone;
        }
        let mut wait = self.wait();
        self.begin("restore", PROBE, &[]);
        let restored = balloon.restore(&mut wait);
        self.end_fine();
        match restored {
            Ok(balloon) => self.probed(balloon),
            Err(failed) => {
                self.probe_failed(failed.error);
                Life::Frozen(failed.balloon)
            }
        }
    }

    /// Ends the episode: the balloon is dropped in the state that it is in.
    pub(crate) fn finish(mut self) -> End {
        let life = std::mem::replace(&mut self.life, Life::Gone);
        self.begin("drop", DROP, &[]);
        drop(life);
        self.end_fine();
        self.end
    }
}
