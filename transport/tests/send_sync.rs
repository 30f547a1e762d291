//! Which types can be used in several contexts: the table in the chapter "Porting to a kernel".

use aerostat_spec::{balloon, feature_set};
use aerostat_test_support::chapter::table;
use aerostat_test_support::send_and_sync;
use aerostat_transport::pci::{
    BarWindow, BarWindows, ConfigPorts, Ecam, Message, Msix, PciFunction, PciInterrupt, Routing, Vector,
};
use aerostat_transport::queue::Enabled;
use aerostat_transport::{
    BufferQueue, Config, Device, DeviceError, DmaRegion, Io, LegacyMmio, LegacyPci, LiveProof, Mmio, MmioConfig,
    MmioInterrupt, MmioNotifier, MmioRegion, ParkedQueues, Pci, PortRegion, Ports, QueueError, ResetProof, SetupError,
    SharedMemory, Spin, VirtQueue,
};

feature_set! {
    /// No features.
    struct Declared for balloon {}
}

/// The ports of a CPU, on any CPU.
#[derive(Clone)]
struct AnyPorts;

// SAFETY: no device has these ports.
unsafe impl Ports for AnyPorts {
    fn read8(&self, _port: u16) -> u8 {
        u8::MAX
    }
    fn read16(&self, _port: u16) -> u16 {
        u16::MAX
    }
    fn read32(&self, _port: u16) -> u32 {
        u32::MAX
    }
    fn write8(&self, _port: u16, _value: u8) {}
    fn write16(&self, _port: u16, _value: u16) {}
    fn write32(&self, _port: u16, _value: u32) {}
}

type Function = Ecam<MmioRegion>;
type Notifier = MmioNotifier<MmioRegion>;

fn is_io<I: Io>() {}

#[test]
fn the_chapter_shows_which_types_are_send_and_sync() {
    let found = send_and_sync! {
        "MmioRegion": MmioRegion,
        "PortRegion": PortRegion<AnyPorts>,
        "Mmio, LegacyMmio": (Mmio<MmioRegion>, LegacyMmio<MmioRegion>),
        "Pci, LegacyPci": (Pci<MmioRegion, Function>, LegacyPci<MmioRegion, Function>),
        "MmioInterrupt, PciInterrupt": (MmioInterrupt<MmioRegion>, PciInterrupt<MmioRegion>),
        "PciFunction, Ecam, ConfigPorts": (PciFunction<Function>, ConfigPorts<AnyPorts>),
        "BarWindows": BarWindows<Function>,
        "BarWindow": BarWindow<Function>,
        "Msix": Msix<MmioRegion>,
        "Message, Vector, Routing": (Message, Vector, Routing),
        "DmaRegion": DmaRegion,
        "VirtQueue": VirtQueue<Notifier, 8, Enabled>,
        "BufferQueue": BufferQueue<Notifier, 8, Enabled>,
        "ParkedQueues": ParkedQueues,
        "Device": Device<Mmio<MmioRegion>, balloon::Device, aerostat_transport::Live<Declared>>,
        "Config": Config<MmioConfig<MmioRegion>, balloon::config::Space, aerostat_transport::InUse>,
        "LiveProof, ResetProof": (LiveProof, ResetProof),
        "SharedMemory": SharedMemory,
        "Spin": Spin,
        "DeviceError, QueueError, SetupError": (DeviceError, QueueError, SetupError),
    };
    is_io::<BarWindow<Function>>();
    assert_eq!(found.as_slice(), table("porting.md", "send and sync of the transport"));
}
