//! Which adapters can be used in several contexts: the table in the chapter "Porting to a kernel".
#![cfg(all(
    feature = "alloc",
    feature = "bitmap-allocator",
    feature = "buddy-system-allocator",
    feature = "virtio-drivers"
))]

use std::alloc::System;

use aerostat_adapters::{
    BitmapFrames, BuddyFrames, FrameDma, FrameFunctions, GlobalMemory, HalDma, HeapDma, HeapFrames, HeapMemory,
    KernelFrames, KernelPlatform, StaticMemory,
};
use aerostat_test_support::chapter::table;
use aerostat_test_support::send_and_sync;
use bitmap_allocator::BitAlloc64K;

/// A type that is neither `Send` nor `Sync`: `HalDma` has no value of it.
struct AnyHal(#[expect(dead_code, reason = "only its type counts")] *const ());

type Frames = KernelFrames<FrameFunctions, GlobalMemory>;
type Dma = FrameDma<FrameFunctions>;

#[test]
fn the_chapter_shows_which_types_are_send_and_sync() {
    let found = send_and_sync! {
        "FrameFunctions, BitmapFrames, BuddyFrames": (FrameFunctions, BitmapFrames<BitAlloc64K>, BuddyFrames),
        "HeapFrames, HeapDma, HeapMemory": (HeapFrames<System>, HeapDma<System>, HeapMemory<System>),
        "FrameDma": Dma,
        "HalDma": HalDma<AnyHal>,
        "KernelFrames": Frames,
        "GlobalMemory, StaticMemory": (GlobalMemory, StaticMemory),
        "KernelPlatform": KernelPlatform<Frames, Dma>,
    };
    assert_eq!(found.as_slice(), table("porting.md", "send and sync of the adapters"));
}
