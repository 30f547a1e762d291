//! Common code of the architectures whose loader passes a device tree.

mod boot;
mod lines;
mod pci;

pub(crate) use self::boot::{on_message, virtio_mmio};
pub(super) use self::boot::{read, tree};
pub(super) use self::lines::{add, handle};
pub(crate) use self::pci::{BarIo, line as pci_line};
pub(super) use self::pci::{config as pci_config, map_bar};
