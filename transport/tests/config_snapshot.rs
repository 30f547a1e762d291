//! Consistent reads of several fields of the configuration space.
#![cfg(target_pointer_width = "64")]

use aerostat_test_support::test_device::config::{Read32, Read64, Write8};
use aerostat_test_support::{Plain, SoftMmio, live, test_device};
use aerostat_transport::{ConfigError, Device, LegacyMmio};

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

/// The legacy interface has no generation count: two reads in a row have to agree.
#[test]
fn without_a_generation_count_a_snapshot_is_read_until_it_is_stable() {
    let soft = SoftMmio::legacy(42);
    let transport = LegacyMmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::<_, test_device::Device, _>::take(transport).unwrap().poll().unwrap().acknowledge().driver();
    let device = device.negotiate::<Plain>().map_err(|failed| failed.error).unwrap().go_live();
    let read = |changes: u8| {
        let mut reads = 0;
        soft.model().on_config_read = Some(Box::new(move |config, _| {
            reads += 1;
            config[..16].fill(changes.min(reads));
        }));
        device.config().snapshot(|config| config.read(Read32))
    };
    assert_eq!(read(3), Ok(0x0303_0303), "the third read and the fourth agree");
    assert_eq!(read(u8::MAX), Err(ConfigError::Unstable { field: "config", attempts: 64 }));
}
