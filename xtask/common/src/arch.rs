//! The architectures that the guest supports.

use std::fmt;

use clap::{ValueEnum, builder::PossibleValue};

/// An architecture that the guest is built for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Arch {
    /// 64-bit x86, booted through PVH.
    #[default]
    X86_64,
    /// 64-bit Arm, with a device tree.
    Aarch64,
    /// 64-bit RISC-V, with a device tree, on OpenSBI.
    Riscv64,
}

impl Arch {
    /// Returns the name of the bare-metal Rust target.
    pub const fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-none",
            // The soft-float target: interrupt handlers do not save floating-point registers.
            Self::Aarch64 => "aarch64-unknown-none-softfloat",
            Self::Riscv64 => "riscv64imac-unknown-none-elf",
        }
    }

    /// Returns the name, as users and QEMU spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::Riscv64 => "riscv64",
        }
    }
}

impl ValueEnum for Arch {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::X86_64, Self::Aarch64, Self::Riscv64]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(match self {
            Self::X86_64 => "64-bit x86, booted through PVH",
            Self::Aarch64 => "64-bit Arm, with a device tree",
            Self::Riscv64 => "64-bit RISC-V, with a device tree, on OpenSBI",
        }))
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
