//! Tasks that wait for an interrupt.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{Signal, Source};

/// Counts how often it was woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Otherwise it would run all the time.
#[test]
fn a_task_that_is_polled_again_is_not_woken_without_an_interrupt() {
    let (signal, task) = (Signal::new(), Arc::new(Counter::default()));
    let waker = Waker::from(Arc::clone(&task));
    let mut context = Context::from_waker(&waker);
    for source in [Source::Balloon, Source::Statistics, Source::Reporting, Source::Hinting] {
        for _ in 0..3 {
            assert!(signal.poll(source, &mut context).is_pending());
        }
        assert_eq!(task.0.load(Ordering::Relaxed), 0, "{source:?}");
    }
    signal.raise(InterruptStatus::ANY);
    assert!(signal.poll(Source::Balloon, &mut context).is_ready());
}
