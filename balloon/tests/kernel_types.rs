//! Types that a kernel can hold: written down once, in a static, with the transport chosen at run time.

use std::alloc::Layout;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Mutex;

use aerostat_balloon::transport::{Dma, DmaRegion, Either, Mmio, MmioRegion, Pci};
use aerostat_balloon::{
    Balloon, FrameRun, Frames, Frozen, MustTellHost, ProbeFailed, Ready, Size4KiB, Undeclared, Unprobed, features,
};
use aerostat_device::{BalloonDevice, Registers, TestPlatform};

struct Kernel;

impl Frames for Kernel {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        0..0
    }

    fn allocate(&mut self, _most: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn deallocate(&mut self, _run: FrameRun<Size4KiB>) {}

    fn allocate_private(&mut self, _words: usize) -> Option<&'static mut [u64]> {
        None
    }

    fn deallocate_private(&mut self, _memory: aerostat_balloon::PrivateMemory) {}
}

// SAFETY: no region is ever given out.
unsafe impl Dma for Kernel {
    fn alloc(&mut self, _layout: Layout) -> Option<DmaRegion> {
        None
    }

    fn free(&mut self, _region: DmaRegion) {}
}

type AnyBus = Either<Mmio<MmioRegion>, Pci<MmioRegion>>;
type Declared = features! { MustTellHost: Required };

/// What a kernel has of its balloon, from boot to shutdown.
#[expect(dead_code, reason = "the device of this test does not come to life")]
#[expect(clippy::large_enum_variant, reason = "a static holds it in place, and there is no heap")]
enum Held {
    Unprobed(Balloon<Unprobed<AnyBus, Kernel, Declared>>),
    Ready(Balloon<Ready<AnyBus, Kernel, Declared>>),
    Frozen(Balloon<Frozen<AnyBus, Kernel, Declared>>),
}

static BALLOON: Mutex<Option<Held>> = Mutex::new(None);

/// Registers that read as they were written, of a balloon.
#[repr(align(8))]
struct Still([u32; 0x44]);

#[test]
fn a_balloon_lives_in_a_static_with_a_transport_chosen_at_run_time() {
    let registers = Box::leak(Box::new(Still([0; 0x44])));
    registers.0[..3].copy_from_slice(&[0x7472_6976_u32.to_le(), 2_u32.to_le(), 5_u32.to_le()]);
    // SAFETY: the registers are never freed, and reached through the region only.
    let region = unsafe { MmioRegion::new(NonNull::from(&mut registers.0).cast(), size_of::<Still>()) };
    let bus = Mmio::new(region).map_err(|(_, error)| error).unwrap();
    let balloon = Balloon::new(Either::First(bus), Kernel).require(MustTellHost);
    *BALLOON.lock().unwrap() = Some(Held::Unprobed(balloon));

    let held = BALLOON.lock().unwrap().take();
    let Some(Held::Unprobed(balloon)) = held else { panic!("it was just put there") };
    // The kernel lends no memory, and keeps what it gave.
    let failed = balloon.probe().map(Held::Ready).map_err(|failed| failed.balloon);
    *BALLOON.lock().unwrap() = Some(failed.unwrap_or_else(Held::Unprobed));
    assert!(matches!(*BALLOON.lock().unwrap(), Some(Held::Unprobed(_))));
}

/// The interrupt handler runs on any CPU, beside the balloon.
#[test]
fn the_interrupt_side_can_be_shared_and_the_balloon_can_be_sent() {
    fn shared<T: Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>() {}
    use aerostat_balloon::transport::Transport;
    shared::<<AnyBus as Transport>::Interrupt>();
    sent::<Held>();
}

/// The name that `features!` gives is the type that the builder infers, for every level.
#[test]
fn the_builder_infers_the_type_that_the_macro_names() {
    type Bus = Mmio<Registers>;
    type Probed<L> = Result<Balloon<Ready<Bus, TestPlatform, L>>, ProbeFailed<Balloon<Unprobed<Bus, TestPlatform, L>>>>;
    let unprobed = || {
        let device = BalloonDevice::builder().inline().start().unwrap();
        let transport = Mmio::new(device.registers()).map_err(|(_, error)| error).unwrap();
        Balloon::new(transport, TestPlatform::<Size4KiB>::of(&device).unwrap())
    };
    let required: Probed<features! { MustTellHost: Required }> = unprobed().require(MustTellHost).probe();
    let wanted: Probed<features! { MustTellHost: Optional }> = unprobed().want(MustTellHost).probe();
    let refused: Probed<features! {}> = unprobed().probe();
    let named: Probed<Undeclared> = unprobed().probe();
    assert!(required.is_ok() && wanted.is_ok() && refused.is_ok() && named.is_ok());
}
