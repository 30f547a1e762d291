//! From a transport to a live device with its queues.

use core::ops::Range;

use aerostat_spec::balloon::{self, config, feature, queue};
use aerostat_spec::{self as spec, Block, Feature, HasFeature, Negotiated, Requirement, RequirementOf};
use aerostat_transport::queue::{Disabled, Enabled};
use aerostat_transport::{
    Addressing, Device, Dma, FeaturesOk, Live, Offer, QueueError, ResetProof, SetupFailed, Transport,
};

use crate::blocks::Blocks;
use crate::declare::{BalloonFeatureSet, Fill, Options, StatsVq};
use crate::error::ProbeError;
use crate::frame::Pages;
use crate::handles::{HintingHandle, ReportingHandle, StatisticsHandle};
use crate::hinting::{self, HintingQueue};
use crate::live::{Core, ENTRIES, ENTRY, Queue};
use crate::parts::Parts;
use crate::platform::{Frames, FreeContents};
use crate::reporting::{self, ReportingQueue};
use crate::statistics::{self, Sample, StatisticsQueue};
use crate::tracker::Tracker;

// Functions that move queues about are not inlined here, so that their frames do not add up: a kernel's stack is small.

/// A queue has to have room for one buffer at the least.
const LEAST: u16 = 1;

/// The balloon proper of a live device.
pub(crate) struct Started<T: Transport, L> {
    pub(crate) device: Device<T, balloon::Device, Live<L>>,
    pub(crate) inflate: Queue<T, Enabled>,
    pub(crate) deflate: Queue<T, Enabled>,
    /// What `actual` reads.
    pub(crate) told: Pages,
}

type SetUp<T, L> = Device<T, balloon::Device, FeaturesOk<L>>;
type Notifier<T> = <T as Transport>::Notifier;
type Of<L, F, X> = <RequirementOf<L, F> as Requirement>::Value<X>;

/// The queues of a device that is being set up, as far as it has them yet.
struct Queues<T: Transport> {
    inflate: Option<Queue<T, Disabled>>,
    deflate: Option<Queue<T, Disabled>>,
    statistics: Option<StatisticsQueue<Notifier<T>, Disabled>>,
    hinting: Option<HintingQueue<Notifier<T>, Disabled>>,
    reporting: Option<ReportingQueue<Notifier<T>, Disabled>>,
}

impl<T: Transport> Queues<T> {
    const NONE: Self = Self { inflate: None, deflate: None, statistics: None, hinting: None, reporting: None };
}

/// All queues that the negotiated features have.
struct Whole<T: Transport, L: BalloonFeatureSet> {
    inflate: Queue<T, Disabled>,
    deflate: Queue<T, Disabled>,
    statistics: Of<L, StatsVq, StatisticsQueue<Notifier<T>, Disabled>>,
    hinting: Of<L, feature::FreePageHint, HintingQueue<Notifier<T>, Disabled>>,
    reporting: Of<L, feature::PageReporting, ReportingQueue<Notifier<T>, Disabled>>,
}

/// Brings the device to life.
///
/// # Errors
///
/// The reason, and what was given.
#[inline(never)]
pub(crate) fn start<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    transport: T,
    mut platform: P,
    options: Options<P>,
) -> Result<Parts<T, P, L>, (ProbeError, T, P)> {
    let tracker = match book(&mut platform) {
        Ok(tracker) => tracker,
        Err(error) => return Err((error, transport, platform)),
    };
    let (error, transport) = match open::<T, P, L>(transport, &options) {
        Ok(mut device) => {
            let mut queues = Queues::NONE;
            match set_up(&mut device, &mut queues, &mut platform, &options) {
                Ok((whole, told)) => return Ok(assemble(device, whole, told, tracker, platform, options)),
                Err(error) => (error, give_up(device, &mut queues, &mut platform)),
            }
        }
        Err(SetupFailed { error, transport }) => (error.into(), transport),
    };
    platform.deallocate_private(tracker.into_words().into());
    Err((error, transport, platform))
}

