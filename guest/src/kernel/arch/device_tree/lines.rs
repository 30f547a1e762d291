//! Who is called when an interrupt line is raised.

use core::ptr;

use spin::Once;

/// Handlers by the number of the interrupt. Neither a GIC nor a PLIC has more.
static HANDLERS: [Once<fn()>; 1024] = [const { Once::new() }; 1024];

/// Notes the handler of an interrupt, which several devices may raise if they have the same one. `None` where there is no
/// such interrupt, or where it has another handler.
pub(in super::super) fn add(interrupt: u32, handler: fn()) -> Option<()> {
    let known = HANDLERS.get(interrupt as usize)?.call_once(|| handler);
    ptr::fn_addr_eq(*known, handler).then_some(())
}

/// Calls the handler of an interrupt, with interrupts off.
pub(in super::super) fn handle(interrupt: u32) {
    if let Some(handler) = HANDLERS.get(interrupt as usize).and_then(Once::get) {
        handler();
    }
}
