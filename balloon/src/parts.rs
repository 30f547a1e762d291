//! All parts of a balloon, in one allocation of private memory.

use core::fmt::{self, Debug, Formatter};
use core::ops::Range;
use core::sync::atomic::{AtomicU8, Ordering};

use aerostat_transport::{ResetProof, SetupError, Transport};

use crate::core::{Connection, Core, Counters, OomBackoff, Reset};
use crate::error::NewError;
use crate::features::feature::{FreePageHint, IfDeclared, PageReporting, StatsVq};
use crate::features::{ConfigOf, NotifierOf, SizeOf, Types, declared, declared_mut, if_declared, is_declared};
use crate::frames::{BlockBitmap, FrameBitmap};
use crate::memory::{PrivateBox, PrivateSlot};
use crate::options::{Options, block_frames};
use crate::platform::Frames;
use crate::queues::{Blocks, HintingQueue, LiveFlag, PageQueue, ReportingQueue, StatisticsQueue};
use crate::units::Pages;

type Statistics<C> = IfDeclared<<C as Types>::Features, StatsVq, StatisticsQueue<NotifierOf<C>>>;
type Reporting<C> = IfDeclared<<C as Types>::Features, PageReporting, ReportingQueue<NotifierOf<C>>>;
type Hinting<C> = IfDeclared<<C as Types>::Features, FreePageHint, HintingQueue<NotifierOf<C>, ConfigOf<C>>>;

/// The parts of a balloon. After a split, different contexts use `core`, `statistics`, `reporting` and `hinting`, each by a
/// pointer to that field alone; `shared` is used by all of them.
pub(crate) struct Parts<C: Types> {
    pub(crate) core: Core<C>,
    pub(crate) statistics: Statistics<C>,
    pub(crate) reporting: Reporting<C>,
    pub(crate) hinting: Hinting<C>,
    /// After a split: the blocks of reporting and hinting, which go back to the kernel even if a handle exists. Only the
    /// balloon itself uses the field.
    pub(crate) blocks: [Option<Blocks>; 2],
    pub(crate) shared: Shared,
}

/// The numbers of the queues on the device. `None` for a queue that is not in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueNumbers {
    /// The inflate queue.
    pub inflate: Option<u16>,
    /// The deflate queue.
    pub deflate: Option<u16>,
    /// The statistics queue.
    pub statistics: Option<u16>,
    /// The free page queue, for hinting.
    pub hinting: Option<u16>,
    /// The reporting queue.
    pub reporting: Option<u16>,
}

/// Flags that all contexts of a split balloon read and write.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) live: LiveFlag,
    /// One bit for each handle that exists.
    handles: AtomicU8,
}

/// A part of the balloon that has a handle of its own after a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Part {
    Statistics = 1,
    Reporting = 2,
    Hinting = 4,
}

impl Shared {
    /// Notes that a handle exists.
    pub(crate) fn add_handle(&self, part: Part) {
        self.handles.fetch_or(part as u8, Ordering::AcqRel);
    }

    /// Notes that a handle no longer exists.
    pub(crate) fn remove_handle(&self, part: Part) {
        // Release: what the handle did to its part happens before the balloon uses the part.
        self.handles.fetch_and(!(part as u8), Ordering::AcqRel);
    }

    /// Returns whether a handle exists.
    pub(crate) fn has_handles(&self) -> bool {
        self.handles.load(Ordering::Acquire) != 0
    }
}

/// Writes fields of the value at a pointer that is valid for writes, without reading the value.
macro_rules! write_fields {
    ($at:expr, { $($($field:ident).+ : $value:expr,)* }) => {$(
        let value = $value;
        // SAFETY: the pointer is valid for writes of the whole value.
        let field = unsafe { &raw mut (*$at).$($field).+ };
        // SAFETY: a field of a value that is valid for writes.
        unsafe { field.write(value) };
    )*};
}

/// Drops fields by their references. They are not used afterwards.
macro_rules! drop_fields {
    ($($field:ident),*) => {$(
        // SAFETY: the caller owns the value, and does not use the field afterwards.
        unsafe { (&raw mut *$field).drop_in_place() };
    )*};
}

impl<C: Types> Parts<C> {
    /// Creates an idle balloon in private memory of the kernel.
    ///
    /// # Errors
    ///
    /// The reason, and what was passed in.
    #[inline(never)]
    pub(crate) fn boxed(
        transport: C::Transport,
        mut platform: C::Platform,
        options: Options<C::Features>,
    ) -> Result<PrivateBox<Self>, (NewError, C::Transport, C::Platform)> {
        let layout = match Layout::of::<C>(&platform, &options) {
            Ok(layout) => layout,
            Err(error) => return Err((error, transport, platform)),
        };
        match allocate::<C>(&layout, &mut platform) {
            Ok((slot, rest)) => Ok(Self::write(slot, rest, &layout, transport, platform, options)),
            Err(error) => Err((error, transport, platform)),
        }
    }

