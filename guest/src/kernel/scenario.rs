//! What the kernel does for tests of the balloon, as its command line says. A kernel that has programs does not need this.

pub(crate) mod features;
mod freeze;
mod memory_test;
mod reset;
mod spare;
mod statistics;
mod touch;

use aerostat_guest::Options;

use self::freeze::Freeze;
use self::memory_test::MemoryTest;
use self::reset::Reset;
use self::spare::Spare;
use self::touch::Touch;
use super::balloon::Balloon;

/// The parts of a test.
#[derive(Debug)]
pub(crate) struct Scenario {
    touch: Touch,
    spare: Spare,
    memory_test: MemoryTest,
    freeze: Freeze,
    reset: Reset,
}

impl Scenario {
    /// Starts the test. Call it before the balloon is started.
    pub(crate) fn start(options: &Options) -> Self {
        statistics::start();
        Self {
            touch: Touch::start(options),
            spare: Spare::new(options),
            memory_test: MemoryTest::new(options),
            freeze: Freeze::new(options),
            reset: Reset::new(options),
        }
    }

    /// Uses or frees memory if it is time to.
    pub(crate) fn use_memory(&mut self) {
        self.spare.free_if_due();
        self.touch.poll();
        self.memory_test.poll();
    }

    /// Freezes or resets the balloon if it is time to.
    pub(crate) fn disturb(&mut self, balloon: &mut Balloon) {
        self.freeze.poll(balloon);
        self.reset.poll(balloon);
    }
}
