//! Lending memory to a device is a promise, which takes `unsafe`; `BufferQueue` makes it for its own memory.

use aerostat_balloon::transport::queue::{Enabled, Element};
use aerostat_balloon::transport::{Notifier, VirtQueue};

fn lend<N: Notifier>(queue: &mut VirtQueue<N, 16, Enabled>, element: Element) {
    let _ = queue.add(&[element]);
}

fn main() {}