    /// Writes an idle balloon to its slot.
    #[inline(never)]
    fn write(
        slot: PrivateSlot<Self>,
        words: &'static mut [u64],
        layout: &Layout,
        transport: C::Transport,
        platform: C::Platform,
        options: Options<C::Features>,
    ) -> PrivateBox<Self> {
        let [frames, report, hint] = layout.divide(words);
        let at = slot.as_ptr();
        write_fields!(at, {
            core.interrupt: transport.interrupt(),
            core.connection: Connection::Idle(transport),
            core.platform: platform,
            core.backoff: OomBackoff::new(options.oom_backoff),
            core.options: options,
            core.poison: None,
            core.counts_managed: true,
            core.counters: Counters::starting(Pages(0)),
            blocks: [None; 2],
            shared: Shared { live: LiveFlag::new(), handles: AtomicU8::new(0) },
        });
        // The larger fields are written by functions of their own: their stack frames do not add up.
        //
        // SAFETY: the slot is valid for writes.
        unsafe { Self::write_pages(at, FrameBitmap::new(frames, &layout.range)) };
        // SAFETY: as above.
        unsafe { Self::write_statistics(at) };
        // SAFETY: as above.
        unsafe { Self::write_reporting(at, BlockBitmap::new(report, &layout.range, layout.report_frames)) };
        // SAFETY: as above.
        unsafe { Self::write_hinting(at, BlockBitmap::new(hint, &layout.range, layout.hint_frames)) };
        // SAFETY: every field of the parts, and every field of the core in it, was written.
        unsafe { slot.assume_init() }
    }

    /// # Safety
    ///
    /// `at` is valid for writes.
    #[inline(never)]
    unsafe fn write_pages(at: *mut Self, bitmap: FrameBitmap) {
        write_fields!(at, {
            core.bitmap: bitmap,
            core.inflate: PageQueue::new(),
            core.deflate: PageQueue::new(),
        });
    }

    /// # Safety
    ///
    /// `at` is valid for writes.
    #[inline(never)]
    unsafe fn write_statistics(at: *mut Self) {
        write_fields!(at, { statistics: if_declared::<C::Features, StatsVq, _>(StatisticsQueue::new), });
    }

    /// # Safety
    ///
    /// `at` is valid for writes.
    #[inline(never)]
    unsafe fn write_reporting(at: *mut Self, bitmap: BlockBitmap) {
        write_fields!(at, { reporting: if_declared::<C::Features, PageReporting, _>(|| ReportingQueue::new(bitmap)), });
    }

    /// # Safety
    ///
    /// `at` is valid for writes.
    #[inline(never)]
    unsafe fn write_hinting(at: *mut Self, bitmap: BlockBitmap) {
        write_fields!(at, { hinting: if_declared::<C::Features, FreePageHint, _>(|| HintingQueue::new(bitmap)), });
    }

    /// Takes transport and platform out of an idle balloon, and returns its memory to the kernel. Returns no transport if the
    /// device is live: it then keeps the queues.
    pub(crate) fn take_apart(boxed: PrivateBox<Self>) -> (Option<C::Transport>, C::Platform) {
        let at = boxed.as_ptr().as_ptr();
        // SAFETY: the balloon is valid, and `boxed` is its only owner.
        let parts = unsafe { &mut *at };
        // Every field is named, so a new one does not compile before it has its place here. It is also written in `write`.
        let Self {
            core:
                Core {
                    connection,
                    interrupt,
                    platform,
                    options,
                    inflate,
                    deflate,
                    bitmap,
                    poison,
                    counts_managed,
                    counters,
                    backoff,
                },
            statistics,
            reporting,
            hinting,
            blocks,
            shared,
        } = parts;
        let transport = connection.take_idle();
        // SAFETY: the platform is valid; this is the only time that it is read out.
        let mut platform = unsafe { (&raw const *platform).read() };
        drop_fields!(
            connection,
            interrupt,
            options,
            inflate,
            deflate,
            bitmap,
            poison,
            counts_managed,
            counters,
            backoff,
            statistics,
            reporting,
            hinting,
            blocks,
            shared
        );
        // SAFETY: the balloon is not used below.
        let memory = unsafe { boxed.into_memory() };
        // SAFETY: `allocate` got this memory from the platform, all of it is in the box, and nothing uses it any more.
        unsafe { platform.deallocate_private(memory) };
        (transport, platform)
    }

    pub(crate) fn statistics(&mut self) -> Option<&mut StatisticsQueue<NotifierOf<C>>> {
        declared_mut::<C::Features, StatsVq, _>(&mut self.statistics)
    }

    pub(crate) fn reporting(&mut self) -> Option<&mut ReportingQueue<NotifierOf<C>>> {
        declared_mut::<C::Features, PageReporting, _>(&mut self.reporting)
    }

    pub(crate) fn hinting(&mut self) -> Option<&mut HintingQueue<NotifierOf<C>, ConfigOf<C>>> {
        declared_mut::<C::Features, FreePageHint, _>(&mut self.hinting)
    }

