//! The driver on the entropy device of QEMU, whose source is a file, so that the bytes can be compared.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aerostat_device::qtest::{Machine, Qemu, QemuDevice, QtestPorts, QtestRegion, qemu_or_skip};
use aerostat_device::{GuestMemory, TestPlatform, wait_at_most};
use aerostat_entropy::transport::pci::{BarRange, ConfigPorts, PciFunction, Routing};
use aerostat_entropy::transport::spec::Device as _;
use aerostat_entropy::transport::{Either, LegacyMmio, Mmio, Pci};
use aerostat_entropy::{BYTES, Entropy, entropy};

const MEMORY: u64 = 16 << 20;
/// Time limit of a wait without progress.
const LIMIT: Duration = Duration::from_secs(60);
/// The lengths that the test reads: less than a request, one request, and several requests.
const LENGTHS: [usize; 5] = [1, 16, BYTES, BYTES + 1, 10 * BYTES];
/// The ring properties of the QEMU device.
const RINGS: [&str; 4] =
    ["packed=off,event_idx=off", "packed=off,event_idx=on", "packed=on,event_idx=off", "packed=on,event_idx=on"];

/// The transport of any machine.
type Bus = Either<Either<Mmio<QtestRegion>, LegacyMmio<QtestRegion>>, Pci<QtestRegion, ConfigPorts<QtestPorts>>>;

/// Writes a file with distinguishable bytes, and returns its path and its contents.
fn source(name: &str) -> (PathBuf, Vec<u8>) {
    let bytes: Vec<u8> = (0..LENGTHS.iter().sum::<usize>()).map(|at| (at * 31 + at / 256) as u8).collect();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, &bytes).unwrap();
    (file, bytes)
}

fn transport(qemu: &Qemu, machine: Machine) -> Bus {
    let id = entropy::Device::ID.0;
    match machine {
        Machine::Microvm | Machine::LegacyMicrovm => {
            Either::First(Mmio::either(qemu.mmio_device(id).unwrap()).map_err(|(_, error)| error).unwrap())
        }
        Machine::Q35 => {
            let function = PciFunction::new(ConfigPorts::new(qemu.ports()), qemu.pci_device(id).unwrap().address);
            let mut map = |range: BarRange| Some(qemu.map(range));
            Either::Second(Pci::new(&function, &mut map, Routing::Line).unwrap())
        }
    }
}

fn reads_the_source(machine: Machine, rings: &[&str], name: &str) {
    for ring in rings {
        if qemu_or_skip().is_none() {
            return;
        }
        let (file, source) = source(name);
        let memory = GuestMemory::new(MEMORY).unwrap();
        let qemu = Qemu::start_with(machine, &memory, &QemuDevice::entropy(machine, &file, ring)).unwrap();
        let mut platform: TestPlatform = TestPlatform::builder(&memory).build().unwrap();
        let ledger = platform.ledger();

        // ANCHOR: compare
        let entropy = Entropy::probe(transport(&qemu, machine), &mut platform, &mut wait_at_most(LIMIT));
        let mut entropy = entropy.map_err(|failed| failed.error).unwrap();
        let mut received = Vec::new();
        for length in LENGTHS {
            let mut bytes = vec![0; length];
            entropy.fill(&mut bytes, &mut wait_at_most(LIMIT)).unwrap();
            received.extend(bytes);
        }
        assert_eq!(received, source, "{ring}");
        // ANCHOR_END: compare
        entropy.remove().wait(&mut platform, &mut wait_at_most(LIMIT)).map_err(|(_, error)| error).unwrap();
        assert!(ledger.all_returned());
        qemu.check().unwrap();
    }
}

#[test]
fn reads_over_mmio() {
    reads_the_source(Machine::Microvm, &RINGS, "source-mmio");
    reads_the_source(Machine::Microvm, &["iommu_platform=on"], "source-mmio");
}

#[test]
fn reads_over_pci() {
    reads_the_source(Machine::Q35, &RINGS, "source-pci");
}

/// The transport implements the legacy interface, so the driver does not change. The interface has split rings only.
#[test]
fn reads_over_legacy_mmio() {
    reads_the_source(Machine::LegacyMicrovm, &RINGS[..2], "source-legacy");
}

/// QEMU may process a request while the driver removes the device.
#[test]
fn qemu_does_not_write_after_remove() {
    for machine in [Machine::Microvm, Machine::Q35, Machine::LegacyMicrovm] {
        if qemu_or_skip().is_none() {
            return;
        }
        let (file, _) = source("source-end");
        let memory = GuestMemory::new(MEMORY).unwrap();
        let qemu = Qemu::start_with(machine, &memory, &QemuDevice::entropy(machine, &file, "")).unwrap();
        let mut platform: TestPlatform = TestPlatform::builder(&memory).build().unwrap();
        let ledger = platform.ledger();
        let mut transport = transport(&qemu, machine);
        for _ in 0..10 {
            let entropy = Entropy::probe(transport, &mut platform, &mut wait_at_most(LIMIT));
            let mut entropy = entropy.map_err(|failed| failed.error).unwrap();
            entropy.request(BYTES).unwrap();
            transport =
                entropy.remove().wait(&mut platform, &mut wait_at_most(LIMIT)).map_err(|(_, error)| error).unwrap();
            assert!(ledger.all_returned());
            // QEMU must not write to any of the memory now.
            memory.fill(memory.pages(), 0x55);
            qemu.check().unwrap();
            assert!(memory.pages().all(|page| memory.is_filled_with(page, 0x5555_5555)));
        }
    }
}
