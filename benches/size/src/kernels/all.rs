//! A kernel that uses every feature of the specification.

mod shared;

use aerostat_balloon::transport::{InterruptSource, Spin};
use aerostat_balloon::{FrameRun, Signal, Source, features};

use self::shared::balloon;

features! {
    /// Every feature of the specification.
    struct Declared {
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

static SIGNAL: Signal = Signal::new();

#[unsafe(no_mangle)]
extern "C" fn interrupt() {
    if let Some(balloon) = balloon() {
        SIGNAL.raise(balloon.interrupt().acknowledge());
    }
}

#[unsafe(no_mangle)]
extern "C" fn work() -> bool {
    let Some(balloon) = balloon() else { return false };
    let status = SIGNAL.take(Source::Hinting);
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
