//! Who is called when an interrupt line is raised.

use spin::Once;

/// Handlers by the number of the interrupt. Neither a GIC nor a PLIC has more.
static HANDLERS: [Once<fn()>; 1024] = [const { Once::new() }; 1024];

/// Notes the handler of an interrupt. `None` where there is no such interrupt, or where it has a handler.
pub(in super::super) fn add(interrupt: u32, handler: fn()) -> Option<()> {
    let place = HANDLERS.get(interrupt as usize).filter(|place| !place.is_completed())?;
    place.call_once(|| handler);
    Some(())
}

/// Calls the handler of an interrupt, with interrupts off.
pub(in super::super) fn handle(interrupt: u32) {
    if let Some(handler) = HANDLERS.get(interrupt as usize).and_then(Once::get) {
        handler();
    }
}
