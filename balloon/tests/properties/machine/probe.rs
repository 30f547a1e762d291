//! The first probe. A kernel sets how the queues are numbered only if the driver does not find out.

use aerostat_balloon::transport::{Numbering, QueueError};
use aerostat_balloon::{Balloon, FrameSize, Platform, ProbeError};
use aerostat_device::{BalloonDevice, Reuse, TestPlatform, Work};

use crate::common::{Live, bus, polls};
use crate::declarations::{Declaration, tells_host};
use crate::setup::{STATISTICS, Setup};

/// Starts a device, and probes a balloon.
pub(super) fn probe<S: FrameSize, F: Declaration>(setup: &Setup) -> (Live<S, F>, BalloonDevice)
where
    TestPlatform<S>: Platform<F>,
{
    let error = match attempt(setup, Numbering::Automatic) {
        Ok(live) => return live,
        Err(ProbeError::Queue(error)) => error,
        Err(error) => panic!("{error}"),
    };
    assert!(matches!(error, QueueError::AmbiguousNumbers { .. }), "{error}");
    attempt(setup, setup.numbering()).unwrap_or_else(|error| panic!("{error}"))
}

fn attempt<S: FrameSize, F: Declaration>(
    setup: &Setup,
    numbering: Numbering,
) -> Result<(Live<S, F>, BalloonDevice), ProbeError>
where
    TestPlatform<S>: Platform<F>,
{
    // A frame that is released early may be used before the device has processed its deflation.
    let (work, reuse) = if tells_host::<F>() { (Work::Full, Reuse::AtOnce) } else { (Work::Count, Reuse::Later) };
    let device = setup.builder::<F>().work(work).start().unwrap();
    let platform = TestPlatform::<S>::builder(device.memory()).device(&device).dma_bytes(1 << 18);
    let platform = platform.reuse(reuse).build().unwrap();
    let ledger = platform.ledger();
    ledger.set_statistics(STATISTICS);
    let options = F::options(setup).numbering(numbering);
    let balloon = Balloon::new(bus(&device), platform, options).map_err(|failed| failed.error).expect("private memory");
    balloon.probe(&mut polls()).map(|balloon| (balloon, device.clone())).map_err(|failed| {
        device.host_reset();
        // SAFETY: the device was reset, and does not access memory.
        drop(unsafe { failed.balloon.assume_reset() });
        assert!(ledger.all_returned(), "a failed probe loses nothing");
        assert_eq!((device.violations(), ledger.violations()), (vec![], vec![]));
        failed.error
    })
}