    /// Returns the numbers of the queues on the device.
    pub(crate) fn queue_numbers(&self) -> QueueNumbers {
        let Self { core, statistics, reporting, hinting, .. } = self;
        QueueNumbers {
            inflate: core.inflate.slot.index(),
            deflate: core.deflate.slot.index(),
            statistics: declared::<C::Features, StatsVq, _>(statistics).and_then(|queue| queue.slot.index()),
            hinting: declared::<C::Features, FreePageHint, _>(hinting).and_then(|queue| queue.slot.index()),
            reporting: declared::<C::Features, PageReporting, _>(reporting).and_then(|queue| queue.slot.index()),
        }
    }

    /// Resets the device and returns everything that it had to the kernel. Does nothing if the device is not live.
    ///
    /// # Errors
    ///
    /// The reset did not finish. The device keeps everything, and only another reset may be tried.
    pub(crate) fn reset(&mut self, how: Reset) -> Result<(), SetupError> {
        self.shared.live.set(false);
        if let Some(proof) = self.core.reset(how)? {
            self.release_queues(&proof);
        }
        Ok(())
    }

    /// Leaks the memory of all queues, because the device may still use it.
    pub(crate) fn forget_queues(&mut self) {
        self.core.inflate.slot.forget();
        self.core.deflate.slot.forget();
        if let Some(queue) = self.statistics() {
            queue.slot.forget();
        }
        if let Some(queue) = self.reporting() {
            queue.slot.forget();
        }
        if let Some(queue) = self.hinting() {
            queue.slot.forget();
        }
    }

    /// Returns the blocks and the memory of the queues for statistics, reporting and hinting to the kernel, after a reset.
    pub(crate) fn release_queues(&mut self, proof: &ResetProof) {
        let Self { core, statistics, reporting, hinting, .. } = self;
        let platform = &mut core.platform;
        if let Some(queue) = declared_mut::<C::Features, StatsVq, _>(statistics) {
            queue.slot.release(proof, platform);
        }
        if let Some(queue) = declared_mut::<C::Features, PageReporting, _>(reporting) {
            queue.slot.release(proof, platform);
            queue.blocks().return_all::<C::Platform, C::Features>(platform);
        }
        if let Some(queue) = declared_mut::<C::Features, FreePageHint, _>(hinting) {
            queue.release(proof, platform);
            queue.blocks().return_all::<C::Platform, C::Features>(platform);
        }
    }
}

impl<C: Types> Debug for Parts<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("core", &self.core).field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// How private memory is divided after the parts.
struct Layout {
    range: Range<u64>,
    /// Frames in a block that is reported, and in one that is hinted.
    report_frames: u32,
    hint_frames: u32,
    frame_words: usize,
    report_words: usize,
    /// Words of all bitmaps together.
    words: usize,
}

impl Layout {
    fn of<C: Types>(platform: &C::Platform, options: &Options<C::Features>) -> Result<Self, NewError> {
        let range = platform.range();
        let too_large = NewError::RangeTooLarge { frames: range.end.saturating_sub(range.start) };
        let report_frames = block_frames::<SizeOf<C>>(options.report_block);
        let hint_frames = block_frames::<SizeOf<C>>(options.hint_block);
        let words_of_blocks = |is_declared: bool, frames: u32| match is_declared {
            true => BlockBitmap::words(&range, frames).ok_or(too_large),
            false => Ok(0),
        };
        let frame_words = FrameBitmap::words(&range).ok_or(too_large)?;
        let report_words = words_of_blocks(is_declared::<C::Features, PageReporting>(), report_frames)?;
        let hint_words = words_of_blocks(is_declared::<C::Features, FreePageHint>(), hint_frames)?;
        let words = frame_words.checked_add(report_words).and_then(|words| words.checked_add(hint_words));
        let words = words.ok_or(too_large)?;
        Ok(Self { range, report_frames, hint_frames, frame_words, report_words, words })
    }

    /// Divides the words after the parts into those of the frame bitmap, of reporting and of hinting.
    fn divide(&self, words: &'static mut [u64]) -> [&'static mut [u64]; 3] {
        let (frames, words) = words.split_at_mut(self.frame_words.min(words.len()));
        let (report, hint) = words.split_at_mut(self.report_words.min(words.len()));
        [frames, report, hint]
    }
}

/// Allocates the memory of a balloon: the slot of its parts, and the words of its bitmaps.
fn allocate<C: Types>(
    layout: &Layout,
    platform: &mut C::Platform,
) -> Result<(PrivateSlot<Parts<C>>, &'static mut [u64]), NewError> {
    let Some(words) = PrivateSlot::<Parts<C>>::words(layout.words) else {
        return Err(NewError::RangeTooLarge { frames: layout.range.end.saturating_sub(layout.range.start) });
    };
    let memory = platform.allocate_private(words).ok_or(NewError::NoPrivateMemory { words })?;
    let memory = if memory.len() < words { Err(memory) } else { PrivateSlot::divide(memory) };
    memory.map_err(|memory| {
        // SAFETY: the platform has just allocated it, and nothing else uses it.
        unsafe { platform.deallocate_private(memory.into()) };
        NewError::NoPrivateMemory { words }
    })
}
