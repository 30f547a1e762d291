//! A balloon with all its parts, its device and its kernel, which make one move after the other.

use std::mem::replace;
use std::sync::Arc;

use aerostat_balloon::transport::{InterruptSource, InterruptStatus};
use aerostat_balloon::{Balloon, BalloonError, FrameSize, Hinted, LiveState, Reported, Signal, Source, Step};
use aerostat_device::{
    BalloonDevice, FreePageViolation, Ledger, OwnershipViolation, QueueFault, Reuse, TestPlatform, Violation, Work,
    features,
};

use super::balloon::touch;
use super::declared::{Apart, Cold, Declared, Live};
use super::moves::{Move, Part};
use super::{STATISTICS, Setup};
use crate::common::{Bus, bus, impatient};

/// The balloon in one of the states that last.
enum State<S: FrameSize, L: Declared> {
    Whole(Box<Live<S, L>>),
    Apart(Box<Apart<S, L>>),
    Frozen(Box<Cold<S, L>>),
    /// Dropped, or only while it changes.
    Gone,
}

pub(super) struct Machine<S: FrameSize, L: Declared> {
    state: State<S, L>,
    /// A part was lost, so that the balloon is never whole again.
    lost: bool,
    kernel: TestPlatform<S>,
    signal: Arc<Signal>,
    offered: u64,
    pub(super) device: BalloonDevice,
    pub(super) ledger: Ledger,
}

impl<S: FrameSize, L: Declared> Machine<S, L> {
    pub(super) fn new(setup: &Setup) -> Self {
        let work = if L::TELLS { Work::Full } else { Work::Count };
        let device = setup.builder().work(work).start().unwrap();
        let platform = TestPlatform::<S>::builder(device.memory()).device(&device).dma_bytes(1 << 18);
        // Without MUST_TELL_HOST a page may be used before the device lets go of it.
        let platform = platform.reuse(if L::TELLS { Reuse::AtOnce } else { Reuse::Later }).build().unwrap();
        let (ledger, kernel, signal) = (platform.ledger(), platform.share(), Arc::new(Signal::new()));
        ledger.set_statistics(STATISTICS);
        let balloon = L::probe(bus(&device), platform, setup);
        // As a kernel's interrupt handler does.
        let (source, raised) = (balloon.interrupt(), Arc::clone(&signal));
        device.interrupt_line().on_raise(move || raised.raise(source.acknowledge()));
        signal.raise(InterruptStatus::ANY);
        let state = State::Whole(Box::new(balloon));
        Self { state, lost: false, kernel, signal, offered: setup.offered, device, ledger }
    }

    /// Makes one move; one that does not fit the state of the balloon does nothing.
    pub(super) fn make(&mut self, it: Move) -> Result<(), BalloonError> {
        match it {
            Move::Balloon(it) => match &mut self.state {
                State::Whole(balloon) => return touch::<S, L, _>(balloon, &self.ledger, it),
                State::Apart(handles) => return touch::<S, L, _>(&mut handles.balloon, &self.ledger, it),
                State::Frozen(_) | State::Gone => {}
            },
            Move::Part(part) => return self.serve(part).map(drop),
            Move::Split => {
                self.state = match replace(&mut self.state, State::Gone) {
                    State::Whole(balloon) => State::Apart(Box::new(balloon.split())),
                    state => state,
                };
            }
            Move::Join => self.join(),
            Move::Lose(part) => self.lose(part),
            Move::Target(pages) => self.device.set_target(pages),
            Move::Ask => _ = self.device.request_statistics(),
            Move::Know { tags, value } => {
                self.ledger.set_statistics((0..16).filter(|tag| tags >> tag & 1 == 1).map(|tag| (tag, value)));
            }
            Move::StartHints => _ = self.device.start_hinting(),
            Move::StopHints => self.device.stop_hinting(),
            Move::FinishHints => self.device.finish_hinting(),
            Move::Work { steps } => (0..steps).for_each(|_| self.work()),
            Move::Limit(frames) => self.ledger.limit_frames(frames.map(u64::from)),
            Move::Kernel { frames: 0 } => self.ledger.unuse_frames(),
            Move::Kernel { frames } => _ = self.ledger.use_frames(frames.into()),
            Move::Lie(runs) => self.ledger.set_runs(runs),
            // With IN_ORDER it would not be honest.
            Move::OutOfOrder if self.offered & features::IN_ORDER != 0 => {}
            Move::OutOfOrder => self.device.misbehave(QueueFault::OutOfOrder),
            Move::Delay(ticks) => self.device.misbehave(QueueFault::Delay(ticks.into())),
            Move::Prompt => self.device.behave(),
            Move::FreezeAndRestore => return self.freeze(1000),
            Move::FreezeInVain => return self.freeze(0),
            Move::AbandonAndRestore => return self.abandon().and_then(|()| self.restore()),
        }
        Ok(())
    }

