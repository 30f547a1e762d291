//! The kernel.

use core::future::Future;
use core::num::NonZeroU64;
use core::panic::PanicInfo;
use core::pin::pin;
use core::ptr::NonNull;
use core::task::{Context, Waker};

use aerostat_balloon::spec::DeviceId;
use aerostat_balloon::transport::pci::{
    BarRange, BarWindow, BarWindows, ConfigPorts, Ecam, MapBar, Message, Msix, Pci, PciFunction, QueueVectors, Routing,
};
use aerostat_balloon::transport::{
    CpuPorts, DmaDomain, Either, InDomain, InterruptSource, LegacyMmio, LegacyPci, Mmio, MmioRegion, PortRegion, Spin,
    Transport,
};
use aerostat_balloon::{
    Balloon, FrameRun, FrameSize, Frozen, Handles, Options, Ready, Reserve, Signal, Size4KiB, Size16KiB, Size64KiB,
    Source, Step, features,
};
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
type OtherPci = Either<Pci<MmioRegion, Ecam<MmioRegion>>, Pci<InDomain<BarWindow<Config>>, Config>>;
type AnyTransport = Either<AnyMmio, Either<AnyPci, OtherPci>>;

/// The balloons of a kernel, in the states in which it stores them.
struct Balloons<T: Transport, S: FrameSize> {
    live: Option<Balloon<Ready<T, Kernel<S>, All>>>,
    asleep: Option<Balloon<Frozen<T, Kernel<S>, All>>>,
    handles: Option<Handles<T, Kernel<S>, All>>,
    early: Option<Balloon<Ready<T, Kernel<S>, Early>>>,
}

impl<T: Transport, S: FrameSize> Balloons<T, S> {
    const NONE: Self = Self { live: None, asleep: None, handles: None, early: None };
}

static SIGNAL: Signal = Signal::new();
static mut BALLOONS: Balloons<AnyTransport, Size4KiB> = Balloons::NONE;
// Frames of other sizes change nothing in the transports.
static mut BALLOONS_16_KIB: Balloons<Mmio<MmioRegion>, Size16KiB> = Balloons::NONE;
static mut BALLOONS_64_KIB: Balloons<Mmio<MmioRegion>, Size64KiB> = Balloons::NONE;
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
    #[cfg(feature = "log")]
    messages::start();
    let registers = NonNull::new(registers).unwrap_or(NonNull::dangling());
    // SAFETY: the program is never run.
    let region = unsafe { MmioRegion::new(registers, 0x200) };
    match what {
        0 => global!(BALLOONS).start(any_mmio(region), b != 0).into(),
        1 => global!(BALLOONS).start(pci(registers, a as u8), b != 0).into(),
        2 => global!(BALLOONS).start(legacy_pci(a as u8), b != 0).into(),
        3 => global!(BALLOONS).start(ecam(region, registers, a as u8), b != 0).into(),
        4 => global!(BALLOONS).start(windows(a as u8, b), b != 0).into(),
        5 => global!(BALLOONS).start_early(any_mmio(region)).into(),
        6 => start_entropy(any_mmio(region)).into(),
        7 => u64::from(entropy(registers, b as usize)),
        8 => start_pmem(pci(registers, a as u8)),
        9 => flush().into(),
        10 => global!(BALLOONS_16_KIB).start(Mmio::new(region).ok(), b != 0).into(),
        11 => global!(BALLOONS_16_KIB).start_early(Mmio::new(region).ok()).into(),
        12 => global!(BALLOONS_64_KIB).start(Mmio::new(region).ok(), b != 0).into(),
        13 => global!(BALLOONS_64_KIB).start_early(Mmio::new(region).ok()).into(),
        _ => match what >> 16 {
            0 => global!(BALLOONS).call(what as u16, a, b),
            1 => global!(BALLOONS_16_KIB).call(what as u16, a, b),
            _ => global!(BALLOONS_64_KIB).call(what as u16, a, b),
        },
    }
}

fn any_mmio(region: MmioRegion) -> Option<AnyTransport> {
    Mmio::either(region).ok().map(Either::First)
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
    Some(Either::Second(Either::First(Either::First(bus))))
}

#[inline(never)]
fn legacy_pci(address: u8) -> Option<AnyTransport> {
    // SAFETY: the program is never run.
    let mut map =
        |range: BarRange| Some(PortRegion::new(unsafe { CpuPorts::new() }, range.address as u16, range.len as u16));
    let bus = LegacyPci::new(&function(address), &mut map, Routing::Line).ok()?;
    Some(Either::Second(Either::First(Either::Second(bus))))
}

