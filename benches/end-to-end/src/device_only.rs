//! The cost of QEMU's device without a driver: it processes prepared rings, and only its work on them is measured.

use std::time::{Duration, Instant};

use aerostat_balloon::{
    NoFeatures, Options,
    transport::{
        DeviceAddress, Io as _, Mmio, Status, Transport,
        pci::Space,
        queue::{QueueSize, RingAddresses},
        spec::{Field as _, mmio::modern::QueueNotify},
    },
};
use aerostat_device::{
    PAGE_BYTES, features,
    qtest::{Machine, Qemu, QemuMemory, QtestRegion},
};
use anyhow::{Context as _, anyhow, ensure};
use xtask_common::bytes::Bytes;
use xtask_qemu::resident;

use super::{
    clock::{Clock, Elapsed},
    results::{Action, Report, Results, State, System},
};

/// The queue numbers. QEMU numbers only the queues that it has.
const INFLATE: u16 = 0;
const DEFLATE: u16 = 1;
const REPORTING: u16 = 3;
/// The descriptors of a queue, and with them the most arrays in flight.
const DESCRIPTORS: u16 = 128;
/// The bytes of an array of 256 page numbers.
const ARRAY: u64 = 1024;
/// The address of the rings, and their distance.
const RINGS: u64 = 1 << 20;
const RING_BYTES: u64 = 1 << 16;
const DRIVER_AREA: u64 = 0x1000;
const DEVICE_AREA: u64 = 0x2000;
/// The address of the arrays. The balloon takes memory from [`FIRST`] on.
const ARRAYS: u64 = 4 << 20;
/// The lowest address that the balloon takes.
const FIRST: u64 = 64 << 20;
/// The blocks in a buffer of free page reporting, as in this driver.
const BLOCKS: u16 = 16;
/// The bytes of a report of block inflation, in which this driver merges adjacent blocks.
const MERGED: u32 = 1 << 30;
/// The time limit for a ring.
const LIMIT: Duration = Duration::from_secs(30);

/// Measures one round of inflating and deflating in every state.
pub(crate) fn round(results: &mut Results, memory: Bytes, pages: u64) -> anyhow::Result<()> {
    let first = first(memory, pages)?;
    let mut device = Device::start(memory, "")?;
    let arrays = device.write_arrays(first, pages)?;
    for state in [State::Untouched, State::Touched, State::Discarded] {
        if state == State::Touched {
            device.qemu.fill(first..first + pages * PAGE_BYTES, 1)?;
        }
        for (action, queue) in [(Action::Inflate, INFLATE), (Action::Deflate, DEFLATE)] {
            results.note(System::Device, action, state, device.process(queue, &arrays, 1)?);
        }
    }
    Ok(())
}

/// Measures inflating and deflating in one state, on a new device.
pub(crate) fn resizing(memory: Bytes, pages: u64, state: State) -> anyhow::Result<[Elapsed; 2]> {
    let first = first(memory, pages)?;
    let mut device = Device::start(memory, "")?;
    let arrays = device.write_arrays(first, pages)?;
    if state == State::Touched {
        device.qemu.fill(first..first + pages * PAGE_BYTES, 1)?;
    }
    Ok([device.process(INFLATE, &arrays, 1)?, device.process(DEFLATE, &arrays, 1)?])
}

/// Measures one round of reporting.
pub(crate) fn reporting(memory: Bytes, freed: Bytes) -> anyhow::Result<Report> {
    let (elapsed, released) = report(memory, freed, Options::<NoFeatures>::DEFAULT_REPORT_BLOCK)?;
    Ok(Report { delay: 0.0, duration: elapsed.wall.as_secs_f64(), released_mib: released.mib() })
}

/// Reports written memory as block inflation does where all blocks are adjacent. Returns how long that took.
pub(crate) fn report_merged(memory: Bytes, freed: Bytes) -> anyhow::Result<Elapsed> {
    Ok(report(memory, freed, MERGED)?.0)
}

/// Reports written memory in pieces of `block` bytes, in the buffers of this driver. Returns how long that took and how much was
/// released.
fn report(memory: Bytes, freed: Bytes, block: u32) -> anyhow::Result<(Elapsed, Bytes)> {
    let first = first(memory, freed.0 / PAGE_BYTES)?;
    let mut device = Device::start(memory, "free-page-reporting=on")?;
    device.qemu.fill(first..first + freed.0, 1)?;
    let blocks: Vec<Buffer> = (first..first + freed.0)
        .step_by(block as usize)
        .map(|address| Buffer {
            address,
            length: (first + freed.0 - address).min(block.into()) as u32,
            written: Written::ByDevice,
        })
        .collect();
    let before = resident::of(device.qemu.id())?;
    let elapsed = device.process(REPORTING, &blocks, BLOCKS)?;
    Ok((elapsed, before.minus(resident::of(device.qemu.id())?)))
}

/// Returns the address of the last `pages` of the memory.
fn first(memory: Bytes, pages: u64) -> anyhow::Result<u64> {
    let first = memory.0.checked_sub(pages * PAGE_BYTES).filter(|first| *first >= FIRST);
    first.with_context(|| format!("a guest of {memory} cannot give {pages} pages, because it keeps {}", Bytes(FIRST)))
}

/// The side that writes to a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    ByDriver,
    ByDevice,
}

/// A buffer for the device.
#[derive(Clone, Copy, Debug)]
struct Buffer {
    address: u64,
    length: u32,
    written: Written,
}

/// QEMU's live device and the driver's side of its queues.
struct Device {
    qemu: Qemu<QemuMemory>,
    queues: Vec<Queue>,
}

