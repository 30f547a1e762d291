//! The steps, in order.

use std::{borrow::Cow, process::Command, time::Duration};

use clap::ValueEnum as _;

use xtask_build::{
    foreign::Foreign::{self, BigEndian, Narrow},
    guest,
};
use xtask_common::{arch::Arch, process::run::BUILD_LIMIT, workspace};
use xtask_qemu::transport::Transport;

use crate::{book, headers, packages::checks};

use super::{
    adapters, bare_metal,
    context::Context,
    counts, demos, dependencies, failures,
    foreign::Part,
    interleavings,
    miri::Selection,
    panics,
    scenarios::{SCENARIOS, Scenario},
    scope::Scope,
};
use crate::fuzz;

/// A step of the tests.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// What is tested.
    pub(crate) name: Cow<'static, str>,
    /// The smallest scope that includes it.
    scope: Scope,
    pub(crate) action: Action,
}

/// What a step does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// Builds the tests of a `cargo test` command, and runs and counts them within the limit. In each of the crates, a unit test has to
    /// pass.
    Tests { command: fn() -> Command, limit: Duration, crates: &'static [&'static str] },
    /// The same for the tests of the libraries on a foreign processor.
    TestsElsewhere(Foreign, Part),
    /// Runs tests in Miri, where it is installed.
    Miri(Selection),
    /// Runs a command that builds something. It counts as one test.
    Build { command: fn() -> Command, limit: Duration },
    /// Runs a function that counts as one test.
    Check(fn(&mut Context) -> anyhow::Result<()>),
    /// Runs the demo in a guest with a device on this transport.
    Demo(Arch, Transport),
    /// Runs the matrix.
    Matrix,
    /// Runs a scenario in a guest with a device on this transport.
    Scenario(&'static Scenario, Arch, Transport),
}

/// The transports of the scenarios. The matrix covers all transports.
const BUSES: [Transport; 2] = [Transport::Pci, Transport::Mmio];
/// The time limit to run the tests on the host. Cargo builds documentation tests while it runs them.
const TESTS: Duration = Duration::from_secs(30 * 60);

const fn on_host(name: &'static str, action: Action) -> Step {
    Step { name: Cow::Borrowed(name), scope: Scope::Host, action }
}

const fn tests(name: &'static str, command: fn() -> Command) -> Step {
    on_host(name, Action::Tests { command, limit: TESTS, crates: &[] })
}

const fn check(scope: Scope, name: &'static str, check: fn(&mut Context) -> anyhow::Result<()>) -> Step {
    Step { name: Cow::Borrowed(name), scope, action: Action::Check(check) }
}

fn demo(arch: Arch, transport: Transport) -> Step {
    let name = Cow::Owned(format!("the demo in QEMU, on {arch} over {transport}"));
    Step { name, scope: Scope::All, action: Action::Demo(arch, transport) }
}

const fn tests_elsewhere(scope: Scope, name: &'static str, processor: Foreign, part: Part) -> Step {
    Step { name: Cow::Borrowed(name), scope, action: Action::TestsElsewhere(processor, part) }
}

const fn in_miri(scope: Scope, name: &'static str, selection: Selection) -> Step {
    Step { name: Cow::Borrowed(name), scope, action: Action::Miri(selection) }
}

fn scenario(scenario: &'static Scenario, arch: Arch, transport: Transport) -> Step {
    let name = Cow::Owned(format!("{}, on {arch} over {transport}", scenario.name));
    Step { name, scope: Scope::All, action: Action::Scenario(scenario, arch, transport) }
}

