//! Access to device registers: in memory, behind I/O ports, or by an implementation of [`Io`].

mod block;
mod in_domain;
mod mmio_region;
mod ports;
pub(crate) mod registers;
mod window;

pub use self::block::Io;
pub(crate) use self::block::delegate;
pub use self::in_domain::InDomain;
pub use self::mmio_region::MmioRegion;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
pub use self::ports::CpuPorts;
pub use self::ports::{PortRegion, Ports};
pub(crate) use self::registers::Registers;
pub use self::window::Window;
