//! A balloon on the in-process device, whose registers are steps for loom.

use std::sync::Arc;

use aerostat_device::{BalloonDevice, Registers, features};
use aerostat_interleavings::conflict;
use aerostat_transport::{DmaDomain, Io, Mmio, Spin};

use super::kernel::{FRAMES, Kernel, Ledger};
use crate::{Balloon, Options, Ready, Step};

crate::features! {
    pub(super) struct Reports { PageReporting: Required, BlockInflation: Required, AccessPlatform: Required }
}

pub(super) type Bus = Mmio<Watched>;

/// The stack of a thread, in bytes. The driver and the device are built without optimisation.
pub(super) const STACK: usize = 512 << 10;
/// What an access to a register is for loom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// A step: loom tries both orders of two accesses.
    Step,
    /// Nothing. A model has fewer executions.
    Nothing,
}

/// The registers of a device.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    registers: Registers,
    access: Access,
}

impl Watched {
    fn step(&self) -> &Registers {
        if self.access == Access::Step {
            conflict(&REGISTERS);
        }
        &self.registers
    }
}

/// Names the registers to loom.
pub(super) static REGISTERS: u8 = 0;

// SAFETY: the domain is that of the registers.
unsafe impl Io for Watched {
    fn domain(&self) -> DmaDomain {
        self.registers.domain()
    }

    fn len(&self) -> usize {
        self.registers.len()
    }

    fn read8(&self, offset: usize) -> u8 {
        self.step().read8(offset)
    }

    fn read16(&self, offset: usize) -> u16 {
        self.step().read16(offset)
    }

    fn read32(&self, offset: usize) -> u32 {
        self.step().read32(offset)
    }

    fn write8(&self, offset: usize, value: u8) {
        self.step().write8(offset, value);
    }

    fn write16(&self, offset: usize, value: u16) {
        self.step().write16(offset, value);
    }

    fn write32(&self, offset: usize, value: u32) {
        self.step().write32(offset, value);
    }
}

/// A balloon that is live.
pub(super) struct Rig {
    pub(super) balloon: Balloon<Ready<Bus, Kernel, Reports>>,
    pub(super) device: BalloonDevice,
    pub(super) ledger: Arc<Ledger>,
}

/// Returns a balloon in a kernel of `blocks` blocks. `held` of them are in a report to the device, which has not used it.
pub(super) fn whole(held: u32, blocks: u32, access: Access) -> Rig {
    let offered = features::PAGE_REPORTING | features::VERSION_1 | features::ACCESS_PLATFORM;
    let device = BalloonDevice::builder().features(offered).block_inflation().manual().start().unwrap();
    let ledger = Ledger::new(blocks as usize);
    let kernel = Kernel::new(&ledger, &device, 0..held.into());
    let bus = Mmio::new(Watched { registers: device.registers(), access }).map_err(|(_, error)| error).unwrap();
    let balloon = Balloon::new(bus, kernel, Options::new(Reports)).map_err(|failed| failed.error).unwrap();
    let mut balloon: Balloon<Ready<Bus, Kernel, Reports>> =
        balloon.probe(&mut polls()).map_err(|failed| failed.error).unwrap();
    device.set_target(held * FRAMES);
    let expected = if held > 0 { Step::Waiting } else { Step::OnTarget };
    assert_eq!(balloon.service(), Ok(expected));
    Rig { balloon, device, ledger }
}

pub(super) fn polls() -> Spin {
    Spin { limit: 100 }
}
