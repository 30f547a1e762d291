//! The steps, in order.

use std::{borrow::Cow, process::Command, time::Duration};

use clap::ValueEnum as _;

use super::{
    bare_metal, counts, failures, flights,
    proofs::{PROOFS, Proof},
    runner::Context,
};
use crate::{
    build::{foreign::Foreign, guest},
    cli::{Arch, Transport},
    workspace,
};

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
    /// Runs the tests of the libraries on a processor that is not the host's.
    RunForeign(Foreign),
    /// Does something in this program that counts as one test.
    Check(fn(&mut Context) -> anyhow::Result<()>),
    /// Flies the demo in a guest whose device is there.
    Fly(Arch, Transport),
    /// Fills in the matrix.
    Matrix,
    /// Shows something in a guest whose device is there.
    Prove(&'static Proof, Arch, Transport),
}

/// The transports that everything is proved over; the matrix has them all.
const BUSES: [Transport; 2] = [Transport::Pci, Transport::Mmio];
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

fn fly(arch: Arch, transport: Transport) -> Step {
    let name = Cow::Owned(format!("the demo in QEMU, on {arch} over {transport}"));
    Step { name, scope: Scope::All, action: Action::Fly(arch, transport) }
}

const fn run_foreign(name: &'static str, processor: Foreign) -> Step {
    Step { name: Cow::Borrowed(name), scope: Scope::All, action: Action::RunForeign(processor) }
}

fn prove(proof: &'static Proof, arch: Arch, transport: Transport) -> Step {
    let name = Cow::Owned(format!("{}, on {arch} over {transport}", proof.name));
    Step { name, scope: Scope::All, action: Action::Prove(proof, arch, transport) }
}

/// The steps of `scope`. The matrix has guests of every architecture; what else needs a guest needs one of `arch`.
pub(crate) fn plan(scope: Scope, arch: Arch) -> Vec<Step> {
    let mut steps = vec![
        run("the libraries and tools, on the host", host_tests, TESTS),
        run("the guest's portable parts, on the host", guest_tests, TESTS),
        run("the documentation, without a warning", documentation, DOCUMENTATION),
        check(Scope::Host, "the demo on the embedded device", flights::embedded),
        check(Scope::All, "the drivers for bare metal, without std and alloc", bare_metal::drivers),
        check(Scope::All, "the drivers for 32-bit bare metal, without std and alloc", bare_metal::narrow_drivers),
        run_foreign("the libraries on a big-endian processor", Foreign::BigEndian),
        run_foreign("the libraries on a 32-bit processor", Foreign::Narrow),
        check(Scope::All, "the counts of instructions, memory and code", counts::counts),
        check(Scope::All, "the guest's image", |context| context.build_guest(context.arch).map(drop)),
    ];
    steps.extend(Transport::value_variants().iter().map(|&transport| fly(arch, transport)));
    steps.push(Step {
        name: Cow::Borrowed("the matrix of guests, transports and rings"),
        scope: Scope::All,
        action: Action::Matrix,
    });
    let proofs = PROOFS.iter().filter(|proof| !proof.except.contains(&arch));
    steps.extend(proofs.flat_map(|proof| BUSES.map(|bus| prove(proof, arch, bus))));
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
        let names = |scope| plan(scope, Arch::X86_64).iter().map(|step| step.name.to_string()).collect::<Vec<_>>();
        let (host, all) = (names(Scope::Host), names(Scope::All));
        assert!(host.len() < all.len());
        let shared: Vec<_> = all.iter().filter(|name| host.contains(name)).cloned().collect();
        assert_eq!(shared, host);
    }

    #[test]
    fn names_tell_the_steps_apart() {
        let steps = plan(Scope::All, Arch::X86_64);
        let names: HashSet<_> = steps.iter().map(|step| &step.name).collect();
        assert_eq!(names.len(), steps.len());
    }

    #[test]
    fn every_proof_is_shown_over_both_buses() {
        let steps = plan(Scope::All, Arch::Riscv64);
        for proof in PROOFS {
            for bus in ["PCI", "MMIO"] {
                let name = format!("{}, on riscv64 over {bus}", proof.name);
                assert!(steps.iter().any(|step| step.name == name), "{name}");
            }
        }
        assert!(plan(Scope::Host, Arch::X86_64).iter().all(|step| !matches!(step.action, Action::Prove(..))));
    }

    #[test]
    fn the_demo_flies_over_every_transport_but_not_on_the_host_alone() {
        let flights = |scope| {
            let steps = plan(scope, Arch::Riscv64).into_iter();
            steps.filter(|step| matches!(step.action, Action::Fly(..))).map(|step| step.name).collect::<Vec<_>>()
        };
        let all = flights(Scope::All);
        for transport in ["PCI", "legacy PCI", "MMIO", "legacy MMIO"] {
            let name = format!("the demo in QEMU, on riscv64 over {transport}");
            assert!(all.iter().any(|flight| **flight == name), "{name}");
        }
        assert_eq!((all.len(), flights(Scope::Host).len()), (4, 0));
    }
}
