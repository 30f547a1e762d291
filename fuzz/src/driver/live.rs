//! Calls that a balloon has in every state in which its device is live.

use std::future::Future as _;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use aerostat_balloon::ops::PendingDeflation;
use aerostat_balloon::transport::Transport;
use aerostat_balloon::{Balloon, BalloonError, FrameSize, LiveState, Platform, Step};

use super::state::{Driver, End, PAGES};
use crate::coverage::Event;
use crate::declared::Declared;
use crate::kernel::{Kernel, give_back, run};
use crate::methods::Method;

/// Makes progress with an operation, and finishes, drops or forgets it. A macro, because the kinds of operations have no names.
macro_rules! operate {
    ($self:ident, $poll:ident, $wait:ident, $future:ident, $operation:expr) => {{
        let mut operation = $operation;
        let mut is_done = false;
        for _ in 0..$self.below(6) {
            $self.begin(Method::$poll, PAGES);
            let result = operation.poll();
            $self.end_with(&result);
            match result {
                Ok(Poll::Pending) => $self.world.borrow_mut().turn(),
                result => {
                    is_done = true;
                    if result.is_ok() {
                        $self.count(Event::Finished);
                    }
                    break;
                }
            }
        }
        match $self.below(6) {
            _ if is_done => {}
            // An operation that is dropped does nothing, so this forgets it, too.
            0 | 1 => $self.count(Event::Dropped),
            2 => {
                let mut wait = $self.wait();
                $self.begin(Method::$wait, PAGES);
                let result = operation.wait(&mut wait);
                $self.end_with(&result);
            }
            _ => {
                let signal = Rc::clone(&$self.signal);
                let mut future = ManuallyDrop::new(operation.on(&signal));
                for _ in 0..$self.below(4) {
                    $self.begin(Method::$future, PAGES);
                    // SAFETY: the future stays where it is until it is dropped or forgotten.
                    let pinned = unsafe { Pin::new_unchecked(&mut *future) };
                    let polled = pinned.poll(&mut Context::from_waker(Waker::noop()));
                    $self.end_with(&if let Poll::Ready(result) = &polled {
                        result.as_ref().map(drop).map_err(|e| *e)
                    } else {
                        Ok(())
                    });
                    if polled.is_ready() {
                        break;
                    }
                    signal.raise($self.status());
                    $self.world.borrow_mut().turn();
                }
                if $self.below(4) > 0 {
                    // SAFETY: the future is not used below.
                    unsafe { ManuallyDrop::drop(&mut future) };
                    $self.count(Event::Dropped);
                } else {
                    $self.count(Event::Forgotten);
                }
            }
        }
    }};
}

