//! The driver on the persistent memory device of QEMU.

// ANCHOR: imports
use std::path::PathBuf;
use std::time::Duration;

use aerostat_device::qtest::{Machine, Qemu, QemuDevice, QtestPorts, QtestRegion, qemu_or_skip};
use aerostat_device::{GuestMemory, TestPlatform, wait_at_most};
use aerostat_pmem::Pmem;
use aerostat_pmem::pmem::Device as PmemDevice;
use aerostat_pmem::transport::pci::{BarRange, ConfigPorts, PciFunction, Routing, Space};
use aerostat_pmem::transport::spec::Device as _;
use aerostat_pmem::transport::{Either, Io as _, LegacyMmio, Mmio, Pci};

const MEMORY: u64 = 4 << 20;
/// The size of the persistent memory in bytes.
const BYTES: u64 = 4 << 20;
/// Time limit of a wait without progress.
const LIMIT: Duration = Duration::from_secs(60);
/// The ring properties of the QEMU device.
const RINGS: [&str; 4] =
    ["packed=off,event_idx=off", "packed=off,event_idx=on", "packed=on,event_idx=off", "packed=on,event_idx=on"];

/// The transport of any machine.
type Bus = Either<Either<Mmio<QtestRegion>, LegacyMmio<QtestRegion>>, Pci<QtestRegion, ConfigPorts<QtestPorts>>>;

/// Creates a file for the contents of the memory.
fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::File::create(&path).unwrap().set_len(BYTES).unwrap();
    path
}
// ANCHOR_END: imports

// ANCHOR: device
/// Returns the device with this memory backend. QEMU's models of this device do not have the ending `-device`.
fn device(machine: Machine, backend: &str, properties: &str) -> QemuDevice {
    let (model, hotplug) = match machine {
        Machine::Q35 => ("virtio-pmem-pci", BYTES),
        Machine::Microvm | Machine::LegacyMicrovm => ("virtio-pmem", 0),
    };
    QemuDevice::new(format!("{model},memdev=contents,{properties}"))
        .object(format!("{backend},id=contents,size={BYTES}"))
        .hotplug_memory(hotplug)
}
// ANCHOR_END: device

// ANCHOR: transport
fn transport(qemu: &Qemu, machine: Machine) -> Bus {
    let id = PmemDevice::ID.0;
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
// ANCHOR_END: transport

// ANCHOR: run
/// Starts QEMU, lets `test` use the driver, and checks that it frees all memory.
fn run(machine: Machine, device: &QemuDevice, test: impl FnOnce(&Qemu, &mut Pmem<Bus>)) {
    if qemu_or_skip().is_none() {
        return;
    }
    let memory = GuestMemory::new(MEMORY).unwrap();
    let qemu = Qemu::start_with(machine, &memory, device).unwrap();
    let mut platform: TestPlatform = TestPlatform::builder(&memory).build().unwrap();
    let ledger = platform.ledger();
    let pmem = Pmem::probe(transport(&qemu, machine), &mut platform, &mut wait_at_most(LIMIT));
    let mut pmem = pmem.map_err(|failed| failed.error).unwrap();
    test(&qemu, &mut pmem);
    pmem.remove(&mut wait_at_most(LIMIT))
        .wait(&mut platform, &mut wait_at_most(LIMIT))
        .map_err(|(_, error)| error)
        .unwrap();
    assert!(ledger.all_returned());
    qemu.check().unwrap();
}
// ANCHOR_END: run

// ANCHOR: file
#[test]
fn what_is_written_over_pci_is_in_the_file() {
    for rings in RINGS {
        let file = file("contents-pci");
        let backend = format!("memory-backend-file,share=on,mem-path={}", file.display());
        run(Machine::Q35, &device(Machine::Q35, &backend, rings), |qemu, pmem| {
            let range = pmem.range();
            assert_eq!(range.end - range.start, BYTES);
            // The first and the last 32 bits of the memory.
            let contents = qemu.region(Space::Memory, range.start, BYTES as usize);
            contents.write32(0, 0x1234_5678);
            contents.write32(BYTES as usize - 4, 0x9abc_def0);
            pmem.flush(&mut wait_at_most(LIMIT)).unwrap();
            let stored = std::fs::read(&file).unwrap();
            assert_eq!(
                (&stored[..4], &stored[BYTES as usize - 4..]),
                (&[0x78, 0x56, 0x34, 0x12][..], &[0xf0, 0xde, 0xbc, 0x9a][..])
            );
            for _ in 0..20 {
                pmem.flush(&mut wait_at_most(LIMIT)).unwrap();
            }
        });
    }
}
// ANCHOR_END: file

/// Memory without a file cannot be made durable, so QEMU answers with an error.
#[test]
fn a_flush_that_qemu_refuses_is_an_error() {
    for machine in [Machine::Q35, Machine::Microvm] {
        run(machine, &device(machine, "memory-backend-ram,share=on", "packed=off"), |_, pmem| {
            for _ in 0..3 {
                let failed = pmem.flush(&mut wait_at_most(LIMIT));
                assert!(matches!(failed, Err(aerostat_pmem::PmemError::Failed { ret: 1.. })), "{failed:?}");
            }
        });
    }
}

/// In this machine QEMU does not give the memory an address, so only the requests are tested.
#[test]
fn flushes_over_mmio() {
    let backend = format!("memory-backend-file,share=on,mem-path={}", file("contents-mmio").display());
    let modern = RINGS.map(|rings| (Machine::Microvm, rings));
    // The legacy interface has split rings only.
    let legacy = [(Machine::LegacyMicrovm, RINGS[0]), (Machine::LegacyMicrovm, RINGS[1])];
    for (machine, rings) in modern.into_iter().chain(legacy) {
        run(machine, &device(machine, &backend, rings), |_, pmem| {
            assert_eq!(pmem.range(), 0..BYTES);
            for _ in 0..20 {
                pmem.flush(&mut wait_at_most(LIMIT)).unwrap();
            }
        });
    }
}

/// QEMU answers a flush even after a reset, so the driver waits for the answer before it resets the device.
#[test]
fn qemu_does_not_write_after_remove() {
    if qemu_or_skip().is_none() {
        return;
    }
    let backend = format!("memory-backend-file,share=on,mem-path={}", file("contents-end").display());
    for machine in [Machine::Q35, Machine::Microvm] {
        let memory = GuestMemory::new(MEMORY).unwrap();
        let qemu = Qemu::start_with(machine, &memory, &device(machine, &backend, "packed=off")).unwrap();
        let mut platform: TestPlatform = TestPlatform::builder(&memory).build().unwrap();
        let mut transport = transport(&qemu, machine);
        for _ in 0..3 {
            let pmem = Pmem::probe(transport, &mut platform, &mut wait_at_most(LIMIT));
            let mut pmem = pmem.map_err(|failed| failed.error).unwrap();
            pmem.start_flush().unwrap();
            transport = pmem
                .remove(&mut wait_at_most(LIMIT))
                .wait(&mut platform, &mut wait_at_most(LIMIT))
                .map_err(|(_, e)| e)
                .unwrap();
            // QEMU must not write to any of the memory now.
            memory.fill(memory.pages(), 0x55);
            std::thread::sleep(Duration::from_millis(20));
            qemu.check().unwrap();
            assert!(memory.pages().all(|page| memory.is_filled_with(page, 0x5555_5555)));
        }
    }
}
