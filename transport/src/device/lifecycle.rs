//! The states of a device as types ("Device Initialization", 3.1).

use core::fmt::{self, Debug, Formatter};
use core::marker::PhantomData;

use aerostat_spec::{self as spec, Accepted, FeatureSet, Interface, Settable, SharedMemoryRegion, Wire};

use crate::barrier::dma_mb;
use crate::bus::{ConfigError, SharedMemory, Status, Transport};
use crate::device::config::{Config, InUse, Setup, check_status};
use crate::device::error::{SetupError, SetupFailed};
use crate::device::fail_on_drop::FailOnDrop;
use crate::device::numbering::{ExistingQueues, Numbers};
use crate::queue::{DeviceError, Generation, LiveProof, ResetProof};

/// State: the reset at the start of a set-up was requested and has not finished.
#[derive(Debug)]
pub struct Resetting;

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
pub struct FeaturesOk<F: FeatureSet> {
    pub(super) accepted: Accepted<F>,
    pub(super) numbers: Numbers,
    /// The queues that existed before the features were negotiated.
    pub(super) before: ExistingQueues,
    /// The queues that were set up.
    pub(super) set_up: ExistingQueues,
}

impl<F: FeatureSet> FeaturesOk<F> {
    pub(super) fn new(accepted: Accepted<F>, before: ExistingQueues) -> Self {
        let set_up = ExistingQueues::default();
        Self { accepted, numbers: Numbers::Specified, before, set_up }
    }
}

/// State: DRIVER_OK is set.
#[derive(Debug)]
pub struct Live<F: FeatureSet> {
    pub(super) accepted: Accepted<F>,
}

/// State: the reset at the end of the use of a device was requested and has not finished. The device may still use the memory
/// of its queues. Dropping it drops the transport, and leaks the memory of the queues.
#[derive(Debug)]
pub struct Ending;

/// A device of type `D` over the transport `T` in the state `S`.
///
/// ```text
/// take ─▶ Resetting ─▶ Reset ─▶ Acknowledged ─▶ Negotiating ─▶ FeaturesOk ─▶ Live ─▶ Ending ─▶ transport
///             │          │            │              │              │          │        │
///             └──────────┴────────────┴──────────────┴──────────────┴──────────┴────────┴──▶ FAILED, when dropped or
///                                                                                            after an error
/// ```
///
/// Each step consumes the previous state. A step that fails sets FAILED and returns the transport. Dropping a device sets FAILED
/// too, and drops the transport. On a bus that can, FAILED also ends the device's access to memory.
///
/// No step waits for the device, except those that take a [`Wait`](crate::Wait): a reset is requested by one write, and then
/// polled.
pub struct Device<T: Transport, D, S> {
    pub(super) transport: FailOnDrop<T>,
    pub(super) generation: Generation,
    pub(super) state: S,
    device: PhantomData<fn() -> D>,
}

impl<T: Transport, D: spec::Device> Device<T, D, Resetting> {
    /// Takes a device of type `D` and requests its reset, by one write.
    ///
    /// # Errors
    ///
    /// [`SetupError::WrongDevice`], [`SetupError::GenerationsExhausted`]. Nothing was written to the device.
    // conformance: construct core.status.3, core.init.1: every use of a device starts here, with a reset
    pub fn take(transport: T) -> Result<Self, SetupFailed<T>> {
        let (expected, found) = (D::ID, transport.device_id());
        if expected != found {
            return Err(SetupFailed { error: SetupError::WrongDevice { expected, found }, transport });
        }
        let Some(generation) = Generation::new() else {
            return Err(SetupFailed { error: SetupError::GenerationsExhausted, transport });
        };
        let mut transport = FailOnDrop::new(transport);
        transport.request_reset();
        Ok(Self { transport, generation, state: Resetting, device: PhantomData })
    }
}

impl<T: Transport, D: spec::Device> Device<T, D, Reset> {
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

    /// Returns the shared memory region. Returns `None` if the device does not have it, on the legacy interface, and over PCI if
    /// the region is not inside a memory BAR.
    ///
    /// Over PCI this probes the BAR: until it returns, the function decodes none of its BARs, so no other context may access the
    /// device meanwhile, for instance through a clone of [`config`](Self::config).
    pub fn shared_memory<R: SharedMemoryRegion<Device = D>>(&mut self, _region: R) -> Option<SharedMemory> {
        self.transport.shared_memory(R::ID)
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
    ///
    /// Call [`Device::check`] next. A device may refuse to work only now: Firecracker asks for a reset here unless every queue
    /// that it has was set up, see [`Device::park_unused_queues`].
    pub fn go_live(self) -> Device<T, D, Live<F>> {
        let accepted = self.state.accepted;
        // Orders the contents of the queues before the status that lets the device use them.
        dma_mb();
        self.with_status(Status::DRIVER_OK, Live { accepted })
    }

    /// Sets FAILED, and requests a reset of the device by one write. When it has finished, the memory of the queues can be
    /// released.
    pub fn abandon(mut self) -> Device<T, D, Ending> {
        self.transport.set(Status::FAILED);
        self.request_end()
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

    /// Reads the status, and checks that the device works. Call this after [`Device::go_live`], after each change of the
    /// configuration, and whenever the device does not return buffers. Other contexts have [`Config::check`].
    ///
    /// # Errors
    ///
    /// [`DeviceError::NeedsReset`], [`DeviceError::HostReset`], [`DeviceError::Gone`].
    pub fn check(&self) -> Result<(), DeviceError> {
        check_status(self.transport.status())
    }

    /// Requests a reset of the device by one write. When it has finished, the memory of the queues can be released.
    pub fn reset(self) -> Device<T, D, Ending> {
        self.request_end()
    }

    /// Ends the use of a device that can no longer access memory, without a reset: for a device that is gone.
    ///
    /// # Safety
    ///
    /// The device does not access memory any more: it was removed, or the IOMMU blocks it. A device whose reset was requested has the
    /// same method.
    pub unsafe fn assume_reset(self) -> (T, ResetProof) {
        // SAFETY: by the caller's promise.
        unsafe { self.with_state(Ending).assume_reset() }
    }
}

impl<T: Transport, D, S> Device<T, D, S> {
    /// Returns the interface that the device is driven through.
    pub fn interface(&self) -> Interface {
        self.transport.interface()
    }

    /// Returns the name of the transport, see [`Transport::name`].
    pub fn transport_name(&self) -> &'static str {
        self.transport.name()
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
