//! Loom's atomics for the addresses that a model uses.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::Ordering;

/// An atomic of loom for the memory of one atomic of the drivers. Its values are extended with zeros.
pub(crate) type Cell = Rc<loom::sync::atomic::AtomicU32>;

thread_local! {
    /// The cells by their addresses. `None` outside a model. All threads of a model run on one thread of the system.
    static CELLS: RefCell<Option<HashMap<usize, Cell>>> = const { RefCell::new(None) };
}

/// The address of the cell that fences write to. No atomic has it.
const FENCES: usize = 0;

/// Starts one execution of a model, in which loom knows no atomic of the drivers yet.
pub(crate) fn start() {
    CELLS.set(Some(HashMap::new()));
    cell(FENCES, || 0);
}

/// Ends an execution.
pub(crate) fn end() {
    CELLS.set(None);
}

/// Returns the cell for an address, which is created with the value of `initial` at its first use. Returns `None` outside a model,
/// and after a panic.
///
/// The first use has to happen before any other thread starts: loom reports an error otherwise.
pub(crate) fn cell(address: usize, initial: impl FnOnce() -> u32) -> Option<Cell> {
    // Loom has ended the execution. What is dropped now uses the memory itself.
    if std::thread::panicking() {
        return None;
    }
    CELLS.with_borrow_mut(|cells| {
        let cells = cells.as_mut()?;
        let cell = cells.entry(address).or_insert_with(|| Rc::new(loom::sync::atomic::AtomicU32::new(initial())));
        Some(cell.clone())
    })
}

/// Lets loom switch to another thread before a fence, see [`conflict`]. Loom itself does not, so that it would run a fence together with
/// the operation before it. Returns `None` outside a model.
pub(crate) fn before_fence() -> Option<()> {
    write(FENCES)
}

/// Tells loom of an access to shared state that it does not observe, so that it tries both orders of two accesses to the same state.
/// The first one has to happen before other threads start. It orders nothing.
pub fn conflict<T>(state: *const T) {
    write(state.addr());
}

/// Writes to a cell that is never read, so that the write orders nothing.
fn write(address: usize) -> Option<()> {
    cell(address, || 0).map(|cell| cell.store(0, Ordering::Relaxed))
}
