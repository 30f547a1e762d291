//! Types that a kernel writes: for a static, for a transport and a feature set chosen at run time; and their sizes.

mod common;

use std::ptr::NonNull;
use std::sync::Mutex;

use aerostat_balloon::handles::{HintingHandle, ReportingHandle, StatisticsHandle};
use aerostat_balloon::transport::pci::Ecam;
use aerostat_balloon::transport::{Either, LegacyMmio, Mmio, MmioRegion, Pci, Transport};
use aerostat_balloon::{
    Balloon, Frozen, Handles, NoFeatures, Options, Ready, Size4KiB, Size64KiB, Split, Unprobed, feature, features,
};
use aerostat_device::{BalloonDevice, Registers, TestPlatform, features as offered};
use common::changed::{Changed, Changes, NoDma, NoFrames};

/// A kernel that has private memory, but neither frames nor DMA memory.
type Kernel = NoFrames<NoDma>;

type AnyBus = Either<Mmio<MmioRegion>, Pci<MmioRegion, Ecam<MmioRegion>>>;

features! {
    /// The features that the kernel of these tests uses.
    struct Declared {
        MustTellHost: Required,
        StatsVq: Optional,
        FreePageHint: Optional,
        PagePoison: Optional,
        PageReporting: Optional,
    }
}

/// The balloon of a kernel, from boot to shutdown.
#[expect(dead_code, reason = "the device of this test is never live")]
enum AnyState {
    Unprobed(Balloon<Unprobed<AnyBus, Kernel, Declared>>),
    Ready(Balloon<Ready<AnyBus, Kernel, Declared>>),
    Frozen(Balloon<Frozen<AnyBus, Kernel, Declared>>),
}

static BALLOON: Mutex<Option<AnyState>> = Mutex::new(None);

/// Registers that read as they were written.
#[repr(align(8))]
struct Memory([u32; 0x44]);

#[test]
fn a_static_holds_a_balloon_whose_transport_was_chosen_at_run_time() {
    let registers = Box::leak(Box::new(Memory([0; 0x44])));
    registers.0[..3].copy_from_slice(&[0x7472_6976_u32.to_le(), 2_u32.to_le(), 5_u32.to_le()]);
    // SAFETY: the registers are never freed, and accessed only through the region.
    let region = unsafe { MmioRegion::new(NonNull::from(&mut registers.0).cast(), size_of::<Memory>()) };
    let bus = Mmio::new(region).map_err(|(_, error)| error).unwrap();
    let balloon = Balloon::new(Either::First(bus), NoFrames(NoDma), Options::new(Declared));
    let balloon = balloon.map_err(|failed| failed.error).unwrap();
    *BALLOON.lock().unwrap() = Some(AnyState::Unprobed(balloon));

    let taken = BALLOON.lock().unwrap().take();
    let Some(AnyState::Unprobed(balloon)) = taken else { panic!("an unprobed balloon was stored") };
    // The probe fails: the registers are not those of a device.
    let failed = balloon
        .probe(&mut aerostat_balloon::transport::Spin::default())
        .map(AnyState::Ready)
        .map_err(|failed| failed.balloon);
    *BALLOON.lock().unwrap() = Some(failed.unwrap_or_else(AnyState::Unprobed));
    assert!(matches!(*BALLOON.lock().unwrap(), Some(AnyState::Unprobed(_))));
}

/// The interrupt handler runs on any CPU. So does any context that owns the balloon or a handle.
#[test]
fn the_interrupt_handle_is_sync_and_balloons_and_handles_are_send() {
    fn sync<T: Send + Sync + 'static>() {}
    fn send<T: Send + 'static>() {}
    sync::<<AnyBus as Transport>::Interrupt>();
    send::<AnyState>();
    send::<Handles<AnyBus, Kernel, Declared>>();
    send::<StatisticsHandle<AnyBus, Kernel, Declared>>();
    send::<ReportingHandle<AnyBus, Kernel, Declared>>();
    send::<HintingHandle<AnyBus, Kernel, Declared>>();
}

/// Optional features can be chosen at run time: the type stays the same.
#[test]
fn one_type_serves_several_sets_of_features() {
    let builder = BalloonDevice::builder().features(offered::BALLOON | offered::VERSION_1);
    let device = builder.inline().start().unwrap();
    let mut balloon: Balloon<Unprobed<Mmio<Registers>, TestPlatform<Size4KiB>, Declared>> = {
        let transport = Mmio::new(device.registers()).map_err(|(_, error)| error).unwrap();
        Balloon::new(transport, TestPlatform::of(&device).unwrap(), Options::new(Declared)).unwrap()
    };
    for without in [false, true] {
        let (transport, platform) = balloon.into_parts();
        platform.ledger().set_statistics([(4, 1)]);
        let options = Options::new(Declared);
        let options = if without { options.without(feature::PageReporting) } else { options };
        let ready = Balloon::new(transport, platform, options)
            .unwrap()
            .probe(&mut aerostat_balloon::transport::Spin::default())
            .unwrap();
        assert_eq!(ready.accepted().unwrap().has(feature::PageReporting), !without);
        let (transport, platform) = ready.remove(&mut |_| core::ops::ControlFlow::Break(())).unwrap();
        balloon = Balloon::new(transport, platform, Options::new(Declared)).unwrap();
    }
}

/// The size of a balloon and of a handle, in bytes.
const MAX_BYTES: usize = 64;

fn assert_small<T>() {
    assert!(size_of::<T>() <= MAX_BYTES, "{} bytes: {}", size_of::<T>(), std::any::type_name::<T>());
}

fn assert_all_small<T: Transport, P: aerostat_balloon::Platform<F>, F: aerostat_balloon::BalloonFeatureSet>() {
    assert_small::<Balloon<Unprobed<T, P, F>>>();
    assert_small::<Balloon<Ready<T, P, F>>>();
    assert_small::<Balloon<Split<T, P, F>>>();
    assert_small::<Balloon<Frozen<T, P, F>>>();
    assert_small::<StatisticsHandle<T, P, F>>();
    assert_small::<ReportingHandle<T, P, F>>();
    assert_small::<HintingHandle<T, P, F>>();
}

#[test]
fn balloons_and_handles_have_at_most_64_bytes() {
    assert_all_small::<AnyBus, Kernel, NoFeatures>();
    assert_all_small::<AnyBus, Kernel, Declared>();
    assert_all_small::<Mmio<Registers>, TestPlatform<Size64KiB>, Declared>();
    assert_all_small::<Either<Mmio<Registers>, LegacyMmio<Registers>>, TestPlatform<Size4KiB>, Declared>();
}

/// Private memory also holds the transport and the platform, however large they are.
#[test]
fn the_size_of_the_platform_does_not_change_the_size_of_the_balloon() {
    struct Table {
        _entries: [u64; 513],
    }

    impl Changes<Kernel> for Table {}

    type Large = Changed<Table, Kernel>;

    assert!(size_of::<Large>() > 4096);
    assert_all_small::<AnyBus, Large, NoFeatures>();
}
