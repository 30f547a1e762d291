//! The driver.

use core::ops::Range;

use aerostat_spec::feature_set;
use aerostat_spec::pmem::{self, config, feature, queue, shared_memory};
use aerostat_spec::reserved::feature::{AccessPlatform, EventIdx, OrderPlatform, RingPacked};
use aerostat_transport::queue::Enabled;
use aerostat_transport::{
    Device, Dma, Ending, FeaturesOk, Live, RequestQueue, SetupError, SetupFailed, Transport, Wait,
};

use crate::error::{PmemError, ProbeError};

// ANCHOR: features
feature_set! {
    /// The features that the driver uses, if the device offers them.
    pub struct Declared for pmem {
        feature::ShmemRegion: Optional,
        RingPacked: Optional, EventIdx: Optional,
        OrderPlatform: Optional, AccessPlatform: Optional,
    }
}
// ANCHOR_END: features

// ANCHOR: driver
/// The length of a buffer in bytes: a request and its answer.
const BYTES: usize = pmem::Flush::LEN + pmem::Flush::ANSWER_LEN;

/// A live persistent memory device.
///
/// Dropping it marks the device FAILED and leaks the memory of the queue. [`remove`](Self::remove) frees the memory.
#[derive(Debug)]
pub struct Pmem<T: Transport> {
    device: Device<T, pmem::Device, Live<Declared>>,
    /// A request takes two descriptors: one for the request, and one for its answer.
    requests: RequestQueue<queue::Request, T::Notifier, 2, Enabled>,
    range: Range<u64>,
}

/// Probing failed: the error, and the transport or a device that was live and has not finished its reset.
pub type ProbeFailed<T> = aerostat_transport::ProbeFailed<T, Removing<T>, ProbeError>;
// ANCHOR_END: driver

// ANCHOR: range
/// Returns the physical addresses of the memory.
fn range<T: Transport>(device: &mut Device<T, pmem::Device, FeaturesOk<Declared>>) -> Result<Range<u64>, ProbeError> {
    let (start, bytes) = match device.accepted().proof(feature::ShmemRegion) {
        Some(proof) => {
            let region = shared_memory::Memory::given(proof);
            let memory = device.shared_memory(region).ok_or(ProbeError::NoRegion)?;
            (memory.address(), memory.len())
        }
        None => device.config().snapshot(|space| Ok((space.read(config::Start)?, space.read(config::Size)?)))?,
    };
    match start.checked_add(bytes) {
        Some(end) if bytes > 0 => Ok(start..end),
        _ => Err(ProbeError::Range { start, bytes }),
    }
}
// ANCHOR_END: range

