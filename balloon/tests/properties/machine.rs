//! A balloon, its device and its kernel, which make one move after the other.

use aerostat_balloon::{
    Balloon, BalloonError, BalloonFeatureSet, FrameSize, Frames, Frozen, MustTellHost, PendingDeflation, Ready, Step,
    Undeclared, features,
};
use aerostat_device::{BalloonDevice, Builder, Ledger, OwnershipViolation, QueueFault, Reuse, TestPlatform, Work};

use crate::common::{Bus, bus, impatient};
use crate::moves::Move;

/// MUST_TELL_HOST is required.
pub(crate) enum Told {}
/// MUST_TELL_HOST is wanted, and the device offers it.
pub(crate) enum StatsRequest {}
/// MUST_TELL_HOST is refused.
pub(crate) enum Free {}

type Live<S, L> = Balloon<Ready<Bus, TestPlatform<S>, <L as Declared>::FeaturePair>>;
type Cold<S, L> = Balloon<Frozen<Bus, TestPlatform<S>, <L as Declared>::FeaturePair>>;
type Picked<'a, S, L> = PendingDeflation<'a, Ready<Bus, TestPlatform<S>, <L as Declared>::FeaturePair>>;

/// A declaration of the balloon's features.
pub(crate) trait Declared: Sized {
    /// The type that the builder infers.
    type FeaturePair: BalloonFeatureSet;
    /// Whether frames come back only after the device has acknowledged that it was told.
    const TELLS: bool;
    /// Looks at a fresh device.
    fn probe<S: FrameSize>(bus: Bus, platform: TestPlatform<S>, depth: u16) -> Live<S, Self>;
    /// Uses deflated frames without waiting, where that is allowed. How many.
    fn release_early<S: FrameSize>(deflated: Picked<'_, S, Self>) -> Result<u32, BalloonError>;
}

impl Declared for Told {
    type FeaturePair = features! { MustTellHost: Required };
    const TELLS: bool = true;

    fn probe<S: FrameSize>(bus: Bus, platform: TestPlatform<S>, depth: u16) -> Live<S, Self> {
        let probed = Balloon::new(bus, platform).depth(depth).require(MustTellHost).probe();
        probed.map_err(|failed| failed.error).expect("the device is honest at first")
    }

    fn release_early<S: FrameSize>(_deflated: Picked<'_, S, Self>) -> Result<u32, BalloonError> {
        Ok(0)
    }
}

impl Declared for StatsRequest {
    type FeaturePair = features! { MustTellHost: Optional };
    const TELLS: bool = true;

    fn probe<S: FrameSize>(bus: Bus, platform: TestPlatform<S>, depth: u16) -> Live<S, Self> {
        let probed = Balloon::new(bus, platform).depth(depth).want(MustTellHost).probe();
        probed.map_err(|failed| failed.error).expect("the device is honest at first")
    }

    fn release_early<S: FrameSize>(_deflated: Picked<'_, S, Self>) -> Result<u32, BalloonError> {
        Ok(0)
    }
}

impl Declared for Free {
    type FeaturePair = Undeclared;
    const TELLS: bool = false;

    fn probe<S: FrameSize>(bus: Bus, platform: TestPlatform<S>, depth: u16) -> Live<S, Self> {
        let probed = Balloon::new(bus, platform).depth(depth).probe();
        probed.map_err(|failed| failed.error).expect("the device is honest at first")
    }

