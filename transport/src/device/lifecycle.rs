//! The states of a device as types ("Device Initialization", 3.1).

use core::fmt::{self, Debug, Formatter};
use core::marker::PhantomData;

use aerostat_spec::{self as spec, Accepted, FeatureSet, Interface, Settable, Wire};

use crate::barrier::dma_mb;
use crate::bus::{ConfigError, Status, Transport};
use crate::device::config::{Config, InUse, Setup};
use crate::device::error::{SetupError, SetupFailed};
use crate::device::fail_on_drop::FailOnDrop;
use crate::device::numbering::Numbers;
use crate::device::reset::{RESET_READS, reset};
use crate::queue::{DeviceError, Generation, LiveProof, ResetProof};

/// State: the device was reset.
#[derive(Debug)]
pub struct Reset;

/// State: ACKNOWLEDGE is set.
#[derive(Debug)]
pub struct Acknowledged;

/// State: DRIVER is set, and features can be negotiated.
#[derive(Debug)]
pub struct Negotiating;

/// State: features are negotiated, and queues and configuration can be set up. FEATURES_OK is set, except on the legacy
/// interface, which does not have it.
#[derive(Debug)]
pub struct FeaturesOk<F> {
    pub(super) accepted: Accepted<F>,
    pub(super) numbers: Numbers,
}

/// State: DRIVER_OK is set.
#[derive(Debug)]
pub struct Live<F> {
    pub(super) accepted: Accepted<F>,
}

/// A device of type `D` over the transport `T` in the state `S`.
///
/// ```text
/// take ─▶ Reset ─▶ Acknowledged ─▶ Negotiating ─▶ FeaturesOk ─▶ Live ─▶ reset ─▶ transport
///           │            │              │              │          │
///           └────────────┴──────────────┴──────────────┴──────────┴──▶ FAILED, when dropped or after an error
/// ```
///
/// Each step consumes the previous state. A step that fails sets FAILED and returns the transport. Dropping a device sets FAILED
/// too, and drops the transport.
pub struct Device<T: Transport, D, S> {
    pub(super) transport: FailOnDrop<T>,
    pub(super) generation: Generation,
    pub(super) state: S,
    device: PhantomData<fn() -> D>,
}

impl<T: Transport, D: spec::Device> Device<T, D, Reset> {
    /// Takes a device of type `D` and resets it.
    ///
    /// # Errors
    ///
    /// [`SetupError::WrongDevice`], [`SetupError::ResetUnfinished`], [`SetupError::GenerationsExhausted`].
    pub fn take(transport: T) -> Result<Self, SetupFailed<T>> {
        let (expected, found) = (D::ID, transport.device_id());
        if expected != found {
            return Err(SetupFailed { error: SetupError::WrongDevice { expected, found }, transport });
        }
        let Some(generation) = Generation::new() else {
            return Err(SetupFailed { error: SetupError::GenerationsExhausted, transport });
        };
        let mut transport = FailOnDrop::new(transport);
        match reset(&mut *transport, RESET_READS) {
            Ok(()) => Ok(Self { transport, generation, state: Reset, device: PhantomData }),
            Err(error) => Err(SetupFailed { error, transport: transport.fail() }),
        }
    }

    /// Sets ACKNOWLEDGE: the driver has noticed the device.
    pub fn acknowledge(self) -> Device<T, D, Acknowledged> {
        self.with_status(Status::ACKNOWLEDGE, Acknowledged)
    }
}

impl<T: Transport, D: spec::Device> Device<T, D, Acknowledged> {
    /// Sets DRIVER: the driver knows how to drive the device.
    pub fn driver(self) -> Device<T, D, Negotiating> {
        self.with_status(Status::DRIVER, Negotiating)
    }
}

impl<T: Transport, D: spec::Device, F: FeatureSet> Device<T, D, FeaturesOk<F>> {
    /// Returns the negotiated features.
    pub fn accepted(&self) -> &Accepted<F> {
        &self.state.accepted
    }

    /// Returns the configuration space, for reading.
    pub fn config(&self) -> Config<T::Config, D::Config, Setup> {
        Config::new(self.transport.config(), self.transport.interface())
    }