impl<T: Transport> Pmem<T> {
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
        let found = range(&mut device).and_then(|range| {
            let requests = device.request_queue(queue::Request, 2, BYTES, dma)?;
            Ok((range, requests))
        });
        match found {
            Ok((range, requests)) => {
                let device = device.go_live();
                let driver = Self { requests: requests.enable(&device), device, range };
                let Err(error) = driver.device.check() else { return Ok(driver) };
                let transport = driver.remove(wait).wait(dma, wait).map_err(|(removing, _)| removing);
                Err(ProbeFailed { error: error.into(), transport })
            }
            // No queue was set up, so the device has no memory and need not be reset.
            Err(error) => Err(ProbeFailed { error, transport: Ok(device.abandon().into_transport()) }),
        }
    }
    // ANCHOR_END: probe

    /// Returns the physical addresses of the memory, at least one. The device has chosen them: check that they are not memory of the
    /// kernel before mapping them.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    // ANCHOR: flush
    /// Checks the device, and requests to make durable what was written to the memory before. Never waits.
    ///
    /// # Errors
    ///
    /// [`PmemError`] if the device has to be reset or is gone, or if a flush is in flight.
    pub fn start_flush(&mut self) -> Result<(), PmemError> {
        self.device.check()?;
        self.requests.send_request(&pmem::Flush {})?;
        self.requests.notify();
        Ok(())
    }

    /// Checks the device, and returns whether the flush in flight has finished. Never waits.
    ///
    /// # Errors
    ///
    /// [`PmemError`] if the flush failed, or the device broke the protocol, has to be reset, or is gone.
    pub fn poll(&mut self) -> Result<bool, PmemError> {
        self.device.check()?;
        match self.requests.receive_answer::<pmem::Flush>(|_| (), &mut [0; BYTES])? {
            None => Ok(false),
            Some((_, answer)) => succeeded(answer).map(|()| true),
        }
    }
    // ANCHOR_END: flush

    // ANCHOR: wait
    /// Makes durable what was written to the memory before. If an earlier flush is still in flight, waits for that one first,
    /// because it does not include what was written since.
    ///
    /// # Errors
    ///
    /// [`PmemError`], of this flush or of the earlier one. After [`NoAnswer`](aerostat_transport::DeviceError::NoAnswer)
    /// and [`PmemError::Failed`] the call can be repeated.
    pub fn flush(&mut self, wait: &mut impl Wait) -> Result<(), PmemError> {
        self.finish(wait)?;
        self.start_flush()?;
        self.finish(wait)
    }

    /// Waits for the end of the flush in flight, if there is one.
    fn finish(&mut self, wait: &mut impl Wait) -> Result<(), PmemError> {
        if self.requests.in_flight() == 0 {
            return Ok(());
        }
        let mut memory = [0; BYTES];
        let received = self.requests.wait_for_answer(&self.device, &mut memory, wait)?;
        succeeded(received.decode::<pmem::Flush>(&())?)
    }
    // ANCHOR_END: wait

    /// Returns the interrupt side, with which the interrupt handler acknowledges interrupts before it wakes the waiting task.
    pub fn interrupt(&self) -> T::Interrupt {
        self.device.interrupt()
    }

    // ANCHOR: remove
    /// Waits for a flush in flight, and requests the reset of the device. [`Removing::wait`] completes it. Unmap the memory
    /// before.
    pub fn remove(mut self, wait: &mut impl Wait) -> Removing<T> {
        // The memory of an unanswered flush is leaked below, so its result does not matter here.
        let _ = self.finish(wait);
        Removing { device: self.device.reset(), requests: self.requests }
    }
}

/// A persistent memory device that is being reset, and that may still use the memory of its queue. Dropping it leaks that
/// memory.
///
/// The fields are for a kernel that knows that the device can no longer access memory. It gets the memory back with
/// [`RequestQueue::release`] and the proof of [`Device::wait`], or of the `unsafe` [`Device::assume_reset`] if the device is gone or
/// refuses its reset.
#[derive(Debug)]
pub struct Removing<T: Transport> {
    /// The device, whose reset was requested.
    pub device: Device<T, pmem::Device, Ending>,
    /// The queue, which owns the memory.
    pub requests: RequestQueue<queue::Request, T::Notifier, 2, Enabled>,
}

impl<T: Transport> Removing<T> {
    /// Waits for the end of the reset, and frees the memory. `dma` must be the one that was passed to [`Pmem::probe`]; memory
    /// of another IOMMU domain is leaked. If a flush was not answered, its memory is leaked, because QEMU's device answers it
    /// even after the reset.
    ///
    /// # Errors
    ///
    /// [`SetupError::ResetUnfinished`] or [`SetupError::Gone`], with the device. The call can be repeated; call
    /// [`request_again`](Device::request_again) on `device` before, because the device may have missed the request.
    pub fn wait(self, dma: &mut impl Dma, wait: &mut impl Wait) -> Result<T, (Self, SetupError)> {
        match self.device.wait(wait) {
            Ok((transport, proof)) => {
                if self.requests.in_flight() == 0 {
                    let _ = self.requests.release(&proof, dma);
                }
                Ok(transport)
            }
            Err((device, error)) => Err((Self { device, ..self }, error)),
        }
    }
    // ANCHOR_END: remove
}

// ANCHOR: succeeded
/// Returns an error if the answer says that the flush failed.
fn succeeded(pmem::FlushAnswer { ret }: pmem::FlushAnswer) -> Result<(), PmemError> {
    match ret {
        0 => Ok(()),
        ret => Err(PmemError::Failed { ret }),
    }
}
// ANCHOR_END: succeeded
