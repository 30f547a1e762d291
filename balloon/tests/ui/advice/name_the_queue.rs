//! Names the queues of a request, and uses a queue in its direction.
//!
//! * request_over_another_queue: send it over a queue that the description names for it
//! * request_over_another_queue: if it goes into several queues, the description names all of them
//! * request_over_another_queue: gives the device a buffer to write
//! * request_over_another_queue: sends bytes without an answer

use aerostat_balloon::spec::virtio_device;
use aerostat_balloon::transport::queue::{Enabled, ReceiveError, SendError};
use aerostat_balloon::transport::spec::direction::{DeviceReads, DeviceWrites};
use aerostat_balloon::transport::{BufferQueue, Notifier, RequestQueue};

virtio_device! {
    /// A device with two queues.
    device lamp = 63 {
        queues {
            /// Commands.
            commands = 0,
            /// Urgent commands.
            urgent = 1,
        }
        /// Sets the brightness.
        request dim on commands or urgent { readable { level: le16 } }
        /// Goes into any queue.
        request status { writable { status: u8 } }
    }
}

fn send<N: Notifier>(
    commands: &mut RequestQueue<lamp::queue::Commands, N, 4, Enabled>,
    urgent: &mut RequestQueue<lamp::queue::Urgent, N, 4, Enabled>,
) -> Result<(), SendError> {
    commands.send_request(&lamp::Dim { level: 7 })?;
    urgent.send_request(&lamp::Dim { level: 7 })?;
    urgent.send_request(&lamp::Status {})?;
    urgent.request(4, |_| {})?;
    Ok(())
}

fn receive<N: Notifier>(urgent: &mut RequestQueue<lamp::queue::Urgent, N, 4, Enabled>) -> Result<(), ReceiveError> {
    urgent.receive_answer::<lamp::Status>(|_| (), &mut [0; 1])?;
    Ok(())
}

fn of_bytes<N: Notifier>(
    written: &mut BufferQueue<N, 4, Enabled, DeviceWrites>,
    read: &mut BufferQueue<N, 4, Enabled, DeviceReads>,
) -> Result<(), SendError> {
    written.add_writable(4)?;
    read.send(|buffer| {
        buffer.bytes(&[7]);
    })?;
    Ok(())
}

fn main() {}
