//! The things that may be missing.

use std::path::Path;

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
    /// QEMU for the guest's architecture.
    Qemu,
    /// A compiler for the guest's bare-metal target, or one with its sources.
    BareMetal,
}

impl Need {
    /// Everything, in the order to look.
    pub(crate) const ALL: [Self; 5] = [Self::CCompiler, Self::Headers, Self::Valgrind, Self::Qemu, Self::BareMetal];

    /// For messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CCompiler => "a C compiler",
            Self::Headers => "Linux's headers",
            Self::Valgrind => "Valgrind",
            Self::Qemu => "QEMU",
            Self::BareMetal => "a Rust compiler for bare metal",
        }
    }

    /// The Debian packages that bring it: sets of packages, the better ones first.
    pub(crate) const fn packages(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::CCompiler => &[&["gcc", "libc6-dev"]],
            Self::Headers => &[&["linux-libc-dev"]],
            Self::Valgrind => &[&["valgrind"]],
            Self::Qemu => &[&["qemu-system-x86"]],
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
            Self::Qemu => "QEMU: install the package with qemu-system-x86_64",
            Self::BareMetal => {
                "a Rust compiler for bare metal: `rustup target add x86_64-unknown-none`, or `rustup component add rust-src`"
            }
        }
    }

    /// Whether it is there.
    pub(crate) fn is_met(self) -> bool {
        match self {
            Self::CCompiler => workspace::which("cc").is_some(),
            Self::Headers => Path::new("/usr/include/linux/virtio_balloon.h").is_file(),
            Self::Valgrind => workspace::which("valgrind").is_some(),
            Self::Qemu => program::find(Arch::X86_64, None).is_ok(),
            Self::BareMetal => probe::recipe(Arch::X86_64.target()).is_ok(),
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
