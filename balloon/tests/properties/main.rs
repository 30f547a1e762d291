//! Random sequences of everything that a kernel, a host and a device can do.
//!
//! * [`conforming`]: the device follows the protocol, with any features, rings and numbering, in any order and speed.
//! * [`blocks`]: the same with block inflation.
//! * [`misbehaving`]: the device has faults, on any of its queues and registers.
//! * [`noise`]: registers and rings contain random values.

mod blocks;
#[path = "../common/mod.rs"]
mod common;
mod conforming;
mod declarations;
mod machine;
mod misbehaving;
mod moves;
mod noise;
mod operations;
mod setup;

use proptest::test_runner::{Config, RngSeed};

/// Returns the configuration of a test: the same sequences in every run, and other ones than those of other tests. If
/// `PROPTEST_CASES` is set, it is the number of sequences, and they differ between runs.
fn config(cases: u32, test: &str) -> Config {
    let config = Config { max_shrink_iters: 2000, ..Config::default() };
    let seed = test.bytes().fold(0xae05_7a70_u64, |seed, byte| seed.rotate_left(7) ^ u64::from(byte));
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => Config { cases, rng_seed: RngSeed::Fixed(seed), ..config },
    }
}
