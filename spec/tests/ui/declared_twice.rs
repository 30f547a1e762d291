//! A feature is declared at most once, and only where it is known.

use aerostat_spec::balloon::{Features, feature};
use aerostat_spec::{Levels, Required, Wanted, With, reserved};

type None = Levels<Features, reserved::Features>;
type Once = <None as With<feature::StatsVq, Required>>::Out;

struct Other;

fn declare<S: With<F, Wanted>, F>(_feature: F) {}

fn main() {
    declare::<None, _>(feature::StatsVq);
    declare::<Once, _>(feature::StatsVq);
    declare::<Features, _>(reserved::feature::Version1);
    declare::<None, _>(Other);
}
