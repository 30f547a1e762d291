//! What holds after each move.

use aerostat_balloon::transport::{DeviceError, InterruptStatus};
use aerostat_balloon::{BalloonError, FrameSize, Platform};
use aerostat_device::{FreePageViolation, OwnershipViolation, QueueKind, TestPlatform, Violation, features};

use super::{Machine, State};
use crate::declarations::{Declaration, tells_host};
use crate::moves::Part;
use crate::setup::STATISTICS;

impl<S: FrameSize, F: Declaration> Machine<S, F>
where
    TestPlatform<S>: Platform<F>,
{
    /// Checks that the driver broke no rule of the device and of the kernel.
    pub(crate) fn check_rules(&self) {
        let mut violations = self.device.violations();
        // A frame that was released early may be reported before the device has processed its deflation.
        let is_early = |one: &Violation| matches!(one, Violation::FreePages(FreePageViolation::InBalloon { .. }));
        violations.retain(|one| tells_host::<F>() || !is_early(one));
        assert_eq!(violations, [], "the driver broke rules of the device");
        let mut violations = self.ledger.violations();
        violations.retain(|one| tells_host::<F>() || !matches!(one, OwnershipViolation::BalloonedUnowned(_)));
        assert_eq!(violations, [], "the driver broke rules of the kernel");
    }

    /// Checks that the kernel does not have a page that is ballooned, reported or hinted.
    pub(crate) fn check_pages(&self) {
        let allocated = self.ledger.allocated_frames();
        let ballooned = if tells_host::<F>() { self.device.host_pages() } else { Default::default() };
        for pages in [ballooned, self.device.reported_pages(), self.device.held_pages()] {
            let page = pages.into_iter().find(|page| !allocated.contains(&u64::from(page / S::PAGES)));
            assert_eq!(page, None, "the kernel has the frame of this page");
        }
    }

    /// Checks that `actual` is the size that the driver counts, and at most the memory that it has.
    pub(crate) fn check_sizes(&self) {
        if self.is_abandoned {
            return;
        }
        let (actual, allocated) = (self.device.actual(), self.ledger.allocated_frames().len());
        let size = match &self.state {
            State::Ready(balloon) => balloon.size(),
            State::Split(parts) => parts.balloon.size(),
            State::Frozen(_) | State::None => return,
        };
        assert_eq!(size.0, actual, "`actual` is the size");
        assert!(!tells_host::<F>() || u64::from(actual) <= allocated as u64 * u64::from(S::PAGES));
        let managed = self.ledger.managed();
        assert!((0..=allocated as i64).contains(&managed.in_balloon()), "{managed:?} of {allocated} frames");
        assert!(self.offered & features::DEFLATE_ON_OOM == 0 || managed.calls == 0, "{managed:?}");
    }

    /// Checks that the set of statistics is that of the probe.
    pub(crate) fn check_statistics(&self) {
        if let Some(values) = self.device.statistics() {
            let tags: Vec<u16> = values.into_iter().map(|(tag, _)| tag).collect();
            assert_eq!(tags, STATISTICS.map(|(tag, _)| tag));
        }
    }

    /// Checks what the driver has found out about the device: the queues have the device's own numbers, and the device has
    /// taken the poison value.
    pub(super) fn check_probe(&self) {
        let State::Ready(balloon) = &self.state else { return };
        // The device may implement other features than a fault makes it offer.
        if self.has_faults {
            return;
        }
        let numbers = balloon.queue_numbers();
        for (kind, number) in [
            (QueueKind::Inflate, numbers.inflate),
            (QueueKind::Deflate, numbers.deflate),
            (QueueKind::Statistics, numbers.statistics),
            (QueueKind::FreePage, numbers.hinting),
            (QueueKind::Reporting, numbers.reporting),
        ] {
            if number.is_some() {
                assert_eq!(number, self.device.queue_number(kind), "{kind:?}");
            }
        }
        let accepted = self.device.accepted_features();
        if accepted & features::PAGE_POISON != 0 {
            // A value that was not taken reads as 0.
            assert_eq!(self.device.poison().unwrap_or(0), self.setup.poison);
        }
    }

    /// Checks that a reset has returned everything.
    pub(super) fn assert_reset(&self) {
        assert!(self.ledger.all_returned_except_private(), "a reset returns everything");
        assert_eq!(self.ledger.allocated_private(), 1);
    }

    /// Checks that a balloon whose device has not finished its reset does nothing else, and returns nothing that the device has.
    pub(super) fn assert_resetting(&mut self) {
        let error = self.service_balloon().expect("the balloon is not frozen");
        assert_eq!(error, Err(BalloonError::Device(DeviceError::Resetting)));
        if !self.has_faults {
            self.check_pages();
            self.check_rules();
        }
    }

    /// Checks that the balloon, and each of its parts, notices that the device is gone.
    pub(super) fn assert_gone(&mut self) {
        const GONE: BalloonError = BalloonError::Device(DeviceError::Gone);
        assert_eq!(self.service_balloon(), Some(Err(GONE)));
        let Self { state, kernel, .. } = self;
        match state {
            State::Ready(balloon) => {
                for part in Part::ALL {
                    let serviced = F::service::<S>(balloon, part, InterruptStatus::ANY);
                    assert!(matches!(serviced, Ok(None) | Err(GONE)), "{part:?}: {serviced:?}");
                }
            }
            State::Split(parts) => assert_eq!(parts.handles.errors(kernel), vec![GONE; parts.handles.count()]),
            State::Frozen(_) | State::None => {}
        }
    }
}
