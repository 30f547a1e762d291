//! Waits for the answers of a live device.

use core::ops::ControlFlow;

use aerostat_spec::{self as spec, FeatureSet};

use crate::bus::{Notifier, Transport};
use crate::device::lifecycle::{Device, Live};
use crate::device::wait::Wait;
use crate::queue::{BufferQueue, DeviceError, Received};

impl<N: Notifier, const K: usize, S, B> BufferQueue<N, K, S, B> {
    /// Waits for the next answer, takes it off the queue, and copies it to the start of `memory`. Checks `device` before each
    /// look at the queue, and calls `wait` between two looks.
    ///
    /// Notify the device before. If several requests are in flight, [`Received::token`] says which was answered.
    ///
    /// ```
    /// use aerostat_transport::queue::{Enabled, ReceiveError, RequestQueue, SendError};
    /// use aerostat_transport::spec::{self, FeatureSet, Queue, RequestOn};
    /// use aerostat_transport::{Device, Live, Transport, Wait};
    ///
    /// #[derive(Debug)]
    /// enum Error {
    ///     Send(SendError),
    ///     Receive(ReceiveError),
    /// }
    ///
    /// /// Sends a request and waits for its answer. No other request is in flight.
    /// fn command<'m, T: Transport, D: spec::Device, F: FeatureSet, Q: Queue, R: RequestOn<Q>>(
    ///     device: &Device<T, D, Live<F>>,
    ///     requests: &mut RequestQueue<Q, T::Notifier, 2, Enabled>,
    ///     request: &R,
    ///     memory: &'m mut [u8],
    ///     wait: &mut impl Wait,
    /// ) -> Result<R::Answer<'m>, Error> {
    ///     requests.send_request(request).map_err(Error::Send)?;
    ///     requests.notify();
    ///     let received = requests.wait_for_answer(device, memory, wait).map_err(|error| Error::Receive(error.into()))?;
    ///     received.decode::<R>(&request.shape()).map_err(Error::Receive)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// * [`DeviceError::NoAnswer`] if `wait` gave up, or if no request is in flight. After the former the requests are still in
    ///   flight, and their answers come first in the next call.
    /// * The errors of [`Device::check`] and of [`BufferQueue::receive`].
    pub fn wait_for_answer<'m, T: Transport, D: spec::Device, F: FeatureSet>(
        &mut self,
        device: &Device<T, D, Live<F>>,
        memory: &'m mut [u8],
        wait: &mut impl Wait,
    ) -> Result<Received<'m, B>, DeviceError> {
        let (mut attempt, mut wait_more) = (0_u32, ControlFlow::Continue(()));
        let copied = loop {
            device.check()?;
            if let Some(copied) = self.copy_answer(memory)? {
                break copied;
            }
            if wait_more.is_break() || self.in_flight() == 0 {
                return Err(DeviceError::NoAnswer { queue: self.index() });
            }
            // Looks once more after the last wait, during which the device may have answered.
            wait_more = wait.wait(attempt);
            attempt = attempt.saturating_add(1);
        };
        Ok(Received::new(copied, memory))
    }
}
