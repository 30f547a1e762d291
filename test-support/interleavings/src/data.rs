//! Data that contexts use one after another.

/// Data that one context uses at a time. Loom reports two uses without an order between them.
#[derive(Debug, Default)]
pub struct Data(loom::cell::UnsafeCell<u32>);

// SAFETY: loom checks that the data is used by one thread at a time.
unsafe impl Sync for Data {}

impl Data {
    /// Creates data, in a model.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses the data.
    pub fn touch(&self) {
        // After a panic, loom has ended the execution.
        if !std::thread::panicking() {
            // SAFETY: loom checks that no other use is at the same time.
            self.0.with_mut(|at| unsafe { *at += 1 });
        }
    }
}