/// Returns the steps of `scope`. Guests have the architecture `arch`, except in the matrix, which covers all architectures.
pub(crate) fn plan(scope: Scope, arch: Arch) -> Vec<Step> {
    let mut steps = vec![
        // First, because the tests of the descriptions use them.
        check(Scope::Long, "the headers of a newer Linux", |_| headers::install()),
        tests("the libraries and tools, on the host", host_tests),
        tests("the guest's portable parts, on the host", guest_tests),
        on_host("the documentation, without warnings", Action::Build { command: documentation, limit: BUILD_LIMIT }),
        Step {
            name: Cow::Borrowed("the documentation of the tools, without warnings"),
            scope: Scope::Long,
            action: Action::Build { command: documentation_of_tools, limit: BUILD_LIMIT },
        },
        on_host(
            "the interleavings of contexts, with loom",
            Action::Tests {
                command: interleavings::tests,
                limit: interleavings::LIMIT,
                crates: &interleavings::LIBRARIES,
            },
        ),
        check(Scope::Host, "fuzzing, for a minute", |_| fuzz::briefly()),
        check(Scope::Long, "deliberate bugs, each found by the fuzz loop", |_| fuzz::deliberate_bugs()),
        check(Scope::Long, "the fuzz loop with AddressSanitizer", |_| fuzz::with_address_sanitizer()),
        check(Scope::Long, "the fuzz targets for libFuzzer", |_| fuzz::with_libfuzzer()),
        check(Scope::Host, "the published crates, packed and checked", |_| checks::packages()),
        check(Scope::Long, "the published crates, tested from their packages", |_| checks::build_and_test()),
        check(Scope::All, "the drivers with their oldest compiler", |_| checks::oldest_compiler_of_drivers()),
        check(Scope::Long, "the published crates with their oldest compiler", |_| checks::oldest_compiler()),
        check(Scope::Long, "the published crates with the lowest versions", |_| checks::lowest_versions()),
        check(Scope::Host, "the demo on the embedded device", demos::embedded),
        check(Scope::All, "the drivers for bare metal, without std and alloc", bare_metal::drivers),
        check(Scope::All, "the drivers for 32-bit bare metal, without std and alloc", bare_metal::drivers_32_bit),
        check(Scope::All, "no panic in the drivers, optimised for size and for speed", panics::absent),
        in_miri(Scope::All, "the unit tests of the libraries in Miri", Selection::Units),
        in_miri(Scope::Long, "a balloon in two threads in Miri", Selection::Aliasing),
        in_miri(Scope::Long, "balloons in all orders of use in Miri", Selection::AllAliasing),
        tests_elsewhere(Scope::All, "spec and transport on a big-endian processor", BigEndian, Part::Layers),
        tests_elsewhere(Scope::All, "the balloon on a big-endian processor", BigEndian, Part::Balloon),
        tests_elsewhere(Scope::Long, "all balloon tests on a big-endian processor", BigEndian, Part::WholeBalloon),
        tests_elsewhere(Scope::All, "spec and transport on a 32-bit processor", Narrow, Part::Layers),
        tests_elsewhere(Scope::All, "the balloon on a 32-bit processor", Narrow, Part::Balloon),
        tests_elsewhere(Scope::Long, "all balloon tests on a 32-bit processor", Narrow, Part::WholeBalloon),
        check(Scope::All, "the counts of instructions, memory and code", counts::counts),
        check(Scope::All, "the licences and the origin of the dependencies", |_| dependencies::check()),
        check(Scope::All, "the checks of the book, on broken books", |_| book::check_broken_books()),
        check(Scope::All, "the book, its links and its includes", |_| book::check()),
        check(Scope::All, "a balloon over each adapter, in a guest", adapters::in_a_guest),
        check(Scope::All, "the guest's image", |context| context.build_guest(context.arch).map(drop)),
    ];
    steps.extend(Transport::value_variants().iter().map(|&transport| demo(arch, transport)));
    steps.push(Step {
        name: Cow::Borrowed("the matrix of guests, transports and rings"),
        scope: Scope::All,
        action: Action::Matrix,
    });
    let scenarios = SCENARIOS.iter().filter(|scenario| !scenario.except.contains(&arch));
    steps.extend(scenarios.flat_map(|one| BUSES.map(|transport| scenario(one, arch, transport))));
    steps.extend(failures::CASES.iter().map(|case| check(case.scope, case.name, case.check)));
    steps.retain(|step| step.scope <= scope);
    steps
}

