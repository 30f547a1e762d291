//! The machine that QEMU is asked for, as arguments.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::features::Offer;
use crate::{
    cli::{Arch, Bus, Interface, Transport},
    units::Bytes,
};

/// The port at which the guest ends QEMU, and its width: what the device is commonly given.
const DEBUG_EXIT: &str = "isa-debug-exit,iobase=0xf4,iosize=0x04";
/// The balloon device's name in QEMU's object tree.
pub(crate) const BALLOON: &str = "balloon0";

/// A machine to start.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// What it is.
    pub(crate) arch: Arch,
    /// The QEMU program.
    pub(crate) program: PathBuf,
    /// The guest's image.
    pub(crate) image: PathBuf,
    /// Its kernel command line.
    pub(crate) command_line: String,
    /// Its memory.
    pub(crate) memory: Bytes,
    /// Where the balloon device is.
    pub(crate) transport: Transport,
    /// Whether there is a balloon device.
    pub(crate) balloon: Balloon,
    /// Whether the guest runs from the start.
    pub(crate) start: Start,
    /// The file whose bytes an entropy device gives out, if there is one. QEMU hangs at its end. Its rings are those of the
    /// balloon.
    pub(crate) entropy: Option<PathBuf>,
}

/// Whether the machine has a balloon device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Balloon {
    Fitted(Offer),
    Missing,
}

/// Whether the guest runs from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Running,
    Paused,
}

impl Machine {
    /// QEMU's arguments. The guest's serial port is QEMU's standard output; QEMU connects to the QMP socket at `qmp`.
    pub(crate) fn arguments(&self, qmp: &Path) -> Vec<OsString> {
        let (machine, wiring): (&str, &[&str]) = match (self.arch, self.transport.bus()) {
            (Arch::X86_64, Bus::Pci) => ("q35", &["-device", DEBUG_EXIT]),
            // Only the kernel command line tells of its slots where there is no ACPI.
            (Arch::X86_64, Bus::Mmio) => ("microvm,acpi=off", &["-device", DEBUG_EXIT]),
            // Its CPU would be one of 32 bits.
            (Arch::Aarch64, _) => ("virt,gic-version=2", &["-cpu", "cortex-a57"]),
            (Arch::Riscv64, _) => ("virt", &[]),
        };
        let bus = self.transport.bus();
        let interface: &[&str] = match (bus, self.transport.interface()) {
            // A device that has both interfaces.
            (Bus::Pci, Interface::Modern) => &[],
            (Bus::Pci, Interface::Legacy) => {
                &["-global", "virtio-pci.disable-modern=on", "-global", "virtio-pci.disable-legacy=off"]
            }
            (Bus::Mmio, Interface::Modern) => &["-global", "virtio-mmio.force-legacy=false"],
            (Bus::Mmio, Interface::Legacy) => &["-global", "virtio-mmio.force-legacy=true"],
        };
        let on_bus = match bus {
            Bus::Pci => "pci",
            Bus::Mmio => "device",
        };
        let mut arguments: Vec<OsString> = ["-accel", "tcg", "-M", machine].map(OsString::from).into();
        let mut add = |more: &[&str]| arguments.extend(more.iter().map(OsString::from));
        add(&["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"]);
        add(&["-m", &format!("{}M", self.memory.mib())]);
        add(wiring);
        add(interface);
        if let Balloon::Fitted(offer) = &self.balloon {
            if let Some(object) = offer.object() {
                add(&["-object", &object]);
            }
            add(&["-device", &format!("virtio-balloon-{on_bus},id={BALLOON}{}", offer.properties())]);
        }
        if let Some(file) = &self.entropy {
            let rings = match &self.balloon {
                Balloon::Fitted(offer) => offer.ring_properties(),
                Balloon::Missing => String::new(),
            };
            add(&["-object", &format!("rng-random,id=entropy,filename={}", file.display())]);
            add(&["-device", &format!("virtio-rng-{on_bus},rng=entropy{rings}")]);
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qemu::features::Feature;

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

    fn usual() -> Balloon {
        Balloon::Fitted(Offer::Usual)
    }

    #[test]
    fn each_transport_has_its_machine_and_device() {
        let pci = line(Transport::Pci, usual(), Start::Running);
        assert!(pci.contains("-M q35 ") && pci.contains("-device virtio-balloon-pci,id=balloon0"), "{pci}");
        let mmio = line(Transport::Mmio, usual(), Start::Running);
        assert!(mmio.contains("-M microvm,acpi=off ") && mmio.contains("-device virtio-balloon-device,"), "{mmio}");
        assert!(mmio.contains("-global virtio-mmio.force-legacy=false"), "{mmio}");
        let legacy = line(Transport::PciLegacy, usual(), Start::Running);
        assert!(legacy.contains("-M q35 ") && legacy.contains(".disable-modern=on "), "{legacy}");
        let legacy_mmio = line(Transport::MmioLegacy, usual(), Start::Running);
        assert!(legacy_mmio.contains("-global virtio-mmio.force-legacy=true"), "{legacy_mmio}");
        for line in [pci, mmio, legacy, legacy_mmio] {
            assert!(line.contains("-m 1024M") && line.contains("-qmp unix:/dir/qmp,server=off"), "{line}");
            assert!(!line.contains(" -S"), "{line}");
        }
    }

    #[test]
    fn a_board_with_a_device_tree_has_both_buses_and_no_exit_device() {
        for (arch, board) in [(Arch::Aarch64, "-M virt,gic-version=2 "), (Arch::Riscv64, "-M virt ")] {
            let pci = line_on(arch, Transport::Pci, usual(), Start::Running);
            assert!(pci.contains(board) && pci.contains("-device virtio-balloon-pci,id=balloon0"), "{pci}");
            let mmio = line_on(arch, Transport::Mmio, usual(), Start::Running);
            assert!(mmio.contains(board) && mmio.contains("-device virtio-balloon-device,"), "{mmio}");
            assert!(!pci.contains("isa-debug-exit"), "{pci}");
        }
    }

    #[test]
    fn the_device_offers_what_it_is_asked_to() {
        let offer = Offer::Exactly(vec![Feature::FreePageHint]);
        let line = line(Transport::Mmio, Balloon::Fitted(offer), Start::Running);
        let device = "-device virtio-balloon-device,id=balloon0,deflate-on-oom=off,free-page-reporting=off,";
        assert!(line.contains(device) && line.contains(",free-page-hint=on,"), "{line}");
        let thread = line.find("-object iothread,id=balloon-hints");
        assert!(thread.is_some() && thread < line.find(device), "the device names a thread that is there: {line}");
    }

    #[test]
    fn what_is_left_out_is_not_there() {
        let line = line(Transport::Pci, Balloon::Missing, Start::Paused);
        assert!(!line.contains("balloon") && line.contains(" -S "), "{line}");
    }
}
