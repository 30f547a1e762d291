//! A balloon with its handles, its device and its kernel, which make one move after the other.

mod checks;
mod end;
mod parts;
mod probe;
mod recovery;

use std::mem::replace;
use std::sync::Arc;

use aerostat_balloon::handles::Progress;
use aerostat_balloon::ops::Pause;
use aerostat_balloon::transport::{InterruptSource, InterruptStatus};
use aerostat_balloon::{Balloon, BalloonError, FrameSize, Frozen, Platform, Signal, Source, Step};
use aerostat_device::{BalloonDevice, Fault, Ledger, QueueFault, RegisterFault, TestPlatform, When, features};

pub(crate) use self::end::End;
use self::parts::Parts;
use crate::common::{Bus, Live};
use crate::declarations::Declaration;
use crate::moves::{Move, Operation, Part};
use crate::operations::operate;
use crate::setup::Setup;

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

pub(crate) struct Machine<S: FrameSize, F: Declaration>
where
    TestPlatform<S>: Platform<F>,
{
    setup: Setup,
    state: State<S, F>,
    /// The balloon was abandoned and not restored since.
    is_abandoned: bool,
    /// A handle was dropped, so that the balloon cannot be joined.
    has_dropped_handle: bool,
    /// The device loses notifications.
    loses_notifications: bool,
    /// The device has other faults than those of [`Move`]s.
    has_faults: bool,
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
        let (balloon, device) = probe::probe::<S, F>(setup);
        let kernel = balloon.platform().share();
        let (ledger, signal) = (kernel.ledger(), Arc::new(Signal::new()));
        // Like the interrupt handler of a kernel.
        let (source, handler) = (balloon.interrupt(), Arc::clone(&signal));
        device.interrupt_line().on_raise(move || handler.raise(source.acknowledge()));
        signal.raise(InterruptStatus::ANY);
        let machine = Self {
            setup: *setup,
            state: State::Ready(balloon),
            is_abandoned: false,
            has_dropped_handle: false,
            loses_notifications: false,
            has_faults: false,
            pause: None,
            kernel,
            signal,
            offered: setup.offered::<F>() & F::DECLARED,
            device,
            ledger,
        };
        machine.check_probe();
        machine
    }

    /// Injects a fault that no [`Move`] has.
    pub(crate) fn inject(&mut self, fault: Fault) {
        self.has_faults = true;
        self.device.inject(fault);
    }

    /// Makes one move. A move that does not fit the state of the balloon does nothing.
    pub(crate) fn make(&mut self, it: Move) -> Result<(), BalloonError> {
        let Self { state, ledger, pause, .. } = self;
        match it {
            Move::Operation(operation) => match state {
                State::Ready(balloon) => return operate::<S, F, _>(balloon, ledger, pause, operation),
                State::Split(parts) => {
                    if let (Operation::Service, Some(reporting)) = (operation, parts.handles.reporting())
                        && let Some(step) = F::service_with::<S>(&mut parts.balloon, reporting)
                    {
                        return step.map(drop);
                    }
                    return operate::<S, F, _>(&mut parts.balloon, ledger, pause, operation);
                }
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
            Move::AnswerAtOnce => self.find_buffers(),
            Move::NotifyAgain => self.notify_again(),
            Move::Reclaim { frames } => match state {
                State::Ready(balloon) => F::reclaim::<S>(balloon, frames.into())?,
                State::Split(parts) => parts.handles.reclaim(&mut self.kernel, frames.into())?,
                State::Frozen(_) | State::None => {}
            },
            Move::LoseNotifications => {
                self.device.inject(RegisterFault::LosesNotifications(When::Always));
                self.loses_notifications = true;
            }
            Move::HostReset => return self.host_reset(),
            Move::DelayReset { reads, reset } => return self.delay_reset(reads, reset),
            Move::RefuseReset { then } => return self.refuse_reset(then),
            Move::Remove => self.remove(),
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
            State::Split(parts) => parts.handles.service(part, kernel, status)?,
            State::Frozen(_) | State::None => None,
        };
        Ok(progress == Some(Progress::Waiting))
    }

    /// Services the balloon, unless it is frozen. Returns its error.
    fn service_balloon(&mut self) -> Option<Result<Step, BalloonError>> {
        match &mut self.state {
            State::Ready(balloon) => Some(balloon.service()),
            State::Split(parts) => Some(parts.balloon.service()),
            State::Frozen(_) | State::None => None,
        }
    }

    fn notify_again(&mut self) {
        match &mut self.state {
            State::Ready(balloon) => _ = balloon.notify_again(),
            State::Split(parts) => parts.notify_again(),
            State::Frozen(_) | State::None => {}
        }
    }

    /// The device has no faults from now on. The kernel repeats the notifications that the device has lost.
    fn find_buffers(&mut self) {
        self.device.clear_faults();
        if replace(&mut self.loses_notifications, false) {
            self.notify_again();
        }
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
        self.has_dropped_handle |= parts.handles.drop_one(part);
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
