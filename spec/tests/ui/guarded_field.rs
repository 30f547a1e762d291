//! The name of a field or queue that depends on a feature is not a value. `given` makes the value from the proof.

use aerostat_spec::balloon::config::PoisonVal;
use aerostat_spec::balloon::queue::Stats;
use aerostat_spec::{Queue, Settable};

fn set<F: Settable>(_field: F) {}
fn enable<Q: Queue>(_queue: Q) {}

fn main() {
    set(PoisonVal);
    set(PoisonVal::given);
    enable(Stats);
    enable(Stats::given);
}
