//! The life cycle of a device as register accesses: their order, FAILED on every error, and nothing too early.

mod absence;
mod negotiation;
mod queues;
mod resets;
mod status;

use aerostat_test_support::{RegisterAccess, SoftMmio, reg, test_device};
use aerostat_transport::{Device, Live, Mmio, Reset, ResetProof, Resetting};

const FAILED: u32 = 0x80;
const NEEDS_RESET: u32 = 0x40;

type TestDevice<S> = Device<Mmio<SoftMmio>, test_device::Device, S>;

/// Requests the reset of a device.
fn request(soft: &SoftMmio) -> TestDevice<Resetting> {
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    Device::take(transport).map_err(|failed| failed.error).unwrap()
}

fn take(soft: &SoftMmio) -> TestDevice<Reset> {
    request(soft).poll().map_err(|(_, error)| error).unwrap()
}

/// The number of reads of the status.
fn status_reads(soft: &SoftMmio) -> usize {
    soft.log().iter().filter(|access| matches!(access, RegisterAccess::Read(reg::STATUS, _))).count()
}

fn reset<F>(device: Device<Mmio<SoftMmio>, test_device::Device, Live<F>>) -> (Mmio<SoftMmio>, ResetProof)
where
    F: aerostat_spec::FeatureSet,
{
    device.reset().poll().map_err(|(_, error)| error).unwrap()
}
