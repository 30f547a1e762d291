//! Random sequences of everything that a kernel, a host and a device can do.
//!
//! * [`honest`]: the device keeps the rules, at its own pace and in its own order.
//! * [`misbehaving`]: it breaks them at random.

#[path = "../common/mod.rs"]
mod common;
mod honest;
mod machine;
mod misbehaving;
mod moves;

use proptest::test_runner::{Config, RngSeed};

/// The same sequences in every run.
fn config(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(0xae05_7a70), max_shrink_iters: 2000, ..Config::default() }
}