    /// Writes a configuration field that is writable before the device is live.
    ///
    /// # Errors
    ///
    /// [`ConfigError::TooSmall`] if the configuration space ends before the field.
    pub fn set<X>(&self, field: X, value: <X::Wire as Wire>::Value) -> Result<(), ConfigError>
    where
        X: Settable<Block = D::Config>,
    {
        self.config().store(field, value)
    }

    /// Sets DRIVER_OK: the device works from now on, and can be notified.
    pub fn go_live(self) -> Device<T, D, Live<F>> {
        let accepted = self.state.accepted;
        // Orders the contents of the queues before the status that lets the device use them.
        dma_mb();
        self.with_status(Status::DRIVER_OK, Live { accepted })
    }

    /// Sets FAILED, and resets the device so that the memory of its queues can be released.
    ///
    /// # Errors
    ///
    /// [`SetupError::ResetUnfinished`]: the device may still use the memory of its queues.
    pub fn abandon(self) -> Result<(T, ResetProof), SetupFailed<T>> {
        let generation = self.generation;
        let mut transport = self.transport.fail();
        match reset(&mut transport, RESET_READS) {
            Ok(()) => Ok((transport, ResetProof::of(generation))),
            Err(error) => Err(SetupFailed { error, transport }),
        }
    }
}

impl<T: Transport, D: spec::Device, F: FeatureSet> Device<T, D, Live<F>> {
    /// Returns the negotiated features.
    pub fn accepted(&self) -> &Accepted<F> {
        &self.state.accepted
    }

    /// Returns the configuration space, for reading and for fields that are writable at any time.
    pub fn config(&self) -> Config<T::Config, D::Config, InUse> {
        Config::new(self.transport.config(), self.transport.interface())
    }

    /// Returns the proof that the device is live. A driver that does not enable its queues passes it to
    /// [`VirtQueue::notify_live`](crate::VirtQueue::notify_live).
    pub fn live_proof(&self) -> LiveProof {
        LiveProof::of(self.generation)
    }

    /// Returns the interrupt side of the device.
    pub fn interrupt(&self) -> T::Interrupt {
        self.transport.interrupt()
    }

    /// Checks whether the device asks for a reset. Call this after each change of the configuration.
    ///
    /// # Errors
    ///
    /// [`DeviceError::NeedsReset`]
    pub fn check(&self) -> Result<(), DeviceError> {
        match self.transport.status().contains(Status::NEEDS_RESET) {
            true => Err(DeviceError::NeedsReset),
            false => Ok(()),
        }
    }

    /// Resets the device and returns the transport. Polls the status up to a million times.
    ///
    /// # Errors
    ///
    /// [`SetupError::ResetUnfinished`] and the device, which may still use the memory of its queues.
    pub fn reset(self) -> Result<(T, ResetProof), (Self, SetupError)> {
        self.reset_within(RESET_READS)
    }

    /// Resets the device like [`Device::reset`], but reads the status only once. Software devices finish a reset at once, so
    /// this suits `Drop`, which must not block.
    ///
    /// # Errors
    ///
    /// [`SetupError::ResetUnfinished`] and the device, which may still use the memory of its queues.
    pub fn reset_at_once(self) -> Result<(T, ResetProof), (Self, SetupError)> {
        self.reset_within(0)
    }

    fn reset_within(mut self, reads: u32) -> Result<(T, ResetProof), (Self, SetupError)> {
        self.transport.forget_status();
        match reset(&mut *self.transport, reads) {
            Ok(()) => Ok((self.transport.release(), ResetProof::of(self.generation))),
            Err(error) => Err((self, error)),
        }
    }
}

impl<T: Transport, D, S> Device<T, D, S> {
    /// Returns the interface that the device is driven through.
    pub fn interface(&self) -> Interface {
        self.transport.interface()
    }

    fn with_status<N>(mut self, bit: Status, state: N) -> Device<T, D, N> {
        self.transport.set(bit);
        self.with_state(state)
    }

    pub(super) fn with_state<N>(self, state: N) -> Device<T, D, N> {
        let Self { transport, generation, .. } = self;
        Device { transport, generation, state, device: PhantomData }
    }
}

impl<T: Transport, D, S: Debug> Debug for Device<T, D, S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut device = f.debug_struct("Device");
        device.field("generation", &self.generation).field("state", &self.state).finish_non_exhaustive()
    }
}