    fn release_early<S: FrameSize>(deflated: Picked<'_, S, Self>) -> Result<u32, BalloonError> {
        deflated.release_early()
    }
}

/// The balloon in one of the two states that last.
enum State<S: FrameSize, L: Declared> {
    Live(Box<Live<S, L>>),
    Frozen(Box<Cold<S, L>>),
    /// Only while it changes.
    Changing,
}

pub(crate) struct Machine<S: FrameSize, L: Declared> {
    state: State<S, L>,
    pub(crate) device: BalloonDevice,
    pub(crate) ledger: Ledger,
}

impl<S: FrameSize, L: Declared> Machine<S, L> {
    pub(crate) fn new(builder: Builder, depth: u16) -> Self {
        let device = builder.work(if L::TELLS { Work::Full } else { Work::Count }).start().unwrap();
        let platform = TestPlatform::<S>::builder(device.memory()).device(&device).dma_bytes(1 << 18);
        // Without MUST_TELL_HOST a page may be used before the device lets go of it.
        let platform = platform.reuse(if L::TELLS { Reuse::AtOnce } else { Reuse::Later }).build().unwrap();
        let ledger = platform.ledger();
        let state = State::Live(Box::new(L::probe(bus(&device), platform, depth)));
        Self { state, device, ledger }
    }

    fn live(&mut self) -> Option<&mut Live<S, L>> {
        match &mut self.state {
            State::Live(balloon) => Some(balloon),
            _ => None,
        }
    }

    /// Makes one move; one that needs a live balloon does nothing to a frozen one.
    pub(crate) fn make(&mut self, it: Move) -> Result<(), BalloonError> {
        match it {
            Move::Target(pages) => self.device.set_target(pages),
            Move::Work { steps } => (0..steps).for_each(|_| {
                if !self.device.step() {
                    self.device.tick();
                }
            }),
            Move::Limit(frames) => self.ledger.limit_frames(frames.map(u64::from)),
            Move::Kernel { frames: 0 } => self.ledger.unuse_frames(),
            Move::Kernel { frames } => drop(self.ledger.use_frames(frames.into())),
            Move::Lie(runs) => self.ledger.set_runs(runs),
            Move::OutOfOrder => self.device.misbehave(QueueFault::OutOfOrder),
            Move::Delay(ticks) => self.device.misbehave(QueueFault::Delay(ticks.into())),
            Move::Prompt => self.device.behave(),
            Move::FreezeAndRestore => return self.freeze(1000),
            Move::FreezeInVain => return self.freeze(0),
            Move::AbandonAndRestore => return self.abandon().and_then(|()| self.restore()),
            _ => return self.live().map_or(Ok(()), |balloon| touch::<S, L>(balloon, it)),
        }
        Ok(())
    }

    fn freeze(&mut self, attempts: u32) -> Result<(), BalloonError> {
        let state = std::mem::replace(&mut self.state, State::Changing);
        let State::Live(balloon) = state else {
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
                self.state = State::Live(Box::new(held.balloon));
                Err(held.error)
            }
        }
    }

