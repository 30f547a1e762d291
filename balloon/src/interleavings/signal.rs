//! The signal between the interrupt handler and the contexts that wait.

use core::task::{Context, RawWaker, RawWakerVTable, Waker};
use std::boxed::Box;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aerostat_interleavings::loom::future::block_on;
use aerostat_interleavings::loom::sync::atomic::AtomicU32;
use aerostat_interleavings::loom::thread;
use aerostat_interleavings::{Data, model};

use crate::signal::{Signal, Source};
use aerostat_transport::InterruptStatus;

/// A signal that loom knows.
pub(super) fn signal() -> Arc<Signal> {
    let signal = Arc::new(Signal::new());
    // Loom gets to know atomics at their first use, which is before other threads start.
    for source in [Source::Balloon, Source::Statistics, Source::Reporting, Source::Hinting] {
        assert!(signal.poll(source, &mut Context::from_waker(Waker::noop())).is_pending());
    }
    signal
}

/// The context waits until it has seen two buffers. The ring orders nothing here: what was used before an interrupt has to be visible
/// after it.
fn wait_for_two_buffers(source: Source) {
    model(move || {
        let (signal, used) = (signal(), Arc::new(AtomicU32::new(0)));
        let (handler, ring) = (signal.clone(), used.clone());
        let interrupts = thread::spawn(move || {
            for buffer in 1..=2 {
                ring.store(buffer, Ordering::Relaxed);
                handler.raise(InterruptStatus { used_buffers: true, configuration: false });
            }
        });
        block_on(async {
            while used.load(Ordering::Relaxed) < 2 {
                assert!(signal.wait(source).await.used_buffers);
            }
        });
        interrupts.join().unwrap();
    });
}

#[test]
fn a_task_that_waits_sees_every_interrupt_and_what_was_before_it() {
    wait_for_two_buffers(Source::Reporting);
}

#[test]
fn a_context_that_polls_sees_what_was_before_an_interrupt() {
    model(|| {
        let (signal, used) = (signal(), Arc::new(AtomicU32::new(0)));
        let (handler, ring) = (signal.clone(), used.clone());
        let interrupts = thread::spawn(move || {
            ring.store(1, Ordering::Relaxed);
            handler.raise(InterruptStatus { used_buffers: true, configuration: false });
        });
        let is_raised = signal.take(Source::Statistics).used_buffers;
        assert!(!is_raised || used.load(Ordering::Relaxed) == 1, "the interrupt was before its buffer");
        interrupts.join().unwrap();
        let is_pending = signal.take(Source::Statistics).used_buffers;
        assert!(is_raised != is_pending, "an interrupt is taken once");
    });
}

/// The interrupts of different causes stay apart, and each is taken once.
#[test]
fn interrupts_of_two_handlers_are_both_seen() {
    model(|| {
        let signal = signal();
        let other = signal.clone();
        let interrupts =
            thread::spawn(move || other.raise(InterruptStatus { used_buffers: true, configuration: false }));
        signal.raise(InterruptStatus { used_buffers: false, configuration: true });
        let first = signal.take(Source::Hinting);
        interrupts.join().unwrap();
        let second = signal.take(Source::Hinting);
        assert!(first.configuration && !second.configuration);
        assert!(first.used_buffers != second.used_buffers);
    });
}

/// A waker whose copies are made by one context at a time, as loom checks: `DiatomicWaker::register` copies it.
fn watched(copies: &Arc<Data>) -> Waker {
    fn copy(at: *const ()) -> RawWaker {
        // SAFETY: the waker is made from a reference that is not freed.
        let copies = unsafe { &*at.cast::<Arc<Data>>() };
        copies.touch();
        RawWaker::new(at, &TABLE)
    }
    fn nothing(_at: *const ()) {}
    static TABLE: RawWakerVTable = RawWakerVTable::new(copy, nothing, nothing, nothing);
    // Its address tells this waker from others.
    let at: &'static _ = Box::leak(Box::new(copies.clone()));
    let at = core::ptr::from_ref(at).cast();
    // SAFETY: the functions of the table keep the contract of wakers: they own nothing.
    unsafe { Waker::from_raw(RawWaker::new(at, &TABLE)) }
}

/// Only one task of a context may wait at a time. Safe code can break that, and must not be unsound then.
#[test]
fn two_tasks_of_a_context_do_not_register_at_the_same_time() {
    model(|| {
        let signal = signal();
        let copies = Arc::new(Data::new());
        let (first, second) = (watched(&copies), watched(&copies));
        let other = signal.clone();
        let task = thread::spawn(move || {
            let _ = other.poll(Source::Balloon, &mut Context::from_waker(&second));
        });
        let _ = signal.poll(Source::Balloon, &mut Context::from_waker(&first));
        task.join().unwrap();
    });
}