/// Lets the device go live and puts the balloon together.
#[inline(never)]
fn assemble<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    device: SetUp<T, L>,
    queues: Whole<T, L>,
    told: Pages,
    tracker: Tracker,
    platform: P,
    options: Options<P>,
) -> Parts<T, P, L> {
    let device = device.go_live();
    let Whole { inflate, deflate, statistics, hinting, reporting } = queues;
    let (inflate, deflate) = (inflate.enable(&device), deflate.enable(&device));
    let statistics = RequirementOf::<L, StatsVq>::map(statistics, |queue| StatisticsHandle::new(queue.enable(&device)));
    let hinting =
        RequirementOf::<L, feature::FreePageHint>::map(hinting, |queue| (queue.enable(&device), device.config()));
    let core = Core::new(Started { device, inflate, deflate, told }, tracker, platform, options);
    let (live, poison) = (&core.device, core.poison);
    let reporting = RequirementOf::<L, feature::PageReporting>::map(reporting, |queue| {
        ReportingHandle::new(queue.enable(live), poison)
    });
    let hinting = RequirementOf::<L, feature::FreePageHint>::map(hinting, |(queue, config)| {
        HintingHandle::new(queue, config, poison)
    });
    Parts { core, statistics, hinting, reporting }
}

/// An empty book for the kernel's frames, in memory that the kernel lends.
fn book(platform: &mut impl Frames) -> Result<Tracker, ProbeError> {
    let span = platform.range();
    let too_large = ProbeError::SpanTooLarge { frames: span.end.saturating_sub(span.start) };
    let words = Tracker::words(&span).ok_or(too_large)?;
    let lent = platform.allocate_private(words).ok_or(ProbeError::NoPrivateMemory { words })?;
    Tracker::new(lent, &span).map_err(|lent| {
        platform.deallocate_private(lent.into());
        ProbeError::NoPrivateMemory { words }
    })
}

/// An empty book for blocks of so many frames in the span.
fn block_book(
    platform: &mut impl Frames,
    span: Range<u64>,
    frames: u32,
    addressing: Addressing,
) -> Result<Blocks, ProbeError> {
    let too_large = ProbeError::SpanTooLarge { frames: span.end.saturating_sub(span.start) };
    let words = Blocks::words(&span, frames).ok_or(too_large)?;
    let lent = platform.allocate_private(words).ok_or(ProbeError::NoPrivateMemory { words })?;
    Blocks::new(lent, &span, frames, addressing).map_err(|lent| {
        platform.deallocate_private(lent.into());
        ProbeError::NoPrivateMemory { words }
    })
}

/// Gives the memory of a book back that no handle has any more.
pub(crate) fn return_book(platform: &mut impl Frames, book: Blocks) {
    // SAFETY: the caller has just taken the only other copy out of the handle, which is gone.
    platform.deallocate_private(unsafe { book.into_words() }.into());
}

/// The features that can be used with what the device offers and what the kernel relies on.
fn usable<P>(offer: Offer, options: &Options<P>) -> u64 {
    let mut mask = u64::MAX;
    let field_ends = |end: usize| offer.config_bytes >= end;
    if !field_ends(<config::Space as Block>::LEN - size_of::<u32>()) {
        mask &= !(1 << feature::FreePageHint::BIT);
    }
    if !field_ends(<config::Space as Block>::LEN) || options.poison.is_none() {
        mask &= !(1 << feature::PagePoison::BIT);
    }
    let poison = offer.features & mask & 1 << feature::PagePoison::BIT != 0;
    // What is reported loses its contents, unless the host knows them ("Feature bits", 5.5.3).
    if options.contents == FreeContents::Kept && !poison {
        mask &= !(1 << feature::PageReporting::BIT);
    }
    mask
}

/// Takes the device and agrees with it on the features.
#[inline(never)]
fn open<T: Transport, P, L: BalloonFeatureSet>(
    transport: T,
    options: &Options<P>,
) -> Result<SetUp<T, L>, SetupFailed<T>> {
    let device = Device::take(transport)?.acknowledge().driver();
    device.negotiate_within::<L>(|offer| usable(offer, options))
}

/// Makes sure that both fields that every balloon has can be read, says what the poison is, and returns the size that the
/// device knows.
fn configure<T: Transport, P, L: BalloonFeatureSet>(
    device: &mut SetUp<T, L>,
    options: &Options<P>,
) -> Result<Pages, ProbeError> {
    device.number_queues(options.numbering);
    let config = device.config();
    config.read(config::NumPages)?;
    if let Some(proof) = negotiated(device, feature::PagePoison) {
        device.set(config::PoisonVal::given(proof), options.poison.map_or(0, |poison| poison.value))?;
    }
    Ok(Pages(config.read(config::Actual)?))
}

