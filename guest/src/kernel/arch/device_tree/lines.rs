//! The handlers of interrupt lines.

use core::ptr;

use spin::Once;

/// Handlers by the number of the interrupt. Neither a GIC nor a PLIC has more interrupts.
static HANDLERS: [Once<fn()>; 1024] = [const { Once::new() }; 1024];

/// Sets the handler of an interrupt. Devices with the same handler may share an interrupt. Returns `None` if there is no
/// such interrupt, or if it has another handler.
pub(in super::super) fn add(interrupt: u32, handler: fn()) -> Option<()> {
    let known = HANDLERS.get(interrupt as usize)?.call_once(|| handler);
    ptr::fn_addr_eq(*known, handler).then_some(())
}

/// Calls the handler of an interrupt. Called with interrupts off.
pub(in super::super) fn handle(interrupt: u32) {
    if let Some(handler) = HANDLERS.get(interrupt as usize).and_then(Once::get) {
        handler();
    }
}
