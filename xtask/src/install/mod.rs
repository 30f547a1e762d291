//! What the tests need on this machine: looked for, and installed where that may be done.

mod apt;
pub(crate) mod deb;
mod need;

use anyhow::bail;

pub(crate) use self::need::Need;
use self::{apt::Privilege, need::Host};

/// Sees to it that everything in `needs` is there: installs what is missing where that may be done.
///
/// # Errors
///
/// Where something is missing and may not be installed, with what to do; or the installation did not work.
pub(crate) fn ensure(needs: &[Need]) -> anyhow::Result<()> {
    let missing: Vec<_> = needs.iter().copied().filter(|need| !need.is_met()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    match decide(apt::host(), &missing) {
        Decision::Tell(advice) => bail!("{advice}"),
        Decision::Install(privilege) => {
            apt::install(&missing, privilege)?;
            let still: Vec<_> = missing.into_iter().filter(|need| !need.is_met()).collect();
            if still.is_empty() { Ok(()) } else { bail!("still missing after the installation: {}", names(&still)) }
        }
    }
}

/// What to do about things that are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Decision {
    Install(Privilege),
    Tell(String),
}

fn decide(host: Host, missing: &[Need]) -> Decision {
    let what = names(missing);
    match host {
        Host::Apt(Some(privilege)) => Decision::Install(privilege),
        Host::Apt(None) => {
            let mut packages: Vec<&str> = Vec::new();
            for package in missing.iter().flat_map(|need| need.packages()[0]) {
                if !packages.contains(package) {
                    packages.push(package);
                }
            }
            Decision::Tell(format!(
                "missing on this machine: {what}\nhelp: sudo apt-get install --no-install-recommends {}\n\
                 help: or `cargo xtask test --host-only`, which needs none of it",
                packages.join(" ")
            ))
        }
        Host::Other => {
            let hints: String = missing.iter().map(|need| format!("\nhelp: {}", need.hint())).collect();
            Decision::Tell(format!(
                "missing on this machine: {what}{hints}\nhelp: or `cargo xtask test --host-only`, which needs none of it"
            ))
        }
    }
}

fn names(needs: &[Need]) -> String {
    needs.iter().map(|need| need.name()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::foreign::Foreign;
    use crate::cli::Arch;

    #[test]
    fn with_the_right_to_install_it_is_installed() {
        let decision = decide(Host::Apt(Some(Privilege::Root)), &[Need::Qemu(Arch::Riscv64)]);
        assert_eq!(decision, Decision::Install(Privilege::Root));
    }

    #[test]
    fn without_the_right_the_command_is_told() {
        let Decision::Tell(advice) = decide(Host::Apt(None), &[Need::Qemu(Arch::X86_64), Need::Headers]) else {
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
    fn what_several_things_need_is_named_once() {
        let missing = [Foreign::BigEndian, Foreign::Narrow].map(Need::Emulation);
        let Decision::Tell(advice) = decide(Host::Apt(None), &missing) else { panic!("installed") };
        assert_eq!(advice.matches("qemu-user").count(), 1, "{advice}");
        assert!(advice.contains("gcc-s390x-linux-gnu") && advice.contains("gcc-i686-linux-gnu"), "{advice}");
    }

    #[test]
    fn on_another_system_each_thing_is_explained() {
        let Decision::Tell(advice) =
            decide(Host::Other, &[Need::Qemu(Arch::Aarch64), Need::Rust("x86_64-unknown-none")])
        else {
            panic!("installed")
        };
        assert!(
            advice.contains("help: QEMU for aarch64:") && advice.contains("rustup target add x86_64-unknown-none"),
            "{advice}"
        );
    }
}
