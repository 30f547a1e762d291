//! Panics in the code of the kernel: its `Wait`, its allocator, its DMA memory, and its transport. The driver loses no frame.

mod blocks;
#[path = "../common/mod.rs"]
mod common;
mod lost_transport;
mod many;
mod operations;
mod poison;
mod transport;
mod waits;

use std::panic::{AssertUnwindSafe, catch_unwind};

use aerostat_balloon::handles::Progress;
use aerostat_balloon::transport::{Either, InterruptStatus, LegacyMmio, Mmio, Numbering};
use aerostat_balloon::{Balloon, Handles, Options, Ready, Reserve, features as declare};
use aerostat_device::{BalloonDevice, Builder, Ledger, Runs, TestPlatform, features};
use common::kernel::{Countdown, Kernel};
use common::polls;
use common::registers::{Observe, Observed};

declare! {
    struct All {
        StatsVq: Required,
        DeflateOnOom: Required,
        FreePageHint: Required,
        PagePoison: Optional,
        PageReporting: Required,
        AccessPlatform: Optional,
    }
}

const OFFERED: u64 = features::STATS_VQ
    | features::DEFLATE_ON_OOM
    | features::FREE_PAGE_HINT
    | features::PAGE_REPORTING
    | features::VERSION_1;
const BLOCK: u32 = 16 << 10;

/// Accesses of registers can panic.
impl Observe for Countdown {
    fn access(&self, _offset: usize, _written: Option<u32>) {
        self.count();
    }
}

type Bus = Either<Mmio<Observed<Countdown>>, LegacyMmio<Observed<Countdown>>>;
type Whole = Balloon<Ready<Bus, Kernel, All>>;
type Parts = Handles<Bus, Kernel, All>;

/// A balloon, its device and its kernel.
struct Rig {
    balloon: Whole,
    device: BalloonDevice,
    ledger: Ledger,
    /// For the calls of the kernel.
    kernel: Countdown,
    /// For the accesses of registers.
    transport: Countdown,
}

/// What the device offers.
#[derive(Clone, Copy, Debug)]
enum Variant {
    Plain,
    /// The kernel fills frames with a poison value.
    Poison,
    /// Blocks are mapped by an IOMMU.
    Iommu,
}

const VARIANTS: [Variant; 3] = [Variant::Plain, Variant::Poison, Variant::Iommu];

fn builder(variant: Variant) -> Builder {
    let more = match variant {
        Variant::Plain => 0,
        Variant::Poison => features::PAGE_POISON,
        Variant::Iommu => features::ACCESS_PLATFORM,
    };
    BalloonDevice::builder().memory(4 << 20).features(OFFERED | more).manual()
}

type Unprobed = Balloon<aerostat_balloon::Unprobed<Bus, Kernel, All>>;

fn unprobed(device: &BalloonDevice) -> (Unprobed, Countdown, Countdown) {
    unprobed_with(device, Kernel::new(TestPlatform::of(device).unwrap()))
}

fn unprobed_with(device: &BalloonDevice, kernel: Kernel) -> (Unprobed, Countdown, Countdown) {
    kernel.memory.ledger().set_statistics([(4, 1)]);
    let (countdown, transport) = (kernel.countdown.clone(), Countdown::default());
    let bus = Mmio::either(Observed(device.registers(), transport.clone())).map_err(|(_, error)| error).unwrap();
    let options = Options::new(All)
        .poison_value(0x5a5a_5a5a)
        .report_block(BLOCK)
        .hint_block(BLOCK)
        .reserve(Reserve::Frames(50))
        .numbering(Numbering::Specification);
    (Balloon::new(bus, kernel, options).unwrap(), countdown, transport)
}

/// Returns a balloon of 200 scattered frames, whose device has arrays, reports and hints.
fn rig(variant: Variant) -> Rig {
    let device = builder(variant).start().unwrap();
    let (balloon, kernel, transport) = unprobed(&device);
    let mut balloon = balloon.probe(&mut polls()).map_err(|failed| failed.error).unwrap();
    let ledger = balloon.platform().memory.ledger();
    ledger.set_runs(Runs::Scattered { seed: 9 });
    device.set_target(200);
    for _ in 0..3 {
        let _ = balloon.service().unwrap();
        while device.step() {}
    }
    assert_eq!(balloon.size().0, 200);
    assert_eq!(balloon.service_reporting(), Ok(Progress::Waiting));
    let _ = device.start_hinting();
    let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
    while device.step() {}
    let _ = device.request_statistics();
    while device.step() {}
    Rig { balloon, device, ledger, kernel, transport }
}

/// Calls `act` on new balloons, and makes each call of the kernel in it panic once. `after` then gets what is left.
fn for_each_panic<R>(
    name: &str,
    variant: Variant,
    prepare: impl Fn(Rig) -> R,
    counter: impl Fn(&R) -> Countdown,
    act: impl Fn(&mut R),
    after: impl Fn(R, u32),
) {
    let mut call = 0;
    while call < 3000 {
        let mut prepared = prepare(rig(variant));
        let countdown = counter(&prepared);
        countdown.set(Some(call));
        let panicked = catch_unwind(AssertUnwindSafe(|| act(&mut prepared))).is_err();
        assert_eq!(panicked, !countdown.is_set(), "{name}: another panic");
        countdown.set(None);
        after(prepared, call);
        if !panicked {
            return assert!(call > 0, "{name}: nothing panics");
        }
        // Later calls are like earlier ones.
        call += 1 + call / 4;
    }
    panic!("{name}: the calls do not end");
}

/// Asserts that everything is back after the balloon was abandoned or dropped.
fn assert_returned(name: &str, variant: Variant, ledger: &Ledger, call: u32) {
    assert_eq!(ledger.violations(), [], "{name} {variant:?}, call {call}");
    let frames = ledger.allocated_frames();
    assert!(frames.is_empty(), "{name} {variant:?}, call {call}: {} frames are lost: {frames:?}", frames.len());
}

/// A panic of `Dma::free` or `Dma::unmap` may lose the other memory of the same queue.
fn assert_unmapped(name: &str, ledger: &Ledger) {
    assert_eq!(ledger.allocated_private(), 0, "{name}");
    assert!(ledger.mappings() <= ledger.allocated_dma(), "{name}");
}