struct Queue {
    number: u16,
    registers: QtestRegion,
    /// The number of buffers that were made available. Wraps.
    available: u16,
}

impl Device {
    fn start(memory: Bytes, properties: &str) -> anyhow::Result<Self> {
        let qemu = Qemu::start(Machine::Microvm, &QemuMemory { bytes: memory.0 }, properties)?;
        let registers = qemu.mmio_device(5)?;
        let mut transport = Mmio::new(registers.clone()).map_err(|(_, error)| error)?;
        let mut status = Status::ACKNOWLEDGE | Status::DRIVER;
        transport.set_status(status);
        let offered = transport.offered();
        let reporting = offered & features::PAGE_REPORTING;
        transport.accept(features::VERSION_1 | reporting);
        status = status | Status::FEATURES_OK;
        transport.set_status(status);
        ensure!(transport.status().contains(status), "QEMU's device rejected its own features");
        let numbers = [INFLATE, DEFLATE].into_iter().chain((reporting != 0).then_some(REPORTING));
        let queues =
            numbers.map(|number| Queue::enable(&mut transport, &registers, number)).collect::<anyhow::Result<_>>()?;
        transport.set_status(status | Status::DRIVER_OK);
        qemu.check()?;
        Ok(Self { qemu, queues })
    }

    /// Writes arrays with the numbers of `pages` pages from the address `first` on.
    fn write_arrays(&self, first: u64, pages: u64) -> anyhow::Result<Vec<Buffer>> {
        let first = u32::try_from(first / PAGE_BYTES)?;
        let numbers: Vec<u8> = (first..first + u32::try_from(pages)?).flat_map(u32::to_le_bytes).collect();
        ensure!(ARRAYS + numbers.len() as u64 <= FIRST, "the numbers of {pages} pages do not fit");
        self.qemu.write(ARRAYS, &numbers)?;
        let arrays = numbers.chunks(ARRAY as usize).zip((ARRAYS..).step_by(ARRAY as usize));
        Ok(arrays
            .map(|(array, address)| Buffer { address, length: array.len() as u32, written: Written::ByDriver })
            .collect())
    }

    /// Has the device process pieces, in buffers of `chain` pieces, a full ring at a time. Returns how long it took.
    fn process(&mut self, queue: u16, pieces: &[Buffer], chain: u16) -> anyhow::Result<Elapsed> {
        let queue =
            self.queues.iter_mut().find(|other| other.number == queue).context("the device does not have the queue")?;
        let mut worked = Elapsed::default();
        for ring in pieces.chunks((DESCRIPTORS / chain * chain).into()) {
            worked = worked.plus(queue.process(&self.qemu, ring, chain)?);
        }
        self.qemu.check()?;
        Ok(worked)
    }
}

impl Queue {
    fn enable(transport: &mut Mmio<QtestRegion>, registers: &QtestRegion, number: u16) -> anyhow::Result<Self> {
        let area = Self::area(number);
        let [descriptors, driver, device] = [area, area + DRIVER_AREA, area + DEVICE_AREA].map(DeviceAddress);
        let size = QueueSize::new(DESCRIPTORS).context("not a valid queue size")?;
        // SAFETY: the memory of a new machine is zeroed, and it is not memory of this program.
        unsafe { transport.enable_queue(number, size, &RingAddresses { descriptors, driver, device }) }
            .map_err(|error| anyhow!("queue {number} of QEMU's device: {error}"))?;
        Ok(Self { number, registers: registers.clone(), available: 0 })
    }

    /// Returns the address of a queue in the guest's memory.
    fn area(number: u16) -> u64 {
        RINGS + u64::from(number) * RING_BYTES
    }

    /// Makes a ring of buffers available, with `chain` pieces each, and waits until the device has used all of them. Returns the
    /// time since the notification.
    fn process(&mut self, qemu: &Qemu<QemuMemory>, ring: &[Buffer], chain: u16) -> anyhow::Result<Elapsed> {
        let area = Self::area(self.number);
        let (mut table, mut heads) = (Vec::new(), Vec::new());
        for (index, piece) in (0_u16..).zip(ring) {
            let is_last = index % chain == chain - 1 || usize::from(index) + 1 == ring.len();
            // Bit 0: another piece follows (NEXT). Bit 1: the device writes (WRITE).
            let flags = u16::from(!is_last) | u16::from(piece.written == Written::ByDevice) << 1;
            table.extend(piece.address.to_le_bytes());
            table.extend(piece.length.to_le_bytes());
            table.extend(flags.to_le_bytes());
            table.extend((index + 1).to_le_bytes());
            if index % chain == 0 {
                heads.push(index);
            }
        }
        qemu.write(area, &table)?;
        for head in heads {
            let slot = u64::from(self.available % DESCRIPTORS);
            qemu.write(area + DRIVER_AREA + 4 + 2 * slot, &head.to_le_bytes())?;
            self.available = self.available.wrapping_add(1);
        }
        qemu.write(area + DRIVER_AREA + 2, &self.available.to_le_bytes())?;

        let used = qemu.region(Space::Memory, area + DEVICE_AREA + 2, 2);
        let (clock, started) = (Clock::start(qemu.id())?, Instant::now());
        self.registers.write32(QueueNotify::OFFSET, self.number.into());
        // QEMU answers the read between two buffers at the earliest, usually after the last one.
        while used.read16(0) != self.available {
            qemu.check()?;
            ensure!(started.elapsed() < LIMIT, "QEMU's device did not use a ring within {} s", LIMIT.as_secs());
        }
        Ok(clock.stop()?)
    }
}
