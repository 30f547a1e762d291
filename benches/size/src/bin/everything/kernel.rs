//! The kernel.

use core::future::Future;
use core::panic::PanicInfo;
use core::pin::pin;
use core::ptr::NonNull;
use core::task::{Context, Waker};

use aerostat_balloon::spec::DeviceId;
use aerostat_balloon::transport::pci::{BarRange, ConfigPorts, Message, Msix, Pci, PciFunction, QueueVectors, Routing};
use aerostat_balloon::transport::{
    CpuPorts, Either, InterruptSource, LegacyMmio, LegacyPci, Mmio, MmioRegion, PortRegion, Spin,
};
use aerostat_balloon::{Balloon, FrameRun, Frozen, Handles, Options, Ready, Reserve, Signal, Source, features};
use aerostat_entropy::Entropy;
use aerostat_pmem::Pmem;
use aerostat_size::Kernel;
use pci_types::PciAddress;

features! {
    /// Every feature.
    struct All {
        MustTellHost: Optional,
        StatsVq: Optional,
        DeflateOnOom: Optional,
        FreePageHint: Optional,
        PagePoison: Optional,
        PageReporting: Optional,
        BlockInflation: Optional,
        RingPacked: Optional,
        EventIdx: Optional,
        IndirectDesc: Optional,
        InOrder: Optional,
        NotificationData: Optional,
        OrderPlatform: Optional,
        AccessPlatform: Optional,
    }
}

features! {
    /// What only a balloon without MUST_TELL_HOST can do.
    struct Early { DeflateOnOom: Optional }
}

type Config = ConfigPorts<CpuPorts>;
type AnyMmio = Either<Mmio<MmioRegion>, LegacyMmio<MmioRegion>>;
type AnyPci = Either<Pci<MmioRegion, Config>, LegacyPci<PortRegion<CpuPorts>, Config>>;
type AnyTransport = Either<AnyMmio, AnyPci>;
type Live = Balloon<Ready<AnyTransport, Kernel, All>>;
type Asleep = Balloon<Frozen<AnyTransport, Kernel, All>>;
type EarlyBalloon = Balloon<Ready<AnyTransport, Kernel, Early>>;

static SIGNAL: Signal = Signal::new();
static mut BALLOON: Option<Live> = None;
static mut ASLEEP: Option<Asleep> = None;
static mut HANDLES: Option<Handles<AnyTransport, Kernel, All>> = None;
static mut EARLY: Option<EarlyBalloon> = None;
static mut ENTROPY: Option<Entropy<AnyTransport>> = None;
static mut PMEM: Option<Pmem<AnyTransport>> = None;

/// Returns a static variable.
macro_rules! global {
    ($name:ident) => {{
        // SAFETY: the program is never run.
        #[expect(static_mut_refs, reason = "the program is never run")]
        let place = unsafe { &mut $name };
        place
    }};
}

/// Calls one part of the drivers. All arguments are unknown to the compiler.
#[unsafe(no_mangle)]
extern "C" fn _start(what: u32, registers: *mut u8, a: u64, b: u32) -> u64 {
    let registers = NonNull::new(registers).unwrap_or(NonNull::dangling());
    match what {
        0 => start(mmio(registers), b != 0).into(),
        1 => start(pci(registers, a as u8), b != 0).into(),
        2 => start(legacy_pci(a as u8), b != 0).into(),
        3 => start_early(mmio(registers)).into(),
        4 => start_entropy(mmio(registers)).into(),
        5 => u64::from(entropy(registers, b as usize)),
        6 => interrupt().into(),
        7 => work().into(),
        8 => operations(b, a).into(),
        9 => futures(b).into(),
        10 => out_of_memory().into(),
        11 => sleep().into(),
        12 => wake().into(),
        13 => split(b).into(),
        14 => handles(b).into(),
        15 => end(b).into(),
        16 => queries(a),
        17 => early(b).into(),
        18 => blocks(b).into(),
        19 => start_pmem(pci(registers, a as u8)),
        20 => flush().into(),
        _ => 0,
    }
}

