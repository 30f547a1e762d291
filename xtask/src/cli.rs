//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use crate::{bench::BenchArguments, qemu::features::Feature};

/// The one runner of the workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measures the balloon beside its host, its device and Linux's driver
    Bench(BenchArguments),
    /// Takes memory from a guest by its balloon and gives it back
    Demo(DemoArguments),
    /// Builds the guest and prints where its image is
    Guest(GuestArguments),
    /// Runs everything that CI runs
    Test(TestArguments),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DemoArguments {
    /// Whose balloon device it is: QEMU where it and a bare-metal Rust target can be had, else the embedded one
    #[arg(long, value_enum)]
    pub(crate) device: Option<Device>,
    /// The guest's architecture in QEMU [default: x86_64]
    #[arg(long, value_enum)]
    pub(crate) arch: Option<Arch>,
    /// How the guest reaches the device [default: pci in QEMU; the embedded device has mmio and mmio-legacy only]
    #[arg(long, value_enum)]
    pub(crate) transport: Option<Transport>,
    /// Memory of the guest, in MiB
    #[arg(long, value_name = "MiB", default_value_t = 1024)]
    pub(crate) memory: u64,
    /// Memory to leave to the guest, in MiB
    #[arg(long, value_name = "MiB", default_value_t = 256)]
    pub(crate) target: u64,
    /// What QEMU's device offers: these features and no others [default: what QEMU switches on by itself]
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) features: Option<Vec<Feature>>,
    /// How often to take the memory and give it back
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) rounds: u32,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw memory over time
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) qemu: QemuArguments,
}

impl DemoArguments {
    /// The arguments of `cargo demo` with `words` behind it.
    pub(crate) fn from_words(words: &[&str]) -> anyhow::Result<Self> {
        match Cli::try_parse_from(["xtask", "demo"].iter().chain(words))?.command {
            Command::Demo(arguments) => Ok(arguments),
            other => anyhow::bail!("{other:?} is no demo"),
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct QemuArguments {
    /// The QEMU program [default: the one for the guest's architecture in PATH]
    #[arg(long = "qemu", value_name = "PROGRAM")]
    pub(crate) program: Option<PathBuf>,
    /// A guest image to boot instead of building one
    #[arg(long = "guest", value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct GuestArguments {
    /// The guest's architecture
    #[arg(long, value_enum, default_value_t)]
    pub(crate) arch: Arch,
    /// Where to put a copy of the image
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TestArguments {
    /// Run only what needs neither QEMU nor a bare-metal target nor Linux's headers, and install nothing
    #[arg(long)]
    pub(crate) host_only: bool,
    /// Run only the steps whose names contain TEXT
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
    /// Keep the counts that are found in benches/counts.json instead of comparing them
    #[arg(long)]
    pub(crate) bless: bool,
    /// The architecture of the guests that the demo and the proofs have; the matrix has all of them
    #[arg(long, value_enum, default_value_t)]
    pub(crate) arch: Arch,
    /// A guest image of that architecture to test instead of building one
    #[arg(long = "guest", value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,
}

/// Whose balloon device the demo drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Device {
    /// The one in this program
    Embedded,
    /// QEMU's
    Qemu,
}

/// How the guest reaches the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Transport {
    /// Virtio over PCI
    Pci,
    /// The same by the interface that was before VIRTIO 1.0
    PciLegacy,
    /// Virtio over MMIO
    Mmio,
    /// The same by the interface that was before VIRTIO 1.0
    MmioLegacy,
}

/// The bus that a device is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bus {
    Pci,
    Mmio,
}

/// The interface that a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interface {
    Modern,
    Legacy,
}

impl Transport {
    pub(crate) const fn bus(self) -> Bus {
        match self {
            Self::Pci | Self::PciLegacy => Bus::Pci,
            Self::Mmio | Self::MmioLegacy => Bus::Mmio,
        }
    }

    pub(crate) const fn interface(self) -> Interface {
        match self {
            Self::Pci | Self::Mmio => Interface::Modern,
            Self::PciLegacy | Self::MmioLegacy => Interface::Legacy,
        }
    }

    /// Why no ring can be packed, where none can.
    pub(crate) const fn no_packed_rings(self) -> Option<&'static str> {
        match self.interface() {
            Interface::Modern => None,
            Interface::Legacy => Some("the legacy interface has 32 feature bits, and RING_PACKED is bit 34"),
        }
    }
}

/// An architecture that the guest is built for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Arch {
    /// 64-bit x86, booted by PVH
    #[default]
    #[value(name = "x86_64")]
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit Arm, with a device tree
    Aarch64,
    /// 64-bit RISC-V, with a device tree, over OpenSBI
    Riscv64,
}

impl Arch {
    /// The name of its bare-metal Rust target.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-none",
            // Interrupt handlers need not save floating-point registers that nobody uses.
            Self::Aarch64 => "aarch64-unknown-none-softfloat",
            Self::Riscv64 => "riscv64imac-unknown-none-elf",
        }
    }
}

impl std::fmt::Display for Arch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::Riscv64 => "riscv64",
        })
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Qemu => "QEMU",
        })
    }
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pci => "PCI",
            Self::PciLegacy => "legacy PCI",
            Self::Mmio => "MMIO",
            Self::MmioLegacy => "legacy MMIO",
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_description_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_demo_takes_768_of_1024_mib_once_by_default() {
        let demo = DemoArguments::from_words(&[]).unwrap();
        assert_eq!((demo.memory, demo.target, demo.rounds), (1024, 256, 1));
        assert_eq!((demo.device, demo.arch, demo.transport), (None, None, None));
        assert_eq!(demo.features, None);
    }

    #[test]
    fn features_are_a_list() {
        let demo = DemoArguments::from_words(&["--features", "stats,free-page-hint"]).unwrap();
        assert_eq!(demo.features, Some(vec![Feature::Stats, Feature::FreePageHint]));
        let error = DemoArguments::from_words(&["--features", "hint"]).unwrap_err().to_string();
        assert!(error.contains("free-page-hint"), "{error}");
    }

    #[test]
    fn an_unknown_architecture_is_refused_with_the_known_ones() {
        let error = Cli::try_parse_from(["xtask", "guest", "--arch", "vax"]).unwrap_err();
        assert!(error.to_string().contains("[possible values: x86_64, aarch64, riscv64]"), "{error}");
    }
}