    /// Resets the device, without a word to the host.
    pub(crate) fn abandon(&mut self) -> Result<(), BalloonError> {
        let state = std::mem::replace(&mut self.state, State::Changing);
        let State::Live(balloon) = state else {
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
                self.state = State::Live(Box::new(held.balloon));
                Err(held.error)
            }
        }
    }

    /// Brings a frozen balloon to life, if the device lets itself.
    pub(crate) fn restore(&mut self) -> Result<(), BalloonError> {
        self.state = match std::mem::replace(&mut self.state, State::Changing) {
            State::Frozen(frozen) => match frozen.restore() {
                Ok(balloon) => State::Live(Box::new(balloon)),
                Err(failed) => {
                    assert!(self.ledger.is_settled(), "a restore that fails returns everything");
                    State::Frozen(Box::new(failed.balloon))
                }
            },
            state => state,
        };
        Ok(())
    }

    /// The pages that the device counts are in frames that the driver has.
    pub(crate) fn check_pages(&self) {
        if L::TELLS {
            let lent = self.ledger.lent_frames();
            let foreign = |page: &u32| !lent.contains(&u64::from(page / S::PAGES));
            assert_eq!(
                self.device.host_pages().into_iter().find(foreign),
                None,
                "a page of a frame that is the kernel's"
            );
        }
    }

    /// `actual` is what the driver counts, and no more than it has.
    pub(crate) fn check_actual(&mut self) {
        let (told, lent) = (self.device.actual(), self.ledger.lent_frames().len());
        if let Some(balloon) = self.live() {
            assert_eq!(balloon.size().0, told, "`actual` is the size");
            assert!(!L::TELLS || u64::from(told) <= lent as u64 * u64::from(S::PAGES));
        }
    }

    pub(crate) fn check_rules(&self) {
        assert_eq!(self.device.violations(), [], "the driver broke rules of the device");
        let mut broken = self.ledger.violations();
        // Where frames may be used early, the kernel may also have given one before the device let go of it; that the
        // device is not told of it a second time is the device's rule.
        broken.retain(|one| L::TELLS || !matches!(one, OwnershipViolation::BalloonedUnowned(_)));
        assert_eq!(broken, [], "the driver broke rules of the kernel");
    }

    /// Goes to the target as far as there are frames, and compares what everybody counts.
    pub(crate) fn settle(&mut self) {
        self.device.behave();
        let device = self.device.clone();
        let balloon = self.live().expect("the balloon is live");
        let step = (0..20_000).find_map(|_| {
            let step = balloon.service().expect("the device is honest");
            if step == Step::Waiting && !device.step() {
                device.tick();
            }
            (step != Step::Waiting).then_some(step)
        });
        let step = step.expect("the balloon settles");
        let (size, target) = (balloon.size().0, balloon.target().unwrap().0);
        assert_eq!((device.actual(), device.host_page_count()), (size, size as usize));
        assert_eq!(self.ledger.lent_frames().len() as u32 * S::PAGES, size);
        match step {
            Step::OnTarget => assert_eq!(size, target.next_multiple_of(S::PAGES)),
            _ => assert!(size < target),
        }
    }

    /// Takes everything apart, and finds it complete.
    pub(crate) fn finish(mut self) {
        if let State::Live(balloon) = std::mem::replace(&mut self.state, State::Changing) {
            let frozen = balloon.freeze(&mut self.device.work_at_most(1000)).map_err(|held| held.error);
            let (_bus, _platform) = frozen.expect("the device is honest").into_parts();
        }
        assert!(self.ledger.is_settled(), "freeze returns every frame");
        assert_eq!(self.device.host_page_count(), 0);
    }

    /// Drops the balloon as it is.
    pub(crate) fn drop_balloon(&mut self) {
        self.state = State::Changing;
    }
}

/// One move on a live balloon.
fn touch<S: FrameSize, L: Declared>(balloon: &mut Live<S, L>, it: Move) -> Result<(), BalloonError> {
    match it {
        Move::Service => drop(balloon.service()?),
        Move::Drain => drop(balloon.drain()?),
        Move::Inflate { frames, polls } => {
            let mut inflation = balloon.inflate(frames)?;
            for _ in 0..polls {
                if inflation.poll()?.is_ready() {
                    break;
                }
            }
        }
        Move::InflateWith { frames } => {
            let Some(run) = balloon.platform_mut().allocate(frames) else { return Ok(()) };
            if let Err(rejected) = balloon.inflate_with(run) {
                balloon.platform_mut().deallocate(rejected.run);
                if !matches!(rejected.error, BalloonError::Busy | BalloonError::BeyondTarget) {
                    return Err(rejected.error);
                }
            }
        }
        Move::Tell { frames, polls } => {
            let mut deflation = balloon.deflate(frames)?.tell_host();
            for _ in 0..polls {
                if deflation.poll()?.is_ready() {
                    break;
                }
            }
        }
        Move::Untold { frames } => drop(balloon.deflate(frames)?),
        Move::UseNow { frames } => match L::release_early(balloon.deflate(frames)?) {
            Ok(_) | Err(BalloonError::Busy) => {}
            Err(error) => return Err(error),
        },
        other => panic!("{other:?} is no move on a live balloon"),
    }
    Ok(())
}