fn mmio(registers: NonNull<u8>) -> Option<AnyTransport> {
    // SAFETY: the program is never run.
    Mmio::either(unsafe { MmioRegion::new(registers, 0x200) }).ok().map(Either::First)
}

fn function(address: u8) -> PciFunction<Config> {
    // SAFETY: the program is never run.
    let ports = unsafe { CpuPorts::new() };
    PciFunction::new(ConfigPorts::new(ports), PciAddress::new(0, address, 0, 0))
}

#[inline(never)]
fn pci(window: NonNull<u8>, address: u8) -> Option<AnyTransport> {
    let function = function(address);
    if function.virtio_device() != Some(DeviceId(5)) {
        return None;
    }
    // SAFETY: the program is never run.
    let mut map = |range: BarRange| Some(unsafe { MmioRegion::new(window, range.len as usize) });
    let mut routing = Routing::Line;
    if let Some(mut messages) = Msix::enable(&function, &mut map).ok()? {
        // SAFETY: the program is never run.
        let configuration = messages.add(unsafe { Message::new(0xfee0_0000, 32) })?;
        // SAFETY: the program is never run.
        let queue = [33, 34].map(|data| unsafe { Message::new(0xfee0_0000, data) });
        let queues = if address == 0 { QueueVectors::shared(configuration) } else { messages.add_each(queue)? };
        routing = Routing::Messages { configuration, queues };
    }
    let bus = Pci::new(&function, &mut map, routing).ok()?;
    Some(Either::Second(Either::First(bus)))
}

#[inline(never)]
fn legacy_pci(address: u8) -> Option<AnyTransport> {
    // SAFETY: the program is never run.
    let mut map =
        |range: BarRange| Some(PortRegion::new(unsafe { CpuPorts::new() }, range.address as u16, range.len as u16));
    let bus = LegacyPci::new(&function(address), &mut map, Routing::Line).ok()?;
    Some(Either::Second(Either::Second(bus)))
}

fn all(tells_host: bool) -> Options<All> {
    let options = Options::new(All).reserve(Reserve::Percent(5)).poison_value(0xaa).oom_pages(512);
    if tells_host { options.tell_host_of_blocks() } else { options }
}

#[inline(never)]
fn start(bus: Option<AnyTransport>, tells_host: bool) -> bool {
    let Some(bus) = bus else { return false };
    let Ok(new) = Balloon::new(bus, Kernel, all(tells_host)) else { return false };
    *global!(BALLOON) = new.probe(&mut Spin::default()).ok();
    true
}

#[inline(never)]
fn start_early(bus: Option<AnyTransport>) -> bool {
    let Some(bus) = bus else { return false };
    let Ok(new) = Balloon::new(bus, Kernel, Options::new(Early)) else { return false };
    *global!(EARLY) = new.probe(&mut Spin::default()).ok();
    true
}

#[inline(never)]
fn start_entropy(bus: Option<AnyTransport>) -> bool {
    let Some(bus) = bus else { return false };
    *global!(ENTROPY) = Entropy::probe(bus, &mut Kernel, &mut Spin::default()).ok();
    true
}

#[inline(never)]
fn start_pmem(bus: Option<AnyTransport>) -> u64 {
    let Some(bus) = bus else { return 0 };
    *global!(PMEM) = Pmem::probe(bus, &mut Kernel, &mut Spin::default()).ok();
    global!(PMEM).as_ref().map_or(0, |pmem| pmem.range().end)
}

#[inline(never)]
fn flush() -> bool {
    let Some(mut device) = global!(PMEM).take() else { return false };
    let flushed =
        device.start_flush().is_ok() && device.poll() == Ok(true) && device.flush(&mut Spin::default()).is_ok();
    flushed && device.remove(&mut Spin::default()).wait(&mut Kernel, &mut Spin::default()).is_ok()
}

