//! Virtio over MMIO (4.2).

mod handles;
mod identify;
#[cfg(feature = "legacy")]
mod legacy;
mod modern;

pub use self::handles::{MmioConfig, MmioInterrupt, MmioNotifier};
pub use self::identify::MmioError;
#[cfg(feature = "legacy")]
pub use self::legacy::LegacyMmio;
pub use self::modern::Mmio;
