//! The driver and a device that the test controls.
// ANCHOR: machine
#![allow(dead_code, reason = "each test binary uses its part of this module")]

use std::ops::ControlFlow;

use aerostat_device::soft::{SoftMmio, SoftQueue};
use aerostat_device::{GuestMemory, Ledger, TestPlatform};
use aerostat_pmem::pmem::Device as PmemDevice;
use aerostat_pmem::transport::Mmio;
use aerostat_pmem::transport::spec::Device as _;
use aerostat_pmem::{Pmem, ProbeFailed};

pub(crate) type Bus = Mmio<SoftMmio>;

/// The physical addresses of the persistent memory.
pub(crate) const START: u64 = 0x1_4000_0000;
pub(crate) const BYTES: u64 = 0x20_0000;
/// The feature of the device, and those of its queue.
pub(crate) const SHMEM_REGION: u64 = 1 << 0;
pub(crate) const EVENT_IDX: u64 = 1 << 29;
pub(crate) const VERSION_1: u64 = 1 << 32;
pub(crate) const RING_PACKED: u64 = 1 << 34;

/// A machine with a persistent memory device.
pub(crate) struct TestMachine {
    /// The registers of the device.
    pub(crate) registers: SoftMmio,
    /// The memory that driver and device share.
    pub(crate) memory: GuestMemory,
    /// The kernel: it allocates that memory.
    pub(crate) platform: TestPlatform,
    /// What the kernel has allocated.
    pub(crate) ledger: Ledger,
}

impl TestMachine {
    pub(crate) fn new() -> Self {
        let registers = SoftMmio::new(PmemDevice::ID.0);
        registers.model().config = [START.to_le_bytes(), BYTES.to_le_bytes()].concat();
        let memory = GuestMemory::new(4 << 20).unwrap();
        let platform: TestPlatform = TestPlatform::builder(&memory).build().unwrap();
        Self { registers, ledger: platform.ledger(), platform, memory }
    }

    /// Probes the device.
    pub(crate) fn probe(&mut self) -> Result<Pmem<Bus>, ProbeFailed<Bus>> {
        let transport = Mmio::new(self.registers.clone()).map_err(|(_, error)| error).unwrap();
        Pmem::probe(transport, &mut self.platform, &mut give_up)
    }

    /// Probes the device, and returns the driver and the device's side of its queue.
    pub(crate) fn start(&mut self) -> (Pmem<Bus>, SoftQueue) {
        let pmem = self.probe().map_err(|failed| failed.error).unwrap();
        (pmem, self.registers.queue(0, &self.memory))
    }

    /// Removes the driver, and checks that it has freed all memory.
    pub(crate) fn remove(&mut self, pmem: Pmem<Bus>) {
        pmem.remove(&mut give_up).wait(&mut self.platform, &mut give_up).map_err(|(_, error)| error).unwrap();
        assert!(self.ledger.all_returned());
    }
}

/// A `Wait` that gives up immediately.
pub(crate) fn give_up(_attempt: u32) -> ControlFlow<()> {
    ControlFlow::Break(())
}
// ANCHOR_END: machine