#[inline(never)]
fn entropy(bytes: NonNull<u8>, len: usize) -> bool {
    let Some(mut device) = global!(ENTROPY).take() else { return false };
    // SAFETY: the program is never run.
    let bytes = unsafe { NonNull::slice_from_raw_parts(bytes, len).as_mut() };
    let filled = device.fill(bytes, &mut Spin::default()).is_ok();
    let requested = device.request(len).is_ok() && device.poll(bytes).is_ok();
    let removed = device.remove().wait(&mut Kernel, &mut Spin::default());
    filled && requested && removed.is_ok()
}

#[inline(never)]
fn interrupt() -> bool {
    let Some(balloon) = global!(BALLOON) else { return false };
    SIGNAL.raise(balloon.interrupt().acknowledge());
    true
}

#[inline(never)]
fn work() -> bool {
    let Some(balloon) = global!(BALLOON) else { return false };
    let status = SIGNAL.take(Source::Hinting);
    let paused = match balloon.service() {
        Ok(aerostat_balloon::Step::Paused(pause)) => balloon.retry(pause).is_ok(),
        _ => balloon.drain().is_ok(),
    };
    let served = balloon.service_statistics().is_ok()
        && balloon.service_hinting(status).is_ok()
        && balloon.service_reporting().is_ok()
        && balloon.reclaim_hinted(512).is_ok();
    paused && served && balloon.notify_again().is_ok()
}

#[inline(never)]
fn operations(frames: u32, frame: u64) -> bool {
    let Some(balloon) = global!(BALLOON) else { return false };
    // SAFETY: the program is never run.
    let runs = [0, 1].map(|more| unsafe { FrameRun::from_raw(frame, frames + more) });
    let [given, new] = runs;
    let inflated = balloon.inflate(frames).is_ok_and(|inflation| inflation.wait(&mut Spin::default()).is_ok());
    let given = balloon.inflate_with(given).is_ok();
    let deflated = balloon.deflate(frames).is_ok_and(|pending| pending.tell_host().wait(&mut Spin::default()).is_ok());
    let migrated = balloon.migrate(frame, new).is_ok_and(|migration| migration.wait(&mut Spin::default()).is_ok());
    inflated && given && deflated && migrated
}

#[inline(never)]
fn futures(frames: u32) -> bool {
    let Some(balloon) = global!(BALLOON) else { return false };
    let mut context = Context::from_waker(Waker::noop());
    let has_changed = pin!(SIGNAL.wait(Source::Statistics)).poll(&mut context).is_ready();
    let Ok(inflation) = balloon.inflate(frames) else { return false };
    let inflated = pin!(inflation.on(&SIGNAL)).poll(&mut context).is_ready();
    let Ok(deflation) = balloon.deflate(frames) else { return false };
    let deflated = pin!(deflation.tell_host().on(&SIGNAL)).poll(&mut context).is_ready();
    has_changed && inflated && deflated
}

#[inline(never)]
fn out_of_memory() -> u32 {
    let Some(balloon) = global!(BALLOON) else { return 0 };
    let Some(deflation) = balloon.deflate_on_oom() else { return 0 };
    deflation.tell_host().wait(&mut Spin::default()).unwrap_or(0)
}

#[inline(never)]
fn sleep() -> bool {
    let Some(live) = global!(BALLOON).take() else { return false };
    match live.freeze(&mut Spin::default()) {
        Ok(frozen) => *global!(ASLEEP) = Some(frozen),
        Err(failed) => *global!(ASLEEP) = failed.balloon.reset(&mut Spin::default()).ok(),
    }
    global!(ASLEEP).is_some()
}

#[inline(never)]
fn wake() -> bool {
    let Some(frozen) = global!(ASLEEP).take() else { return false };
    *global!(BALLOON) = frozen.restore(&mut Spin::default()).ok();
    global!(BALLOON).is_some()
}

