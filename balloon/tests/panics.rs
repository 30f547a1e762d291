//! Panics in the code of the kernel: its `Wait`, its allocator, its DMA memory, and its transport. The driver loses no frame.

mod common;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use aerostat_balloon::handles::Progress;
use aerostat_balloon::transport::{DmaDomain, Either, InterruptStatus, Io, LegacyMmio, Mmio, Numbering};
use aerostat_balloon::{Balloon, BalloonError, Frames, Handles, Options, Ready, Reserve, Split, features as declare};
use aerostat_device::{BalloonDevice, Builder, Ledger, RegisterFault, Registers, Runs, TestPlatform, features};
use common::kernel::{Countdown, Kernel};
use common::{no_wait, polls};

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

/// Registers whose accesses can panic.
#[derive(Clone, Debug)]
struct Panicking(Registers, Countdown);

// SAFETY: every access that does not panic reaches the register at its offset.
unsafe impl Io for Panicking {
    fn domain(&self) -> DmaDomain {
        self.0.domain()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn read8(&self, offset: usize) -> u8 {
        self.1.count();
        self.0.read8(offset)
    }

    fn read16(&self, offset: usize) -> u16 {
        self.1.count();
        self.0.read16(offset)
    }

    fn read32(&self, offset: usize) -> u32 {
        self.1.count();
        self.0.read32(offset)
    }

    fn write8(&self, offset: usize, value: u8) {
        self.1.count();
        self.0.write8(offset, value);
    }

    fn write16(&self, offset: usize, value: u16) {
        self.1.count();
        self.0.write16(offset, value);
    }

    fn write32(&self, offset: usize, value: u32) {
        self.1.count();
        self.0.write32(offset, value);
    }
}

type Bus = Either<Mmio<Panicking>, LegacyMmio<Panicking>>;
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
    let bus = Mmio::either(Panicking(device.registers(), transport.clone())).map_err(|(_, error)| error).unwrap();
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

/// Every operation of a balloon that can panic in the kernel's allocator.
fn operations() -> Vec<(&'static str, fn(&mut Rig))> {
    fn steps(rig: &mut Rig, target: u32) {
        rig.device.set_target(target);
        for _ in 0..3 {
            let _ = rig.balloon.service();
            while rig.device.step() {}
        }
        let _ = rig.balloon.service();
    }
    vec![
        ("inflating", |rig| steps(rig, 260)),
        ("inflating to the reserve", |rig| steps(rig, 1 << 20)),
        ("deflating", |rig| steps(rig, 60)),
        ("drain", |rig| {
            let _ = rig.balloon.drain();
            while rig.device.step() {}
            let _ = rig.balloon.drain();
        }),
        ("inflate", |rig| {
            rig.device.set_target(300);
            let _ = rig.balloon.inflate(10).map(|mut inflation| inflation.poll());
        }),
        ("deflate", |rig| {
            rig.device.set_target(100);
            let _ = rig.balloon.deflate(100).map(|pending| pending.tell_host().poll());
            while rig.device.step() {}
            let _ = rig.balloon.drain();
        }),
        ("release_early", |rig| {
            rig.device.set_target(100);
            let _ = rig.balloon.deflate(100).map(|pending| pending.release_early());
        }),
        ("deflate_on_oom", |rig| {
            let _ = rig.balloon.deflate_on_oom().release_early();
        }),
        ("inflate_with", |rig| {
            rig.device.set_target(150);
            let _ = rig.balloon.service();
            while rig.device.step() {}
            rig.device.set_target(300);
            let run = rig.balloon.platform().memory.share().allocate(3).unwrap();
            if let Err(rejected) = rig.balloon.inflate_with(run)
                && let Some(run) = rejected.run
            {
                rig.balloon.platform().memory.share().deallocate(run);
            }
        }),
        ("inflate_with frames of the balloon", |rig| {
            rig.device.set_target(300);
            rig.ledger.set_runs(Runs::Contiguous);
            let mut memory = rig.balloon.platform().memory.share();
            let mut short = Vec::new();
            let run = loop {
                match memory.allocate(3).unwrap() {
                    run if run.count() == 3 => break run,
                    run => short.push(run),
                }
            };
            short.into_iter().for_each(|run| memory.deallocate(run));
            let (first, rest) = run.split(1);
            let (middle, _last) = rest.unwrap().split(1);
            let start = first.first();
            let _ = rig.balloon.inflate_with(middle).map_err(|rejected| panic!("{rejected}"));
            // SAFETY: the first and the last frame are not used, and the balloon does not take the one between them.
            let run = unsafe { aerostat_balloon::FrameRun::from_raw(start, 3) };
            let _ = rig.balloon.inflate_with(run).map_err(|rejected| assert!(rejected.run.is_none()));
        }),
        ("migrate", |rig| {
            rig.device.set_target(150);
            let _ = rig.balloon.service();
            while rig.device.step() {}
            let new = rig.balloon.platform().memory.share().allocate(1).unwrap();
            let old = *rig.ledger.allocated_frames().iter().find(|&&frame| rig.balloon.contains(frame)).unwrap();
            match rig.balloon.migrate(old, new) {
                Ok(mut migration) => {
                    let _ = migration.poll();
                    while rig.device.step() {}
                    let _ = migration.poll();
                    while rig.device.step() {}
                    let _ = migration.poll();
                }
                Err(rejected) => rig.balloon.platform().memory.share().deallocate(rejected.run.unwrap()),
            }
        }),
        ("service_statistics", |rig| {
            let _ = rig.balloon.service_statistics();
        }),
        ("service_reporting", |rig| {
            let _ = rig.balloon.service_reporting();
            while rig.device.step() {}
            let _ = rig.balloon.service_reporting();
        }),
        ("service_hinting", |rig| {
            let _ = rig.balloon.service_hinting(InterruptStatus::ANY);
            while rig.device.step() {}
            rig.device.finish_hinting();
            let _ = rig.balloon.service_hinting(InterruptStatus::ANY);
        }),
        ("reclaim_hinted", |rig| {
            let _ = rig.balloon.reclaim_hinted(100);
        }),
        ("abandon", |rig| {
            let _ = rig.balloon.abandon(&mut polls());
        }),
        ("poll_abandon", |rig| while rig.balloon.poll_abandon().is_ok_and(|poll| poll.is_pending()) {}),
        ("assume_gone", |rig| {
            // SAFETY: the device of this test works only when it is told to.
            let _ = unsafe { rig.balloon.assume_gone() };
        }),
    ]
}

#[test]
fn a_panic_of_the_kernel_in_an_operation_loses_no_frame() {
    for variant in VARIANTS {
        for (name, act) in operations() {
            for_each_panic(
                name,
                variant,
                |rig| rig,
                |rig| rig.kernel.clone(),
                act,
                |rig, call| {
                    let Rig { mut balloon, ledger, device, .. } = rig;
                    let name = format!("{name}, {device:?}");
                    assert_eq!(balloon.abandon(&mut polls()), Ok(()), "{name}");
                    assert_returned(&name, variant, &ledger, call);
                    drop(balloon);
                    assert_unmapped(&name, &ledger);
                },
            );
        }
    }
}

/// A panic in a call that consumes the balloon drops it.
#[test]
fn a_panic_of_the_kernel_in_a_call_that_consumes_the_balloon_loses_no_frame() {
    type Act = fn(Whole, &BalloonDevice);
    let acts: [(&str, Act); 5] = [
        ("freeze", |balloon, device| {
            let _ = balloon.freeze(&mut device.work_at_most(100));
        }),
        ("reset", |balloon, _| {
            let _ = balloon.reset(&mut polls());
        }),
        ("remove", |balloon, device| {
            let _ = balloon.remove(&mut device.work_at_most(100));
        }),
        ("restore", |balloon, device| {
            let frozen = balloon.freeze(&mut device.work_at_most(100)).map_err(|failed| failed.error).unwrap();
            let _ = frozen.restore(&mut polls());
        }),
        ("drop", |balloon, _| drop(balloon)),
    ];
    for variant in VARIANTS {
        for (name, act) in acts {
            for_each_panic(
                name,
                variant,
                |Rig { balloon, device, ledger, kernel, .. }| (Some(balloon), device, ledger, kernel),
                |(.., kernel)| kernel.clone(),
                |(balloon, device, ..)| act(balloon.take().unwrap(), device),
                |(balloon, _, ledger, _), call| {
                    assert!(balloon.is_none());
                    // A panic in `drop` itself ends the drop.
                    if name != "drop" {
                        assert_returned(name, variant, &ledger, call);
                    }
                },
            );
        }
    }
}

#[test]
fn a_panic_of_the_kernel_in_a_handle_loses_no_frame() {
    type Act = fn(&mut Parts, &mut Kernel, &BalloonDevice);
    let acts: [(&str, Act); 5] = [
        ("statistics", |parts, kernel, _| {
            let _ = parts.statistics.service(kernel);
        }),
        ("reporting", |parts, kernel, device| {
            let _ = parts.reporting.service(kernel);
            while device.step() {}
            let _ = parts.reporting.service(kernel);
        }),
        ("hinting", |parts, kernel, device| {
            let _ = parts.hinting.service(kernel, InterruptStatus::ANY);
            while device.step() {}
            device.finish_hinting();
            let _ = parts.hinting.service(kernel, InterruptStatus::ANY);
        }),
        ("reclaim_hinted", |parts, kernel, _| {
            let _ = parts.hinting.reclaim_hinted(kernel, 100);
        }),
        ("abandon", |parts, _, _| {
            let _ = parts.balloon.abandon(&mut polls());
        }),
    ];
    for variant in VARIANTS {
        for (name, act) in acts {
            for_each_panic(
                name,
                variant,
                |Rig { balloon, device, ledger, kernel, .. }| {
                    let shared = balloon.platform().share();
                    (balloon.split(), shared, device, ledger, kernel)
                },
                |(.., kernel)| kernel.clone(),
                |(parts, kernel, device, ..)| act(parts, kernel, device),
                |(mut parts, _, _, ledger, _), call| {
                    assert_eq!(parts.balloon.abandon(&mut polls()), Ok(()), "{name}");
                    drop(parts.join().unwrap());
                    assert_returned(name, variant, &ledger, call);
                    assert_unmapped(name, &ledger);
                },
            );
        }
    }
}

/// A call in which the kernel may panic, after another one in which it does not.
struct Panics {
    name: &'static str,
    variant: Variant,
    /// The last call of the kernel that panics.
    last: u32,
    prepare: fn(&mut Rig),
    act: fn(&mut Rig) -> Result<(), BalloonError>,
}

/// Every call that keeps frames in a panic.
const KEEPING: [Panics; 8] = [
    Panics {
        name: "inflate_with",
        variant: Variant::Plain,
        last: 1,
        prepare: |rig| {
            while rig.device.step() {}
            rig.device.set_target(rig.balloon.size().0.saturating_sub(5));
            let _ = rig.balloon.service();
            while rig.device.step() {}
            rig.device.set_target(1000);
        },
        act: |rig| {
            let mut memory = rig.balloon.platform().memory.share();
            let run = memory.allocate(1).unwrap();
            rig.balloon.inflate_with(run).map_err(|rejected| {
                rejected.run.into_iter().for_each(|run| memory.deallocate(run));
                rejected.error
            })
        },
    },
    Panics {
        name: "migrate",
        variant: Variant::Poison,
        last: 3,
        prepare: |rig| {
            let _ = rig.balloon.drain();
            while rig.device.step() {}
        },
        act: |rig| {
            let mut memory = rig.balloon.platform().memory.share();
            let new = memory.allocate(1).unwrap();
            // The frame is not in the balloon, whose frames all leave it.
            rig.balloon.migrate(u64::MAX, new).map(drop).map_err(|rejected| {
                rejected.run.into_iter().for_each(|run| memory.deallocate(run));
                rejected.error
            })
        },
    },
    Panics {
        name: "inflating by other frames",
        variant: Variant::Plain,
        last: 30,
        prepare: |rig| {
            while rig.device.step() {}
            rig.device.set_target(u32::MAX);
        },
        act: |rig| rig.balloon.service().map(drop),
    },
    Panics { name: "reporting", variant: Variant::Poison, last: 40, prepare: answer, act: report },
    Panics { name: "reporting", variant: Variant::Iommu, last: 40, prepare: answer, act: report },
    Panics { name: "hinting", variant: Variant::Iommu, last: 150, prepare: next_round, act: hint },
    Panics { name: "hinting", variant: Variant::Poison, last: 150, prepare: next_round, act: hint },
    Panics {
        name: "reclaim_hinted",
        variant: Variant::Plain,
        last: 4,
        prepare: |rig| {
            next_round(rig);
            let _ = rig.balloon.service_hinting(InterruptStatus::ANY);
            while rig.device.step() {}
        },
        act: |rig| rig.balloon.reclaim_hinted(4).map(drop),
    },
];

/// The device answers, and the kernel uses and frees memory, which can then be reported again.
fn answer(rig: &mut Rig) {
    while rig.device.step() {}
    rig.ledger.use_frames(500);
    rig.ledger.free_used_frames();
}

fn report(rig: &mut Rig) -> Result<(), BalloonError> {
    rig.balloon.service_reporting().map(drop)
}

/// The host is done with a round, and starts the next one.
fn next_round(rig: &mut Rig) {
    finish_round(rig);
    let _ = rig.balloon.service_hinting(InterruptStatus::ANY);
    while rig.device.step() {}
    let _ = rig.device.start_hinting();
}

fn finish_round(rig: &mut Rig) {
    while rig.device.step() {}
    rig.device.finish_hinting();
}

fn hint(rig: &mut Rig) -> Result<(), BalloonError> {
    let _ = rig.balloon.service_hinting(InterruptStatus::ANY)?;
    finish_round(rig);
    rig.balloon.service_hinting(InterruptStatus::ANY).map(drop)
}

/// The balloon keeps the frames of a panic. Before it has no space for those of another panic, its calls return an error.
#[test]
fn many_panics_in_one_balloon_lose_no_frame_and_end_with_an_error() {
    for Panics { name, variant, last, prepare, act } in KEEPING {
        let mut rig = rig(variant);
        if name == "inflating by other frames" {
            rig = rig_with_other_frames();
        }
        let mut panics = 0;
        let calls = (0..400).find(|call| {
            prepare(&mut rig);
            rig.kernel.set(Some(last - call % (last + 1)));
            let result = catch_unwind(AssertUnwindSafe(|| act(&mut rig)));
            panics += u32::from(result.is_err());
            rig.kernel.set(None);
            result.is_ok_and(|result| result == Err(BalloonError::TooManyPanics))
        });
        assert!(calls.is_some() && panics > 1, "{name} {variant:?}: {panics} panics without an error");
        for _ in 0..3 {
            prepare(&mut rig);
            assert_eq!(act(&mut rig), Err(BalloonError::TooManyPanics), "{name} {variant:?}");
        }
        assert_eq!(rig.balloon.abandon(&mut polls()), Ok(()));
        assert_returned(name, variant, &rig.ledger, panics);
        let frozen = rig.balloon.freeze(&mut no_wait).map_err(|failed| failed.error).unwrap();
        rig.ledger.set_statistics([(4, 1)]);
        rig.balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
        prepare(&mut rig);
        assert_ne!(act(&mut rig), Err(BalloonError::TooManyPanics), "{name} {variant:?}");
        drop(rig.balloon);
        assert_returned(name, variant, &rig.ledger, panics);
    }
}

/// Returns a balloon whose kernel has many frames that the balloon cannot take.
fn rig_with_other_frames() -> Rig {
    let device = builder(Variant::Plain).start().unwrap();
    let mut kernel = Kernel::new(TestPlatform::of(&device).unwrap());
    kernel.range.start += 300;
    kernel.range.end -= 300;
    let (balloon, kernel, transport) = unprobed_with(&device, kernel);
    let balloon = balloon.probe(&mut polls()).map_err(|failed| failed.error).unwrap();
    let ledger = balloon.platform().memory.ledger();
    ledger.set_runs(Runs::Scattered { seed: 9 });
    Rig { balloon, device, ledger, kernel, transport }
}

/// A statistics buffer that the host waits for is not forgotten.
#[test]
fn a_request_for_statistics_is_answered_after_a_panic() {
    let Rig { mut balloon, device, kernel, .. } = rig(Variant::Plain);
    let before = device.statistics_count();
    kernel.set(Some(0));
    assert!(catch_unwind(AssertUnwindSafe(|| balloon.service_statistics())).is_err());
    assert!(balloon.service_statistics().is_ok());
    while device.step() {}
    assert_eq!(device.statistics_count(), before + 1);
}

/// The device stays with the balloon if the kernel's `Wait` panics.
#[test]
fn a_panic_of_wait_loses_nothing() {
    let panics = |_: u32| -> ControlFlow<()> { resume_unwind(Box::new("the test makes this call panic")) };
    type Act = fn(&mut Whole, &mut dyn FnMut(u32) -> ControlFlow<()>);
    let acts: [(&str, Act); 3] = [
        ("abandon", |balloon, mut wait| {
            let _ = balloon.abandon(&mut |attempt| wait(attempt));
            let _ = &mut wait;
        }),
        ("inflate", |balloon, wait| {
            let _ = balloon.inflate(20).unwrap().wait(&mut |attempt| wait(attempt));
        }),
        ("deflate", |balloon, wait| {
            let _ = balloon.deflate_on_oom().tell_host().wait(&mut |attempt| wait(attempt));
        }),
    ];
    for (name, act) in acts {
        let Rig { mut balloon, device, ledger, .. } = rig(Variant::Plain);
        device.set_target(300);
        device.inject(RegisterFault::SlowReset(50));
        for _ in 0..2 {
            let result = catch_unwind(AssertUnwindSafe(|| act(&mut balloon, &mut { panics })));
            assert!(result.is_err(), "{name}");
        }
        assert_eq!(balloon.abandon(&mut polls()), Ok(()), "{name}");
        assert_returned(name, Variant::Plain, &ledger, 0);
        drop(balloon);
        assert!(ledger.all_returned(), "{name}");
    }
}

/// A call that consumes the balloon drops it in a panic of `Wait`. The drop does not wait, so it returns everything if the device
/// finishes its reset at once.
#[test]
fn a_panic_of_wait_in_a_call_that_consumes_the_balloon_drops_it() {
    let mut panics = |_: u32| -> ControlFlow<()> { resume_unwind(Box::new("the test makes this call panic")) };
    let panicked = |act: &mut dyn FnMut()| assert!(catch_unwind(AssertUnwindSafe(act)).is_err());
    // In the reset at the start.
    let device = builder(Variant::Plain).start().unwrap();
    device.inject(RegisterFault::SlowReset(3));
    let (balloon, ..) = unprobed(&device);
    let ledger = balloon.platform().memory.ledger();
    let mut balloon = Some(balloon);
    panicked(&mut || drop(balloon.take().unwrap().probe(&mut panics)));
    assert!(ledger.all_returned());
    // In `freeze`, while the device has arrays.
    let Rig { balloon, ledger, .. } = rig(Variant::Plain);
    let mut balloon = Some(balloon);
    panicked(&mut || drop(balloon.take().unwrap().freeze(&mut panics)));
    assert!(ledger.all_returned());
    // In the reset at the end: the device may still use its memory.
    for finishes in [true, false] {
        let Rig { balloon, ledger, device, .. } = rig(Variant::Plain);
        let before = ledger.allocated_frames();
        device.inject(RegisterFault::SlowReset(u32::MAX));
        let mut balloon = Some(balloon);
        let mut wait = |attempt| {
            if finishes {
                device.clear_faults();
            }
            panics(attempt)
        };
        panicked(&mut || drop(balloon.take().unwrap().reset(&mut wait)));
        assert_eq!(ledger.all_returned(), finishes);
        assert!(finishes || ledger.allocated_frames() == before);
    }
    // `power_off` returns nothing.
    let Rig { balloon, ledger, device, .. } = rig(Variant::Plain);
    device.inject(RegisterFault::SlowReset(5));
    let events = ledger.events();
    let mut balloon = Some(balloon);
    panicked(&mut || assert!(balloon.take().unwrap().power_off(&mut panics).is_ok()));
    assert_eq!(ledger.events(), events);
}

/// A panic of the transport during a reset loses the transport. In any other call it loses nothing.
#[test]
fn a_panic_of_the_transport_is_harmless_or_an_error() {
    let is_reset = |name| matches!(name, "abandon" | "poll_abandon" | "assume_gone");
    for (name, act) in operations() {
        // These access no register, or only one to notify.
        if name == "inflate_with frames of the balloon" {
            continue;
        }
        for_each_panic(
            name,
            Variant::Plain,
            |rig| rig,
            |rig| rig.transport.clone(),
            act,
            |rig, call| {
                let Rig { mut balloon, ledger, .. } = rig;
                let abandoned = balloon.abandon(&mut polls());
                if abandoned == Err(BalloonError::TransportLost) {
                    assert!(is_reset(name), "{name}, access {call}");
                    let before = ledger.allocated_frames();
                    assert_eq!(balloon.power_off(&mut polls()), Err(BalloonError::TransportLost));
                    assert_eq!(ledger.allocated_frames(), before);
                    return;
                }
                assert_eq!(abandoned, Ok(()));
                assert_returned(name, Variant::Plain, &ledger, call);
                drop(balloon);
                assert!(ledger.all_returned(), "{name}, access {call}");
            },
        );
    }
}

/// A device that was not reset is not reported as reset.
#[test]
fn power_off_is_an_error_if_the_device_was_not_reset() {
    let Rig { balloon, transport, .. } = rig(Variant::Plain);
    let mut balloon: Balloon<Split<_, _, _>> = balloon.split().balloon;
    transport.set(Some(0));
    assert!(catch_unwind(AssertUnwindSafe(|| balloon.abandon(&mut polls()))).is_err());
    assert_eq!(balloon.power_off(&mut polls()), Err(BalloonError::TransportLost));
    // After an abandon, the device is reset.
    let Rig { mut balloon, .. } = rig(Variant::Plain);
    assert_eq!(balloon.abandon(&mut polls()), Ok(()));
    assert_eq!(balloon.power_off(&mut no_wait), Ok(()));
}
