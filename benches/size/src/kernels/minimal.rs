//! A kernel that uses MUST_TELL_HOST and nothing else.

use core::panic::PanicInfo;
use core::ptr::NonNull;

use aerostat_balloon::transport::{InterruptSource, Spin};
use aerostat_balloon::{Balloon, Options, Ready, features};
use aerostat_size::Kernel;

use crate::bus::{Bus, open};

features! {
    /// One feature.
    struct Minimal { MustTellHost: Optional }
}

type KernelBalloon = Balloon<Ready<Bus, Kernel, Minimal>>;

static mut BALLOON: Option<KernelBalloon> = None;

#[expect(static_mut_refs, reason = "the program is never run")]
fn balloon() -> &'static mut Option<KernelBalloon> {
    // SAFETY: the program is never run.
    unsafe { &mut BALLOON }
}

#[unsafe(no_mangle)]
extern "C" fn _start(registers: *mut u8, function: u8) -> bool {
    let Some(bus) = NonNull::new(registers).and_then(|registers| open(registers, function)) else { return false };
    let Ok(new) = Balloon::new(bus, Kernel::new(), Options::new(Minimal)) else { return false };
    let Ok(probed) = new.probe(&mut Spin::default()) else { return false };
    *balloon() = Some(probed);
    true
}

#[unsafe(no_mangle)]
extern "C" fn interrupt() {
    if let Some(balloon) = balloon() {
        balloon.interrupt().acknowledge();
    }
}

#[unsafe(no_mangle)]
extern "C" fn work() -> bool {
    let Some(balloon) = balloon() else { return false };
    balloon.service().is_ok() || balloon.abandon(&mut Spin::default()).is_ok()
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
