//! `<linux/virtio_ids.h>`.

use aerostat_spec::{Block, Device as _, Queue as _};

use self::entropy::{Device, queue};
use crate::cc;

// The description is part of the driver.
aerostat_spec::virtio_spec!("../entropy/entropy.vspec");

#[test]
fn device_id_matches_linux() {
    cc::check("entropy", &["linux/virtio_ids.h"], &[("VIRTIO_ID_RNG", Device::ID.0.into())]);
}

#[test]
fn device_has_one_queue_and_no_configuration_space() {
    assert_eq!(Device::QUEUES, [queue::Request::SPEC]);
    assert_eq!(queue::Request::SPEC.index, 0);
    assert_eq!(<<Device as aerostat_spec::Device>::Config as Block>::LEN, 0);
}