impl<T: Transport, S: FrameSize, F: Declared> Driver<T, S, F>
where
    Kernel<S>: Platform<F>,
{
    /// Makes a call that a balloon has in every state in which it is live.
    pub(super) fn step_live<L>(&mut self, balloon: &mut Balloon<L>, is_split: bool)
    where
        L: LiveState<Transport = T, Platform = Kernel<S>, Features = F>,
    {
        let which = self.below(20);
        match which {
            0..=8 => {
                let result = match self.pause.take_if(|_| which < 2) {
                    Some(pause) => {
                        self.begin(Method::Retry, PAGES);
                        balloon.retry(pause)
                    }
                    None => {
                        self.begin(Method::Service, PAGES);
                        balloon.service()
                    }
                };
                self.end_with(&result);
                self.stepped(result);
            }
            9 => {
                self.begin(Method::Drain, PAGES);
                let result = balloon.drain();
                self.end_with(&result);
            }
            10..=12 => {
                let frames = self.amount();
                self.begin(Method::Inflate, &[]);
                let started = balloon.inflate(frames);
                self.end_with(&started.as_ref().map(drop).map_err(|error| *error));
                if let Ok(operation) = started {
                    operate!(self, PollStep, WaitStep, FutureStep, operation);
                }
            }
            13 | 14 => {
                let taken = {
                    let world = &mut *self.world.borrow_mut();
                    let max = world.choices.pick(&[1, 1, 3, 300]);
                    world.ledger.take(max, &mut world.choices)
                };
                if let Some(frames) = taken {
                    self.begin(Method::InflateWith, PAGES);
                    let rejected = balloon.inflate_with(run(frames)).err();
                    let result = rejected.as_ref().map_or(Ok(()), |rejected| Err(rejected.error));
                    self.end_with(&result);
                    if let Some(rejected) = rejected {
                        give_back(&self.world, rejected.run.as_ref());
                    }
                }
            }
            15 | 16 => {
                let frames = self.amount();
                let is_early = self.below(3) == 0;
                self.begin(Method::Deflate, &[]);
                let pending = balloon.deflate(frames);
                self.end_with(&pending.as_ref().map(drop).map_err(|error| *error));
                if let Ok(pending) = pending {
                    self.deflate(pending, is_early, false);
                }
            }
            17 => self.migrate(balloon),
            18 => self.step_rarely(balloon),
            _ => self.step_until_quiet(balloon, is_split),
        }
    }

    /// Makes a call that is rarer than others.
    fn step_rarely<L>(&mut self, balloon: &mut Balloon<L>)
    where
        L: LiveState<Transport = T, Platform = Kernel<S>, Features = F>,
    {
        match self.below(32) {
            0..=2 => {
                self.begin(Method::PollAbandon, &[]);
                let result = balloon.poll_abandon();
                self.end_fine();
                self.is_abandoned |= matches!(result, Ok(Poll::Ready(())));
            }
            3 if self.below(2) == 0 => self.abandon(balloon),
            4 if self.below(2) == 0 && !self.world.borrow().hostility.is_conforming => self.assume_gone(balloon),
            5..=9 => {
                self.begin(Method::NotifyAgain, &[]);
                let result = balloon.notify_again();
                self.end_with(&result);
            }
            _ => self.ask(balloon),
        }
    }

    /// Asks the balloon for all that it says, and checks that.
    fn ask<L>(&mut self, balloon: &Balloon<L>)
    where
        L: LiveState<Transport = T, Platform = Kernel<S>, Features = F>,
    {
        self.begin(Method::Target, &[]);
        let result = balloon.target().map(drop);
        self.end_with(&result);
        let interrupt = self.query(Method::Interrupt, || balloon.interrupt());
        self.interrupt(&interrupt);
        let _ = self.query(Method::Platform, || balloon.platform().world.as_ptr());
        let _ = self.query(Method::Accepted, || balloon.accepted().is_some());
        let _ = self.query(Method::Size, || balloon.size());
        let _ = self.query(Method::Migrated, || balloon.migrated());
        let _ = self.query(Method::Progress, || balloon.progress());
        let in_flight = self.query(Method::InFlight, || balloon.in_flight());
        let frame = self.world.borrow_mut().some_frame();
        let is_in_balloon = self.query(Method::Contains, || balloon.contains(frame));
        let mut world = self.world.borrow_mut();
        world.check_in_flight(in_flight);
        world.check_contains(frame, is_in_balloon);
        drop(world);
        if Self::HAS_BLOCKS {
            let _ = self.query(Method::BlockInflation, || F::block_inflation(balloon));
            let pages = self.query(Method::HeldInBlocks, || F::held_in_blocks(balloon));
            self.world.borrow_mut().check_blocks(pages.0);
        }
    }

    pub(super) fn abandon<L>(&mut self, balloon: &mut Balloon<L>)
    where
        L: LiveState<Transport = T, Platform = Kernel<S>, Features = F>,
    {
        let mut wait = self.wait();
        self.begin(Method::Abandon, &[]);
        let result = balloon.abandon(&mut wait);
        self.end_fine();
        match result {
            Ok(()) => self.is_abandoned = true,
            Err(_) => self.count(Event::Unfinished),
        }
    }

    /// Cuts the device off, and takes everything back.
    fn assume_gone<L>(&mut self, balloon: &mut Balloon<L>)
    where
        L: LiveState<Transport = T, Platform = Kernel<S>, Features = F>,
    {
        self.world.borrow_mut().cut_off();
        self.begin(Method::AssumeGone, &[]);
        // SAFETY: the device was cut off.
        let result = unsafe { balloon.assume_gone() };
        self.end_fine();
        self.is_abandoned = true;
        let mut world = self.world.borrow_mut();
        world.check_returned();
        world.has_seen_gone = false;
        if let Err(error) = result {
            world.fail(format!("the balloon does not take back what a device had that is gone: {error}"));
        }
    }

    /// Switches the machine off.
    pub(super) fn power_off<L>(&mut self, balloon: Balloon<L>)
    where
        L: LiveState<Transport = T, Platform = Kernel<S>, Features = F>,
    {
        let mut wait = self.wait();
        self.begin(Method::PowerOff, &[]);
        self.world.borrow_mut().call.returns_nothing = true;
        let result = balloon.power_off(&mut wait);
        self.end_fine();
        match result {
            Ok(()) => self.world.borrow_mut().check_switched_off(),
            Err(_) => self.count(Event::Unfinished),
        }
        self.count(Event::SwitchedOff);
        self.end = End::Leaked;
    }

    pub(super) fn deflate_on_oom<L>(&mut self, balloon: &mut Balloon<L>)
    where
        L: LiveState<Transport = T, Platform = Kernel<S>, Features = F>,
    {
        let is_early = self.below(2) == 0;
        self.begin(Method::DeflateOnOom, &[]);
        let pending = F::oom(balloon);
        self.end_fine();
        if let Some(pending) = pending {
            self.deflate(pending, is_early, true);
        }
    }

    pub(super) fn stepped(&mut self, result: Result<Step, BalloonError>) {
        match result {
            Ok(Step::Paused(pause)) => self.pause = Some(pause),
            Ok(Step::OnTarget) => self.count(Event::OnTarget),
            _ => {}
        }
    }

    /// Calls `service` until it has nothing to do. With a device that keeps the protocol, this ends, unless blocks are in the queue of
    /// a handle.
    pub(super) fn step_until_quiet<L>(&mut self, balloon: &mut Balloon<L>, is_split: bool)
    where
        L: LiveState<Transport = T, Platform = Kernel<S>, Features = F>,
    {
        // More than enough: the kernel has fewer frames than 1000 arrays name.
        for _ in 0..1000 {
            self.begin(Method::Service, PAGES);
            let result = balloon.service();
            self.end_with(&result);
            self.stepped(result);
            if !matches!(result, Ok(Step::Waiting)) {
                if matches!(result, Ok(Step::OnTarget)) {
                    self.world.borrow_mut().check_size(balloon.size().0, Self::HAS_BLOCKS);
                }
                return;
            }
            let mut world = self.world.borrow_mut();
            if !world.hostility.is_conforming && world.choices.chance(1, 4) {
                return;
            }
            world.serve();
        }
        let waits_for_handle = is_split && Self::HAS_BLOCKS;
        let mut world = self.world.borrow_mut();
        if world.hostility.is_conforming && !waits_for_handle {
            world.fail("no progress with a device that keeps the protocol");
        }
    }

    pub(super) fn amount(&self) -> u32 {
        let mut world = self.world.borrow_mut();
        match world.choices.below(8) {
            0 => 0,
            1 => u32::MAX,
            2..=4 => world.choices.below(20),
            _ => world.choices.below(600),
        }
    }

    pub(super) fn migrate<L>(&mut self, balloon: &mut Balloon<L>)
    where
        L: LiveState<Transport = T, Platform = Kernel<S>, Features = F>,
    {
        let (old, new) = {
            let world = &mut *self.world.borrow_mut();
            let max = if world.choices.chance(1, 16) { 2 } else { 1 };
            (world.some_frame(), world.ledger.take(max, &mut world.choices))
        };
        let Some(new) = new else { return };
        let before = self.query(Method::Migrated, || balloon.migrated());
        self.begin(Method::Migrate, PAGES);
        match balloon.migrate(old, run(new)) {
            Ok(operation) => {
                self.end_fine();
                operate!(self, PollWithoutTarget, WaitWithoutTarget, FutureWithoutTarget, operation);
                let migrated = self.query(Method::Migrated, || balloon.migrated());
                if migrated != before {
                    self.count(Event::Migrated);
                }
            }
            Err(rejected) => {
                self.end_with::<()>(&Err(rejected.error));
                give_back(&self.world, rejected.run.as_ref());
            }
        }
    }

    /// Deflates the balloon, early or as the host acknowledges it.
    pub(super) fn deflate<L>(&mut self, pending: PendingDeflation<'_, L>, is_early: bool, is_on_oom: bool)
    where
        L: LiveState<Transport = T, Platform = Kernel<S>, Features = F>,
    {
        let _ = self.query(Method::Frames, || pending.frames());
        match self.below(8) {
            0 => self.count(Event::Dropped),
            _ if is_early && F::CAN_RELEASE_EARLY => {
                self.begin(Method::ReleaseEarly, PAGES);
                self.world.borrow_mut().call.is_early = true;
                let result = F::release_early(pending);
                self.end_with(&result);
            }
            _ => {
                let operation = self.query(Method::TellHost, || pending.tell_host());
                if is_on_oom {
                    operate!(self, PollWithoutTarget, WaitWithoutTarget, FutureWithoutTarget, operation);
                } else {
                    operate!(self, PollStep, WaitStep, FutureStep, operation);
                }
            }
        }
    }
}
