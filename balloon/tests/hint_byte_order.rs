//! The byte order of command ids of hints: little-endian on the modern interface, the guest's order on the legacy interface. The
//! expected values are bytes, so that a missing or doubled conversion fails on a big-endian processor.

use std::alloc::Layout;
use std::ops::Range;

use aerostat_balloon::handles::Progress;
use aerostat_balloon::platform::HintFrames;
use aerostat_balloon::transport::{Dma, DmaRegion, InterruptStatus, LegacyMmio, Mmio, Numbering, Spin, Transport};
use aerostat_balloon::{Balloon, FrameRun, Frames, Options, PrivateMemory, Size4KiB, features};
use aerostat_test_support::{Memory, SoftMmio};

features! { struct Hinting { FreePageHint: Required } }

/// A kernel with DMA memory, and without a frame that it can spare.
struct Kernel(Memory);

// SAFETY: the regions are those of `Memory`, which fulfils the contract.
unsafe impl Dma for Kernel {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.0.alloc(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        self.0.free(region);
    }
}

impl Frames for Kernel {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        0..0x1000
    }

    fn free_frames(&self) -> u64 {
        u64::MAX
    }

    fn allocate(&mut self, _max: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn deallocate(&mut self, _run: FrameRun<Size4KiB>) {}

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        Some(vec![0; words].leak())
    }

    unsafe fn deallocate_private(&mut self, _memory: PrivateMemory) {}
}

impl HintFrames for Kernel {
    fn allocate_block(&mut self, _frames: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn initialize(&mut self, _run: &FrameRun<Size4KiB>) {}
}

/// Converts the little-endian bytes of a number to the bytes that the device expects.
type Order = fn(&[u8]) -> Vec<u8>;

fn in_guest_order(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if cfg!(target_endian = "big") {
        bytes.reverse();
    }
    bytes
}

/// Opens a round, and checks the id and STOP as the device reads them.
fn check(soft: &SoftMmio, transport: impl Transport, order: Order) {
    let memory = Memory::new();
    let options = Options::new(Hinting).numbering(Numbering::Specification);
    let balloon = Balloon::new(transport, Kernel(memory.clone()), options).map_err(|failed| failed.error).unwrap();
    let mut balloon = balloon.probe(&mut Spin::default()).map_err(|failed| failed.error).unwrap();
    // The configuration is little-endian on both interfaces.
    soft.model().config[8..12].copy_from_slice(&[4, 3, 2, 1]);
    assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Ok(Progress::Waiting));
    let buffer = |index: u64| {
        let descriptor = soft.model().queues[3].addresses[0] + 16 * index;
        let address = order(&memory.bytes(descriptor, 8)).try_into().map(u64::from_le_bytes).unwrap();
        memory.bytes(address, 4)
    };
    assert_eq!([buffer(0), buffer(1)], [order(&[4, 3, 2, 1]), vec![0; 4]]);
}

#[test]
fn command_ids_are_little_endian_on_the_modern_interface() {
    let soft = SoftMmio::new(5);
    soft.model().offered |= 1 << 3;
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    check(&soft, transport, |bytes| bytes.to_vec());
}

// conformance: balloon.legacy-hint.1
#[test]
fn command_ids_are_in_guest_order_on_the_legacy_interface() {
    let soft = SoftMmio::legacy(5);
    soft.model().offered |= 1 << 3;
    let transport = LegacyMmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    check(&soft, transport, in_guest_order);
}
