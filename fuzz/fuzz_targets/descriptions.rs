//! The description compiler on descriptions that libFuzzer makes: its bytes as they are, or as decisions about mutations.
#![no_main]

use aerostat_fuzz::{Choices, descriptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let result = match bytes.split_first() {
        Some((0..128, text)) => descriptions::compile(&String::from_utf8_lossy(text)).map(drop),
        Some((_, decisions)) => descriptions::check(Choices::from_bytes(decisions)).map(drop),
        None => Ok(()),
    };
    if let Err(error) = result {
        panic!("{error}");
    }
});
