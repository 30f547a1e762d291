//! A kernel that uses every feature of the specification.

use core::panic::PanicInfo;
use core::ptr::NonNull;

use aerostat_balloon::transport::{InterruptSource, Spin};
use aerostat_balloon::{Balloon, FrameRun, Options, Ready, Signal, features};
use aerostat_size::Kernel;

use crate::bus::{Bus, open};

features! {
    /// Every feature of the specification.
    struct All {
        MustTellHost: Optional,
        StatsVq: Optional,
        DeflateOnOom: Optional,
        FreePageHint: Optional,
        PagePoison: Optional,
        PageReporting: Optional,
        RingPacked: Optional,
        EventIdx: Optional,
        IndirectDesc: Optional,
        InOrder: Optional,
        NotificationData: Optional,
        OrderPlatform: Optional,
        AccessPlatform: Optional,
    }
}

type KernelBalloon = Balloon<Ready<Bus, Kernel, All>>;

static SIGNAL: Signal = Signal::new();
static mut BALLOON: Option<KernelBalloon> = None;

#[expect(static_mut_refs, reason = "the program is never run")]
fn balloon() -> &'static mut Option<KernelBalloon> {
    // SAFETY: the program is never run.
    unsafe { &mut BALLOON }
}

#[unsafe(no_mangle)]
extern "C" fn _start(registers: *mut u8, function: u8) -> bool {
    let Some(bus) = NonNull::new(registers).and_then(|registers| open(registers, function)) else { return false };
    let Ok(new) = Balloon::new(bus, Kernel::new(), Options::new(All)) else { return false };
    let Ok(probed) = new.probe(&mut Spin::default()) else { return false };
    *balloon() = Some(probed);
    true
}

#[unsafe(no_mangle)]
extern "C" fn interrupt() {
    if let Some(balloon) = balloon() {
        SIGNAL.raise(balloon.interrupt().acknowledge());
    }
}

#[unsafe(no_mangle)]
extern "C" fn work() -> bool {
    let Some(balloon) = balloon() else { return false };
    let status = SIGNAL.take(aerostat_balloon::Source::Hinting);
    let done = balloon.service().is_ok()
        && balloon.service_statistics().is_ok()
        && balloon.service_hinting(status).is_ok()
        && balloon.service_reporting().is_ok();
    done || balloon.abandon(&mut Spin::default()).is_ok()
}

#[unsafe(no_mangle)]
extern "C" fn out_of_memory() -> u32 {
    let Some(balloon) = balloon() else { return 0 };
    let Some(deflation) = balloon.deflate_on_oom() else { return 0 };
    deflation.tell_host().wait(&mut Spin::default()).unwrap_or(0)
}

#[unsafe(no_mangle)]
extern "C" fn migrate(old: u64, new: u64) -> bool {
    let Some(balloon) = balloon() else { return false };
    // SAFETY: the program is never run.
    let new = unsafe { FrameRun::from_raw(new, 1) };
    balloon.migrate(old, new).is_ok_and(|migration| migration.wait(&mut Spin::default()).is_ok())
}

#[unsafe(no_mangle)]
extern "C" fn sleep() -> bool {
    let Some(live) = balloon().take() else { return false };
    let Ok(frozen) = live.freeze(&mut Spin::default()) else { return false };
    *balloon() = frozen.restore(&mut Spin::default()).ok();
    balloon().is_some()
}

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    loop {}
}
