//! The driver: from a transport to random bytes.

use aerostat_transport::queue::Enabled;
use aerostat_transport::spec::feature_set;
use aerostat_transport::spec::reserved::feature::{AccessPlatform, EventIdx, OrderPlatform, RingPacked};
use aerostat_transport::{BufferQueue, Device, DeviceError, Dma, Live, SetupError, Transport, Wait};
use core::ops::ControlFlow;

use crate::entropy::{self, queue};
use crate::error::{EntropyError, ProbeError, ProbeFailed};

// ANCHOR: features
feature_set! {
    /// The features that the driver uses, if the device offers them.
    pub struct Declared for entropy {
        RingPacked: Optional,
        EventIdx: Optional,
        OrderPlatform: Optional,
        AccessPlatform: Optional,
    }
}
// ANCHOR_END: features

/// The most that one request asks for, in bytes.
pub const BYTES: usize = 256;

// ANCHOR: driver
/// A live entropy device.
///
/// Dropping it sets FAILED on the device, which keeps the memory of its queue: [`remove`](Self::remove) takes it back.
#[derive(Debug)]
pub struct Entropy<T: Transport> {
    device: Device<T, entropy::Device, Live<Declared>>,
    requests: BufferQueue<T::Notifier, 1, Enabled>,
}
// ANCHOR_END: driver

impl<T: Transport> Entropy<T> {
    // ANCHOR: probe
    /// Brings the device to life, with memory from `dma` for one request at a time.
    ///
    /// # Errors
    ///
    /// [`ProbeFailed`] with the transport; all memory is back.
    pub fn probe(transport: T, dma: &mut impl Dma) -> Result<Self, ProbeFailed<T>> {
        let device = Device::take(transport)?.acknowledge().driver();
        let mut device = device.negotiate::<Declared>()?;
        match device.buffer_queue(queue::Request, 1, BYTES, dma) {
            Ok(requests) => {
                let device = device.go_live();
                Ok(Self { requests: requests.enable(&device), device })
            }
            Err(error) => {
                let transport = device.abandon().map_or_else(|failed| failed.transport, |(transport, _)| transport);
                Err(ProbeFailed { error: ProbeError::Queue(error), transport })
            }
        }
    }
    // ANCHOR_END: probe

    // ANCHOR: request
    /// Asks for up to `most` random bytes, of which one request brings [`BYTES`] at the most. Does nothing while a
    /// request is under way.
    ///
    /// # Errors
    ///
    /// [`EntropyError`]: the device has to be reset, or `most` is 0.
    pub fn request(&mut self, most: usize) -> Result<(), EntropyError> {
        if self.requests.in_flight() == 0 {
            self.requests.ask(most, |_no_request| {})?;
            self.requests.notify();
        }
        Ok(())
    }

    /// Copies the answer to the request to the start of `bytes` and returns how long it is; what does not fit is lost.
    /// `None` while there is no answer. Never waits.
    ///
    /// # Errors
    ///
    /// [`EntropyError`]: the device broke the protocol, or has to be reset.
    pub fn poll(&mut self, bytes: &mut [u8]) -> Result<Option<usize>, EntropyError> {
        self.device.check()?;
        match self.requests.receive(|used, answer| (used.written, answer.bytes(bytes)))? {
            Some((0, _)) => Err(EntropyError::NoBytes),
            Some((_, count)) => Ok(Some(count)),
            None => Ok(None),
        }
    }
    // ANCHOR_END: request

    // ANCHOR: fill
    /// Fills all of `bytes`, by as many requests as it takes.
    ///
    /// # Errors
    ///
    /// [`EntropyError`], and what `bytes` holds is of no use. After [`DeviceError::NoAnswer`] it may be tried again.
    pub fn fill(&mut self, bytes: &mut [u8], wait: &mut impl Wait) -> Result<(), EntropyError> {
        let (mut filled, mut attempt, mut patience) = (0, 0_u32, ControlFlow::Continue(()));
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            self.request(rest.len())?;
            if let Some(count) = self.poll(rest)? {
                (filled, attempt, patience) = (filled + count, 0, ControlFlow::Continue(()));
            } else if patience == ControlFlow::Break(()) {
                return Err(DeviceError::NoAnswer { queue: self.requests.index() }.into());
            } else {
                // After the last wait there is one more look: the wait may have taken longer than the device.
                patience = wait.wait(attempt);
                attempt = attempt.saturating_add(1);
            }
        }
        Ok(())
    }
    // ANCHOR_END: fill

    // ANCHOR: interrupt
    /// The interrupt side, for the interrupt handler: it acknowledges, and whoever waits polls again.
    pub fn interrupt(&self) -> T::Interrupt {
        self.device.interrupt()
    }
    // ANCHOR_END: interrupt

    // ANCHOR: remove
    /// Resets the device and gives the memory back, to the `dma` that it came from.
    ///
    /// # Errors
    ///
    /// [`SetupError::ResetUnfinished`] and the driver, of which only this is left to be done.
    pub fn remove(mut self, dma: &mut impl Dma) -> Result<T, (Self, SetupError)> {
        self.requests.poison(DeviceError::Resetting);
        match self.device.reset() {
            Ok((transport, proof)) => {
                // The proof is of the very life that the queue belongs to, so that the queue does not come back.
                let _ = self.requests.release(&proof, dma);
                Ok(transport)
            }
            Err((device, error)) => Err((Self { device, ..self }, error)),
        }
    }
    // ANCHOR_END: remove
}
