//! What the example kernels have before they get a balloon: a machine, and memory of 64 MiB with an allocator of page frames.
//!
//! Each example is one file. Its part between `glue: begin` and `glue: end` is what a kernel adds for the balloon.

pub mod memory;

use aerostat_device::{BalloonDevice, Registers, features};

/// Bytes of memory of the machine.
pub const MEMORY: u64 = 64 << 20;

/// A machine with a balloon device over MMIO.
#[derive(Debug)]
pub struct Machine {
    device: BalloonDevice,
}

impl Machine {
    /// Starts the machine. Its memory is passed to [`memory`].
    ///
    /// # Panics
    ///
    /// If this process cannot allocate the memory.
    pub fn boot() -> Self {
        let device = BalloonDevice::builder()
            .memory(MEMORY)
            .add_features(features::STATS_VQ)
            .threaded()
            .start()
            .expect("the memory of the machine");
        memory::add(device.memory());
        Self { device }
    }

    /// Returns the registers of the balloon device.
    pub fn registers(&self) -> Registers {
        self.device.registers()
    }

    /// Calls `handler` for each interrupt of the device, on another thread.
    pub fn on_interrupt(&self, handler: impl Fn() + Send + Sync + 'static) {
        self.device.interrupt_line().on_raise(handler);
    }

    /// The host's side: asks for this many MiB of memory.
    pub fn host_wants(&self, mib: u32) {
        self.device.set_target(mib * 256);
    }

    /// The host's side: returns how many MiB it has got.
    ///
    /// # Panics
    ///
    /// If the driver has broken a rule of the specification.
    pub fn host_has(&self) -> usize {
        assert_eq!(self.device.violations(), [], "the driver keeps to the specification");
        self.device.host_page_count() / 256
    }

    /// The host's side: asks for statistics, and returns tags and values. `idle` is called until the driver has answered.
    pub fn host_statistics(&self, mut idle: impl FnMut()) -> Vec<(u16, u64)> {
        let seen = self.device.statistics_count();
        while !self.device.request_statistics() {
            idle();
        }
        while self.device.statistics_count() == seen {
            idle();
        }
        self.device.statistics().unwrap_or_default()
    }
}