    fn work(&self) {
        if !self.device.step() {
            self.device.tick();
        }
    }

    /// Looks after one part. Whether the device has to work before there is more to do.
    fn serve(&mut self, part: Part) -> Result<bool, BalloonError> {
        let Self { state, kernel, signal, .. } = self;
        let causes = signal.take(match part {
            Part::Statistics => Source::Statistics,
            Part::Reporting => Source::Reporting,
            Part::Hinting => Source::Hinting,
        });
        Ok(match (state, part) {
            (State::Whole(balloon), Part::Statistics) => {
                balloon.stats().map_or(Ok(()), |mut it| it.service().map(drop)).map(|()| false)?
            }
            (State::Whole(balloon), Part::Reporting) => {
                balloon.reporting().map(|mut it| it.service()).transpose()? == Some(Reported::Waiting)
            }
            (State::Whole(balloon), Part::Hinting) => {
                balloon.hinting().map(|mut it| it.service(causes)).transpose()? == Some(Hinted::Waiting)
            }
            (State::Apart(handles), Part::Statistics) => {
                let statistics = handles.statistics.as_mut();
                statistics.map(|it| it.service(kernel)).transpose()?.is_some_and(|_| false)
            }
            (State::Apart(handles), Part::Reporting) => {
                let reporting = handles.reporting.as_mut();
                reporting.map(|it| it.service(kernel)).transpose()? == Some(Reported::Waiting)
            }
            (State::Apart(handles), Part::Hinting) => {
                let hinting = handles.hinting.as_mut();
                hinting.map(|it| it.service(kernel, causes)).transpose()? == Some(Hinted::Waiting)
            }
            (State::Frozen(_) | State::Gone, _) => false,
        })
    }

    fn join(&mut self) {
        self.state = match replace(&mut self.state, State::Gone) {
            State::Apart(handles) => match handles.join() {
                Ok(balloon) => State::Whole(Box::new(balloon)),
                Err(handles) => {
                    assert!(self.lost, "all parts are there");
                    State::Apart(Box::new(handles))
                }
            },
            state => state,
        };
    }

    fn lose(&mut self, part: Part) {
        let State::Apart(handles) = &mut self.state else { return };
        self.lost |= match part {
            Part::Statistics => handles.statistics.take().is_some(),
            Part::Reporting => handles.reporting.take().is_some(),
            Part::Hinting => handles.hinting.take().is_some(),
        };
    }

    fn freeze(&mut self, attempts: u32) -> Result<(), BalloonError> {
        self.join();
        let state = replace(&mut self.state, State::Gone);
        let State::Whole(balloon) = state else {
            self.state = state;
            return self.restore();
        };
        let mut patience = self.device.work_at_most(attempts);
        let frozen = match attempts {
            0 => balloon.freeze(&mut impatient),
            _ => balloon.freeze(&mut patience),
        };
        match frozen {
            Ok(frozen) => {
                self.state = State::Frozen(Box::new(frozen));
                assert!(self.ledger.is_settled(), "freeze returns everything");
                self.restore()
            }
            Err(held) => {
                self.state = State::Whole(Box::new(held.balloon));
                Err(held.error)
            }
        }
    }