/// Configuration space in memory.
#[inline(never)]
fn ecam(buses: MmioRegion, window: NonNull<u8>, address: u8) -> Option<AnyTransport> {
    let function = PciFunction::new(Ecam::new(buses, 0, 0), PciAddress::new(0, address, 0, 0));
    // SAFETY: the program is never run.
    let mut map = |range: BarRange| Some(unsafe { MmioRegion::new(window, range.len as usize) });
    let bus = Pci::new(&function, &mut map, Routing::Line).ok()?;
    Some(Either::Second(Either::Second(Either::First(bus))))
}

/// Registers behind configuration space.
#[inline(never)]
fn windows(address: u8, domain: u32) -> Option<AnyTransport> {
    let function = function(address);
    let domain = DmaDomain::new(NonZeroU64::new(domain.into())?);
    // SAFETY: the program is never run.
    let mut windows = unsafe { BarWindows::new(function.clone()) }.ok()?;
    // SAFETY: the program is never run.
    let mut map = |range: BarRange| windows.map(range).map(|window| unsafe { InDomain::new(window, domain) });
    let bus = Pci::new(&function, &mut map, Routing::Line).ok()?;
    Some(Either::Second(Either::Second(Either::Second(bus))))
}

fn all(tells_host: bool) -> Options<All> {
    let options = Options::new(All).reserve(Reserve::Percent(5)).poison_value(0xaa).oom_pages(512);
    if tells_host { options.tell_host_of_blocks() } else { options }
}

#[inline(never)]
fn start_entropy(bus: Option<AnyTransport>) -> bool {
    let Some(bus) = bus else { return false };
    *global!(ENTROPY) = Entropy::probe(bus, &mut Kernel::<Size4KiB>::new(), &mut Spin::default()).ok();
    true
}

#[inline(never)]
fn start_pmem(bus: Option<AnyTransport>) -> u64 {
    let Some(bus) = bus else { return 0 };
    *global!(PMEM) = Pmem::probe(bus, &mut Kernel::<Size4KiB>::new(), &mut Spin::default()).ok();
    global!(PMEM).as_ref().map_or(0, |pmem| pmem.range().end)
}

#[inline(never)]
fn flush() -> bool {
    let Some(mut device) = global!(PMEM).take() else { return false };
    let flushed =
        device.start_flush().is_ok() && device.poll() == Ok(true) && device.flush(&mut Spin::default()).is_ok();
    flushed && device.remove(&mut Spin::default()).wait(&mut Kernel::<Size4KiB>::new(), &mut Spin::default()).is_ok()
}

#[inline(never)]
fn entropy(bytes: NonNull<u8>, len: usize) -> bool {
    let Some(mut device) = global!(ENTROPY).take() else { return false };
    // SAFETY: the program is never run.
    let bytes = unsafe { NonNull::slice_from_raw_parts(bytes, len).as_mut() };
    let filled = device.fill(bytes, &mut Spin::default()).is_ok();
    let requested = device.request(len).is_ok() && device.poll(bytes).is_ok();
    let removed = device.remove().wait(&mut Kernel::<Size4KiB>::new(), &mut Spin::default());
    filled && requested && removed.is_ok()
}

impl<T: Transport, S: FrameSize> Balloons<T, S> {
    /// Calls one part of the balloon.
    #[inline(never)]
    fn call(&mut self, what: u16, a: u64, b: u32) -> u64 {
        match what {
            20 => self.interrupt().into(),
            21 => self.work().into(),
            22 => self.operations(b, a).into(),
            23 => self.futures(b, a).into(),
            24 => self.out_of_memory(b).into(),
            25 => self.sleep().into(),
            26 => self.wake().into(),
            27 => self.split(b).into(),
            28 => self.use_handles(b).into(),
            29 => self.end(b).into(),
            30 => self.ask(a),
            31 => self.release_early(b).into(),
            32 => self.blocks(b).into(),
            _ => 0,
        }
    }

    #[inline(never)]
    fn start(&mut self, bus: Option<T>, tells_host: bool) -> bool {
        let Some(bus) = bus else { return false };
        let Ok(new) = Balloon::new(bus, Kernel::new(), all(tells_host)) else { return false };
        self.live = new.probe(&mut Spin::default()).ok();
        true
    }

