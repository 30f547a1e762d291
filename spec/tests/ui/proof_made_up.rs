//! Safe code does not make up a proof that a feature was negotiated.

use aerostat_spec::Accepted;
use aerostat_spec::balloon::feature::StatsVq;

aerostat_spec::feature_set! { struct Declared for aerostat_spec::balloon { StatsVq: Required } }

fn main() {
    let accepted = Accepted::<Declared>::negotiate(!0, !0).unwrap();
    accepted.proof(StatsVq);
}
