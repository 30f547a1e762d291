//! A virtual machine as QEMU's arguments.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use xtask_common::{arch::Arch, bytes::Bytes};

use super::{
    features::Offer,
    transport::{Bus, Interface, Transport},
};

/// The port through which the guest ends QEMU, at its usual address and width.
const DEBUG_EXIT: &str = "isa-debug-exit,iobase=0xf4,iosize=0x04";
/// The balloon device's name in QEMU's object tree.
pub const BALLOON: &str = "balloon0";

/// A virtual machine to start.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The architecture.
    pub arch: Arch,
    /// The QEMU program.
    pub program: PathBuf,
    /// The guest's image.
    pub image: PathBuf,
    /// The kernel command line.
    pub command_line: String,
    /// The amount of memory.
    pub memory: Bytes,
    /// The bus and interface of the devices.
    pub transport: Transport,
    /// The balloon device.
    pub balloon: Balloon,
    /// Whether the guest runs at once.
    pub start: Start,
    /// The file that backs an entropy device, if there is to be one. QEMU hangs at the end of the file. The rings are like
    /// those of the balloon.
    pub entropy: Option<PathBuf>,
}

/// The balloon device of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Balloon {
    /// A device with these features.
    Present(Offer),
    /// No device.
    Absent,
}

/// Whether the guest runs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It runs.
    Running,
    /// It is paused until QMP continues it.
    Paused,
}

