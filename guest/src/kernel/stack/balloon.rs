//! The calls of the balloon that are measured. The host, `cargo xtask test`, changes the target and starts a migration when
//! the guest prints that it waits for that.

use core::time::Duration;

use aerostat_balloon::handles::{Progress, StatsRequest};
use aerostat_balloon::spec::Device as _;
use aerostat_balloon::transport::{InterruptStatus, Spin};
use aerostat_balloon::{
    Balloon, BalloonError, FrameRun, Frames as _, Frozen, LiveState, Options as BalloonOptions, Pages, Ready, Size4KiB,
    Source, Step, Unprobed, spec,
};
use aerostat_guest::Options;

use super::arena::Arena;
use super::measure::{Peak, measure};
use crate::kernel::balloon::KernelFeatures;
use crate::kernel::virtio::{self, AnyTransport, SIGNAL};
use crate::kernel::{arch, console, idle};

type Live = Balloon<Ready<AnyTransport, Arena, KernelFeatures>>;
type Stopped = Balloon<Frozen<AnyTransport, Arena, KernelFeatures>>;

/// Frames to inflate or deflate in one call.
const FRAMES: u32 = 64;
/// The time between two checks of something that the device changes.
const PAUSE: Duration = Duration::from_millis(1);

/// Measures every call and prints the results.
///
/// # Panics
///
/// If the machine has no balloon, or a call fails.
pub(super) fn run(options: &Options) {
    let places = options.virtio_mmio.iter().copied().chain(arch::virtio_mmio());
    let transport = virtio::find(spec::balloon::Device::ID, places).expect("the machine has no balloon");
    let arena = Arena::new();

    let unprobed = measure("new", || create(transport, arena));
    arena.limit(u32::MAX);
    let mut live = measure("probe", || unprobed.probe(&mut Spin::default())).expect("the probe failed");
    let allocations = arena.allocations();

    ask_host_for("a target");
    follow_target("service while inflating", &mut live);
    statistics(&mut live);
    reporting(&mut live);
    hinting(&mut live);
    explicit_calls(&mut live);
    ask_host_for("a lower target");
    until(|| live.target().expect("the target cannot be read") < live.size());
    measure("deflate", || live.deflate(FRAMES)?.tell_host().wait(&mut Spin::default())).expect("deflate failed");
    follow_target("service while deflating", &mut live);

    let handles = measure("split", || live.split());
    let live = measure("join", || handles.join()).expect("join failed");
    let frozen = measure("freeze", || live.freeze(&mut Spin::default())).expect("freeze failed");
    let mut live = measure("restore", || frozen.restore(&mut Spin::default())).expect("restore failed");
    follow_target("service after restore", &mut live);
    measure("abandon", || live.abandon(&mut Spin::default())).expect("abandon failed");
    let frozen = live.reset(&mut Spin::default()).expect("reset after abandon failed");

    let mut live = probe_failing(frozen, arena, allocations);
    follow_target("service after probe", &mut live);
    measure("drop", || drop(live));
}

fn create(transport: AnyTransport, arena: Arena) -> Balloon<Unprobed<AnyTransport, Arena, KernelFeatures>> {
    Balloon::new(transport, arena, BalloonOptions::new(KernelFeatures)).expect("the arena is too small")
}

/// Services the balloon until it has reached a target other than 0, and prints the most stack that a step used.
pub(super) fn follow_target<S: LiveState>(name: &'static str, live: &mut Balloon<S>) {
    let mut service = Peak::new(name);
    until(|| live.target().expect("the target cannot be read") > Pages(0));
    let mut step = service.measure(|| live.service());
    until(|| match step.expect("service failed") {
        Step::OnTarget => true,
        Step::Paused(pause) => {
            step = service.measure(|| live.retry(pause));
            false
        }
        Step::Waiting => {
            step = service.measure(|| live.service());
            false
        }
    });
    service.print();
}

/// Answers one request for statistics, and prints the most stack that a call used.
fn statistics(live: &mut Live) {
    let mut service = Peak::new("statistics");
    until(|| is(service.measure(|| live.service_statistics()), StatsRequest::Answered));
    service.print();
}

/// Reports blocks until none is left, and prints the most stack that a call used.
fn reporting(live: &mut Live) {
    let mut service = Peak::new("reporting");
    until(|| is(service.measure(|| live.service_reporting()), Progress::Idle));
    service.print();
}

/// Returns whether a step of a feature returned `expected`.
fn is<T: PartialEq>(step: Result<Option<T>, BalloonError>, expected: T) -> bool {
    step.expect("a step failed").expect("the device does not offer the feature") == expected
}

/// Hints during a migration, until it is canceled and the blocks are back.
fn hinting(live: &mut Live) {
    let mut service = Peak::new("hinting");
    let mut step = |status| is(service.measure(|| live.service_hinting(status)), Progress::Idle);
    step(InterruptStatus::ANY);
    ask_host_for("a migration");
    until(|| step(SIGNAL.take(Source::Hinting)) && Arena.has_hinted());
    ask_host_for("the end of the migration");
    until(|| {
        step(SIGNAL.take(Source::Hinting));
        !Arena.has_hinted()
    });
    service.print();
}

/// Deflates below the target, inflates again, and migrates a frame.
fn explicit_calls(live: &mut Live) {
    measure("deflate_on_oom", || {
        let pending = live.deflate_on_oom().expect("the device does not offer DEFLATE_ON_OOM");
        pending.tell_host().wait(&mut Spin::default())
    })
    .expect("deflate_on_oom failed");
    measure("inflate", || live.inflate(FRAMES)?.wait(&mut Spin::default())).expect("inflate failed");
    let run = frame();
    let number = run.first();
    measure("inflate_with", || live.inflate_with(run)).expect("inflate_with failed");
    until(|| live.service().expect("service failed") != Step::Waiting);
    let run = frame();
    measure("migrate", || match live.migrate(number, run) {
        Ok(migration) => migration.wait(&mut Spin::default()),
        Err(rejected) => Err(rejected.error),
    })
    .expect("migrate failed");
}

/// Probes the device with one more successful allocation each time, until there are enough.
fn probe_failing(frozen: Stopped, arena: Arena, allocations: u32) -> Live {
    let mut probe = Peak::new("probe failing");
    let (transport, _) = frozen.into_parts();
    let mut balloon = create(transport, arena);
    for limit in 0..allocations {
        arena.limit(limit);
        let failed = probe
            .measure(|| balloon.probe(&mut Spin::default()))
            .expect_err("the probe succeeded with too little memory");
        balloon = failed.balloon;
    }
    probe.print();
    arena.limit(u32::MAX);
    balloon.probe(&mut Spin::default()).expect("the probe failed")
}

/// Prints what the host has to do next.
fn ask_host_for(event: &str) {
    console::print(format_args!("stack: waiting for {event}\n"));
}

/// Allocates a frame.
fn frame() -> FrameRun<Size4KiB> {
    Arena.allocate(1).expect("the arena is too small")
}

/// Waits until `is_done`.
fn until(mut is_done: impl FnMut() -> bool) {
    while !is_done() {
        idle::wake_at(arch::now() + PAUSE);
        idle::wait();
    }
}
