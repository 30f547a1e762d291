//! The driver.

use aerostat_transport::queue::Enabled;
use aerostat_transport::spec::direction::DeviceWrites;
use aerostat_transport::spec::feature_set;
use aerostat_transport::spec::reserved::feature::{AccessPlatform, EventIdx, OrderPlatform, RingPacked};
use aerostat_transport::{BufferQueue, Device, Dma, Ending, Live, SetupError, SetupFailed, Transport, Wait};

use crate::error::{EntropyError, ProbeError};

// ANCHOR: describe
aerostat_transport::spec::virtio_spec!("entropy.vspec");
// ANCHOR_END: describe

// ANCHOR: features
feature_set! {
    /// The features that the driver uses, if the device offers them.
    pub struct Declared for entropy {
        RingPacked: Optional, EventIdx: Optional,
        OrderPlatform: Optional, AccessPlatform: Optional,
    }
}
// ANCHOR_END: features

/// The maximum size of one request in bytes.
pub const BYTES: usize = 256;
/// The length in bytes from which on an answer of zeros is an error.
const MIN_ZEROS: usize = 16;

// ANCHOR: driver
/// A live entropy device.
///
/// Dropping it marks the device FAILED and leaks the memory of the queue. [`remove`](Self::remove) frees the memory.
#[derive(Debug)]
pub struct Entropy<T: Transport> {
    device: Device<T, entropy::Device, Live<Declared>>,
    requests: BufferQueue<T::Notifier, 1, Enabled, DeviceWrites>,
}

/// Probing failed: the error, and the transport or a device that was live and has not finished its reset.
pub type ProbeFailed<T> = aerostat_transport::ProbeFailed<T, Removing<T>, ProbeError>;
// ANCHOR_END: driver

impl<T: Transport> Entropy<T> {
    // ANCHOR: probe
    /// Resets the device, sets it up, and checks that it works. Waits for resets through `wait`. Allocates memory for one
    /// request at a time from `dma`.
    ///
    /// # Errors
    ///
    /// [`ProbeFailed`] with the transport. All memory has been freed, unless the reset of a live device did not finish.
    pub fn probe(transport: T, dma: &mut impl Dma, wait: &mut impl Wait) -> Result<Self, ProbeFailed<T>> {
        let device = Device::take(transport)?.wait(wait).map_err(SetupFailed::from)?.acknowledge().driver();
        let mut device = device.negotiate::<Declared>()?;
        match device.buffer_queue(entropy::queue::Request, 1, BYTES, dma) {
            Ok(requests) => {
                let device = device.go_live();
                let driver = Self { requests: requests.enable(&device), device };
                let Err(error) = driver.device.check() else { return Ok(driver) };
                let transport = driver.remove().wait(dma, wait).map_err(|(removing, _)| removing);
                Err(ProbeFailed { error: error.into(), transport })
            }
            // No queue was set up, so the device has no memory and need not be reset.
            Err(error) => Err(ProbeFailed { error: error.into(), transport: Ok(device.abandon().into_transport()) }),
        }
    }
    // ANCHOR_END: probe

    // ANCHOR: request
    /// Checks the device, and requests up to `max` random bytes, at most [`BYTES`], unless a request is in flight.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] if the device has to be reset or is gone, or `max` is 0.
    pub fn request(&mut self, max: usize) -> Result<(), EntropyError> {
        self.device.check()?;
        if self.requests.in_flight() == 0 {
            self.requests.add_writable(max)?;
            self.requests.notify();
        }
        Ok(())
    }

    /// Checks the device, copies its answer to the start of `bytes`, and returns the length. Discards bytes that do not fit.
    /// Returns `None` if the device has not answered. Never waits.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] if the device broke the protocol, has to be reset, or is gone.
    pub fn poll(&mut self, bytes: &mut [u8]) -> Result<Option<usize>, EntropyError> {
        self.device.check()?;
        let mut memory = [0; BYTES];
        let Some(len) = self.requests.receive(|_used, answer| answer.bytes(&mut memory))? else { return Ok(None) };
        copy(memory.get(..len).unwrap_or_default(), bytes).map(Some)
    }
    // ANCHOR_END: request

