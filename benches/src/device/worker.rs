//! A thread for the device. Notifications wake it with an eventfd, like a device process of a real host.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, write};

use super::rings::Queue;

/// A thread that processes queues until it is dropped.
pub(super) struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    wake: OwnedFd,
    stop: AtomicBool,
}

impl Worker {
    /// Starts to process `queues`.
    pub(super) fn start(queues: Vec<Queue>) -> Self {
        let wake = eventfd(0, EventfdFlags::CLOEXEC).expect("failed to create an eventfd");
        let shared = Arc::new(Shared { wake, stop: AtomicBool::new(false) });
        let thread = thread::spawn({
            let shared = shared.clone();
            move || run(&shared, queues)
        });
        Self { shared, thread: Some(thread) }
    }

    /// Wakes the thread, without waiting for it.
    pub(super) fn notify(&self) {
        // The write fails only if the counter of the eventfd is at its maximum, and then the thread is running.
        let _ = write(&self.shared.wake, &1_u64.to_ne_bytes());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.notify();
        // The rings can be freed afterwards. A panicked thread has stopped too.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Uses all available buffers after each notification.
///
/// A buffer that becomes available after the last check causes another notification, because notifications are never
/// suppressed: with split rings they stay enabled, and with packed rings the event offset is advanced before the last check,
/// with a fence in between.
fn run(shared: &Shared, mut queues: Vec<Queue>) {
    loop {
        match read(&shared.wake, &mut [0; 8]) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        if shared.stop.load(Ordering::Acquire) {
            return;
        }
        for queue in &mut queues {
            while queue.acknowledge().buffers > 0 {}
        }
    }
}
