//! What a handle does after the balloon has reset the device in another context, and while it does.

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use aerostat_balloon::handles::{HintingHandle, ReportingHandle, StatisticsHandle};
use aerostat_balloon::transport::{InterruptStatus, Mmio};
use aerostat_balloon::{Balloon, BalloonError, Handles, Options, Size4KiB, features as declare};
use aerostat_device::{BalloonDevice, Ledger, TestPlatform, features};
use common::polls;
use common::registers::{Observe, Observed};

declare! {
    struct Declared { StatsVq: Required, FreePageHint: Required, PageReporting: Required }
}

const OFFERED: u64 = features::STATS_VQ | features::FREE_PAGE_HINT | features::PAGE_REPORTING | features::VERSION_1;
/// The status register.
const STATUS: usize = 0x70;

/// What the test observes and does at an access to a register.
#[derive(Default)]
struct Hook {
    accesses: Cell<u32>,
    /// Done before the status is read.
    on_status: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Observe for Rc<Hook> {
    fn access(&self, offset: usize, written: Option<u32>) {
        if offset == STATUS
            && written.is_none()
            && let Some(act) = self.on_status.take()
        {
            act();
        }
        self.accesses.set(self.accesses.get() + 1);
    }
}

type Bus = Mmio<Observed<Rc<Hook>>>;
type Parts = Handles<Bus, TestPlatform<Size4KiB>, Declared>;
/// A step of one handle.
type Service = fn(&mut HandlesAlone, &mut TestPlatform<Size4KiB>) -> Result<(), BalloonError>;

/// The handles of a balloon that is in another context.
struct HandlesAlone {
    statistics: StatisticsHandle<Bus, TestPlatform<Size4KiB>, Declared>,
    reporting: ReportingHandle<Bus, TestPlatform<Size4KiB>, Declared>,
    hinting: HintingHandle<Bus, TestPlatform<Size4KiB>, Declared>,
}

const SERVICES: [(&str, Service); 3] = [
    ("statistics", |handles, kernel| handles.statistics.service(kernel).map(drop)),
    ("reporting", |handles, kernel| handles.reporting.service(kernel).map(drop)),
    ("hinting", |handles, kernel| handles.hinting.service(kernel, InterruptStatus::ANY).map(drop)),
];

fn split() -> (Parts, BalloonDevice, Ledger, TestPlatform<Size4KiB>, Rc<Hook>) {
    let device = BalloonDevice::builder().memory(16 << 20).features(OFFERED).manual().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let (ledger, kernel) = (platform.ledger(), platform.share());
    ledger.set_statistics([(4, 1)]);
    let hook = Rc::new(Hook::default());
    let bus = Mmio::new(Observed(device.registers(), Rc::clone(&hook))).map_err(|(_, error)| error).unwrap();
    let balloon = Balloon::new(bus, platform, Options::new(Declared)).map_err(|failed| failed.error).unwrap();
    let balloon = balloon.probe(&mut polls()).map_err(|failed| failed.error).unwrap();
    let _ = device.start_hinting();
    (balloon.split(), device, ledger, kernel, hook)
}

/// The kernel may have unmapped the registers, or passed the device to another driver.
#[test]
fn a_handle_does_not_access_the_device_after_the_reset() {
    for (name, service) in SERVICES {
        let (Parts { mut balloon, statistics, reporting, hinting }, _device, ledger, mut kernel, hook) = split();
        let mut handles = HandlesAlone { statistics, reporting, hinting };
        balloon.abandon(&mut polls()).unwrap();
        hook.accesses.set(0);
        assert_eq!(service(&mut handles, &mut kernel), Err(BalloonError::NotLive), "{name}");
        assert_eq!(hook.accesses.get(), 0, "{name} accesses the device");
        drop(balloon);
        assert_eq!(service(&mut handles, &mut kernel), Err(BalloonError::NotLive), "{name}");
        assert_eq!(hook.accesses.get(), 0, "{name} accesses the device");
        assert_eq!(ledger.allocated_frames().len(), 0, "{name}");
    }
}

/// The status that the handle reads is then that of a device that was reset. This is not an error of the device.
#[test]
fn a_handle_reports_a_reset_of_the_balloon_during_its_step() {
    for (name, service) in SERVICES {
        let (Parts { balloon, statistics, reporting, hinting }, _device, ledger, mut kernel, hook) = split();
        let mut handles = HandlesAlone { statistics, reporting, hinting };
        *hook.on_status.borrow_mut() = Some(Box::new(|| drop(balloon)));
        assert_eq!(service(&mut handles, &mut kernel), Err(BalloonError::NotLive), "{name}");
        assert!(hook.on_status.borrow().is_none(), "{name} reads the status");
        assert_eq!(ledger.allocated_frames().len(), 0, "{name}");
    }
}
