//! Checks which programs and libraries are missing on this machine, and installs them with apt-get if it may.

mod apt;
pub mod deb;
mod need;

use anyhow::bail;

pub use self::need::{BARE_METAL_32_BIT, Need};
use self::{
    apt::{PackageManager, Privilege},
    need::names,
};

/// Checks that everything in `needs` is installed, and installs what is missing if it may.
///
/// # Errors
///
/// If something is missing and cannot be installed, with the command that installs it.
pub fn ensure(needs: &[Need]) -> anyhow::Result<()> {
    let missing: Vec<_> = needs.iter().copied().filter(|need| !need.is_met()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    match decide(apt::package_manager(), &missing) {
        Decision::Advise(advice) => bail!("{advice}"),
        Decision::Install(privilege) => {
            apt::install(&missing, privilege)?;
            let still: Vec<_> = missing.into_iter().filter(|need| !need.is_met()).collect();
            if still.is_empty() { Ok(()) } else { bail!("missing after the installation: {}", names(&still)) }
        }
    }
}

/// What to do about missing programs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Decision {
    Install(Privilege),
    Advise(String),
}

fn decide(manager: PackageManager, missing: &[Need]) -> Decision {
    let what = names(missing);
    match manager {
        PackageManager::Apt(Some(privilege)) => Decision::Install(privilege),
        PackageManager::Apt(None) => {
            let mut packages: Vec<&str> = Vec::new();
            for package in missing.iter().flat_map(|need| need.packages()[0]) {
                if !packages.contains(package) {
                    packages.push(package);
                }
            }
            Decision::Advise(format!(
                "missing on this machine: {what}\nhelp: sudo apt-get install --no-install-recommends {}\n\
                 help: `cargo xtask test --host-only` runs the tests that do not need it",
                packages.join(" ")
            ))
        }
        PackageManager::Other => {
            let hints: String = missing.iter().map(|need| format!("\nhelp: {}", need.hint())).collect();
            Decision::Advise(format!(
                "missing on this machine: {what}{hints}\nhelp: `cargo xtask test --host-only` runs the tests that do not need it"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use xtask_build::foreign::Foreign;
    use xtask_common::arch::Arch;

    use super::*;

    #[test]
    fn with_privilege_packages_are_installed() {
        let decision = decide(PackageManager::Apt(Some(Privilege::Root)), &[Need::Qemu(Arch::Riscv64)]);
        assert_eq!(decision, Decision::Install(Privilege::Root));
    }

    #[test]
    fn without_privilege_the_command_is_printed() {
        let Decision::Advise(advice) = decide(PackageManager::Apt(None), &[Need::Qemu(Arch::X86_64), Need::Headers])
        else {
            panic!("installed")
        };
        assert!(advice.contains("QEMU for x86_64, Linux's headers"), "{advice}");
        assert!(
            advice.contains("sudo apt-get install --no-install-recommends qemu-system-x86 linux-libc-dev\n"),
            "{advice}"
        );
        assert!(advice.contains("--host-only"), "{advice}");
    }

    #[test]
    fn a_shared_package_is_listed_once() {
        let missing = [Foreign::BigEndian, Foreign::Narrow].map(Need::Emulation);
        let Decision::Advise(advice) = decide(PackageManager::Apt(None), &missing) else { panic!("installed") };
        assert_eq!(advice.matches("qemu-user").count(), 1, "{advice}");
        assert!(advice.contains("gcc-s390x-linux-gnu") && advice.contains("gcc-i686-linux-gnu"), "{advice}");
    }

    #[test]
    fn on_other_systems_each_need_has_a_hint() {
        let Decision::Advise(advice) =
            decide(PackageManager::Other, &[Need::Qemu(Arch::Aarch64), Need::Rust("x86_64-unknown-none")])
        else {
            panic!("installed")
        };
        assert!(
            advice.contains("help: QEMU for aarch64:") && advice.contains("rustup target add x86_64-unknown-none"),
            "{advice}"
        );
    }
}
