//! A balloon that inflates by whole blocks.

use aerostat_balloon::{Balloon, Options, Ready, Size4KiB, Step, features};
use aerostat_transport::{Mmio, Numbering, Spin};

use crate::device::AckDevice;
use crate::platform::{FrameOrder, Kernel};

features! {
    /// A balloon with block inflation.
    pub struct Blocks { PageReporting: Required, BlockInflation: Required }
}

/// A live balloon that inflates by whole blocks, and its device.
#[derive(Debug)]
pub struct BlockBalloon {
    /// The device, in this thread.
    pub device: AckDevice,
    /// The balloon.
    pub balloon: Balloon<Ready<Mmio<AckDevice>, Kernel<Size4KiB>, Blocks>>,
}

impl BlockBalloon {
    /// Returns a balloon for up to `frames` frames, of a kernel that has whole free blocks if `has_blocks`. With `tells_host` every
    /// page leaves through the deflate queue.
    ///
    /// # Panics
    ///
    /// If probing fails, which is a bug of the device.
    pub fn new(frames: u32, has_blocks: bool, tells_host: bool) -> Self {
        let device = AckDevice::new();
        let mut kernel = Kernel::new(2 * frames, FrameOrder::Runs);
        kernel.has_blocks = has_blocks;
        let bus = Mmio::new(device.clone()).map_err(|(_, error)| error).expect("the register file is valid");
        let options = Options::new(Blocks).numbering(Numbering::Specification);
        let options = if tells_host { options.tell_host_of_blocks() } else { options };
        let balloon = Balloon::new(bus, kernel, options).expect("out of memory");
        let balloon = balloon.probe(&mut Spin::default()).expect("the device follows the protocol");
        Self { device, balloon }
    }

    /// Sets the target and calls `service` until the balloon has reached it.
    ///
    /// # Panics
    ///
    /// If `service` fails, which is a bug of the device.
    pub fn reach_target(&mut self, pages: u32) {
        self.device.set_target(pages);
        while self.balloon.service().expect("the device follows the protocol") != Step::OnTarget {
            std::hint::spin_loop();
        }
    }
}
