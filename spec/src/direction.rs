//! Which side writes the buffers of a queue, as types.
//!
//! The words `readable` and `writable` after a queue in a description select the type of
//! [`Queue::Buffers`](crate::Queue::Buffers). A driver cannot give the device a buffer of another kind.
//!
//! | words | type | the device reads | the device writes |
//! |---|---|---|---|
//! | none, or both | [`Both`] | yes | yes |
//! | `readable` | [`DeviceReads`] | yes | no |
//! | `writable` | [`DeviceWrites`] | no | yes |

use core::fmt::Debug;

/// Which side writes the buffers of a queue: [`Both`], [`DeviceReads`] or [`DeviceWrites`]. Sealed.
pub trait Direction: sealed::Direction + Debug + 'static {
    /// Whether the device may read parts of the buffers.
    const READABLE: bool;
    /// Whether the device may write parts of the buffers.
    const WRITABLE: bool;
}

/// The device may read parts of the buffers and write others. The description of the queue has both words or none.
#[derive(Debug)]
pub enum Both {}

/// The device only reads the buffers.
#[derive(Debug)]
pub enum DeviceReads {}

/// The device only writes the buffers.
#[derive(Debug)]
pub enum DeviceWrites {}

impl Direction for Both {
    const READABLE: bool = true;
    const WRITABLE: bool = true;
}

impl Direction for DeviceReads {
    const READABLE: bool = true;
    const WRITABLE: bool = false;
}

impl Direction for DeviceWrites {
    const READABLE: bool = false;
    const WRITABLE: bool = true;
}

/// Queues that can have buffers which the device reads.
#[diagnostic::on_unimplemented(
    message = "the device only writes the buffers of this queue",
    label = "the device does not read buffers of this queue",
    note = "the word `writable` after the queue in the description says so",
    note = "`BufferQueue::add_writable` gives the device a buffer to write"
)]
pub trait DeviceCanRead {}

impl DeviceCanRead for Both {}
impl DeviceCanRead for DeviceReads {}

/// Queues that can have buffers which the device writes.
#[diagnostic::on_unimplemented(
    message = "the device only reads the buffers of this queue",
    label = "the device does not write buffers of this queue",
    note = "the word `readable` after the queue in the description says so",
    note = "`BufferQueue::send` sends bytes without an answer"
)]
pub trait DeviceCanWrite {}

impl DeviceCanWrite for Both {}
impl DeviceCanWrite for DeviceWrites {}

mod sealed {
    pub trait Direction {}

    impl Direction for super::Both {}
    impl Direction for super::DeviceReads {}
    impl Direction for super::DeviceWrites {}
}
