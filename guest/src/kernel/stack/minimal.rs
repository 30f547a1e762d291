//! The calls of a balloon that uses one feature. The target is that of the balloon before.

use aerostat_balloon::spec::Device as _;
use aerostat_balloon::transport::Spin;
use aerostat_balloon::{Balloon, Options as BalloonOptions, features, spec};
use aerostat_guest::Options;

use super::arena::Arena;
use super::balloon::follow_target;
use super::measure::measure;
use crate::kernel::arch;
use crate::kernel::virtio;

features! {
    /// One feature.
    struct Minimal { MustTellHost: Optional }
}

/// Measures the calls and prints the results.
///
/// # Panics
///
/// If a call fails.
pub(super) fn run(options: &Options) {
    let places = options.virtio_mmio.iter().copied().chain(arch::virtio_mmio());
    let transport = virtio::find(spec::balloon::Device::ID, places).expect("the machine has no balloon");
    let new = || Balloon::new(transport, Arena, BalloonOptions::new(Minimal));
    let unprobed = measure("MUST_TELL_HOST: new", new).expect("the arena is too small");
    let mut live = measure("MUST_TELL_HOST: probe", || unprobed.probe(&mut Spin::default())).expect("the probe failed");
    follow_target("MUST_TELL_HOST: service", &mut live);
    let frozen = measure("MUST_TELL_HOST: freeze", || live.freeze(&mut Spin::default())).expect("freeze failed");
    let mut live = measure("MUST_TELL_HOST: restore", || frozen.restore(&mut Spin::default())).expect("restore failed");
    measure("MUST_TELL_HOST: abandon", || live.abandon(&mut Spin::default())).expect("abandon failed");
    measure("MUST_TELL_HOST: drop", || drop(live));
}
