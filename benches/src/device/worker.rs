//! A thread for the device. It is woken as the host's kernel wakes a device that is a program or a thread of its own: through
//! an eventfd.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, write};

use super::rings::Queue;

/// A thread that serves queues until it is dropped.
pub(super) struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    bell: OwnedFd,
    ends: AtomicBool,
}

impl Worker {
    /// Serves `queues` from now on.
    pub(super) fn start(queues: Vec<Queue>) -> Self {
        let bell = eventfd(0, EventfdFlags::CLOEXEC).expect("the system has an eventfd to spare");
        let shared = Arc::new(Shared { bell, ends: AtomicBool::new(false) });
        let thread = thread::spawn({
            let shared = shared.clone();
            move || serve(&shared, queues)
        });
        Self { shared, thread: Some(thread) }
    }

    /// Wakes it, and does not wait for anything.
    pub(super) fn notify(&self) {
        // It fails only where the count of the eventfd is at its end, and then the thread is awake.
        let _ = write(&self.shared.bell, &1_u64.to_ne_bytes());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Release);
        self.notify();
        // The rings may go once this has returned. A thread that panicked has ended, too.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Uses what is available each time that the bell rings.
///
/// A buffer that becomes available behind the last look is announced by a ring of its own, because no driver is told that the
/// device is awake: over split rings all notifications are wanted, and over packed ones the event is moved, with a fence
/// behind it, before that look.
fn serve(shared: &Shared, mut queues: Vec<Queue>) {
    loop {
        match read(&shared.bell, &mut [0; 8]) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        if shared.ends.load(Ordering::Acquire) {
            return;
        }
        for queue in &mut queues {
            while queue.acknowledge().buffers > 0 {}
        }
    }
}
