//! Runs models.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{memory, site};

/// How often the scheduler takes the processor from a thread that could go on. `LOOM_MAX_PREEMPTIONS` overrides it.
const PREEMPTIONS: usize = 3;
/// The operations in one execution, at most. `LOOM_MAX_BRANCHES` overrides a smaller default of loom.
const BRANCHES: usize = 5_000;

/// Runs a model with every interleaving of its threads, up to the bound of preemptions.
///
/// # Panics
///
/// If an execution panics, deadlocks or has a data race.
pub fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS);
    if std::env::var_os("LOOM_MAX_BRANCHES").is_none() {
        builder.max_branches = BRANCHES;
    }
    let executions = Arc::new(AtomicUsize::new(0));
    let counted = executions.clone();
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        memory::start();
        body();
        memory::end();
    });
    println!("{} executions", executions.load(Ordering::Relaxed));
    site::print();
}

/// Runs a model like [`model`], in a thread of the model with a stack of this many bytes.
///
/// # Panics
///
/// As for [`model`].
pub fn model_with_stack(bytes: usize, body: impl Fn() + Send + Sync + 'static) {
    let body = Arc::new(body);
    model(move || {
        let body = body.clone();
        let thread = loom::thread::Builder::new().stack_size(bytes).spawn(move || body()).unwrap();
        thread.join().unwrap();
    });
}
