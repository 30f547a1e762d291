//! A balloon with its handles, its device and its kernel, which make one move after the other.

use std::mem::replace;
use std::sync::Arc;

use aerostat_balloon::feature::{FreePageHint, PageReporting, StatsVq};
use aerostat_balloon::handles::{HintingHandle, Progress, ReportingHandle, StatisticsHandle};
use aerostat_balloon::ops::{Pause, PauseReason};
use aerostat_balloon::spec::{Requirement, RequirementOf};
use aerostat_balloon::transport::{InterruptSource, InterruptStatus};
use aerostat_balloon::{
    Balloon, BalloonError, FrameSize, Frozen, Handles, LiveState, Options, Platform, Signal, Source, Split, Step,
};
use aerostat_device::{
    BalloonDevice, FreePageViolation, Ledger, OwnershipViolation, QueueFault, Reuse, TestPlatform, Violation, Work,
    features,
};

use crate::common::{Bus, Live, no_wait, probe};
use crate::declarations::{Declaration, tells_host};
use crate::moves::{Move, Part};
use crate::operations::operate;
use crate::setup::{STATISTICS, Setup};

/// A split balloon. Each handle exists if its feature was negotiated, until it is dropped.
struct Parts<S: FrameSize, F: Declaration>
where
    TestPlatform<S>: Platform<F>,
{
    balloon: Balloon<Split<Bus, TestPlatform<S>, F>>,
    statistics: Option<StatisticsHandle<Bus, TestPlatform<S>, F>>,
    reporting: Option<ReportingHandle<Bus, TestPlatform<S>, F>>,
    hinting: Option<HintingHandle<Bus, TestPlatform<S>, F>>,
}

impl<S: FrameSize, F: Declaration> Parts<S, F>
where
    TestPlatform<S>: Platform<F>,
{
    fn split(balloon: Live<S, F>) -> Self {
        Self::of(balloon.split())
    }

    fn of(handles: Handles<Bus, TestPlatform<S>, F>) -> Self {
        Self {
            balloon: handles.balloon,
            statistics: RequirementOf::<F, StatsVq>::into_option(handles.statistics),
            reporting: RequirementOf::<F, PageReporting>::into_option(handles.reporting),
            hinting: RequirementOf::<F, FreePageHint>::into_option(handles.hinting),
        }
    }

    fn notify_again(&mut self) {
        self.balloon.notify_again();
        // The handles of an abandoned balloon return errors.
        let _ = self.statistics.as_mut().map(StatisticsHandle::notify_again);
        let _ = self.reporting.as_mut().map(ReportingHandle::notify_again);
        let _ = self.hinting.as_mut().map(HintingHandle::notify_again);
    }

    fn is_missing_required_handle(&self) -> bool {
        let is_missing = |feature: u64, exists: bool| F::REQUIRED & feature != 0 && !exists;
        is_missing(features::STATS_VQ, self.statistics.is_some())
            || is_missing(features::PAGE_REPORTING, self.reporting.is_some())
            || is_missing(features::FREE_PAGE_HINT, self.hinting.is_some())
    }

    fn join(self) -> Result<Live<S, F>, Self> {
        if self.is_missing_required_handle() {
            return Err(self);
        }
        let statistics = RequirementOf::<F, StatsVq>::from_option(self.statistics);
        let reporting = RequirementOf::<F, PageReporting>::from_option(self.reporting);
        let hinting = RequirementOf::<F, FreePageHint>::from_option(self.hinting);
        let (Some(statistics), Some(reporting), Some(hinting)) = (statistics, reporting, hinting) else {
            panic!("no required handle is missing")
        };
        Handles { balloon: self.balloon, statistics, reporting, hinting }.join().map_err(Self::of)
    }
}

/// The balloon in one of its states.
enum State<S: FrameSize, F: Declaration>
where
    TestPlatform<S>: Platform<F>,
{
    Ready(Live<S, F>),
    Split(Parts<S, F>),
    Frozen(Balloon<Frozen<Bus, TestPlatform<S>, F>>),
    /// The balloon was dropped, or is changing its state.
    None,
}

/// How a test case ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// The balloon is frozen and taken apart.
    TakeApart,
    /// The balloon is dropped, then its handles.
    Drop,
    /// The handles are dropped, then the balloon.
    DropHandlesFirst,
}

