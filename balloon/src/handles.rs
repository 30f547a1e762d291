//! The parts of a live balloon that different contexts of a kernel can own at the same time.

use aerostat_spec::balloon::config;
use aerostat_transport::{Config, ConfigIo, Dma, InUse, InterruptStatus, Notifier};

use crate::declare::Fill;
use crate::error::BalloonError;
use crate::hinting::{Hinted, HintingQueue};
use crate::platform::{HintFrames, ReportFrames};
use crate::reporting::{Reported, ReportingQueue};
use crate::statistics::{Statistics, StatisticsQueue, StatsRequest};

/// Answers the host's requests for statistics.
#[derive(Debug)]
pub struct StatisticsHandle<N> {
    pub(crate) queue: StatisticsQueue<N>,
}

impl<N: Notifier> StatisticsHandle<N> {
    pub(crate) fn new(queue: StatisticsQueue<N>) -> Self {
        Self { queue }
    }

    /// Answers the host if it has asked for statistics. Call it after an interrupt, but not in the interrupt handler:
    /// `source` may take a while.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`]
    pub fn service(&mut self, source: &mut impl Statistics) -> Result<StatsRequest, BalloonError> {
        Ok(self.queue.service(|sample| source.sample(sample))?)
    }

    /// The number that the queue has on its device.
    pub fn number(&self) -> u16 {
        self.queue.number()
    }
}

/// Reports free memory to the host.
///
/// Dropped while reports are with the device, their blocks go back to the kernel when the balloon itself ends.
#[derive(Debug)]
pub struct ReportingHandle<N, P> {
    pub(crate) queue: ReportingQueue<N>,
    fill: Option<Fill<P>>,
}

impl<N: Notifier, P> ReportingHandle<N, P> {
    pub(crate) fn new(queue: ReportingQueue<N>, fill: Option<Fill<P>>) -> Self {
        Self { queue, fill }
    }

    /// Goes one bounded step, and never waits: gives blocks back that the host has dealt with, and reports more.
    ///
    /// Call it when the kernel has freed memory, best after a moment in which memory that is allocated again at once has
    /// gone, and after an interrupt while it returns [`Reported::Waiting`].
    ///
    /// # Errors
    ///
    /// [`BalloonError`]; blocks that the device has stay with it.
    pub fn service(&mut self, platform: &mut P) -> Result<Reported, BalloonError>
    where
        P: Dma + ReportFrames,
    {
        self.queue.service(platform, self.fill)
    }

    /// The number that the queue has on its device.
    pub fn number(&self) -> u16 {
        self.queue.number()
    }
}

/// Hints free memory to the host during migrations.
///
/// Dropped during a round, the blocks go back to the kernel when the balloon itself ends.
#[derive(Debug)]
pub struct HintingHandle<N, C, P> {
    pub(crate) queue: HintingQueue<N>,
    config: Config<C, config::Space, InUse>,
    fill: Option<Fill<P>>,
}

impl<N: Notifier, C: ConfigIo, P> HintingHandle<N, C, P> {
    pub(crate) fn new(queue: HintingQueue<N>, config: Config<C, config::Space, InUse>, fill: Option<Fill<P>>) -> Self {
        Self { queue, config, fill }
    }

    /// Goes one bounded step, and never waits: follows the command id of the host, hints blocks while a round is open, and
    /// gives all of them back when the host is done.
    ///
    /// Call it after every interrupt with what that was about, and once in the beginning with [`InterruptStatus::ANY`]. The command id
    /// is read only when the configuration has changed, because some hosts show STOP in its place while a round is open:
    /// where one vector serves queues and configuration, a round may therefore end early.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]; blocks that the device has stay with it.
    pub fn service(&mut self, platform: &mut P, causes: InterruptStatus) -> Result<Hinted, BalloonError>
    where
        P: Dma + HintFrames,
    {
        self.queue.service(platform, &self.config, self.fill, causes)
    }

    /// The number that the queue has on its device.
    pub fn number(&self) -> u16 {
        self.queue.number()
    }
}

/// The statistics of a balloon that was not split.
#[derive(Debug)]
pub struct Stats<'a, N, P> {
    pub(crate) handle: &'a mut StatisticsHandle<N>,
    pub(crate) platform: &'a mut P,
}

impl<N: Notifier, P: Statistics> Stats<'_, N, P> {
    /// The number that the queue has on its device.
    pub fn number(&self) -> u16 {
        self.handle.number()
    }

    /// Answers the host if it has asked, see [`StatisticsHandle::service`].
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`]
    pub fn service(&mut self) -> Result<StatsRequest, BalloonError> {
        self.handle.service(self.platform)
    }
}

/// The reporting of a balloon that was not split.
#[derive(Debug)]
pub struct Reporting<'a, N, P> {
    pub(crate) handle: &'a mut ReportingHandle<N, P>,
    pub(crate) platform: &'a mut P,
}

impl<N: Notifier, P: Dma + ReportFrames> Reporting<'_, N, P> {
    /// The number that the queue has on its device.
    pub fn number(&self) -> u16 {
        self.handle.number()
    }

    /// Goes one bounded step, see [`ReportingHandle::service`].
    ///
    /// # Errors
    ///
    /// [`BalloonError`]
    pub fn service(&mut self) -> Result<Reported, BalloonError> {
        self.handle.service(self.platform)
    }
}

/// The hinting of a balloon that was not split.
#[derive(Debug)]
pub struct Hinting<'a, N, C, P> {
    pub(crate) handle: &'a mut HintingHandle<N, C, P>,
    pub(crate) platform: &'a mut P,
}

impl<N: Notifier, C: ConfigIo, P: Dma + HintFrames> Hinting<'_, N, C, P> {
    /// The number that the queue has on its device.
    pub fn number(&self) -> u16 {
        self.handle.number()
    }

    /// Goes one bounded step, see [`HintingHandle::service`].
    ///
    /// # Errors
    ///
    /// [`BalloonError`]
    pub fn service(&mut self, causes: InterruptStatus) -> Result<Hinted, BalloonError> {
        self.handle.service(self.platform, causes)
    }
}
