//! A feature is declared at most once, and only where it is known.

use aerostat_spec::balloon::{Features, feature};
use aerostat_spec::{FeaturePair, Required, Optional, WithFeature, reserved};

type None = FeaturePair<Features, reserved::Features>;
type Once = <None as WithFeature<feature::StatsVq, Required>>::Out;

struct Other;

fn declare<S: WithFeature<F, Optional>, F>(_feature: F) {}

fn main() {
    declare::<None, _>(feature::StatsVq);
    declare::<Once, _>(feature::StatsVq);
    declare::<Features, _>(reserved::feature::Version1);
    declare::<None, _>(Other);
}