    // ANCHOR: fill
    /// Fills all of `bytes`, with as many requests as necessary.
    ///
    /// # Errors
    ///
    /// [`EntropyError`]; then do not use the contents of `bytes`. After
    /// [`NoAnswer`](aerostat_transport::DeviceError::NoAnswer) the call can be repeated.
    pub fn fill(&mut self, bytes: &mut [u8], wait: &mut impl Wait) -> Result<(), EntropyError> {
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            self.request(rest.len())?;
            let mut memory = [0; BYTES];
            let received = self.requests.wait_for_answer(&self.device, &mut memory, wait)?;
            filled += copy(received.bytes(), rest)?;
        }
        Ok(())
    }
    // ANCHOR_END: fill

    // ANCHOR: interrupt
    /// Returns the interrupt side, with which the interrupt handler acknowledges interrupts before it wakes the waiting task.
    pub fn interrupt(&self) -> T::Interrupt {
        self.device.interrupt()
    }
    // ANCHOR_END: interrupt

    // ANCHOR: remove
    /// Requests the reset of the device. [`Removing::wait`] completes it.
    pub fn remove(self) -> Removing<T> {
        Removing { device: self.device.reset(), requests: self.requests }
    }
}

/// An entropy device that is being reset, and that may still use the memory of its queue. Dropping it leaks that memory.
///
/// The fields are for a device that is gone or refuses its reset. A kernel that knows that the device can no longer access
/// memory gets the memory back with the `unsafe` [`Device::assume_reset`]:
///
/// ```
/// use aerostat_entropy::{Removing, transport::{Dma, Transport}};
///
/// /// # Safety
/// ///
/// /// The device does not access memory any more: it was removed, or the IOMMU blocks it.
/// unsafe fn take_back<T: Transport>(Removing { device, requests }: Removing<T>, dma: &mut impl Dma) -> T {
///     // SAFETY: by the caller's promise.
///     let (transport, proof) = unsafe { device.assume_reset() };
///     // An error contains the queue, if `dma` is not the one of the probe.
///     let _ = requests.release(&proof, dma);
///     transport
/// }
/// ```
#[derive(Debug)]
pub struct Removing<T: Transport> {
    /// The device, whose reset was requested.
    pub device: Device<T, entropy::Device, Ending>,
    /// The queue, which owns the memory.
    pub requests: BufferQueue<T::Notifier, 1, Enabled, DeviceWrites>,
}

impl<T: Transport> Removing<T> {
    /// Waits for the end of the reset, and frees the memory. `dma` must be the one that was passed to [`Entropy::probe`];
    /// memory of another IOMMU domain is leaked.
    ///
    /// # Errors
    ///
    /// [`SetupError::ResetUnfinished`] or [`SetupError::Gone`], with the device. The call can be repeated; call
    /// [`request_again`](Device::request_again) on `device` before, because the device may have missed the request. For a device that
    /// can no longer access memory, see [`Removing`].
    pub fn wait(self, dma: &mut impl Dma, wait: &mut impl Wait) -> Result<T, (Self, SetupError)> {
        match self.device.wait(wait) {
            Ok((transport, proof)) => {
                let _ = self.requests.release(&proof, dma);
                Ok(transport)
            }
            Err((device, error)) => Err((Self { device, ..self }, error)),
        }
    }
    // ANCHOR_END: remove
}

// ANCHOR: copy
/// Copies an answer to the start of `bytes` and returns its length.
fn copy(answer: &[u8], bytes: &mut [u8]) -> Result<usize, EntropyError> {
    match answer.len() {
        0 => Err(EntropyError::NoBytes),
        // A device that reports more bytes than it has written leaves zeros. A good answer like this has a chance of 2^-128.
        MIN_ZEROS.. if answer.iter().all(|&byte| byte == 0) => Err(EntropyError::Zeros { bytes: answer.len() as u32 }),
        len => {
            bytes.iter_mut().zip(answer).for_each(|(byte, answer)| *byte = *answer);
            Ok(len.min(bytes.len()))
        }
    }
}
// ANCHOR_END: copy
