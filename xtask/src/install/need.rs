//! The things that may be missing.

use std::path::Path;

use clap::ValueEnum as _;

use super::apt::Privilege;
use crate::{build::probe, cli::Arch, qemu::program, workspace};

/// Something that the tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A C compiler, for the comparison with Linux's headers.
    CCompiler,
    /// Linux's headers for programs.
    Headers,
    /// Valgrind, which counts instructions.
    Valgrind,
    /// QEMU for an architecture, with the firmware that it needs.
    Qemu(Arch),
    /// A compiler for the bare-metal target of every architecture, or one with its sources.
    BareMetal,
}

impl Need {
    /// Everything, in the order to look.
    pub(crate) const ALL: [Self; 7] = [
        Self::CCompiler,
        Self::Headers,
        Self::Valgrind,
        Self::Qemu(Arch::X86_64),
        Self::Qemu(Arch::Aarch64),
        Self::Qemu(Arch::Riscv64),
        Self::BareMetal,
    ];

    /// For messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CCompiler => "a C compiler",
            Self::Headers => "Linux's headers",
            Self::Valgrind => "Valgrind",
            Self::Qemu(Arch::X86_64) => "QEMU for x86_64",
            Self::Qemu(Arch::Aarch64) => "QEMU for aarch64",
            Self::Qemu(Arch::Riscv64) => "QEMU for riscv64",
            Self::BareMetal => "a Rust compiler for bare metal",
        }
    }

    /// The Debian packages that bring it: sets of packages, the better ones first.
    pub(crate) const fn packages(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::CCompiler => &[&["gcc", "libc6-dev"]],
            Self::Headers => &[&["linux-libc-dev"]],
            Self::Valgrind => &[&["valgrind"]],
            Self::Qemu(Arch::X86_64) => &[&["qemu-system-x86"]],
            Self::Qemu(Arch::Aarch64) => &[&["qemu-system-arm"]],
            // Newer releases have a package of its own for RISC-V.
            Self::Qemu(Arch::Riscv64) => &[&["qemu-system-riscv", "opensbi"], &["qemu-system-misc", "opensbi"]],
            // Debian keeps a newer Rust for its browsers beside the one of its release.
            Self::BareMetal => &[&["rustc-web", "rust-web-src"], &["rustc", "rust-src"]],
        }
    }

    /// Whether the first package of a set has to be of the workspace's Rust version at least.
    pub(crate) const fn is_rust(self) -> bool {
        matches!(self, Self::BareMetal)
    }

    /// What to do on a system whose packages are not known here.
    pub(crate) const fn hint(self) -> &'static str {
        match self {
            Self::CCompiler => "a C compiler: install gcc or clang, so that `cc` is in PATH",
            Self::Headers => "Linux's headers: install the package with /usr/include/linux/virtio_balloon.h",
            Self::Valgrind => "Valgrind: install the package with valgrind, with its tool callgrind",
            Self::Qemu(Arch::X86_64) => "QEMU: install the package with qemu-system-x86_64",
            Self::Qemu(Arch::Aarch64) => "QEMU: install the package with qemu-system-aarch64",
            Self::Qemu(Arch::Riscv64) => "QEMU: install the packages with qemu-system-riscv64 and OpenSBI",
            Self::BareMetal => {
                "a Rust compiler for bare metal: `rustup target add x86_64-unknown-none aarch64-unknown-none-softfloat \
                 riscv64gc-unknown-none-elf`, or `rustup component add rust-src`"
            }
        }
    }

    /// Whether it is there.
    pub(crate) fn is_met(self) -> bool {
        match self {
            Self::CCompiler => workspace::which("cc").is_some(),
            Self::Headers => Path::new("/usr/include/linux/virtio_balloon.h").is_file(),
            Self::Valgrind => workspace::which("valgrind").is_some(),
            Self::Qemu(arch) => program::find(arch, None).is_ok(),
            Self::BareMetal => Arch::value_variants().iter().all(|arch| probe::recipe(arch.target()).is_ok()),
        }
    }
}

/// How software comes to this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// By apt-get, with the right to use it or without.
    Apt(Option<Privilege>),
    /// In another way.
    Other,
}
