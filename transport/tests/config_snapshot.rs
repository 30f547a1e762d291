//! Consistent reads of several fields of the configuration space.
#![cfg(target_pointer_width = "64")]

use aerostat_test_support::test_device::config::{Read32, Read64, Write8};
use aerostat_test_support::{SoftMmio, live};
use aerostat_transport::ConfigError;

// conformance: core.config.2
#[test]
fn fields_of_a_snapshot_belong_to_one_configuration() {
    let soft = SoftMmio::new(42);
    let device = live(&soft);
    let mut reads = 0;
    soft.model().on_config_read = Some(Box::new(move |config, generation| {
        reads += 1;
        // Both fields change between the reads of the first two attempts.
        if reads == 2 || reads == 5 {
            config[..16].fill(reads as u8);
            *generation += 1;
        }
    }));
    let both = device.config().snapshot(|config| Ok((config.read(Read32)?, config.elements([Read64, Read64])?)));
    assert_eq!(both, Ok((0x0505_0505, [0x0505_0505_0505_0505; 2])));
}

#[test]
fn snapshot_of_a_configuration_that_always_changes_is_an_error() {
    let soft = SoftMmio::new(42);
    let device = live(&soft);
    soft.model().on_config_read = Some(Box::new(|_, generation| *generation = generation.wrapping_add(1)));
    let result = device.config().snapshot(|config| config.read(Read32));
    assert_eq!(result, Err(ConfigError::Unstable { field: "config", attempts: 64 }));
}

#[test]
fn snapshot_fails_if_a_field_is_outside() {
    let soft = SoftMmio::new(42);
    soft.model().len = 0x110;
    let device = live(&soft);
    let result = device.config().snapshot(|config| Ok((config.read(Read32)?, config.elements([Write8])?)));
    assert_eq!(result, Err(ConfigError::TooSmall { field: "write8", end: 23, len: 16 }));
}
