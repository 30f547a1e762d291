//! A minimal executor: it polls every task each time the kernel wakes.

use core::future::Future;
use core::pin::Pin;
use core::ptr;
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use super::idle;

/// Runs tasks until one of them ends, and returns its output.
pub(crate) fn run_until_one_ends<T, const N: usize>(mut tasks: [Pin<&mut dyn Future<Output = T>>; N]) -> T {
    // SAFETY: the functions of the table use no data, and any context may call them, also interrupt handlers.
    let waker = unsafe { Waker::from_raw(WAKER) };
    let mut context = Context::from_waker(&waker);
    loop {
        for task in &mut tasks {
            if let Poll::Ready(output) = task.as_mut().poll(&mut context) {
                return output;
            }
        }
        idle::wait();
    }
}

/// Wakes the kernel, which then polls every task.
const WAKER: RawWaker =
    RawWaker::new(ptr::null(), &RawWakerVTable::new(|_| WAKER, |_| idle::wake(), |_| idle::wake(), |_| {}));
