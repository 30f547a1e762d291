//! The programs and libraries that may be missing.

use std::{
    borrow::Cow,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use xtask_build::{foreign::Foreign, probe};
use xtask_common::{arch::Arch, process::run, workspace};
use xtask_qemu::program;

/// The time limit to ask pip for its version.
const QUERY: Duration = Duration::from_secs(20);

/// A 32-bit bare-metal target, whose processors have atomic operations of every width up to a pointer.
pub const BARE_METAL_32_BIT: &str = "armv7a-none-eabi";

/// A program or library that tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A C compiler, for the comparison with Linux's headers.
    CCompiler,
    /// Linux's user-space headers.
    Headers,
    /// Valgrind, which counts instructions.
    Valgrind,
    /// QEMU for an architecture, with its firmware.
    Qemu(Arch),
    /// A compiler with libraries for a target, or with the sources of the standard library.
    Rust(&'static str),
    /// A linker and an emulator for a foreign processor.
    Emulation(Foreign),
    /// Python's pip, for programs that Debian does not have.
    Pip,
}

impl Need {
    /// Everything that tests always need, in the order of the checks.
    pub const ALL: [Self; 14] = [
        Self::CCompiler,
        Self::Headers,
        Self::Valgrind,
        Self::Qemu(Arch::X86_64),
        Self::Qemu(Arch::Aarch64),
        Self::Qemu(Arch::Riscv64),
        Self::Rust(Arch::X86_64.target()),
        Self::Rust(Arch::Aarch64.target()),
        Self::Rust(Arch::Riscv64.target()),
        Self::Rust(BARE_METAL_32_BIT),
        Self::Rust(Foreign::BigEndian.target()),
        Self::Rust(Foreign::Narrow.target()),
        Self::Emulation(Foreign::BigEndian),
        Self::Emulation(Foreign::Narrow),
    ];

    /// Returns the name in messages.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::CCompiler => "a C compiler".into(),
            Self::Headers => "Linux's headers".into(),
            Self::Valgrind => "Valgrind".into(),
            Self::Qemu(arch) => format!("QEMU for {arch}").into(),
            Self::Rust(target) => format!("a Rust compiler for {target}").into(),
            Self::Emulation(processor) => format!("a linker and an emulator for {processor}").into(),
            Self::Pip => "pip".into(),
        }
    }

    /// Returns sets of Debian packages that provide it, the preferred set first.
    pub const fn packages(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::CCompiler => &[&["gcc", "libc6-dev"]],
            Self::Headers => &[&["linux-libc-dev"]],
            Self::Valgrind => &[&["valgrind"]],
            Self::Qemu(Arch::X86_64) => &[&["qemu-system-x86"]],
            Self::Qemu(Arch::Aarch64) => &[&["qemu-system-arm"]],
            // Newer releases have a separate package for RISC-V.
            Self::Qemu(Arch::Riscv64) => &[&["qemu-system-riscv", "opensbi"], &["qemu-system-misc", "opensbi"]],
            // Debian provides a newer Rust for its web browsers.
            Self::Rust(_) => &[&["rustc-web", "rust-web-src"], &["rustc", "rust-src"]],
            Self::Emulation(processor) => processor.packages(),
            Self::Pip => &[&["python3-pip"]],
        }
    }

    /// Returns whether the first package of a set must have at least the workspace's Rust version.
    pub const fn is_rust(self) -> bool {
        matches!(self, Self::Rust(_))
    }

    /// Returns what to do on other systems than Debian.
    pub fn hint(self) -> String {
        let name = self.name();
        match self {
            Self::CCompiler => format!("{name}: install gcc or clang, with `cc` in PATH"),
            Self::Headers => format!("{name}: install the package with /usr/include/linux/virtio_balloon.h"),
            Self::Valgrind => format!("{name}: install the package with valgrind, with its tool callgrind"),
            Self::Qemu(Arch::Riscv64) => format!("{name}: install the packages with qemu-system-riscv64 and OpenSBI"),
            Self::Qemu(arch) => format!("{name}: install the package with qemu-system-{arch}"),
            Self::Rust(target) => {
                format!("{name}: `rustup target add {target}`, or `rustup component add rust-src`")
            }
            Self::Emulation(processor) => format!("{name}: {}", processor.hint()),
            Self::Pip => format!("{name}: install the package with Python 3 and pip"),
        }
    }

    /// Returns whether it is installed.
    pub fn is_met(self) -> bool {
        match self {
            Self::CCompiler => workspace::which("cc").is_some(),
            Self::Headers => Path::new("/usr/include/linux/virtio_balloon.h").is_file(),
            Self::Valgrind => workspace::which("valgrind").is_some(),
            Self::Qemu(arch) => program::find(arch, None).is_ok(),
            Self::Rust(target) => probe::recipe(target).is_ok(),
            Self::Emulation(processor) => processor.can_link_and_run(),
            Self::Pip => has_pip(),
        }
    }
}

/// Returns whether `python3 -m pip` works.
fn has_pip() -> bool {
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "--version"]).stderr(Stdio::null());
    run::output(&mut command, QUERY).is_ok_and(|(status, _)| status.success())
}

/// Returns the names of `needs` for a message.
pub(crate) fn names(needs: &[Need]) -> String {
    needs.iter().map(|need| need.name()).collect::<Vec<_>>().join(", ")
}
