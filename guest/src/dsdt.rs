//! Virtio devices on MMIO in ACPI's DSDT, for machines that do not list them on the command line.
//!
//! The DSDT describes a device by a program in AML. A complete kernel interprets it. The programs of virtual machine monitors
//! compute nothing: the resources of a device follow its name as fixed descriptors (ACPI 6.5, 6.4.3), so it is enough to
//! search for these.

use crate::mmio::MmioDevice;

/// The hardware id of a virtio device on MMIO, as an AML string.
const VIRTIO_MMIO: &[u8] = b"\x0dLNRO0005\0";
/// The name of the object with a device's resources.
const RESOURCES: &[u8] = b"_CRS";
/// The head of a fixed memory range: tag and length. One byte of flags, the address and the length follow.
const MEMORY: &[u8] = &[0x86, 9, 0];
/// The head of an extended interrupt descriptor with one interrupt: tag and length. One byte of flags, the count 1
/// and the number of the interrupt follow.
const INTERRUPT: &[u8] = &[0x89, 6, 0];

/// Returns the virtio devices in `dsdt`, the AML of the DSDT. Devices with resources of an unexpected form are skipped.
pub fn virtio_mmio(dsdt: &[u8]) -> impl Iterator<Item = MmioDevice> {
    let mut rest = dsdt;
    let devices = core::iter::from_fn(move || {
        rest = after(rest, VIRTIO_MMIO)?;
        // The resources of this device end where the next device starts.
        let end = rest.windows(VIRTIO_MMIO.len()).position(|bytes| bytes == VIRTIO_MMIO).unwrap_or(rest.len());
        rest.get(..end)
    });
    devices.filter_map(|device| {
        let memory = after(after(device, RESOURCES)?, MEMORY)?;
        let interrupt = after(memory, INTERRUPT)?;
        Some(MmioDevice {
            address: u32_at(memory, 1)?.into(),
            bytes: u32_at(memory, 5)?.into(),
            interrupt: u32_at(interrupt, 2)?,
        })
    })
}

/// Returns the bytes after the first `head`.
fn after<'a>(bytes: &'a [u8], head: &[u8]) -> Option<&'a [u8]> {
    let at = bytes.windows(head.len()).position(|window| window == head)?;
    bytes.get(at + head.len()..)
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().copied().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    /// A device as in the DSDT of QEMU's microvm.
    fn device(address: u32, interrupt: u32) -> Vec<u8> {
        let mut aml =
            b"\x5b\x82\x42\x04VR23\x08_HID\x0dLNRO0005\0\x08_UID\x0a\x17\x08_CCA\x01\x08_CRS\x11\x1a\x0a\x17".to_vec();
        aml.extend_from_slice(b"\x86\x09\0\x01");
        aml.extend_from_slice(&address.to_le_bytes());
        aml.extend_from_slice(&512_u32.to_le_bytes());
        aml.extend_from_slice(b"\x89\x06\0\x01\x01");
        aml.extend_from_slice(&interrupt.to_le_bytes());
        aml.extend_from_slice(b"\x79\0");
        aml
    }

    fn read(aml: &[u8]) -> Vec<MmioDevice> {
        virtio_mmio(aml).collect()
    }

    #[test]
    fn every_virtio_device_is_found() {
        let others = b"\x08_HID\x0dACPI0013\0\x08_CRS\x11\x0a\x86\x09\0\x01\0\0\0\xfe\0\x10\0\0\x79\0";
        let aml = [&others[..], &device(0xfeb0_2e00, 47), others, &device(0xfeb0_2c00, 46)].concat();
        assert_eq!(
            read(&aml),
            [
                MmioDevice { address: 0xfeb0_2e00, bytes: 512, interrupt: 47 },
                MmioDevice { address: 0xfeb0_2c00, bytes: 512, interrupt: 46 },
            ]
        );
    }

    #[test]
    fn a_device_without_resources_is_skipped() {
        let aml = [b"\x08_HID\x0dLNRO0005\0\x08_UID\x01", &device(0xfeb0_2e00, 47)[..]].concat();
        assert_eq!(read(&aml).len(), 1);
    }

    #[test]
    fn a_truncated_table_has_no_devices() {
        let whole = device(0xfeb0_2e00, 47);
        let description = whole.len() - 2;
        for end in 0..description {
            assert!(read(&whole[..end]).is_empty(), "{end}");
        }
        assert_eq!(read(&whole[..description]).len(), 1);
    }
}
