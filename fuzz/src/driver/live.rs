//! Calls that a balloon has in every state in which its device is live.

use std::future::Future as _;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use aerostat_balloon::ops::PendingDeflation;
use aerostat_balloon::transport::{InterruptSource as _, Transport};
use aerostat_balloon::{Balloon, BalloonError, FrameSize, LiveState, Platform, Source, Step};

use super::state::{BLOCKS, DRAIN, Driver, PAGES, READ, STEP};
use crate::coverage::Event;
use crate::declared::Declared;
use crate::kernel::{Kernel, give_back, run};

/// Makes progress with an operation, and finishes, drops or forgets it. A macro, because the kinds of operations have no names.
macro_rules! operate {
    ($self:ident, $name:literal, $operation:expr) => {{
        let mut operation = $operation;
        let mut is_done = false;
        for _ in 0..$self.below(6) {
            $self.begin($name, STEP, PAGES);
            let result = operation.poll();
            $self.end_with(&result);
            match result {
                Ok(Poll::Pending) => $self.world.borrow_mut().turn(),
                result => {
                    is_done = true;
                    if result.is_ok() && $name == "migrate" {
                        $self.count(Event::Migrated);
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
                $self.begin($name, STEP, PAGES);
                let result = operation.wait(&mut wait);
                $self.end_with(&result);
            }
            _ => {
                let signal = Rc::clone(&$self.signal);
                let mut future = ManuallyDrop::new(operation.on(&signal));
                for _ in 0..$self.below(4) {
                    $self.begin($name, STEP, PAGES);
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
                self.begin("service", STEP, PAGES);
                let result = match self.pause.take_if(|_| which < 2) {
                    Some(pause) => balloon.retry(pause),
                    None => balloon.service(),
                };
                self.end_with(&result);
                self.stepped(result);
            }
            9 => {
                self.begin("drain", DRAIN, PAGES);
                let result = balloon.drain();
                self.end_with(&result);
            }
            10..=12 => {
                let frames = self.amount();
                self.begin("inflate", READ, &[]);
                let started = balloon.inflate(frames);
                self.end_with(&started.as_ref().map(drop).map_err(|error| *error));
                if let Ok(operation) = started {
                    operate!(self, "inflate", operation);
                }
            }
            13 | 14 => {
                let taken = {
                    let world = &mut *self.world.borrow_mut();
                    let max = world.choices.pick(&[1, 1, 3, 300]);
                    world.ledger.take(max, &mut world.choices)
                };
                if let Some(frames) = taken {
                    self.begin("inflate_with", STEP, PAGES);
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
                self.begin("deflate", READ, &[]);
                let pending = balloon.deflate(frames);
                self.end_with(&pending.as_ref().map(drop).map_err(|error| *error));
                if let Ok(pending) = pending {
                    self.deflate(pending, is_early);
                }
            }
            17 => self.migrate(balloon),
            18 if self.below(8) == 0 => {
                self.begin("poll_abandon", (2, 1), &[]);
                let result = balloon.poll_abandon();
                self.end_fine();
                self.is_abandoned |= matches!(result, Ok(Poll::Ready(())));
            }
            18 if self.below(8) == 0 => {
                self.begin("notify_again", (5, 1), &[]);
                let result = balloon.notify_again();
                self.end_with(&result);
            }
            18 => {
                self.begin("queries", (131, 1), &[]);
                let _ = (balloon.size(), balloon.migrated());
                let result = balloon.target().map(drop);
                self.signal.raise(balloon.interrupt().acknowledge());
                let _ = self.signal.take(Source::Hinting);
                self.end_with(&result);
            }
            _ => self.step_until_quiet(balloon, is_split),
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
            self.begin("service", STEP, PAGES);
            let result = balloon.service();
            self.end_with(&result);
            self.stepped(result);
            if !matches!(result, Ok(Step::Waiting)) {
                if matches!(result, Ok(Step::OnTarget)) {
                    self.world.borrow_mut().check_size(balloon.size().0, F::DECLARED & BLOCKS != 0);
                }
                return;
            }
            let mut world = self.world.borrow_mut();
            if !world.temper.is_gentle && world.choices.chance(1, 4) {
                return;
            }
            world.serve();
        }
        let waits_for_handle = is_split && F::DECLARED & BLOCKS != 0;
        let mut world = self.world.borrow_mut();
        if world.temper.is_gentle && !waits_for_handle {
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
        self.begin("migrate", DRAIN, PAGES);
        match balloon.migrate(old, run(new)) {
            Ok(operation) => {
                self.end_fine();
                operate!(self, "migrate", operation);
            }
            Err(rejected) => {
                self.end_with::<()>(&Err(rejected.error));
                give_back(&self.world, rejected.run.as_ref());
            }
        }
    }

    pub(super) fn deflate<L>(&mut self, pending: PendingDeflation<'_, L>, is_early: bool)
    where
        L: LiveState<Transport = T, Platform = Kernel<S>, Features = F>,
    {
        let _ = pending.frames();
        match self.below(8) {
            0 => self.count(Event::Dropped),
            _ if is_early => {
                self.begin("release_early", DRAIN, PAGES);
                self.world.borrow_mut().call.is_early = true;
                match F::release_early(pending) {
                    Some(result) => self.end_with(&result),
                    // The set does not permit it: nothing was called.
                    None => self.cancel(),
                }
            }
            _ => operate!(self, "deflate", pending.tell_host()),
        }
    }

    pub(super) fn cancel(&mut self) {
        self.begin("nothing", STEP, &[]);
        self.end_fine();
    }
}
