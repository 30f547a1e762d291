//! What QEMU's device takes by itself: rings that are prepared, and a clock that runs only while the device works on them.

use std::time::{Duration, Instant};

use aerostat_balloon::{
    PageReporting,
    transport::{
        DeviceAddress, Io as _, Mmio, Status, Transport,
        pci::Space,
        queue::{QueueSize, RingAddresses},
        spec::{Field as _, mmio::modern::QueueNotify},
    },
};
use aerostat_device::{
    PAGE_BYTES, features,
    qtest::{Machine, OwnMemory, Qemu, QtestRegion},
};
use anyhow::{Context as _, anyhow, ensure};

use super::{
    clock::{Clock, Took},
    results::{Action, Report, Results, State, Who},
};
use crate::units::Bytes;

/// Numbers of the queues. QEMU counts those that it has.
const INFLATE: u16 = 0;
const DEFLATE: u16 = 1;
const REPORTING: u16 = 3;
/// Descriptors of a queue of QEMU's, and so as many arrays as it can be given at a time.
const DESCRIPTORS: u16 = 128;
/// Bytes of an array of 256 page numbers.
const ARRAY: u64 = 1024;
/// Where the rings are, and how far apart.
const RINGS: u64 = 1 << 20;
const RING_BYTES: u64 = 1 << 16;
const DRIVER_AREA: u64 = 0x1000;
const DEVICE_AREA: u64 = 0x2000;
/// Where the arrays are. Memory from [`FIRST`] on is given away.
const ARRAYS: u64 = 4 << 20;
/// The first byte that is given away, at the least.
const FIRST: u64 = 64 << 20;
/// Blocks that are reported in a buffer: as many as this driver reports.
const BLOCKS: u16 = 16;
/// Longest time for a ring.
const LIMIT: Duration = Duration::from_secs(30);

/// One round of inflating and deflating in every state.
pub(super) fn round(results: &mut Results, memory: Bytes, pages: u64) -> anyhow::Result<()> {
    let first = first(memory, pages)?;
    let mut device = Device::start(memory, "")?;
    let arrays = device.write_arrays(first, pages)?;
    for state in [State::Untouched, State::Touched, State::Dropped] {
        if state == State::Touched {
            device.qemu.fill(first..first + pages * PAGE_BYTES, 1)?;
        }
        for (action, queue) in [(Action::Inflate, INFLATE), (Action::Deflate, DEFLATE)] {
            results.note(Who::Device, action, state, device.lend(queue, &arrays, 1)?);
        }
    }
    Ok(())
}

/// One round of reporting: memory that was written to, in the blocks and buffers in which this driver reports it.
pub(super) fn reporting(memory: Bytes, freed: Bytes) -> anyhow::Result<Report> {
    let first = first(memory, freed.0 / PAGE_BYTES)?;
    let mut device = Device::start(memory, "free-page-reporting=on")?;
    device.qemu.fill(first..first + freed.0, 1)?;
    // As large as those of this driver.
    let PageReporting(block) = PageReporting::default();
    let blocks: Vec<Buffer> = (first..first + freed.0)
        .step_by(block as usize)
        .map(|address| Buffer {
            address,
            length: (first + freed.0 - address).min(block.into()) as u32,
            written: Written::ByDevice,
        })
        .collect();
    let resident = || crate::qemu::resident::of(device.qemu.id());
    let before = resident()?;
    let lasts = device.lend(REPORTING, &blocks, BLOCKS)?.wall.as_secs_f64();
    let left_mib = before.less(crate::qemu::resident::of(device.qemu.id())?).mib();
    Ok(Report { begins: 0.0, lasts, left_mib })
}

/// Where the last `pages` of the memory begin.
fn first(memory: Bytes, pages: u64) -> anyhow::Result<u64> {
    let first = memory.0.checked_sub(pages * PAGE_BYTES).filter(|first| *first >= FIRST);
    first.with_context(|| format!("a guest of {memory} cannot spare {pages} pages: {} are kept", Bytes(FIRST)))
}

/// Who writes to a buffer.
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

/// QEMU's device, live, and the driver's side of its queues.
struct Device {
    qemu: Qemu<OwnMemory>,
    queues: Vec<Queue>,
}

struct Queue {
    number: u16,
    registers: QtestRegion,
    /// Buffers that were made available so far. Wraps.
    available: u16,
}

