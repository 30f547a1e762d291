//! All parts of a balloon, in one allocation of private memory.

use core::fmt::{self, Debug, Display, Formatter};
use core::mem::replace;
use core::sync::atomic::Ordering;

use aerostat_transport::{SetupError, Transport};

use crate::core::{Connection, Core, Counters, Holding, OomBackoff, Plan, WaitFn};
use crate::error::{BalloonError, NewError};
use crate::features::feature::{BlockInflation, FreePageHint, IfDeclared, PageReporting, StatsVq};
use crate::features::{ConfigOf, NotifierOf, Types, declared, declared_mut, if_declared, is_declared};
use crate::frames::{BlockBitmap, FrameBitmap, LooseFrames};
use crate::layout::{Layout, allocate};
use crate::memory::{PrivateBox, PrivateSlot};
use crate::options::Options;
use crate::platform::Frames;
use crate::queues::{
    Blocks, DeviceState, HeldReports, HintingQueue, LiveFlag, PageQueue, ReportingQueue, StatisticsQueue,
};
use crate::sync::AtomicU8;

type Statistics<C> = IfDeclared<<C as Types>::Features, StatsVq, StatisticsQueue<NotifierOf<C>, ConfigOf<C>>>;
type Reporting<C> = IfDeclared<<C as Types>::Features, PageReporting, ReportingQueue<NotifierOf<C>, ConfigOf<C>>>;
type Held<C> = IfDeclared<<C as Types>::Features, BlockInflation, HeldReports>;
type Hinting<C> = IfDeclared<<C as Types>::Features, FreePageHint, HintingQueue<NotifierOf<C>, ConfigOf<C>>>;