impl Machine {
    /// Returns QEMU's arguments. The guest's serial console is standard input and output, and QEMU connects to the QMP socket `qmp`.
    pub(crate) fn arguments(&self, qmp: &Path) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = ["-accel", "tcg"].map(OsString::from).into();
        let mut add = |more: &[&str]| arguments.extend(more.iter().map(OsString::from));
        add(self.board());
        add(&["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"]);
        add(&["-m", &format!("{}M", self.memory.mib())]);
        add(self.interface());
        for device in [self.balloon_device(), self.entropy_device()] {
            device.iter().for_each(|argument| add(&[argument]));
        }
        if self.start == Start::Paused {
            add(&["-S"]);
        }
        add(&["-append", &self.command_line, "-kernel"]);
        arguments.push(self.image.clone().into());
        let mut socket = OsString::from("unix:");
        socket.push(qmp);
        socket.push(",server=off");
        arguments.extend(["-qmp".into(), socket]);
        arguments
    }

    /// Returns the arguments for machine type and CPU.
    const fn board(&self) -> &'static [&'static str] {
        match (self.arch, self.transport.bus()) {
            (Arch::X86_64, Bus::Pci) => &["-M", "q35", "-device", DEBUG_EXIT],
            // Without ACPI the kernel command line lists the MMIO slots.
            (Arch::X86_64, Bus::Mmio) => &["-M", "microvm,acpi=off", "-device", DEBUG_EXIT],
            // The default CPU has 32 bits.
            (Arch::Aarch64, _) => &["-M", "virt,gic-version=2", "-cpu", "cortex-a57"],
            (Arch::Riscv64, _) => &["-M", "virt"],
        }
    }

    /// Returns the arguments that select the register interface of all virtio devices.
    const fn interface(&self) -> &'static [&'static str] {
        match (self.transport.bus(), self.transport.interface()) {
            // The device has both interfaces.
            (Bus::Pci, Interface::Modern) => &[],
            (Bus::Pci, Interface::Legacy) => {
                &["-global", "virtio-pci.disable-modern=on", "-global", "virtio-pci.disable-legacy=off"]
            }
            (Bus::Mmio, Interface::Modern) => &["-global", "virtio-mmio.force-legacy=false"],
            (Bus::Mmio, Interface::Legacy) => &["-global", "virtio-mmio.force-legacy=true"],
        }
    }

    fn balloon_device(&self) -> Vec<String> {
        let Balloon::Present(offer) = &self.balloon else { return Vec::new() };
        let mut arguments = Vec::new();
        if let Some(object) = offer.object() {
            arguments.extend(["-object".to_owned(), object]);
        }
        let bus = self.device_suffix();
        let device = format!("virtio-balloon-{bus},id={BALLOON}{}", offer.properties());
        arguments.extend(["-device".to_owned(), device]);
        arguments
    }

    fn entropy_device(&self) -> Vec<String> {
        let Some(file) = &self.entropy else { return Vec::new() };
        let rings = match &self.balloon {
            Balloon::Present(offer) => offer.ring_properties(),
            Balloon::Absent => String::new(),
        };
        let object = format!("rng-random,id=entropy,filename={}", file.display());
        let device = format!("virtio-rng-{},rng=entropy{rings}", self.device_suffix());
        vec!["-object".to_owned(), object, "-device".to_owned(), device]
    }

    /// Returns the end of the names of virtio devices on the bus.
    const fn device_suffix(&self) -> &'static str {
        match self.transport.bus() {
            Bus::Pci => "pci",
            Bus::Mmio => "device",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Feature;

    fn line(transport: Transport, balloon: Balloon, start: Start) -> String {
        line_on(Arch::X86_64, transport, balloon, start)
    }

    fn line_on(arch: Arch, transport: Transport, balloon: Balloon, start: Start) -> String {
        let machine = Machine {
            arch,
            program: "qemu".into(),
            image: "/guest image".into(),
            command_line: "touch quiet".to_owned(),
            memory: Bytes::from_mib(1024),
            transport,
            balloon,
            start,
            entropy: None,
        };
        let arguments = machine.arguments(Path::new("/dir/qmp"));
        assert!(arguments.contains(&"/guest image".into()) && arguments.contains(&"touch quiet".into()));
        arguments.iter().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    fn default_balloon() -> Balloon {
        Balloon::Present(Offer::Default)
    }

    #[test]
    fn each_transport_selects_machine_and_device() {
        let pci = line(Transport::Pci, default_balloon(), Start::Running);
        assert!(pci.contains("-M q35 ") && pci.contains("-device virtio-balloon-pci,id=balloon0"), "{pci}");
        let mmio = line(Transport::Mmio, default_balloon(), Start::Running);
        assert!(mmio.contains("-M microvm,acpi=off ") && mmio.contains("-device virtio-balloon-device,"), "{mmio}");
        assert!(mmio.contains("-global virtio-mmio.force-legacy=false"), "{mmio}");
        let legacy = line(Transport::PciLegacy, default_balloon(), Start::Running);
        assert!(legacy.contains("-M q35 ") && legacy.contains(".disable-modern=on "), "{legacy}");
        let legacy_mmio = line(Transport::MmioLegacy, default_balloon(), Start::Running);
        assert!(legacy_mmio.contains("-global virtio-mmio.force-legacy=true"), "{legacy_mmio}");
        for line in [pci, mmio, legacy, legacy_mmio] {
            assert!(line.contains("-m 1024M") && line.contains("-qmp unix:/dir/qmp,server=off"), "{line}");
            assert!(!line.contains(" -S"), "{line}");
        }
    }

    #[test]
    fn virt_boards_have_both_buses_and_no_exit_device() {
        for (arch, board) in [(Arch::Aarch64, "-M virt,gic-version=2 "), (Arch::Riscv64, "-M virt ")] {
            let pci = line_on(arch, Transport::Pci, default_balloon(), Start::Running);
            assert!(pci.contains(board) && pci.contains("-device virtio-balloon-pci,id=balloon0"), "{pci}");
            let mmio = line_on(arch, Transport::Mmio, default_balloon(), Start::Running);
            assert!(mmio.contains(board) && mmio.contains("-device virtio-balloon-device,"), "{mmio}");
            assert!(!pci.contains("isa-debug-exit"), "{pci}");
        }
    }

    #[test]
    fn the_device_has_the_requested_features() {
        let offer = Offer::Exactly(vec![Feature::FreePageHint]);
        let line = line(Transport::Mmio, Balloon::Present(offer), Start::Running);
        let device = "-device virtio-balloon-device,id=balloon0,deflate-on-oom=off,free-page-reporting=off,";
        assert!(line.contains(device) && line.contains(",free-page-hint=on,"), "{line}");
        let thread = line.find("-object iothread,id=balloon-hints");
        assert!(
            thread.is_some() && thread < line.find(device),
            "the thread comes before the device that names it: {line}"
        );
    }

    #[test]
    fn an_absent_balloon_has_no_argument() {
        let line = line(Transport::Pci, Balloon::Absent, Start::Paused);
        assert!(!line.contains("balloon") && line.contains(" -S "), "{line}");
    }
}
