//! Transports: access to a device over MMIO, PCI, or an implementation of [`Transport`].

mod config_io;
mod either;
mod either_transport;
mod error;
mod features;
mod interface;
mod interrupt;
mod mmio;
mod notifier;
#[cfg(feature = "pci")]
pub mod pci;
mod shared_memory;
mod status;
mod transport;

pub use self::config_io::{ConfigIo, LegacyConfig};
pub use self::either::Either;
pub use self::error::{BusError, ConfigError, QueueError};
pub use self::interface::{FeatureBits, InterfaceKind, Legacy, Modern};
pub use self::interrupt::{InterruptSource, InterruptStatus};
#[cfg(feature = "legacy")]
pub use self::mmio::LegacyMmio;
pub use self::mmio::{Mmio, MmioConfig, MmioError, MmioInterrupt, MmioNotifier};
pub use self::notifier::Notifier;
pub use self::shared_memory::SharedMemory;
pub use self::status::Status;
pub use self::transport::{BusMaster, Features, QueueReset, Transport};