#[inline(never)]
fn split(way: u32) -> bool {
    if let Some(balloon) = global!(BALLOON).take() {
        *global!(HANDLES) = Some(balloon.split());
        return true;
    }
    let Some(handles) = global!(HANDLES).take() else { return false };
    match way {
        0 => *global!(BALLOON) = handles.join().ok(),
        1 => {
            let Handles { balloon, statistics, reporting, hinting } = handles;
            drop((statistics, reporting, hinting));
            *global!(BALLOON) = balloon.unsplit().ok();
        }
        2 => drop(handles),
        _ => return handles.balloon.power_off(&mut Spin::default()).is_ok(),
    }
    global!(BALLOON).is_some()
}

#[inline(never)]
fn handles(frames: u32) -> bool {
    let Some(Handles { balloon, statistics, reporting, hinting }) = global!(HANDLES) else { return false };
    let (Some(statistics), Some(reporting), Some(hinting)) = (statistics, reporting, hinting) else { return false };
    let served = balloon.service().is_ok()
        && statistics.service(&mut Kernel).is_ok()
        && reporting.service(&mut Kernel).is_ok()
        && hinting.service(&mut Kernel, SIGNAL.take(Source::Hinting)).is_ok()
        && hinting.reclaim_hinted(&mut Kernel, frames).is_ok();
    let notified = statistics.notify_again().is_ok() && reporting.notify_again().is_ok();
    (served && notified && hinting.notify_again().is_ok()) || balloon.abandon(&mut Spin::default()).is_ok()
}

/// Block inflation. Whole balloons use it in `work`.
#[inline(never)]
fn blocks(way: u32) -> u32 {
    if let Some(balloon) = global!(BALLOON) {
        let fallback = balloon.block_inflation().is_err();
        return balloon.held_in_blocks().0 + u32::from(fallback);
    }
    let Some(Handles { balloon, reporting: Some(reporting), .. }) = global!(HANDLES) else { return 0 };
    let step = match balloon.service_with(reporting) {
        Ok(aerostat_balloon::Step::Paused(pause)) if way == 0 => balloon.retry_with(pause, reporting),
        step => step,
    };
    balloon.held_in_blocks().0 + u32::from(step.is_ok()) + u32::from(balloon.block_inflation().is_ok())
}

#[inline(never)]
fn end(way: u32) -> bool {
    let Some(mut balloon) = global!(BALLOON).take() else { return false };
    let ended = match way {
        0 => return true,
        1 => return balloon.power_off(&mut Spin::default()).is_ok(),
        2 => return balloon.remove(&mut Spin::default()).is_ok(),
        3 => balloon.abandon(&mut Spin::default()).is_ok(),
        4 => balloon.poll_abandon().is_ok(),
        // SAFETY: the program is never run.
        _ => unsafe { balloon.assume_gone() }.is_ok(),
    };
    *global!(BALLOON) = Some(balloon);
    ended
}

#[inline(never)]
fn queries(frame: u64) -> u64 {
    let Some(balloon) = global!(BALLOON) else { return 0 };
    let target = balloon.target().map_or(0, |target| u64::from(target.0));
    let numbers = balloon.queue_numbers();
    let queues = [numbers.inflate, numbers.deflate].into_iter().flatten().map(u64::from).sum::<u64>();
    let counts = u64::from(balloon.size().0) + balloon.in_flight() as u64 + u64::from(balloon.progress());
    target + queues + counts + balloon.migrated() + u64::from(balloon.contains(frame))
}

#[inline(never)]
fn early(frames: u32) -> u32 {
    let Some(balloon) = global!(EARLY) else { return 0 };
    let early = balloon.deflate(frames).and_then(|pending| pending.release_early());
    let on_oom = balloon.deflate_on_oom().map(|pending| pending.release_early());
    early.unwrap_or(0) + on_oom.and_then(Result::ok).unwrap_or(0)
}

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    loop {}
}
