//! From a transport to a live device with its queues.

use aerostat_spec::balloon::{self, config, queue};
use aerostat_transport::queue::{Awake, Dormant};
use aerostat_transport::{Device, Dma, FeaturesOk, Live, SetupFailed, Transport};

use crate::error::ProbeError;
use crate::frame::Pages;
use crate::live::{ENTRIES, ENTRY, Queue};
use crate::platform::Frames;
use crate::tracker::Tracker;
use crate::unprobed::BalloonLevels;

/// A queue has to have room for one array at the least.
const LEAST: u16 = 1;

/// What a live device consists of.
pub(crate) struct Started<T: Transport, L> {
    pub(crate) device: Device<T, balloon::Device, Live<L>>,
    pub(crate) inflate: Queue<T, Awake>,
    pub(crate) deflate: Queue<T, Awake>,
    /// What `actual` reads.
    pub(crate) told: Pages,
}

/// An empty book for the kernel's frames, in memory that the kernel lends.
pub(crate) fn book(platform: &mut impl Frames) -> Result<Tracker, ProbeError> {
    let span = platform.span();
    let too_large = ProbeError::SpanTooLarge { frames: span.end.saturating_sub(span.start) };
    let words = Tracker::words(&span).ok_or(too_large)?;
    let lent = platform.lend_tracking(words).ok_or(ProbeError::NoTracking { words })?;
    Tracker::new(lent, &span).map_err(|lent| {
        platform.return_tracking(lent);
        ProbeError::NoTracking { words }
    })
}

/// Goes through the initialisation of the device. On an error the device is FAILED, or reset where queues were set up.
pub(crate) fn bring_up<T: Transport, L: BalloonLevels>(
    transport: T,
    dma: &mut impl Dma,
) -> Result<Started<T, L>, (ProbeError, T)> {
    let negotiated = Device::take(transport).and_then(|device| device.acknowledge().driver().negotiate::<L>());
    let mut device = match negotiated {
        Ok(device) => device,
        Err(SetupFailed { error, transport }) => return Err((error.into(), transport)),
    };
    let told = match read_config(&device) {
        Ok(told) => told,
        Err(error) => return Err((error, give_up(device, [], dma))),
    };
    let inflate = match device.buffer_queue(queue::Inflate, LEAST, ENTRIES * ENTRY, dma) {
        Ok(inflate) => inflate,
        Err(error) => return Err((error.into(), give_up(device, [], dma))),
    };
    let deflate = match device.buffer_queue(queue::Deflate, LEAST, ENTRIES * ENTRY, dma) {
        Ok(deflate) => deflate,
        Err(error) => return Err((error.into(), give_up(device, [inflate], dma))),
    };
    let device = device.go_live();
    Ok(Started { inflate: inflate.wake(&device), deflate: deflate.wake(&device), device, told })
}

/// Makes sure that both fields that every balloon has can be read, and returns the size that the device knows.
fn read_config<T: Transport, L: BalloonLevels>(
    device: &Device<T, balloon::Device, FeaturesOk<L>>,
) -> Result<Pages, ProbeError> {
    let config = device.config();
    config.read(config::NumPages)?;
    Ok(Pages(config.read(config::Actual)?))
}

/// Sets FAILED, resets the device, and takes the memory of its queues back.
fn give_up<T: Transport, L: BalloonLevels, const N: usize>(
    device: Device<T, balloon::Device, FeaturesOk<L>>,
    queues: [Queue<T, Dormant>; N],
    dma: &mut impl Dma,
) -> T {
    match device.abandon() {
        Ok((transport, proof)) => {
            for queue in queues {
                // The proof is of the very life that the queue belongs to: nothing comes back.
                let _ = queue.release(&proof, dma);
            }
            transport
        }
        // The device may still use the memory, so that it is not taken back.
        Err(SetupFailed { transport, .. }) => transport,
    }
}
