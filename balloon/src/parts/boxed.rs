//! The private memory of a balloon: its parts are written there, moved to larger memory, and taken out again.

use core::mem::replace;

use aerostat_transport::Transport;

use super::balloon::Parts;
use super::flags::Shared;
use crate::core::{Connection, Core, Counters, Holding, OomBackoff, Plan};
use crate::error::NewError;
use crate::features::feature::{BlockInflation, FreePageHint, PageReporting, StatsVq};
use crate::features::{Types, if_declared, is_declared};
use crate::frames::{BlockBitmap, FrameBitmap, LooseFrames};
use crate::layout::{Layout, allocate};
use crate::memory::{PrivateBox, PrivateSlot};
use crate::options::Options;
use crate::platform::Frames;
use crate::queues::{HeldReports, HintingQueue, PageQueue, ReportingQueue, StatisticsQueue};

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
}
