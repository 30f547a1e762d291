//! A field or queue that depends on a feature cannot be made without the proof.

use aerostat_spec::balloon::config::PoisonVal;
use aerostat_spec::balloon::queue::Stats;

fn main() {
    let _ = PoisonVal { negotiated: () };
    let _ = Stats { negotiated: () };
}