impl Device {
    fn start(memory: Bytes, properties: &str) -> anyhow::Result<Self> {
        let qemu = Qemu::start(Machine::Microvm, &OwnMemory { bytes: memory.0 }, properties)?;
        let registers = qemu.mmio_device(5)?;
        let mut transport = Mmio::new(registers.clone()).map_err(|(_, error)| error)?;
        let mut status = Status::ACKNOWLEDGE | Status::DRIVER;
        transport.set_status(status);
        let offered = transport.offered();
        let reporting = offered & features::PAGE_REPORTING;
        transport.accept(features::VERSION_1 | reporting);
        status = status | Status::FEATURES_OK;
        transport.set_status(status);
        ensure!(transport.status().contains(status), "QEMU's device does not accept its own features");
        let numbers = [INFLATE, DEFLATE].into_iter().chain((reporting != 0).then_some(REPORTING));
        let queues =
            numbers.map(|number| Queue::enable(&mut transport, &registers, number)).collect::<anyhow::Result<_>>()?;
        transport.set_status(status | Status::DRIVER_OK);
        qemu.check()?;
        Ok(Self { qemu, queues })
    }

    /// Writes the numbers of `pages` pages from the address `first` on into arrays.
    fn write_arrays(&self, first: u64, pages: u64) -> anyhow::Result<Vec<Buffer>> {
        let first = u32::try_from(first / PAGE_BYTES)?;
        let numbers: Vec<u8> = (first..first + u32::try_from(pages)?).flat_map(u32::to_le_bytes).collect();
        ensure!(ARRAYS + numbers.len() as u64 <= FIRST, "there is no room for the numbers of {pages} pages");
        self.qemu.write(ARRAYS, &numbers)?;
        let arrays = numbers.chunks(ARRAY as usize).zip((ARRAYS..).step_by(ARRAY as usize));
        Ok(arrays
            .map(|(array, address)| Buffer { address, length: array.len() as u32, written: Written::ByDriver })
            .collect())
    }

    /// Gives pieces to the device, in buffers of `chain` pieces, as many at a time as there is room for, and says how long
    /// it worked on them.
    fn lend(&mut self, queue: u16, pieces: &[Buffer], chain: u16) -> anyhow::Result<Took> {
        let queue = self.queues.iter_mut().find(|other| other.number == queue).context("the device lacks a queue")?;
        let mut worked = Took::default();
        for ring in pieces.chunks((DESCRIPTORS / chain * chain).into()) {
            worked = worked.plus(queue.lend(&self.qemu, ring, chain)?);
        }
        self.qemu.check()?;
        Ok(worked)
    }
}

impl Queue {
    fn enable(transport: &mut Mmio<QtestRegion>, registers: &QtestRegion, number: u16) -> anyhow::Result<Self> {
        let area = Self::area(number);
        let [descriptors, driver, device] = [area, area + DRIVER_AREA, area + DEVICE_AREA].map(DeviceAddress);
        let size = QueueSize::new(DESCRIPTORS).context("not a size for a queue")?;
        // SAFETY: memory of a machine that has just been started is zeroed, and is not this program's.
        unsafe { transport.enable_queue(number, size, &RingAddresses { descriptors, driver, device }) }
            .map_err(|error| anyhow!("queue {number} of QEMU's device: {error}"))?;
        Ok(Self { number, registers: registers.clone(), available: 0 })
    }

    /// Where a queue is in the guest's memory.
    fn area(number: u16) -> u64 {
        RINGS + u64::from(number) * RING_BYTES
    }

    /// Makes a ring available, in buffers of `chain` pieces, and waits until all of it has been used. The time from the
    /// notification until then.
    fn lend(&mut self, qemu: &Qemu<OwnMemory>, ring: &[Buffer], chain: u16) -> anyhow::Result<Took> {
        let area = Self::area(self.number);
        let (mut table, mut heads) = (Vec::new(), Vec::new());
        for (index, piece) in (0_u16..).zip(ring) {
            let is_last = index % chain == chain - 1 || usize::from(index) + 1 == ring.len();
            // Bit 0: another piece follows. Bit 1: the device writes.
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
        // QEMU answers between two buffers at the earliest, mostly after the last one.
        while used.read16(0) != self.available {
            qemu.check()?;
            ensure!(started.elapsed() < LIMIT, "QEMU's device did not use all of a ring in {} s", LIMIT.as_secs());
        }
        Ok(clock.stop()?)
    }
}
