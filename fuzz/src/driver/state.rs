//! The states of the balloon, and the calls of those in which it is not live.

use std::future::Future as _;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use aerostat_balloon::ops::Pause;
use aerostat_balloon::spec::Feature;
use aerostat_balloon::transport::{DeviceError, InterruptSource, Transport};
use aerostat_balloon::{
    Balloon, BalloonError, FrameSize, Frozen, Handles, Options, Platform, ProbeError, Ready, Signal, Source, Unprobed,
    feature,
};

use crate::coverage::Event;
use crate::declared::Declared;
use crate::device::Role;
use crate::kernel::{Kernel, share};
use crate::methods::Method;
use crate::world::Shared;

/// The bit by which a set declares block inflation.
const BLOCKS: u64 = 1 << feature::BlockInflation::BIT;

/// The queues that the balloon itself looks at.
pub(super) const PAGES: &[Role] = &[Role::Inflate, Role::Deflate];

/// A balloon in any state.
pub(super) enum State<T: Transport, S: FrameSize, F: Declared>
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
    /// Something was forgotten, or the machine was switched off, which leaks everything.
    Leaked,
}

/// The driver in an episode.
pub(crate) struct Driver<T: Transport, S: FrameSize, F: Declared>
where
    Kernel<S>: Platform<F>,
{
    pub(super) world: Shared,
    pub(super) state: State<T, S, F>,
    pub(super) pause: Option<Pause>,
    pub(super) signal: Rc<Signal>,
    pub(super) is_abandoned: bool,
    /// Whether the last call returned an error of the device.
    pub(super) has_failed: bool,
    /// Whether a handle of the split balloon was forgotten.
    pub(super) lacks_handles: bool,
    /// Whether a handle of any balloon of the episode was forgotten, so that memory is leaked.
    pub(super) has_lost_handles: bool,
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
        for method in [Method::New, Method::SignalNew] {
            world.borrow_mut().coverage.called(method);
        }
        let balloon = Balloon::new(transport, Kernel::new(share(&world)), options).ok()?;
        Some(Self {
            world,
            state: State::Unprobed(balloon),
            pause: None,
            signal: Rc::new(Signal::new()),
            is_abandoned: false,
            has_failed: false,
            lacks_handles: false,
            has_lost_handles: false,
            end: End::Returned,
        })
    }

    /// Whether block inflation is declared.
    pub(super) const HAS_BLOCKS: bool = F::DECLARED & BLOCKS != 0;

    pub(super) fn below(&self, end: u32) -> u32 {
        self.world.borrow_mut().choices.below(end)
    }

    /// Starts a call of the driver.
    pub(super) fn begin(&self, method: Method, looks_at: &[Role]) {
        self.world.borrow_mut().begin(method, Self::HAS_BLOCKS, looks_at);
    }

    /// Makes a call that neither looks at queues nor returns an error of the device.
    pub(super) fn query<R>(&self, method: Method, call: impl FnOnce() -> R) -> R {
        self.world.borrow_mut().begin_query(method);
        let result = call();
        self.end_fine();
        result
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
        let state = std::mem::replace(&mut self.state, State::Gone);
        self.state = match state {
            State::Unprobed(balloon) => self.step_unprobed(balloon),
            State::Ready(balloon) => self.step_ready(balloon),
            State::Split(handles) => self.step_split(handles),
            State::Frozen(balloon) => self.step_frozen(balloon),
            State::Gone => State::Gone,
        };
        !matches!(self.state, State::Gone)
    }

    pub(super) fn note_state(&self) {
        let mut world = self.world.borrow_mut();
        let state = match &self.state {
            State::Ready(_) if self.is_abandoned => Some(Event::StepAbandoned),
            State::Ready(_) => Some(Event::StepLive),
            State::Split(_) => Some(Event::StepSplit),
            State::Frozen(_) => Some(Event::StepFrozen),
            _ => None,
        };
        if let Some(state) = state {
            world.coverage.count(state);
        }
        world.note_depth();
    }

    pub(super) fn step_unprobed(&mut self, mut balloon: Balloon<Unprobed<T, Kernel<S>, F>>) -> State<T, S, F> {
        if self.below(64) == 0 {
            drop(self.query(Method::UnprobedIntoParts, || balloon.into_parts()));
            return State::Gone;
        }
        let _ = self.query(Method::UnprobedPlatform, || balloon.platform().world.as_ptr());
        let interrupt = self.query(Method::UnprobedInterrupt, || balloon.interrupt());
        self.interrupt(&interrupt);
        if self.cuts_off() {
            // SAFETY: the device was cut off.
            balloon = self.query(Method::UnprobedAssumeReset, || unsafe { balloon.assume_reset() });
            self.check_released();
        }
        let mut wait = self.wait();
        self.begin(Method::Probe, &[]);
        let probed = balloon.probe(&mut wait);
        self.end_fine();
        match probed {
            Ok(balloon) => self.probed(balloon),
            Err(failed) => {
                self.probe_failed(failed.error);
                if self.below(4) == 0 {
                    return State::Gone;
                }
                State::Unprobed(failed.balloon)
            }
        }
    }

    /// Makes an interrupt, and passes it to the contexts that wait.
    pub(super) fn interrupt(&self, interrupt: &impl InterruptSource) {
        let status = self.query(Method::Acknowledge, || interrupt.acknowledge());
        self.query(Method::SignalRaise, || self.signal.raise(status));
        let mut context = Context::from_waker(Waker::noop());
        let source = match self.below(4) {
            0 => Source::Balloon,
            1 => Source::Statistics,
            2 => Source::Reporting,
            _ => Source::Hinting,
        };
        match self.below(3) {
            0 => drop(self.query(Method::SignalTake, || self.signal.take(source))),
            1 => drop(self.query(Method::SignalPoll, || self.signal.poll(source, &mut context))),
            _ => drop(self.query(Method::SignalWait, || pin!(self.signal.wait(source)).poll(&mut context))),
        }
    }

    /// Cuts the device off in some cases if a reset of it has not finished. Returns whether it did.
    fn cuts_off(&self) -> bool {
        let mut world = self.world.borrow_mut();
        let is_unfinished = world.device.reset_in.is_some() || world.device.is_unplugged;
        let cuts_off = is_unfinished && !world.hostility.is_conforming && world.choices.chance(1, 2);
        if cuts_off {
            world.cut_off();
        }
        cuts_off
    }

    /// Checks that a balloon that is not live, and whose device was cut off, has returned everything.
    fn check_released(&self) {
        let mut world = self.world.borrow_mut();
        if !self.has_lost_handles {
            world.check_released();
            // The driver has all of its private memory, and no other.
            world.may_lose_memory = false;
        }
        world.has_seen_gone = false;
    }

    pub(super) fn probed(&mut self, balloon: Balloon<Ready<T, Kernel<S>, F>>) -> State<T, S, F> {
        self.count(Event::Probed);
        (self.is_abandoned, self.pause) = (false, None);
        State::Ready(balloon)
    }

    pub(super) fn probe_failed(&self, error: ProbeError) {
        let mut world = self.world.borrow_mut();
        world.coverage.count(Event::ProbeFailed);
        // The memory of the queues is leaked, because the device may still use it.
        world.may_lose_memory |= world.device.reset_in.is_some();
        if world.hostility.is_conforming && world.device.offered & F::NEEDS == F::NEEDS && world.has_room() {
            world.fail(format!("the probe of a device that keeps the protocol failed: {error}"));
        }
    }

    pub(super) fn step_frozen(&mut self, mut balloon: Balloon<Frozen<T, Kernel<S>, F>>) -> State<T, S, F> {
        if self.below(8) == 0 {
            drop(self.query(Method::FrozenIntoParts, || balloon.into_parts()));
            return State::Gone;
        }
        let _ = self.query(Method::FrozenPlatform, || balloon.platform().world.as_ptr());
        let interrupt = self.query(Method::FrozenInterrupt, || balloon.interrupt());
        self.interrupt(&interrupt);
        if self.cuts_off() {
            // SAFETY: the device was cut off.
            balloon = self.query(Method::FrozenAssumeReset, || unsafe { balloon.assume_reset() });
            self.check_released();
        }
        let mut wait = self.wait();
        self.begin(Method::Restore, &[]);
        let restored = balloon.restore(&mut wait);
        self.end_fine();
        match restored {
            Ok(balloon) => self.probed(balloon),
            Err(failed) => {
                self.probe_failed(failed.error);
                State::Frozen(failed.balloon)
            }
        }
    }

    /// Ends the episode: the balloon is dropped in the state that it is in.
    pub(crate) fn finish(mut self) -> End {
        let state = std::mem::replace(&mut self.state, State::Gone);
        self.begin(Method::DropBalloon, &[]);
        drop(state);
        self.end_fine();
        self.end
    }
}
