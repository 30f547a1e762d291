//! The steps, in order.

use std::{borrow::Cow, process::Command, time::Duration};

use super::{
    bare_metal, counts, failures, flights,
    proofs::{PROOFS, Proof},
    runner::Context,
};
use crate::{build::guest, cli::Transport, workspace};

/// How much is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What needs only Rust.
    Host,
    /// Everything.
    All,
}

impl Scope {
    /// The environment variable that tells the tests. With the first one a test leaves out what needs Linux's headers
    /// or a C compiler where they are missing; with the second one a test without QEMU fails.
    pub(crate) const fn variable(self) -> &'static str {
        match self {
            Self::Host => "AEROSTAT_HOST_ONLY",
            Self::All => "AEROSTAT_REQUIRE_QEMU",
        }
    }
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// What holds when it passes.
    pub(crate) name: Cow<'static, str>,
    /// The least scope that it belongs to.
    scope: Scope,
    pub(crate) action: Action,
}

/// What a step does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// Runs a command; the tests that it runs are counted.
    Run { command: fn() -> Command, limit: Duration },
    /// Does something in this program that counts as one test.
    Check(fn(&mut Context) -> anyhow::Result<()>),
    /// Shows something in a guest whose device is there.
    Prove(&'static Proof, Transport),
}

/// Longest time for building and running the tests of the host.
const TESTS: Duration = Duration::from_secs(15 * 60);
/// Longest time for the documentation.
const DOCUMENTATION: Duration = Duration::from_secs(10 * 60);

const fn run(name: &'static str, command: fn() -> Command, limit: Duration) -> Step {
    Step { name: Cow::Borrowed(name), scope: Scope::Host, action: Action::Run { command, limit } }
}

const fn check(scope: Scope, name: &'static str, check: fn(&mut Context) -> anyhow::Result<()>) -> Step {
    Step { name: Cow::Borrowed(name), scope, action: Action::Check(check) }
}

fn prove(proof: &'static Proof, transport: Transport) -> Step {
    let name = Cow::Owned(format!("{}, over {transport}", proof.name));
    Step { name, scope: Scope::All, action: Action::Prove(proof, transport) }
}

/// The steps of `scope`.
pub(crate) fn plan(scope: Scope) -> Vec<Step> {
    let mut steps = vec![
        run("the libraries and tools, on the host", host_tests, TESTS),
        run("the guest's portable parts, on the host", guest_tests, TESTS),
        run("the documentation, without a warning", documentation, DOCUMENTATION),
        check(Scope::Host, "the demo on the embedded device", flights::embedded),
        check(Scope::All, "the drivers for bare metal, without std and alloc", bare_metal::drivers),
        check(Scope::All, "the counts of instructions, memory and code", counts::counts),
        check(Scope::All, "the guest's image", |context| context.build_guest().map(drop)),
        check(Scope::All, "the demo in QEMU over PCI", |context| flights::qemu(context, Transport::Pci)),
        check(Scope::All, "the demo in QEMU over MMIO", |context| flights::qemu(context, Transport::Mmio)),
    ];
    steps.extend(PROOFS.iter().flat_map(|proof| [Transport::Pci, Transport::Mmio].map(|bus| prove(proof, bus))));
    steps.extend(failures::CASES.iter().map(|case| check(case.scope, case.name, case.check)));
    steps.retain(|step| scope == Scope::All || step.scope == Scope::Host);
    steps
}

fn host_tests() -> Command {
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--no-fail-fast", "--workspace", "--exclude", guest::PACKAGE]);
    cargo
}

fn guest_tests() -> Command {
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--no-fail-fast", "--package", guest::PACKAGE]);
    cargo
}

fn documentation() -> Command {
    let mut cargo = workspace::cargo();
    cargo.args(["doc", "--no-deps", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings");
    cargo
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn all_is_more_than_the_host_and_in_the_same_order() {
        let names = |scope| plan(scope).iter().map(|step| step.name.to_string()).collect::<Vec<_>>();
        let (host, all) = (names(Scope::Host), names(Scope::All));
        assert!(host.len() < all.len());
        let shared: Vec<_> = all.iter().filter(|name| host.contains(name)).cloned().collect();
        assert_eq!(shared, host);
    }

    #[test]
    fn names_tell_the_steps_apart() {
        let steps = plan(Scope::All);
        let names: HashSet<_> = steps.iter().map(|step| &step.name).collect();
        assert_eq!(names.len(), steps.len());
    }

    #[test]
    fn every_proof_is_shown_over_both_transports() {
        let steps = plan(Scope::All);
        for proof in PROOFS {
            for bus in ["PCI", "MMIO"] {
                let name = format!("{}, over {bus}", proof.name);
                assert!(steps.iter().any(|step| step.name == name), "{name}");
            }
        }
        assert!(plan(Scope::Host).iter().all(|step| !matches!(step.action, Action::Prove(..))));
    }

    #[test]
    fn both_transports_fly_in_qemu_but_not_on_the_host_alone() {
        let fly = |scope| plan(scope).iter().filter(|step| step.name.starts_with("the demo in QEMU")).count();
        assert_eq!((fly(Scope::All), fly(Scope::Host)), (2, 0));
    }
}