    #[inline(never)]
    fn start_early(&mut self, bus: Option<T>) -> bool {
        let Some(bus) = bus else { return false };
        let Ok(new) = Balloon::new(bus, Kernel::new(), Options::new(Early)) else { return false };
        self.early = new.probe(&mut Spin::default()).ok();
        true
    }

    #[inline(never)]
    fn interrupt(&self) -> bool {
        let Some(balloon) = &self.live else { return false };
        SIGNAL.raise(balloon.interrupt().acknowledge());
        true
    }

    #[inline(never)]
    fn work(&mut self) -> bool {
        let Some(balloon) = &mut self.live else { return false };
        let status = SIGNAL.take(Source::Hinting);
        let paused = match balloon.service() {
            Ok(Step::Paused(pause)) => balloon.retry(pause).is_ok(),
            _ => balloon.drain().is_ok(),
        };
        let served = balloon.service_statistics().is_ok()
            && balloon.service_hinting(status).is_ok()
            && balloon.service_reporting().is_ok()
            && balloon.reclaim_hinted(512).is_ok();
        paused && served && balloon.notify_again().is_ok()
    }

    #[inline(never)]
    fn operations(&mut self, frames: u32, frame: u64) -> bool {
        let Some(balloon) = &mut self.live else { return false };
        // SAFETY: the program is never run.
        let runs = [0, 1].map(|more| unsafe { FrameRun::from_raw(frame, frames + more) });
        let [given, new] = runs;
        let inflated = balloon.inflate(frames).is_ok_and(|inflation| inflation.wait(&mut Spin::default()).is_ok());
        let given = balloon.inflate_with(given).is_ok();
        let deflated =
            balloon.deflate(frames).is_ok_and(|pending| pending.tell_host().wait(&mut Spin::default()).is_ok());
        let migrated = balloon.migrate(frame, new).is_ok_and(|migration| migration.wait(&mut Spin::default()).is_ok());
        inflated && given && deflated && migrated
    }

    #[inline(never)]
    fn futures(&mut self, frames: u32, frame: u64) -> bool {
        let Some(balloon) = &mut self.live else { return false };
        let mut context = Context::from_waker(Waker::noop());
        let has_changed = pin!(SIGNAL.wait(Source::Statistics)).poll(&mut context).is_ready();
        let Ok(inflation) = balloon.inflate(frames) else { return false };
        let inflated = pin!(inflation.on(&SIGNAL)).poll(&mut context).is_ready();
        let Ok(deflation) = balloon.deflate(frames) else { return false };
        let deflated = pin!(deflation.tell_host().on(&SIGNAL)).poll(&mut context).is_ready();
        // SAFETY: the program is never run.
        let Ok(migration) = balloon.migrate(frame, unsafe { FrameRun::from_raw(frame, frames) }) else { return false };
        let migrated = pin!(migration.on(&SIGNAL)).poll(&mut context).is_ready();
        has_changed && inflated && deflated && migrated
    }

    #[inline(never)]
    fn out_of_memory(&mut self, way: u32) -> u32 {
        let Some(balloon) = &mut self.live else { return 0 };
        let Some(deflation) = balloon.deflate_on_oom() else { return 0 };
        let mut operation = deflation.tell_host();
        match way {
            0 => operation.wait(&mut Spin::default()).unwrap_or(0),
            1 => operation.poll().is_ok().into(),
            _ => pin!(operation.on(&SIGNAL)).poll(&mut Context::from_waker(Waker::noop())).is_ready().into(),
        }
    }

    #[inline(never)]
    fn sleep(&mut self) -> bool {
        let Some(live) = self.live.take() else { return false };
        match live.freeze(&mut Spin::default()) {
            Ok(frozen) => self.asleep = Some(frozen),
            Err(failed) => self.asleep = failed.balloon.reset(&mut Spin::default()).ok(),
        }
        self.asleep.is_some()
    }

    #[inline(never)]
    fn wake(&mut self) -> bool {
        let Some(frozen) = self.asleep.take() else { return false };
        self.live = frozen.restore(&mut Spin::default()).ok();
        self.live.is_some()
    }

    #[inline(never)]
    fn split(&mut self, way: u32) -> bool {
        if let Some(balloon) = self.live.take() {
            self.handles = Some(balloon.split());
            return true;
        }
        let Some(handles) = self.handles.take() else { return false };
        match way {
            0 => self.live = handles.join().ok(),
            1 => {
                let Handles { balloon, statistics, reporting, hinting } = handles;
                drop((statistics, reporting, hinting));
                self.live = balloon.unsplit().ok();
            }
            2 => drop(handles),
            _ => return handles.balloon.power_off(&mut Spin::default()).is_ok(),
        }
        self.live.is_some()
    }