/// The parts of a balloon. After a split, different contexts use `core`, `statistics`, `reporting` and `hinting`, each by a
/// pointer to that field alone; `shared` is used by all of them.
pub(crate) struct Parts<C: Types> {
    pub(crate) core: Core<C>,
    pub(crate) statistics: Statistics<C>,
    pub(crate) reporting: Reporting<C>,
    /// The reports of block inflation. They belong to the owner of the reporting queue.
    pub(crate) held: Held<C>,
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

impl Display for QueueNumbers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let queues = [
            ("inflate", self.inflate),
            ("deflate", self.deflate),
            ("statistics", self.statistics),
            ("hinting", self.hinting),
            ("reporting", self.reporting),
        ];
        f.write_str("queues:")?;
        let used = queues.into_iter().filter_map(|(name, number)| Some((name, number?)));
        used.enumerate()
            .try_for_each(|(at, (name, number))| write!(f, "{} {name} {number}", if at == 0 { "" } else { "," }))
    }
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
    /// Returns the flags of a balloon that is not live and has no handles.
    pub(crate) const fn new() -> Self {
        Self { live: LiveFlag::new(), handles: AtomicU8::new(0) }
    }

    /// Notes that a handle exists.
    pub(crate) fn add_handle(&self, part: Part) {
        self.handles.fetch_or(part as u8, Ordering::AcqRel);
    }

    /// Notes that a handle no longer exists.
    pub(crate) fn remove_handle(&self, part: Part) {
        // Release: what the handle did to its part happens before the balloon uses the part.
        self.handles.fetch_and(!(part as u8), Ordering::AcqRel);
    }

    /// Returns whether the handle of a part exists.
    pub(crate) fn has_handle(&self, part: Part) -> bool {
        self.handles.load(Ordering::Acquire) & part as u8 != 0
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
        match allocate(&layout, &mut platform) {
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
        let [frames, report, hint, held] = layout.divide(words);
        let at = slot.as_ptr();
        // The fields are written by functions of their own: their stack frames do not add up.
        //
        // SAFETY: the slot is valid for writes.
        unsafe { Self::write_given(at, transport, platform, options) };
        // SAFETY: as above.
        unsafe { Self::write_state(at) };
        // SAFETY: as above.
        unsafe { Self::write_bitmap(at, FrameBitmap::new(frames, &layout.range)) };
        // SAFETY: as above.
        unsafe { Self::write_inflate(at) };
        // SAFETY: as above.
        unsafe { Self::write_deflate(at) };
        // SAFETY: as above.
        unsafe { Self::write_loose(at) };
        // SAFETY: as above.
        unsafe { Self::write_statistics(at) };
        // SAFETY: as above.
        unsafe { Self::write_reporting(at, BlockBitmap::new(report, &layout.range, layout.report_frames)) };
        // SAFETY: as above.
        unsafe { Self::write_held(at, layout, held) };
        // SAFETY: as above.
        unsafe { Self::write_hinting(at, BlockBitmap::new(hint, &layout.range, layout.hint_frames)) };
        // SAFETY: every field of the parts, and every field of the core in it, was written.
        unsafe { slot.assume_init() }
    }

    /// # Safety
    ///
    /// `at` is valid for writes.
    #[inline(never)]
    unsafe fn write_given(
        at: *mut Self,
        transport: C::Transport,
        platform: C::Platform,
        options: Options<C::Features>,
    ) {
        write_fields!(at, {
            core.interrupt: transport.interrupt(),
            core.connection: Connection::Idle(transport),
            core.platform: platform,
            core.backoff: OomBackoff::new(options.oom_backoff),
            core.options: options,
        });
    }

    /// # Safety
    ///
    /// `at` is valid for writes.
    #[inline(never)]
    unsafe fn write_state(at: *mut Self) {
        write_fields!(at, {
            core.reserve: 0,
            core.poison: None,
            core.counts_managed: true,
            core.counters: Counters::new(),
            core.plan: Plan::default(),
            core.parked: None,
            core.ended: None,
            blocks: [None; 2],
            shared: Shared::new(),
        });
    }

    /// # Safety
    ///
    /// `at` is valid for writes.
    #[inline(never)]
    unsafe fn write_bitmap(at: *mut Self, bitmap: FrameBitmap) {
        write_fields!(at, { core.bitmap: bitmap, });
    }

    /// # Safety
    ///
    /// `at` is valid for writes.
    #[inline(never)]
    unsafe fn write_inflate(at: *mut Self) {
        write_fields!(at, { core.inflate: PageQueue::new(), });
    }

    /// # Safety
    ///
    /// `at` is valid for writes.
    #[inline(never)]
    unsafe fn write_deflate(at: *mut Self) {
        write_fields!(at, { core.deflate: PageQueue::new(), });
    }

    /// # Safety
    ///
    /// `at` is valid for writes.
    #[inline(never)]
    unsafe fn write_loose(at: *mut Self) {
        write_fields!(at, {
            core.loose: LooseFrames::NEW,
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
    unsafe fn write_held(at: *mut Self, layout: &Layout, words: &'static mut [u64]) {
        let blocks = layout.held::<C>(words);
        write_fields!(at, {
            core.holding: if_declared::<C::Features, BlockInflation, _>(|| Holding::new(blocks)),
            held: if_declared::<C::Features, BlockInflation, _>(|| HeldReports::new(blocks)),
        });
    }

    /// # Safety
    ///
    /// `at` is valid for writes.
    #[inline(never)]
    unsafe fn write_hinting(at: *mut Self, bitmap: BlockBitmap) {
        write_fields!(at, { hinting: if_declared::<C::Features, FreePageHint, _>(|| HintingQueue::new(bitmap)), });
    }

    /// Moves the balloon to larger private memory if the range of the kernel's frames has grown. Its bitmaps are empty.
    ///
    /// # Errors
    ///
    /// The reason, and nothing has changed.
    #[inline(never)]
    pub(crate) fn grow(boxed: &mut PrivateBox<Self>) -> Result<(), NewError> {
        let at = boxed.as_ptr().as_ptr();
        // SAFETY: the balloon is valid, and `boxed` is its only owner.
        let parts = unsafe { &mut *at };
        let layout = Layout::of::<C>(&parts.core.platform, &parts.core.options)?;
        let range = parts.core.bitmap.range();
        if range.start <= layout.range.start && layout.range.end <= range.end {
            return Ok(());
        }
        let (slot, words) = allocate::<Self, _>(&layout, &mut parts.core.platform)?;
        let [frames, report, hint, held] = layout.divide(words);
        let held = layout.held::<C>(held);
        // SAFETY: the balloon is valid, and the slot is new memory. The balloon at the old place is not used again.
        unsafe { slot.as_ptr().copy_from_nonoverlapping(at, 1) };
        // SAFETY: the balloon was just written.
        let old = replace(boxed, unsafe { slot.assume_init() });
        // SAFETY: the balloon is valid, and `boxed` is its only owner.
        let parts = unsafe { &mut *boxed.as_ptr().as_ptr() };
        parts.core.bitmap = FrameBitmap::new(frames, &layout.range);
        if let Some(queue) = parts.reporting() {
            queue.replace_bitmap(BlockBitmap::new(report, &layout.range, layout.report_frames));
        }
        if is_declared::<C::Features, BlockInflation>() {
            parts.core.holding = if_declared::<C::Features, BlockInflation, _>(|| Holding::new(held));
            parts.held = if_declared::<C::Features, BlockInflation, _>(|| HeldReports::new(held));
        }
        if let Some(queue) = parts.hinting() {
            queue.replace_bitmap(BlockBitmap::new(hint, &layout.range, layout.hint_frames));
        }
        parts.blocks = [None; 2];
        // SAFETY: the balloon has left the old memory, and its bitmaps are in the new one.
        let memory = unsafe { old.into_memory() };
        // SAFETY: this platform allocated the memory, all of it is in the box, and nothing uses it any more.
        unsafe { parts.core.platform.deallocate_private(memory) };
        Ok(())
    }

    /// Takes transport and platform out of a balloon that is not live, and returns its memory to the kernel. Returns no
    /// transport if the device is live. A device that has not finished its reset keeps the queues.
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
                    loose,
                    reserve,
                    poison,
                    counts_managed,
                    counters,
                    backoff,
                    plan,
                    parked,
                    ended,
                    holding,
                },
            statistics,
            reporting,
            held,
            hinting,
            blocks,
            shared,
        } = parts;
        let transport = connection.take_transport();
        // SAFETY: the platform is valid; this is the only time that it is read out.
        let mut platform = unsafe { (&raw const *platform).read() };
        drop_fields!(
            connection,
            interrupt,
            options,
            inflate,
            deflate,
            bitmap,
            loose,
            reserve,
            poison,
            counts_managed,
            counters,
            backoff,
            plan,
            parked,
            ended,
            holding,
            statistics,
            reporting,
            held,
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

    pub(crate) fn statistics(&mut self) -> Option<&mut StatisticsQueue<NotifierOf<C>, ConfigOf<C>>> {
        declared_mut::<C::Features, StatsVq, _>(&mut self.statistics)
    }

    pub(crate) fn reporting(&mut self) -> Option<&mut ReportingQueue<NotifierOf<C>, ConfigOf<C>>> {
        declared_mut::<C::Features, PageReporting, _>(&mut self.reporting)
    }

    pub(crate) fn hinting(&mut self) -> Option<&mut HintingQueue<NotifierOf<C>, ConfigOf<C>>> {
        declared_mut::<C::Features, FreePageHint, _>(&mut self.hinting)
    }

    /// Checks the device, and notifies it again of the buffers in all queues.
    pub(crate) fn notify_again(&mut self) -> Result<(), BalloonError> {
        self.core.notify_again()?;
        if let Some(queue) = self.statistics() {
            queue.notify_again();
        }
        if let Some(queue) = self.reporting() {
            queue.notify_again();
        }
        if let Some(queue) = self.hinting() {
            queue.notify_again();
        }
        Ok(())
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

    /// Resets a device that is in use, and returns everything that it had to the kernel. Continues an earlier call that failed or
    /// panicked. Without `wait`, reads the status once.
    ///
    /// # Errors
    ///
    /// The reset did not finish. The device keeps everything, and only another reset may be tried.
    pub(crate) fn end(&mut self, wait: Option<&mut WaitFn<'_>>) -> Result<(), SetupError> {
        self.shared.live.set(DeviceState::Resetting);
        self.core.end(wait)?;
        self.finish();
        Ok(())
    }

    /// Ends the use of a device that can no longer access memory, without a reset, and returns everything that it had.
    ///
    /// # Safety
    ///
    /// The device does not access memory any more.
    pub(crate) unsafe fn assume_reset(&mut self) {
        self.shared.live.set(DeviceState::Resetting);
        // SAFETY: by the caller's promise.
        unsafe { self.core.assume_reset() };
        self.core.return_everything();
        self.finish();
    }

    /// Does what [`Parts::finish`] does if the device was reset while handles existed.
    pub(crate) fn finish_if_ended(&mut self) {
        if self.core.ended.is_some() {
            self.finish();
        }
    }

    /// Returns the blocks and the memory of the queues for statistics, reporting and hinting to the kernel after a reset.
    #[inline(never)]
    pub(crate) fn finish(&mut self) {
        let Self { core, statistics, reporting, hinting, shared, .. } = self;
        let platform = &mut core.platform;
        // The proof stays until everything is returned: a call of the kernel that panics can be followed by another one.
        if let Some(proof) = &core.ended {
            if let Some(queue) = declared_mut::<C::Features, StatsVq, _>(statistics) {
                queue.slot.release(proof, platform);
            }
            if let Some(queue) = declared_mut::<C::Features, PageReporting, _>(reporting) {
                // SAFETY: the device was reset.
                unsafe { queue.end::<C::Platform, C::Features>(proof, platform) };
            }
            if let Some(queue) = declared_mut::<C::Features, FreePageHint, _>(hinting) {
                // SAFETY: as above.
                unsafe { queue.end::<C::Platform, C::Features>(proof, platform) };
            }
        }
        core.ended = None;
        shared.live.set(DeviceState::NotLive);
    }
}

impl<C: Types> Debug for Parts<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("core", &self.core).field("queues", &self.queue_numbers()).finish_non_exhaustive()
    }
}