/// Sets up the configuration and every queue that the negotiated features have, and returns the size that the device knows. After
/// an error `queues` are those that the device has.
#[inline(never)]
fn set_up<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    device: &mut SetUp<T, L>,
    queues: &mut Queues<T>,
    platform: &mut P,
    options: &Options<P>,
) -> Result<(Whole<T, L>, Pages), ProbeError> {
    let told = configure(device, options)?;
    page_queue(device, queue::Inflate, &mut queues.inflate, platform)?;
    page_queue(device, queue::Deflate, &mut queues.deflate, platform)?;
    if let Some(proof) = negotiated(device, StatsVq) {
        statistics_queue(device, proof, &mut queues.statistics, platform, options)?;
    }
    if let Some(proof) = negotiated(device, feature::FreePageHint) {
        hinting_queue(device, proof, &mut queues.hinting, platform, options)?;
    }
    if let Some(proof) = negotiated(device, feature::PageReporting) {
        reporting_queue(device, proof, &mut queues.reporting, platform, options)?;
    }
    let missing = QueueError::Missing { queue: <queue::Inflate as spec::Queue>::SPEC.index };
    Ok((queues.whole().ok_or(missing)?, told))
}

impl<T: Transport> Queues<T> {
    /// Takes all of them out. That each one is there which the declaration asks for, negotiation has seen to.
    fn whole<L: BalloonFeatureSet>(&mut self) -> Option<Whole<T, L>> {
        Some(Whole {
            inflate: self.inflate.take()?,
            deflate: self.deflate.take()?,
            statistics: RequirementOf::<L, StatsVq>::from_option(self.statistics.take())?,
            hinting: RequirementOf::<L, feature::FreePageHint>::from_option(self.hinting.take())?,
            reporting: RequirementOf::<L, feature::PageReporting>::from_option(self.reporting.take())?,
        })
    }
}

/// Proof that the feature was negotiated, if it was.
fn negotiated<T: Transport, L: BalloonFeatureSet + HasFeature<F>, F: Feature>(
    device: &SetUp<T, L>,
    feature: F,
) -> Option<Negotiated<F>> {
    RequirementOf::<L, F>::into_option(device.accepted().depending_on(feature, |proof| proof))
}

#[inline(never)]
fn page_queue<T: Transport, P: Dma, L: BalloonFeatureSet>(
    device: &mut SetUp<T, L>,
    queue: impl spec::Queue<Device = balloon::Device>,
    place: &mut Option<Queue<T, Disabled>>,
    platform: &mut P,
) -> Result<(), ProbeError> {
    *place = Some(device.buffer_queue(queue, LEAST, ENTRIES * ENTRY, platform)?);
    Ok(())
}

#[inline(never)]
fn statistics_queue<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    device: &mut SetUp<T, L>,
    proof: Negotiated<StatsVq>,
    place: &mut Option<StatisticsQueue<Notifier<T>, Disabled>>,
    platform: &mut P,
    options: &Options<P>,
) -> Result<(), ProbeError> {
    let mut sample = Sample::default();
    if let Some(fill_in) = options.sample {
        fill_in(platform, &mut sample);
    }
    if sample.is_empty() {
        return Err(ProbeError::NoStatistics);
    }
    let book = block_book(platform, 0..0, 1, Addressing::Physical)?;
    match device.buffer_queue(queue::Stats::given(proof), LEAST, statistics::BYTES, platform) {
        Ok(queue) => *place = Some(StatisticsQueue::prime(queue, sample, book, device.interface())),
        Err(error) => {
            return_book(platform, book);
            return Err(error.into());
        }
    }
    Ok(())
}