    #[inline(never)]
    fn use_handles(&mut self, frames: u32) -> bool {
        let Some(Handles { balloon, statistics, reporting, hinting }) = &mut self.handles else { return false };
        let (Some(statistics), Some(reporting), Some(hinting)) = (statistics, reporting, hinting) else { return false };
        let served = balloon.service().is_ok()
            && statistics.service(&mut Kernel::<S>::new()).is_ok()
            && reporting.service(&mut Kernel::new()).is_ok()
            && hinting.service(&mut Kernel::new(), SIGNAL.take(Source::Hinting)).is_ok()
            && hinting.reclaim_hinted(&mut Kernel::new(), frames).is_ok();
        let notified = statistics.notify_again().is_ok() && reporting.notify_again().is_ok();
        (served && notified && hinting.notify_again().is_ok()) || balloon.abandon(&mut Spin::default()).is_ok()
    }

    /// Block inflation. Whole balloons use it in `work`.
    #[inline(never)]
    fn blocks(&mut self, way: u32) -> u32 {
        if let Some(balloon) = &mut self.live {
            let fallback = balloon.block_inflation().is_err();
            return balloon.held_in_blocks().0 + u32::from(fallback);
        }
        let Some(Handles { balloon, reporting: Some(reporting), .. }) = &mut self.handles else { return 0 };
        let step = match balloon.service_with(reporting) {
            Ok(Step::Paused(pause)) if way == 0 => balloon.retry_with(pause, reporting),
            step => step,
        };
        balloon.held_in_blocks().0 + u32::from(step.is_ok()) + u32::from(balloon.block_inflation().is_ok())
    }

    #[inline(never)]
    fn end(&mut self, way: u32) -> bool {
        let Some(mut balloon) = self.live.take() else { return false };
        let ended = match way {
            0 => return true,
            1 => return balloon.power_off(&mut Spin::default()).is_ok(),
            2 => return balloon.remove(&mut Spin::default()).is_ok(),
            3 => balloon.abandon(&mut Spin::default()).is_ok(),
            4 => balloon.poll_abandon().is_ok(),
            // SAFETY: the program is never run.
            _ => unsafe { balloon.assume_gone() }.is_ok(),
        };
        self.live = Some(balloon);
        ended
    }

    #[inline(never)]
    fn ask(&self, frame: u64) -> u64 {
        let Some(balloon) = &self.live else { return 0 };
        let target = balloon.target().map_or(0, |target| u64::from(target.0));
        let numbers = balloon.queue_numbers();
        let queues = [numbers.inflate, numbers.deflate].into_iter().flatten().map(u64::from).sum::<u64>();
        let counts = u64::from(balloon.size().0) + balloon.in_flight() as u64 + u64::from(balloon.progress());
        target + queues + counts + balloon.migrated() + u64::from(balloon.contains(frame))
    }

    #[inline(never)]
    fn release_early(&mut self, frames: u32) -> u32 {
        let Some(balloon) = &mut self.early else { return 0 };
        let early = balloon.deflate(frames).and_then(|pending| pending.release_early());
        let on_oom = balloon.deflate_on_oom().map(|pending| pending.release_early());
        early.unwrap_or(0) + on_oom.and_then(Result::ok).unwrap_or(0)
    }
}

#[cfg(feature = "log")]
mod messages {
    //! The log of the kernel is other code, which gets the text of each message.

    use core::fmt::Write as _;

    use log::{LevelFilter, Log, Metadata, Record};

    unsafe extern "C" {
        fn kernel_log(text: *const u8, bytes: usize);
    }

    struct KernelLog;

    struct Line;

    impl core::fmt::Write for Line {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            // SAFETY: the function reads the text only.
            unsafe { kernel_log(text.as_ptr(), text.len()) };
            Ok(())
        }
    }

    impl Log for KernelLog {
        fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &Record<'_>) {
            let _ = Line.write_fmt(*record.args());
        }

        fn flush(&self) {}
    }

    pub(super) fn start() {
        let _ = log::set_logger(&KernelLog);
        log::set_max_level(LevelFilter::Trace);
    }
}

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    loop {}
}
