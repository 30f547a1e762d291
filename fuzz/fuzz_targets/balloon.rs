//! The balloon driver against a hostile device, with decisions from libFuzzer.
#![no_main]

use aerostat_fuzz::{Choices, run_episode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(finding) = run_episode(Choices::from_bytes(bytes)).finding {
        panic!("{finding}");
    }
});