#[inline(never)]
fn hinting_queue<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    device: &mut SetUp<T, L>,
    proof: Negotiated<feature::FreePageHint>,
    place: &mut Option<HintingQueue<Notifier<T>, Disabled>>,
    platform: &mut P,
    options: &Options<P>,
) -> Result<(), ProbeError> {
    let addressing = Addressing::of(device.accepted());
    let book = block_book(platform, platform.range(), options.hint, addressing)?;
    let Some(commands) = hinting::commands(platform, addressing) else {
        return_book(platform, book);
        return Err(hinting::NO_MEMORY.into());
    };
    match device.queue(queue::FreePage::given(proof), hinting::LEAST, platform) {
        Ok(queue) => {
            let field = config::FreePageHintCmdId::given(proof);
            *place = Some(HintingQueue::new(queue, commands, book, field, device.interface()));
        }
        Err(error) => {
            commands.release(platform);
            return_book(platform, book);
            return Err(error.into());
        }
    }
    Ok(())
}

#[inline(never)]
fn reporting_queue<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    device: &mut SetUp<T, L>,
    proof: Negotiated<feature::PageReporting>,
    place: &mut Option<ReportingQueue<Notifier<T>, Disabled>>,
    platform: &mut P,
    options: &Options<P>,
) -> Result<(), ProbeError> {
    let book = block_book(platform, platform.range(), options.report, Addressing::of(device.accepted()))?;
    match device.queue(queue::Reporting::given(proof), reporting::NEEDS, platform) {
        Ok(queue) => *place = Some(ReportingQueue::new(queue, book)),
        Err(error) => {
            return_book(platform, book);
            return Err(error.into());
        }
    }
    Ok(())
}

/// Sets FAILED, resets the device, and takes the memory of its queues back.
#[inline(never)]
fn give_up<T: Transport, P: Dma + Frames, L: BalloonFeatureSet>(
    device: SetUp<T, L>,
    queues: &mut Queues<T>,
    platform: &mut P,
) -> T {
    match device.abandon() {
        Ok((transport, proof)) => {
            // The proof is of the very life that the queues belong to: nothing comes back from these calls.
            for queue in [&mut queues.inflate, &mut queues.deflate] {
                let _ = queue.take().map(|queue| queue.release(&proof, platform));
            }
            if let Some(statistics) = queues.statistics.take() {
                release_statistics(statistics, &proof, platform);
            }
            if let Some(hinting) = queues.hinting.take() {
                release_hinting(hinting, &proof, platform, None);
            }
            if let Some(reporting) = queues.reporting.take() {
                release_reporting(reporting, &proof, platform, None);
            }
            transport
        }
        // The device may still use the memory, so that it is not taken back.
        Err(SetupFailed { transport, .. }) => transport,
    }
}

/// Takes the memory of the statistics queue back.
#[inline(never)]
pub(crate) fn release_statistics<N: aerostat_transport::Notifier, P: Dma + Frames, S>(
    statistics: StatisticsQueue<N, S>,
    proof: &ResetProof,
    platform: &mut P,
) {
    let book = statistics.book();
    // As for all queues here: the proof is of the very life that it belongs to, so that nothing comes back.
    let _ = statistics.into_queue().release(proof, platform);
    return_book(platform, book);
}

/// Takes the memory of the free page queue back, and every block that it holds.
#[inline(never)]
pub(crate) fn release_hinting<N: aerostat_transport::Notifier, P: Dma + Frames, S>(
    hinting: HintingQueue<N, S>,
    proof: &ResetProof,
    platform: &mut P,
    poison: Option<Fill<P>>,
) {
    let book = hinting.book();
    let (queue, commands) = hinting.into_parts();
    let _ = queue.release(proof, platform);
    commands.release(platform);
    release_blocks(book, platform, poison);
    return_book(platform, book);
}

/// Takes the memory of the reporting queue back, and every block that it holds.
#[inline(never)]
pub(crate) fn release_reporting<N: aerostat_transport::Notifier, P: Dma + Frames, S>(
    reporting: ReportingQueue<N, S>,
    proof: &ResetProof,
    platform: &mut P,
    poison: Option<Fill<P>>,
) {
    let book = reporting.book();
    let _ = reporting.into_queue().release(proof, platform);
    release_blocks(book, platform, poison);
    return_book(platform, book);
}

/// Gives every block of a book back to the kernel, after the device was reset.
pub(crate) fn release_blocks<P: Dma + Frames>(book: Blocks, platform: &mut P, poison: Option<Fill<P>>) {
    book.take_all(|run| {
        book.unmap(&run, platform);
        if let Some(Fill { fill, value }) = poison {
            fill(platform, run.first(), run.count(), value);
        }
        platform.deallocate(run);
    });
}
