//! What a kernel does with any features: it starts the balloon, freezes it and restores it.

use core::panic::PanicInfo;
use core::ptr::NonNull;

use aerostat_balloon::transport::Spin;
use aerostat_balloon::{Balloon, Options, Ready};
use aerostat_size::Kernel;

use super::Declared;
use crate::bus::{Bus, open};

type KernelBalloon = Balloon<Ready<Bus, Kernel, Declared>>;

static mut BALLOON: Option<KernelBalloon> = None;

#[expect(static_mut_refs, reason = "the program is never run")]
pub(crate) fn balloon() -> &'static mut Option<KernelBalloon> {
    // SAFETY: the program is never run.
    unsafe { &mut BALLOON }
}

#[unsafe(no_mangle)]
extern "C" fn _start(registers: *mut u8, function: u8) -> bool {
    let Some(bus) = NonNull::new(registers).and_then(|registers| open(registers, function)) else { return false };
    let Ok(new) = Balloon::new(bus, Kernel::new(), Options::new(Declared)) else { return false };
    let Ok(probed) = new.probe(&mut Spin::default()) else { return false };
    *balloon() = Some(probed);
    true
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
