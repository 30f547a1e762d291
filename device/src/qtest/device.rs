//! The machines and the devices of QEMU.

use std::path::Path;

/// A machine type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// A PC with PCI Express. The device is a PCI function on bus 0.
    Q35,
    /// A minimal machine. The device uses MMIO registers, version 2.
    Microvm,
    /// A minimal machine. The device uses MMIO registers, version 1: the legacy interface.
    LegacyMicrovm,
}

impl Machine {
    /// Returns the ending that the models of most virtio devices have in this machine: `pci` or `device`.
    fn suffix(self) -> &'static str {
        match self {
            Self::Q35 => "pci",
            Self::Microvm | Self::LegacyMicrovm => "device",
        }
    }
}

/// A virtio device of QEMU: the value of QEMU's option `-device`, and the objects that the device needs.
///
/// ```
/// use aerostat_device::qtest::{Machine, QemuDevice};
///
/// // Any device that this QEMU has: `qemu-system-x86_64 -device help` lists the models, and
/// // `qemu-system-x86_64 -device virtio-pmem-pci,help` the properties of one.
/// let memory = QemuDevice::new("virtio-pmem-pci,memdev=file")
///     .object("memory-backend-file,id=file,share=on,mem-path=/tmp/file,size=2M")
///     .hotplug_memory(2 << 20);
/// let network = QemuDevice::new("virtio-net-pci,netdev=none").argument("-netdev", "hubport,id=none,hubid=0");
/// // The model of most devices ends with the bus.
/// assert_eq!(QemuDevice::on(Machine::Microvm, "virtio-rng", "packed=on"), QemuDevice::new("virtio-rng-device,packed=on"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "pass the device to `Qemu::start_with`"]
pub struct QemuDevice {
    device: String,
    /// Further options and their values. They precede the device.
    options: Vec<(String, String)>,
    /// Whether the virtual machine runs.
    runs: bool,
    /// Memory that can be plugged in, in bytes.
    hotplug: u64,
}

impl QemuDevice {
    /// Returns the device with this value of QEMU's option `-device`: the model, followed by properties such as
    /// `,packed=on,event_idx=off`.
    pub fn new(device: impl Into<String>) -> Self {
        Self { device: device.into(), options: Vec::new(), runs: false, hotplug: 0 }
    }

    /// Returns the device of a family of models, such as `virtio-rng`, for the bus of `machine`. `properties` are separated by commas;
    /// an empty string stands for the defaults.
    pub fn on(machine: Machine, family: &str, properties: &str) -> Self {
        let comma = if properties.is_empty() { "" } else { "," };
        Self::new(format!("{family}-{}{comma}{properties}", machine.suffix()))
    }

    /// Returns a balloon. The property `free-page-hint=on` also needs `iothread=hints`.
    pub fn balloon(machine: Machine, properties: &str) -> Self {
        let comma = if properties.is_empty() { "" } else { "," };
        Self::on(machine, "virtio-balloon", &format!("id=balloon{comma}{properties}")).object("iothread,id=hints")
    }

    /// Returns an entropy device that returns the bytes of a file, in order. QEMU hangs at the end of the file.
    pub fn entropy(machine: Machine, file: &Path, properties: &str) -> Self {
        let comma = if properties.is_empty() { "" } else { "," };
        Self::on(machine, "virtio-rng", &format!("rng=source{comma}{properties}"))
            .object(format!("rng-random,id=source,filename={}", file.display()))
            .running()
    }

    /// Adds an object that the device refers to by its id: the value of QEMU's option `-object`.
    pub fn object(self, object: impl Into<String>) -> Self {
        self.argument("-object", object)
    }

    /// Adds an option of QEMU before `-device`, for instance `-netdev`, `-blockdev` or `-global`.
    pub fn argument(mut self, option: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((option.into(), value.into()));
        self
    }

    /// Lets the virtual machine run. Its CPU executes firmware that halts it. Some devices, such as the entropy device, work only
    /// while the machine runs; otherwise it is stopped.
    pub fn running(mut self) -> Self {
        self.runs = true;
        self
    }

    /// Reserves guest physical addresses for `bytes` of memory that a device brings, such as persistent memory. Only a
    /// [`Machine::Q35`] has them.
    pub fn hotplug_memory(mut self, bytes: u64) -> Self {
        self.hotplug = bytes;
        self
    }

    pub(super) fn runs(&self) -> bool {
        self.runs
    }

    /// Returns the end of the value of QEMU's option `-m` for a machine with `bytes` of memory.
    pub(super) fn memory_options(&self, bytes: u64) -> String {
        match self.hotplug {
            0 => String::new(),
            more => format!(",maxmem={}B", bytes.saturating_add(more)),
        }
    }

    pub(super) fn arguments(&self) -> impl Iterator<Item = String> {
        let options = self.options.iter().flat_map(|(option, value)| [option.clone(), value.clone()]);
        options.chain(["-device".into(), self.device.clone()])
    }
}
