//! A request goes only into the queues that its description names, and a buffer has the direction of its queue.

use aerostat_balloon::spec::virtio_device;
use aerostat_balloon::transport::queue::Enabled;
use aerostat_balloon::transport::spec::direction::{DeviceReads, DeviceWrites};
use aerostat_balloon::transport::{BufferQueue, Notifier, RequestQueue};

virtio_device! {
    /// A device with a queue of each kind.
    device lamp = 63 {
        queues {
            /// Commands.
            commands = 0,
            /// Urgent commands.
            urgent = 1,
            /// Events.
            events = 2 writable,
        }
        /// Sets the brightness.
        request dim on commands or urgent { readable { level: le16 } }
        /// The brightness has changed.
        request changed on events { writable { level: le16 } }
    }
}

virtio_device! {
    /// Another device.
    device tower = 62 {
        queues {
            /// Commands.
            commands = 0,
        }
    }
}

fn another_queue<N: Notifier>(events: &mut RequestQueue<lamp::queue::Events, N, 4, Enabled>) {
    let _ = events.send_request(&lamp::Changed {});
    let _ = events.send_request(&lamp::Dim { level: 7 });
}

fn another_device<N: Notifier>(tower: &mut RequestQueue<tower::queue::Commands, N, 4, Enabled>) {
    let _ = tower.send_request(&lamp::Dim { level: 7 });
}

fn another_direction<N: Notifier>(
    events: &mut RequestQueue<lamp::queue::Events, N, 4, Enabled>,
    written: &mut BufferQueue<N, 4, Enabled, DeviceWrites>,
    read: &mut BufferQueue<N, 4, Enabled, DeviceReads>,
) {
    let _ = events.send(|_| {});
    let _ = written.send(|_| {});
    let _ = written.request(4, |_| {});
    let _ = read.add_writable(4);
}

fn main() {}