    /// Resets the device, without a word to the host.
    pub(super) fn abandon(&mut self) -> Result<(), BalloonError> {
        self.join();
        let state = replace(&mut self.state, State::Gone);
        let State::Whole(balloon) = state else {
            self.state = state;
            return Ok(());
        };
        match balloon.abandon() {
            Ok(frozen) => {
                self.state = State::Frozen(Box::new(frozen));
                assert!(self.ledger.is_settled(), "a reset returns everything");
                Ok(())
            }
            Err(held) => {
                self.state = State::Whole(Box::new(held.balloon));
                Err(held.error)
            }
        }
    }

    /// Brings a frozen balloon to life, if the device lets itself. The kernel knows the usual statistics again.
    pub(super) fn restore(&mut self) -> Result<(), BalloonError> {
        self.state = match replace(&mut self.state, State::Gone) {
            State::Frozen(frozen) => {
                self.ledger.set_statistics(STATISTICS);
                match frozen.restore() {
                    Ok(balloon) => {
                        self.signal.raise(InterruptStatus::ANY);
                        State::Whole(Box::new(balloon))
                    }
                    Err(failed) => {
                        assert!(self.ledger.is_settled(), "a restore that fails returns everything");
                        State::Frozen(Box::new(failed.balloon))
                    }
                }
            }
            state => state,
        };
        Ok(())
    }

    /// Whether a part was lost, so that only dropping the balloon ends it.
    pub(super) fn is_maimed(&self) -> bool {
        self.lost
    }

    /// Nobody broke a rule.
    pub(super) fn check_rules(&self) {
        let mut broken = self.device.violations();
        // Used before the device let go of it, a frame may also become free again, and be reported as such.
        let early = |one: &Violation| matches!(one, Violation::FreePages(FreePageViolation::InBalloon { .. }));
        broken.retain(|one| L::TELLS || !early(one));
        assert_eq!(broken, [], "the driver broke rules of the device");
        let mut broken = self.ledger.violations();
        broken.retain(|one| L::TELLS || !matches!(one, OwnershipViolation::BalloonedUnowned(_)));
        assert_eq!(broken, [], "the driver broke rules of the kernel");
    }

    /// What the device counts as the balloon's, as reported and as hinted is the driver's.
    pub(super) fn check_pages(&self) {
        let lent = self.ledger.lent_frames();
        let ballooned = if L::TELLS { self.device.host_pages() } else { Default::default() };
        for pages in [ballooned, self.device.reported_pages(), self.device.held_pages()] {
            let foreign = pages.into_iter().find(|page| !lent.contains(&u64::from(page / S::PAGES)));
            assert_eq!(foreign, None, "a page of a frame that is the kernel's");
        }
    }

    /// `actual` is what the driver counts, and no more than it has.
    pub(super) fn check_sizes(&self) {
        let (told, lent) = (self.device.actual(), self.ledger.lent_frames().len());
        let size = match &self.state {
            State::Whole(balloon) => balloon.size(),
            State::Apart(handles) => handles.balloon.size(),
            State::Frozen(_) | State::Gone => return,
        };
        assert_eq!(size.0, told, "`actual` is the size");
        assert!(!L::TELLS || u64::from(told) <= lent as u64 * u64::from(S::PAGES));
        let accounts = self.ledger.accounts();
        assert!((0..=lent as i64).contains(&accounts.in_balloon()), "{accounts:?} of {lent} frames");
        assert!(self.offered & features::DEFLATE_ON_OOM == 0 || accounts.calls == 0, "{accounts:?}");
    }

    /// The set of statistics is the one of the beginning.
    pub(super) fn check_statistics(&self) {
        if let Some(values) = self.device.statistics() {
            let tags: Vec<u16> = values.into_iter().map(|(tag, _)| tag).collect();
            assert_eq!(tags, STATISTICS.map(|(tag, _)| tag));
        }
    }

