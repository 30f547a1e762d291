//! The reset of a device ("Device Reset", 2.4): requested by one write, and finished when the status reads 0.

use core::ops::ControlFlow;

use aerostat_spec as spec;

use crate::barrier::dma_mb;
use crate::bus::{BusMaster, Status, Transport};
use crate::device::error::{SetupError, SetupFailed};
use crate::device::fail_on_drop::FailOnDrop;
use crate::device::lifecycle::{Device, Ending, Reset, Resetting};
use crate::device::wait::Wait;
use crate::queue::ResetProof;

impl<T: Transport, D: spec::Device> Device<T, D, Resetting> {
    /// Reads the status once.
    ///
    /// # Errors
    ///
    /// The device, which can be polled again, with [`SetupError::ResetUnfinished`], or [`SetupError::Gone`].
    pub fn poll(self) -> Result<Device<T, D, Reset>, (Self, SetupError)> {
        match self.transport.poll_reset() {
            Ok(()) => Ok(self.into_reset()),
            Err(error) => Err((self, error)),
        }
    }

    /// Polls the device until its reset has finished, and calls `wait` between two polls.
    ///
    /// # Errors
    ///
    /// The device, which can be polled again, with [`SetupError::ResetUnfinished`] if `wait` gave up, or [`SetupError::Gone`].
    pub fn wait(self, wait: &mut impl Wait) -> Result<Device<T, D, Reset>, (Self, SetupError)> {
        match self.transport.wait_for_reset(wait) {
            Ok(()) => Ok(self.into_reset()),
            Err(error) => Err((self, error)),
        }
    }

    /// Requests the reset again, by one write: for a device that seems to have missed the first request.
    pub fn request_again(&mut self) {
        self.transport.request_reset();
    }

    /// Sets FAILED, and returns the transport.
    pub fn into_transport(self) -> T {
        self.transport.fail()
    }

    fn into_reset(mut self) -> Device<T, D, Reset> {
        self.transport.set_bus_master(BusMaster::Allowed);
        self.with_state(Reset)
    }
}

impl<T: Transport, D: spec::Device> From<(Device<T, D, Resetting>, SetupError)> for SetupFailed<T> {
    /// Sets FAILED, and takes the transport out of the device.
    fn from((device, error): (Device<T, D, Resetting>, SetupError)) -> Self {
        Self { error, transport: device.into_transport() }
    }
}

impl<T: Transport, D> Device<T, D, Ending> {
    /// Reads the status once. If the reset has finished, returns the transport, and the proof that frees the memory of the
    /// queues.
    ///
    /// # Errors
    ///
    /// The device, which can be polled again, with [`SetupError::ResetUnfinished`], or [`SetupError::Gone`].
    pub fn poll(self) -> Result<(T, ResetProof), (Self, SetupError)> {
        match self.transport.poll_reset() {
            Ok(()) => Ok(self.end()),
            Err(error) => Err((self, error)),
        }
    }

    /// Polls the device until its reset has finished, and calls `wait` between two polls. Returns the transport, and the proof
    /// that frees the memory of the queues.
    ///
    /// # Errors
    ///
    /// The device, which can be polled again, with [`SetupError::ResetUnfinished`] if `wait` gave up, or [`SetupError::Gone`].
    pub fn wait(self, wait: &mut impl Wait) -> Result<(T, ResetProof), (Self, SetupError)> {
        match self.transport.wait_for_reset(wait) {
            Ok(()) => Ok(self.end()),
            Err(error) => Err((self, error)),
        }
    }

    /// Requests the reset again, by one write: for a device that seems to have missed the first request.
    pub fn request_again(&mut self) {
        self.transport.request_reset();
    }

    /// Gives up: sets FAILED, and returns the transport. The memory of the queues is leaked.
    pub fn into_transport(self) -> T {
        self.transport.fail()
    }

    /// Returns the transport and the proof as if the reset had finished: for a device that is gone, or that refuses its reset,
    /// and that can no longer access memory.
    ///
    /// # Safety
    ///
    /// The device does not access memory any more, although its status does not say so: it was removed, its bus mastering was
    /// switched off and its accesses have ended, or the IOMMU blocks it.
    pub unsafe fn assume_reset(self) -> (T, ResetProof) {
        self.end()
    }

    /// Ends the use of a device that no longer accesses memory.
    fn end(mut self) -> (T, ResetProof) {
        // Orders the end of the reset before any access to memory that the device had.
        dma_mb();
        self.transport.set_bus_master(BusMaster::Forbidden);
        (self.transport.release(), ResetProof::of(self.generation))
    }
}

impl<T: Transport, D, S> Device<T, D, S> {
    /// Requests the reset that ends the use of the device.
    pub(super) fn request_end(mut self) -> Device<T, D, Ending> {
        self.transport.request_reset();
        self.with_state(Ending)
    }
}

impl<T: Transport> FailOnDrop<T> {
    /// Requests a reset.
    pub(super) fn request_reset(&mut self) {
        self.forget_status();
        self.set_status(Status::RESET);
    }

    /// Reads the status once.
    // conformance: construct pci.common-cfg.5: for every transport: the next step exists only after the status reads
    // 0
    fn poll_reset(&self) -> Result<(), SetupError> {
        match self.status() {
            Status::RESET => {
                // Orders the end of the reset before any access to memory that the device had.
                dma_mb();
                Ok(())
            }
            status if status.is_gone() => Err(SetupError::Gone),
            status => Err(SetupError::ResetUnfinished { status: status.0 }),
        }
    }

    fn wait_for_reset(&self, wait: &mut impl Wait) -> Result<(), SetupError> {
        let mut attempt = 0_u32;
        let mut wait_more = ControlFlow::Continue(());
        loop {
            match self.poll_reset() {
                Err(SetupError::ResetUnfinished { .. }) if wait_more.is_continue() => {
                    // Polls once more after the last wait, during which the reset may have finished.
                    wait_more = wait.wait(attempt);
                    attempt = attempt.saturating_add(1);
                }
                finished => return finished,
            }
        }
    }
}
