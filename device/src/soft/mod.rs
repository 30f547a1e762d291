//! A device in software, for the tests of any driver.
//!
//! [`SoftMmio`] has the registers of a virtio device over MMIO, of any type, and records each access of the driver. For other registers,
//! [`accesses_by_width`](crate::accesses_by_width) helps to implement [`Io`](aerostat_transport::Io).
//! [`SoftQueue`] is the device's side of a queue: a test takes the buffers of the driver and completes them, correctly or not. The
//! memory is [`GuestMemory`](crate::GuestMemory), and [`TestPlatform`](crate::TestPlatform) is the [`Dma`](aerostat_transport::Dma) of
//! the driver.
//!
//! ```
//! use aerostat_device::soft::SoftMmio;
//! use aerostat_device::{GuestMemory, TestPlatform};
//! use aerostat_transport::{Device, Dma, Mmio, Spin};
//!
//! aerostat_transport::spec::virtio_device! {
//!     device lamp = 63 {
//!         queues { switch = 0 }
//!         request dim { readable { level: le16 } writable { old: le16 } }
//!     }
//! }
//! aerostat_transport::spec::feature_set! { struct Declared for lamp {} }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let memory = GuestMemory::new(2 << 20)?;
//! let mut platform: TestPlatform = TestPlatform::builder(&memory).dma_bytes(64 << 10).build()?;
//! let registers = SoftMmio::new(63);
//!
//! // The driver.
//! let transport = Mmio::new(registers.clone()).map_err(|(_, error)| error)?;
//! let device = Device::take(transport)?.wait(&mut Spin::default()).map_err(|(_, error)| error)?;
//! let mut device = device.acknowledge().driver().negotiate::<Declared>()?;
//! let switch = device.request_queue::<_, 2>(lamp::queue::Switch, 1, 16, &mut platform)?;
//! let device = device.go_live();
//! let mut switch = switch.enable(&device);
//! switch.send_request(&lamp::Dim { level: 7 })?;
//! switch.notify();
//!
//! // The device.
//! assert_eq!(registers.notified(), [0]);
//! let mut queue = registers.queue(0, &memory);
//! let buffer = queue.take().ok_or("no request")?;
//! assert_eq!((buffer.readable(), buffer.writable_len()), (&[7, 0][..], 2));
//! queue.answer(&buffer, &[3, 0]);
//!
//! // The driver again.
//! let (_, answer) = switch.receive_answer::<lamp::Dim>(|_| (), &mut [0; 2])?.ok_or("no answer")?;
//! assert_eq!(answer.old, 3);
//! # Ok(())
//! # }
//! ```
//!
//! [`SoftMmio::model`] changes what the driver reads from a register, and [`SoftQueue::write_used`] writes any used entry.
//!
//! The device does nothing that a test does not do. It panics if the driver accesses a register that does not exist, or breaks
//! the rules of a queue; [`BalloonDevice`](crate::BalloonDevice) records such violations instead.

mod mmio;
mod queue;

pub use mmio::{MmioQueue, Model, RegisterAccess, Resets, SoftMmio, reg};
pub use queue::{SoftBuffer, SoftQueue};