pub(crate) struct Machine<S: FrameSize, F: Declaration>
where
    TestPlatform<S>: Platform<F>,
{
    state: State<S, F>,
    /// The balloon was abandoned and not restored since.
    is_abandoned: bool,
    /// A handle was dropped, so that the balloon cannot be joined.
    has_dropped_handle: bool,
    pause: Option<Pause>,
    /// The handles' access to the kernel.
    kernel: TestPlatform<S>,
    signal: Arc<Signal>,
    offered: u64,
    pub(crate) device: BalloonDevice,
    pub(crate) ledger: Ledger,
}

impl<S: FrameSize, F: Declaration> Machine<S, F>
where
    TestPlatform<S>: Platform<F>,
{
    pub(crate) fn new(setup: &Setup) -> Self {
        // A frame that is released early may be used before the device has processed its deflation.
        let (work, reuse) = if tells_host::<F>() { (Work::Full, Reuse::AtOnce) } else { (Work::Count, Reuse::Later) };
        let device = setup.builder::<F>().work(work).start().unwrap();
        let platform = TestPlatform::<S>::builder(device.memory()).device(&device).dma_bytes(1 << 18);
        let platform = platform.reuse(reuse).build().unwrap();
        let (ledger, kernel, signal) = (platform.ledger(), platform.share(), Arc::new(Signal::new()));
        ledger.set_statistics(STATISTICS);
        let options: Options<F> = F::options(setup);
        let balloon = probe(&device, platform, options);
        // Like the interrupt handler of a kernel.
        let (source, handler) = (balloon.interrupt(), Arc::clone(&signal));
        device.interrupt_line().on_raise(move || handler.raise(source.acknowledge()));
        signal.raise(InterruptStatus::ANY);
        Self {
            state: State::Ready(balloon),
            is_abandoned: false,
            has_dropped_handle: false,
            pause: None,
            kernel,
            signal,
            offered: setup.offered::<F>() & F::DECLARED,
            device,
            ledger,
        }
    }

    /// Makes one move. A move that does not fit the state of the balloon does nothing.
    pub(crate) fn make(&mut self, it: Move) -> Result<(), BalloonError> {
        let Self { state, ledger, pause, .. } = self;
        match it {
            Move::Operation(operation) => match state {
                State::Ready(balloon) => return operate::<S, F, _>(balloon, ledger, pause, operation),
                State::Split(parts) => return operate::<S, F, _>(&mut parts.balloon, ledger, pause, operation),
                State::Frozen(_) | State::None => {}
            },
            Move::Service(part) => return self.service(part).map(drop),
            Move::Split => {
                self.state = match replace(&mut self.state, State::None) {
                    State::Ready(balloon) => State::Split(Parts::split(balloon)),
                    state => state,
                };
            }
            Move::Join => self.join(),
            Move::DropHandle(part) => self.drop_handle(part),
            Move::Target(pages) => self.device.set_target(pages),
            Move::RequestStatistics => _ = self.device.request_statistics(),
            Move::SetStatistics { tags, value } => {
                self.ledger.set_statistics((0..16).filter(|tag| tags >> tag & 1 == 1).map(|tag| (tag, value)));
            }
            Move::StartHints => _ = self.device.start_hinting(),
            Move::StopHints => self.device.stop_hinting(),
            Move::FinishHints => self.device.finish_hinting(),
            Move::Work { steps } => (0..steps).for_each(|_| self.work()),
            Move::LimitFrames(frames) => self.ledger.limit_frames(frames.map(u64::from)),
            Move::UseFrames { frames: 0 } => self.ledger.free_used_frames(),
            Move::UseFrames { frames } => _ = self.ledger.use_frames(frames.into()),
            Move::SetRuns(runs) => self.ledger.set_runs(runs),
            // A device with IN_ORDER does not use buffers in reverse order.
            Move::ReverseOrder if self.offered & features::IN_ORDER != 0 => {}
            Move::ReverseOrder => self.device.inject(QueueFault::CompletesInReverse),
            Move::Delay(ticks) => self.device.inject(QueueFault::DelaysCompletion(ticks.into())),
            Move::AnswerAtOnce => self.device.clear_faults(),
            Move::NotifyAgain => match state {
                State::Ready(balloon) => balloon.notify_again(),
                State::Split(parts) => parts.notify_again(),
                State::Frozen(_) | State::None => {}
            },
            Move::Reclaim { frames } => match state {
                State::Ready(balloon) => F::reclaim::<S>(balloon, frames.into())?,
                State::Split(parts) => {
                    let kernel = &mut self.kernel;
                    let reclaim = |handle: &mut HintingHandle<_, _, _>| handle.reclaim_hinted(kernel, frames.into());
                    parts.hinting.as_mut().map(reclaim).transpose()?;
                }
                State::Frozen(_) | State::None => {}
            },
            Move::HostReset => {
                if let State::Frozen(_) | State::None = state {
                    return Ok(());
                }
                self.device.host_reset();
                self.abandon()?;
                self.restore();
            }
            Move::FreezeAndRestore => return self.freeze(1000),
            Move::FreezeWithoutWaiting => return self.freeze(0),
            Move::Abandon => return self.abandon(),
            Move::AbandonAndRestore => return self.abandon().and_then(|()| self.freeze(0)),
        }
        Ok(())
    }

    /// Returns whether the balloon was abandoned: its operations then return errors.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned
    }

    fn work(&self) {
        if !self.device.step() {
            self.device.tick();
        }
    }

    /// Services one part. Returns whether the device has to work before there is more to do.
    fn service(&mut self, part: Part) -> Result<bool, BalloonError> {
        let Self { state, kernel, signal, .. } = self;
        let status = signal.take(match part {
            Part::Statistics => Source::Statistics,
            Part::Reporting => Source::Reporting,
            Part::Hinting => Source::Hinting,
        });
        let progress = match state {
            State::Ready(balloon) => F::service::<S>(balloon, part, status)?,
            State::Split(parts) => match part {
                Part::Statistics => {
                    let request = parts.statistics.as_mut().map(|handle| handle.service(kernel));
                    request.transpose()?.map(|_| Progress::Idle)
                }
                Part::Reporting => parts.reporting.as_mut().map(|handle| handle.service(kernel)).transpose()?,
                Part::Hinting => parts.hinting.as_mut().map(|handle| handle.service(kernel, status)).transpose()?,
            },
            State::Frozen(_) | State::None => None,
        };
        Ok(progress == Some(Progress::Waiting))
    }

    fn join(&mut self) {
        self.state = match replace(&mut self.state, State::None) {
            State::Split(parts) => match parts.join() {
                Ok(balloon) => State::Ready(balloon),
                Err(parts) => {
                    assert!(self.has_dropped_handle, "no handle is missing");
                    State::Split(parts)
                }
            },
            state => state,
        };
    }

    fn drop_handle(&mut self, part: Part) {
        let State::Split(parts) = &mut self.state else { return };
        self.has_dropped_handle |= match part {
            Part::Statistics => parts.statistics.take().is_some(),
            Part::Reporting => parts.reporting.take().is_some(),
            Part::Hinting => parts.hinting.take().is_some(),
        };
    }

    /// Freezes the balloon and restores it.
    fn freeze(&mut self, attempts: u32) -> Result<(), BalloonError> {
        self.join();
        let state = replace(&mut self.state, State::None);
        let State::Ready(balloon) = state else {
            self.state = state;
            self.restore();
            return Ok(());
        };
        let frozen = match attempts {
            0 => balloon.freeze(&mut no_wait),
            _ => balloon.freeze(&mut self.device.work_at_most(attempts)),
        };
        match frozen {
            Ok(frozen) => {
                self.state = State::Frozen(frozen);
                self.assert_reset();
                self.restore();
                Ok(())
            }
            Err(live) => {
                self.state = State::Ready(live.balloon);
                Err(live.error)
            }
        }
    }

    fn assert_reset(&self) {
        assert!(self.ledger.all_returned_except_private(), "a reset returns everything");
        assert_eq!(self.ledger.allocated_private(), 1);
    }

    /// Abandons the balloon in place.
    pub(crate) fn abandon(&mut self) -> Result<(), BalloonError> {
        self.join();
        match &mut self.state {
            State::Ready(balloon) => {
                balloon.abandon(&mut crate::common::polls())?;
                assert_eq!((balloon.size().0, balloon.accepted().is_some()), (0, false));
                self.is_abandoned = true;
                self.assert_reset();
            }
            // A required handle was dropped.
            State::Split(parts) => {
                parts.balloon.abandon(&mut crate::common::polls())?;
                self.is_abandoned = true;
                assert!(self.ledger.allocated_frames().is_empty(), "a reset returns every frame and block");
            }
            State::Frozen(_) | State::None => {}
        }
        Ok(())
    }

    /// Restores an abandoned or frozen balloon, if its device can be probed. The kernel supplies the first statistics again.
    pub(crate) fn restore(&mut self) {
        if self.is_abandoned {
            self.join();
        }
        let frozen = match replace(&mut self.state, State::None) {
            State::Ready(balloon) if self.is_abandoned => {
                balloon.freeze(&mut no_wait).map_err(|live| live.error).expect("an abandoned balloon can be frozen")
            }
            State::Frozen(frozen) => frozen,
            state => {
                self.state = state;
                return;
            }
        };
        self.ledger.set_statistics(STATISTICS);
        self.is_abandoned = false;
        self.state = match frozen.restore(&mut crate::common::polls()) {
            Ok(balloon) => {
                self.signal.raise(InterruptStatus::ANY);
                State::Ready(balloon)
            }
            Err(failed) => State::Frozen(failed.balloon),
        };
        if let State::Frozen(_) = self.state {
            self.assert_reset();
        }
    }

    /// Returns whether a handle was dropped, so that the balloon can only be dropped.
    pub(crate) fn has_dropped_handle(&self) -> bool {
        self.has_dropped_handle
    }

    /// Checks that the driver broke no rule of the device and of the kernel.
    pub(crate) fn check_rules(&self) {
        let mut violations = self.device.violations();
        // A frame that was released early may be reported before the device has processed its deflation.
        let is_early = |one: &Violation| matches!(one, Violation::FreePages(FreePageViolation::InBalloon { .. }));
        violations.retain(|one| tells_host::<F>() || !is_early(one));
        assert_eq!(violations, [], "the driver broke rules of the device");
        let mut violations = self.ledger.violations();
        violations.retain(|one| tells_host::<F>() || !matches!(one, OwnershipViolation::BalloonedUnowned(_)));
        assert_eq!(violations, [], "the driver broke rules of the kernel");
    }

    /// Checks that the kernel does not have a page that is ballooned, reported or hinted.
    pub(crate) fn check_pages(&self) {
        let allocated = self.ledger.allocated_frames();
        let ballooned = if tells_host::<F>() { self.device.host_pages() } else { Default::default() };
        for pages in [ballooned, self.device.reported_pages(), self.device.held_pages()] {
            let page = pages.into_iter().find(|page| !allocated.contains(&u64::from(page / S::PAGES)));
            assert_eq!(page, None, "the kernel has the frame of this page");
        }
    }

    /// Checks that `actual` is the size that the driver counts, and at most the memory that it has.
    pub(crate) fn check_sizes(&self) {
        if self.is_abandoned {
            return;
        }
        let (actual, allocated) = (self.device.actual(), self.ledger.allocated_frames().len());
        let size = match &self.state {
            State::Ready(balloon) => balloon.size(),
            State::Split(parts) => parts.balloon.size(),
            State::Frozen(_) | State::None => return,
        };
        assert_eq!(size.0, actual, "`actual` is the size");
        assert!(!tells_host::<F>() || u64::from(actual) <= allocated as u64 * u64::from(S::PAGES));
        let managed = self.ledger.managed();
        assert!((0..=allocated as i64).contains(&managed.in_balloon()), "{managed:?} of {allocated} frames");
        assert!(self.offered & features::DEFLATE_ON_OOM == 0 || managed.calls == 0, "{managed:?}");
    }

    /// Checks that the set of statistics is that of the probe.
    pub(crate) fn check_statistics(&self) {
        if let Some(values) = self.device.statistics() {
            let tags: Vec<u16> = values.into_iter().map(|(tag, _)| tag).collect();
            assert_eq!(tags, STATISTICS.map(|(tag, _)| tag));
        }
    }

    /// Ends all reports and hints, services the balloon until it is on its target or out of frames, and compares the counts
    /// of driver, device and kernel.
    pub(crate) fn settle(&mut self) {
        self.restore();
        if self.is_abandoned {
            // Without a handle, a split balloon can only be dropped.
            assert!(self.has_dropped_handle, "an abandoned balloon can be restored");
            return;
        }
        self.device.clear_faults();
        self.device.finish_hinting();
        for part in [Part::Statistics, Part::Hinting, Part::Reporting] {
            let is_idle = (0..20_000).any(|_| {
                let is_busy = self.service(part).expect("the device follows the protocol");
                (0..8).for_each(|_| self.work());
                !is_busy && (0..4).all(|_| !self.service(part).expect("the device follows the protocol"))
            });
            assert!(is_idle, "{part:?} still waits for the device");
        }
        let step = match &mut self.state {
            State::Ready(balloon) => service_until_done(balloon, &self.device),
            State::Split(parts) => service_until_done(&mut parts.balloon, &self.device),
            State::Frozen(_) | State::None => panic!("the balloon is not live"),
        };
        let (size, target) = (self.device.actual(), self.device.target());
        let allocated = self.ledger.allocated_frames().len();
        assert_eq!(self.device.host_page_count(), size as usize);
        // The blocks of a dropped handle are returned when the balloon is dropped.
        let has_only_frames = allocated as u32 * S::PAGES == size;
        assert!(self.has_dropped_handle || has_only_frames, "{allocated} frames, {size} pages");
        let is_counted = self.offered & features::DEFLATE_ON_OOM == 0;
        let managed = self.ledger.managed();
        assert!(!is_counted || managed.in_balloon() == i64::from(size / S::PAGES), "{managed:?}, {size} pages");
        match step {
            Step::OnTarget => assert_eq!(size, target.next_multiple_of(S::PAGES)),
            _ => assert!(size < target),
        }
    }

    /// Ends the balloon and checks that everything is returned.
    pub(crate) fn end(&mut self, end: End) {
        if let End::TakeApart = end {
            self.join();
        }
        match (replace(&mut self.state, State::None), end) {
            (State::Ready(balloon), End::TakeApart) => {
                let frozen = balloon.freeze(&mut self.device.work_at_most(1000)).map_err(|live| live.error);
                let frozen = frozen.expect("the device follows the protocol");
                self.assert_reset();
                let (_bus, _platform) = frozen.into_parts();
                assert!(self.ledger.all_returned(), "taking a balloon apart returns everything");
                assert_eq!(self.device.host_page_count(), 0);
            }
            (State::Split(parts), End::Drop) => self.drop_before_handles(parts),
            (State::Split(parts), _) => {
                let Parts { balloon, statistics, reporting, hinting } = parts;
                drop((statistics, reporting, hinting));
                drop(balloon);
                assert!(self.ledger.all_returned(), "the balloon is dropped after its handles");
            }
            (state, _) => {
                drop(state);
                assert!(self.ledger.all_returned(), "dropping returns everything");
            }
        }
    }

    /// Drops a split balloon before its handles. Every frame is returned, and the handles return errors.
    fn drop_before_handles(&mut self, parts: Parts<S, F>) {
        let Parts { balloon, statistics, reporting, hinting } = parts;
        let has_handles = statistics.is_some() || reporting.is_some() || hinting.is_some();
        drop(balloon);
        let events = self.device.events().len();
        assert!(statistics.is_none_or(|mut handle| handle.service(&mut self.kernel).is_err()));
        assert!(reporting.is_none_or(|mut handle| handle.service(&mut self.kernel).is_err()));
        assert!(hinting.is_none_or(|mut handle| handle.service(&mut self.kernel, InterruptStatus::ANY).is_err()));
        assert_eq!(self.device.events().len(), events, "the device is not accessed");
        assert!(self.ledger.allocated_frames().is_empty(), "dropping returns every frame");
        assert_eq!(
            self.ledger.allocated_private(),
            usize::from(has_handles),
            "private memory is leaked if a handle exists"
        );
    }
}

impl<S: FrameSize, F: Declaration> Drop for Machine<S, F>
where
    TestPlatform<S>: Platform<F>,
{
    fn drop(&mut self) {
        // The handler owns the device.
        self.device.interrupt_line().on_raise(|| {});
    }
}

/// Calls `service` and lets the device work until the balloon is on its target or out of frames.
fn service_until_done<B: LiveState>(balloon: &mut Balloon<B>, device: &BalloonDevice) -> Step {
    let step = (0..20_000).find_map(|_| {
        let step = balloon.service().expect("the device follows the protocol");
        match step {
            Step::Waiting if device.step() => None,
            Step::Waiting => {
                device.tick();
                None
            }
            Step::Paused(pause) if pause.reason == PauseReason::OomBackoff => {
                _ = balloon.retry(pause).expect("the device follows the protocol");
                None
            }
            Step::OnTarget | Step::Paused(_) => Some(step),
        }
    });
    step.expect("the balloon still waits for the device")
}
