//! Passing memory to a device is `unsafe`. `BufferQueue` is the safe way for its own memory.

use aerostat_balloon::transport::queue::{Enabled, Element};
use aerostat_balloon::transport::{Notifier, VirtQueue};

fn add<N: Notifier>(queue: &mut VirtQueue<N, 16, Enabled>, element: Element) {
    let _ = queue.add(&[element]);
}

fn main() {}
