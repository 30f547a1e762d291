//! Devices that stop working: reset by the host, removed, silent, unable to activate, or unable to reset.

mod activation;
#[path = "../common/mod.rs"]
mod common;
mod ends;
mod host;
mod poison;
mod removed;
mod resets;

use aerostat_balloon::transport::{DeviceError, InterruptStatus};
use aerostat_balloon::{BalloonError, Options, Pages, Size4KiB, Step, features as declare};
use aerostat_device::{BalloonDevice, Builder, Ledger, features};
use common::{Live, assert_all_returned, assert_reset, polls, settle, start};

declare! {
    struct All {
        MustTellHost: Optional,
        StatsVq: Optional,
        DeflateOnOom: Optional,
        FreePageHint: Optional,
        PageReporting: Optional,
    }
}
declare! { struct Poisoned { PagePoison: Optional, PageReporting: Optional } }
declare! { struct TellNobody {} }
declare! { struct PoisonRequired { PagePoison: Required } }

const ALL: u64 = features::MUST_TELL_HOST
    | features::STATS_VQ
    | features::DEFLATE_ON_OOM
    | features::FREE_PAGE_HINT
    | features::PAGE_REPORTING
    | features::VERSION_1;
const HOST_RESET: BalloonError = BalloonError::Device(DeviceError::HostReset);
const GONE: BalloonError = BalloonError::Device(DeviceError::Gone);

fn builder() -> Builder {
    BalloonDevice::builder().memory(16 << 20).features(ALL)
}

/// Returns a balloon of 500 frames.
fn inflated(builder: Builder) -> (Live<Size4KiB, All>, BalloonDevice, Ledger) {
    let (mut balloon, device, ledger) = start(builder.inline(), Options::new(All));
    device.set_target(500);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    (balloon, device, ledger)
}

fn assert_every_call_returns(balloon: &mut Live<Size4KiB, All>, error: BalloonError) {
    assert_eq!(balloon.service(), Err(error));
    assert_eq!(balloon.drain(), Err(error));
    assert_eq!(balloon.target(), Err(error));
    assert_eq!(balloon.inflate(1).map(drop), Err(error));
    assert_eq!(balloon.deflate(1).map(drop), Err(error));
    assert_eq!(balloon.deflate_on_oom().unwrap().tell_host().poll(), Err(error));
    assert_eq!(balloon.service_statistics(), Err(error));
    assert_eq!(balloon.service_reporting(), Err(error));
    assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Err(error));
    assert_eq!(balloon.reclaim_hinted(1), Err(error));
    assert_eq!(balloon.notify_again(), Err(error));
}

/// Resets and restores the balloon, which then follows the target again.
fn recover(balloon: Live<Size4KiB, All>, device: &BalloonDevice, ledger: &Ledger) {
    let frozen = balloon.reset(&mut polls()).map_err(|failed| failed.error).unwrap();
    assert_reset(device, ledger);
    let mut balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
    assert_eq!((settle(&mut balloon), balloon.size()), (Step::OnTarget, Pages(500)));
    drop(balloon);
    assert_all_returned(device, ledger);
}