    /// Ends all reports and hints, goes to the target as far as there are frames, and compares what everybody counts.
    pub(super) fn settle(&mut self) {
        self.device.behave();
        self.device.finish_hinting();
        for part in [Part::Statistics, Part::Hinting, Part::Reporting] {
            // Reports and hints end after a round of all free memory each.
            let busy = (0..20_000).find(|_| {
                let busy = self.serve(part).expect("the device is honest");
                (0..8).for_each(|_| self.work());
                !busy && (0..4).all(|_| !self.serve(part).expect("the device is honest"))
            });
            assert!(busy.is_some(), "{part:?} comes to rest");
        }
        let step = match &mut self.state {
            State::Whole(balloon) => come_to_rest(balloon, &self.device),
            State::Apart(handles) => come_to_rest(&mut handles.balloon, &self.device),
            State::Frozen(_) | State::Gone => panic!("the balloon is live"),
        };
        let (size, target, lent) = (self.device.actual(), self.device.target(), self.ledger.lent_frames().len());
        assert_eq!(self.device.host_page_count(), size as usize);
        // What a lost handle has reported or hinted comes back at the end.
        assert!(self.lost || lent as u32 * S::PAGES == size, "{lent} frames, {size} pages");
        let accounted = self.offered & features::DEFLATE_ON_OOM == 0;
        let accounts = self.ledger.accounts();
        assert!(!accounted || accounts.in_balloon() == i64::from(size / S::PAGES), "{accounts:?}, {size} pages");
        match step {
            Step::OnTarget => assert_eq!(size, target.next_multiple_of(S::PAGES)),
            _ => assert!(size < target),
        }
    }

    /// Takes everything apart, and finds it complete.
    pub(super) fn finish(mut self) {
        self.join();
        match replace(&mut self.state, State::Gone) {
            State::Whole(balloon) => {
                let frozen = balloon.freeze(&mut self.device.work_at_most(1000)).map_err(|held| held.error);
                let (_bus, _platform) = frozen.expect("the device is honest").into_parts();
                assert!(self.ledger.is_settled(), "freeze returns every frame");
                assert_eq!(self.device.host_page_count(), 0);
            }
            State::Frozen(_) => assert!(self.ledger.is_settled()),
            State::Apart(handles) => {
                self.state = State::Apart(handles);
                self.drop_balloon();
            }
            State::Gone => {}
        }
    }

    /// Drops the balloon as it is. Every frame is back, and parts that are left can do no harm.
    pub(super) fn drop_balloon(&mut self) {
        match replace(&mut self.state, State::Gone) {
            State::Apart(handles) => {
                let Apart::<S, L> { balloon, statistics, reporting, hinting } = *handles;
                drop(balloon);
                let events = self.device.events().len();
                assert!(statistics.is_none_or(|mut it| it.service(&mut self.kernel).is_err()));
                assert!(reporting.is_none_or(|mut it| it.service(&mut self.kernel).is_err()));
                assert!(hinting.is_none_or(|mut it| it.service(&mut self.kernel, InterruptStatus::ANY).is_err()));
                assert_eq!(self.device.events().len(), events, "nothing is said to the device");
                assert!(self.ledger.lent_frames().is_empty(), "dropping returns every frame");
            }
            state => {
                drop(state);
                assert!(self.ledger.is_settled(), "dropping returns everything");
            }
        }
    }
}

impl<S: FrameSize, L: Declared> Drop for Machine<S, L> {
    fn drop(&mut self) {
        // The handler keeps the device.
        self.device.interrupt_line().on_raise(|| {});
    }
}

/// Steps until the balloon has nothing to do.
fn come_to_rest<B: LiveState<Transport = Bus>>(balloon: &mut Balloon<B>, device: &BalloonDevice) -> Step {
    let step = (0..20_000).find_map(|_| {
        let step = balloon.service().expect("the device is honest");
        match step {
            Step::Waiting if device.step() => None,
            Step::Waiting => {
                device.tick();
                None
            }
            Step::HeldOff { .. } => {
                _ = balloon.retry().expect("the device is honest");
                None
            }
            Step::OnTarget | Step::OutOfFrames { .. } => Some(step),
        }
    });
    step.expect("the balloon settles")
}