fn host_tests() -> Command {
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--no-fail-fast", "--workspace", "--exclude", guest::PACKAGE]);
    cargo.envs(headers::installed().map(|folder| (headers::VARIABLE, folder)));
    cargo
}

fn guest_tests() -> Command {
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--no-fail-fast", "--package", guest::PACKAGE]);
    cargo
}

/// The published crates.
const LIBRARIES: [&str; 9] = [
    "aerostat-adapters",
    "aerostat-balloon",
    "aerostat-codegen",
    "aerostat-device",
    "aerostat-entropy",
    "aerostat-macros",
    "aerostat-pmem",
    "aerostat-spec",
    "aerostat-transport",
];

fn documentation() -> Command {
    let mut cargo = rustdoc();
    cargo.args(LIBRARIES.iter().flat_map(|package| ["--package", package]));
    cargo
}

fn documentation_of_tools() -> Command {
    let mut cargo = rustdoc();
    cargo.arg("--workspace");
    cargo
}

fn rustdoc() -> Command {
    let mut cargo = workspace::cargo();
    let features = ["alloc", "bitmap-allocator", "buddy-system-allocator", "virtio-drivers", "pci"];
    let features = features.map(|feature| format!("aerostat-adapters/{feature}"));
    cargo.args(["doc", "--no-deps", "--features", &features.join(",")]).env("RUSTDOCFLAGS", "-D warnings");
    cargo
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::packages::manifests::published;

    #[test]
    fn the_documentation_of_every_published_crate_is_built() {
        let mut names: Vec<_> = published().unwrap().into_iter().map(|package| package.name).collect();
        names.sort();
        assert_eq!(names, LIBRARIES);
    }

    #[test]
    fn each_scope_includes_the_ones_before_it() {
        let names = |scope| plan(scope, Arch::X86_64).iter().map(|step| step.name.to_string()).collect::<Vec<_>>();
        for (narrow, wide) in [(Scope::Host, Scope::All), (Scope::All, Scope::Long)] {
            let (narrow, wide) = (names(narrow), names(wide));
            assert!(narrow.len() < wide.len());
            let shared: Vec<_> = wide.iter().filter(|name| narrow.contains(name)).cloned().collect();
            assert_eq!(shared, narrow);
        }
    }

    #[test]
    fn step_names_are_unique() {
        let steps = plan(Scope::Long, Arch::X86_64);
        let names: HashSet<_> = steps.iter().map(|step| &step.name).collect();
        assert_eq!(names.len(), steps.len());
    }

    #[test]
    fn every_scenario_runs_over_both_buses() {
        let steps = plan(Scope::All, Arch::Riscv64);
        for scenario in SCENARIOS {
            for bus in ["PCI", "MMIO"] {
                let name = format!("{}, on riscv64 over {bus}", scenario.name);
                assert!(steps.iter().any(|step| step.name == name), "{name}");
            }
        }
        assert!(plan(Scope::Host, Arch::X86_64).iter().all(|step| !matches!(step.action, Action::Scenario(..))));
    }

    #[test]
    fn the_demo_runs_over_every_transport_but_not_in_the_host_scope() {
        let demos = |scope| {
            let steps = plan(scope, Arch::Riscv64).into_iter();
            steps.filter(|step| matches!(step.action, Action::Demo(..))).map(|step| step.name).collect::<Vec<_>>()
        };
        let all = demos(Scope::All);
        for transport in ["PCI", "legacy PCI", "MMIO", "legacy MMIO"] {
            let name = format!("the demo in QEMU, on riscv64 over {transport}");
            assert!(all.iter().any(|demo| **demo == name), "{name}");
        }
        assert_eq!((all.len(), demos(Scope::Host).len()), (4, 0));
    }
}
