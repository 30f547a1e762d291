//! The things that may be missing.

use std::{borrow::Cow, path::Path};

use super::apt::Privilege;
use crate::{
    build::{foreign::Foreign, probe},
    cli::Arch,
    qemu::program,
    test::NARROW,
    workspace,
};

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
    /// A compiler for a target, or one with the sources of its standard library.
    Rust(&'static str),
    /// A linker and an emulator for a processor that is not the host's.
    Emulation(Foreign),
}

impl Need {
    /// Everything, in the order to look.
    pub(crate) const ALL: [Self; 14] = [
        Self::CCompiler,
        Self::Headers,
        Self::Valgrind,
        Self::Qemu(Arch::X86_64),
        Self::Qemu(Arch::Aarch64),
        Self::Qemu(Arch::Riscv64),
        Self::Rust(Arch::X86_64.target()),
        Self::Rust(Arch::Aarch64.target()),
        Self::Rust(Arch::Riscv64.target()),
        Self::Rust(NARROW),
        Self::Rust(Foreign::BigEndian.target()),
        Self::Rust(Foreign::Narrow.target()),
        Self::Emulation(Foreign::BigEndian),
        Self::Emulation(Foreign::Narrow),
    ];

    /// For messages.
    pub(crate) fn name(self) -> Cow<'static, str> {
        match self {
            Self::CCompiler => "a C compiler".into(),
            Self::Headers => "Linux's headers".into(),
            Self::Valgrind => "Valgrind".into(),
            Self::Qemu(arch) => format!("QEMU for {arch}").into(),
            Self::Rust(target) => format!("a Rust compiler for {target}").into(),
            Self::Emulation(processor) => format!("a linker and an emulator for {processor}").into(),
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
            Self::Rust(_) => &[&["rustc-web", "rust-web-src"], &["rustc", "rust-src"]],
            Self::Emulation(processor) => processor.packages(),
        }
    }

    /// Whether the first package of a set has to be of the workspace's Rust version at least.
    pub(crate) const fn is_rust(self) -> bool {
        matches!(self, Self::Rust(_))
    }

    /// What to do on a system whose packages are not known here.
    pub(crate) fn hint(self) -> String {
        let name = self.name();
        match self {
            Self::CCompiler => format!("{name}: install gcc or clang, so that `cc` is in PATH"),
            Self::Headers => format!("{name}: install the package with /usr/include/linux/virtio_balloon.h"),
            Self::Valgrind => format!("{name}: install the package with valgrind, with its tool callgrind"),
            Self::Qemu(Arch::Riscv64) => format!("{name}: install the packages with qemu-system-riscv64 and OpenSBI"),
            Self::Qemu(arch) => format!("{name}: install the package with qemu-system-{arch}"),
            Self::Rust(target) => {
                format!("{name}: `rustup target add {target}`, or `rustup component add rust-src`")
            }
            Self::Emulation(processor) => format!("{name}: {}", processor.hint()),
        }
    }

    /// Whether it is there.
    pub(crate) fn is_met(self) -> bool {
        match self {
            Self::CCompiler => workspace::which("cc").is_some(),
            Self::Headers => Path::new("/usr/include/linux/virtio_balloon.h").is_file(),
            Self::Valgrind => workspace::which("valgrind").is_some(),
            Self::Qemu(arch) => program::find(arch, None).is_ok(),
            Self::Rust(target) => probe::recipe(target).is_ok(),
            Self::Emulation(processor) => processor.can_link_and_run(),
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
