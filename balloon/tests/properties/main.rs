//! Random sequences of everything that a kernel, a host and a device can do.
//!
//! * [`honest`]: the device keeps the rules, at its own pace and in its own order.
//! * [`misbehaving`]: it breaks them at random, in the ways that a device knows.
//! * [`noise`]: what it says is chance.
//! * [`whole`]: with all features of the balloon, on honest and misbehaving devices.

#[path = "../common/mod.rs"]
mod common;
mod honest;
mod machine;
mod misbehaving;
mod moves;
mod noise;
mod whole;

use proptest::test_runner::{Config, RngSeed};

/// The same sequences in every run; other ones, and as many as it says, where `PROPTEST_CASES` is set.
fn config(cases: u32) -> Config {
    let config = Config { max_shrink_iters: 2000, ..Config::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => Config { cases, rng_seed: RngSeed::Fixed(0xae05_7a70), ..config },
    }
}
