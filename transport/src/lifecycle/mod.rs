//! The life of a device ("Device Initialization", 3.1), as types.
//!
//! ```text
//! take ─▶ Reset ─▶ Acknowledged ─▶ Negotiating ─▶ FeaturesOk ─▶ Live ─▶ reset ─▶ the transport again
//!           │            │              │              │          │
//!           └────────────┴──────────────┴──────────────┴──────────┴──▶ FAILED, when dropped or on an error
//! ```

mod reset;

use core::fmt::{self, Debug, Formatter};
use core::marker::PhantomData;

use aerostat_spec::{
    self as spec, Accepted, Feature, FeatureSet, Interface, Queue, QueueSpec, Settable, Wire, reserved,
};

pub(crate) use self::reset::Generation;
pub use self::reset::ResetProof;
use self::reset::{RESET_READS, reset};
use crate::barrier::for_devices;
use crate::config::{Config, ConfigError, InUse, Setup};
use crate::dma::{Addressing, Dma, DmaRegion};
use crate::guard::Guard;
use crate::interface::FeatureBits;
use crate::io::Io;
use crate::numbering::{Numbering, Numbers, last_optional};
use crate::queue::{
    BufferQueue, DeviceError, Fixed, Format, Indirect, QueueError, QueueLimit, QueueNeeds, QueueSize, Ring, Rules,
    Tables, VirtQueue, layout,
};
use crate::setup::{Offer, SetupError, SetupFailed};
use crate::status::Status;
use crate::transport::Transport;

/// State: the device was reset.
#[derive(Debug)]
pub struct Reset;

/// State: ACKNOWLEDGE is set.
#[derive(Debug)]
pub struct Acknowledged;

/// State: DRIVER is set, and features can be negotiated.
#[derive(Debug)]
pub struct Negotiating;

/// State: driver and device agree on the features (FEATURES_OK, a step that the legacy interface does not have); queues and
/// configuration can be set up.
#[derive(Debug)]
pub struct FeaturesOk<F> {
    accepted: Accepted<F>,
    numbers: Numbers,
}

/// State: DRIVER_OK is set.
#[derive(Debug)]
pub struct Live<F> {
    accepted: Accepted<F>,
}

/// A device of type `D`, reached through `T`, in the state `S`.
///
/// Every step consumes the last. A step that fails sets FAILED and gives the transport back; so does dropping the
/// device, except that the transport is dropped too.
pub struct Device<T: Transport, D, S> {
    guard: Guard<T>,
    life: Generation,
    state: S,
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
        let Some(life) = Generation::begin() else {
            return Err(SetupFailed { error: SetupError::GenerationsExhausted, transport });
        };
        let mut guard = Guard::new(transport);
        match reset(&mut *guard, RESET_READS) {
            Ok(()) => Ok(Self { guard, life, state: Reset, device: PhantomData }),
            Err(error) => Err(SetupFailed { error, transport: guard.fail() }),
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

impl<T: Transport, D: spec::Device> Device<T, D, Negotiating> {
    /// Negotiates features by the levels of the declaration `F`, and VIRTIO_F_VERSION_1; on the legacy interface
    /// VIRTIO_F_ANY_LAYOUT in its place.
    ///
    /// # Errors
    ///
    /// [`SetupError::LegacyOnly`], [`SetupError::Negotiate`], [`SetupError::FeaturesRejected`].
    pub fn negotiate<F: FeatureSet>(self) -> Result<Device<T, D, FeaturesOk<F>>, SetupFailed<T>> {
        self.negotiate_within(|_offer| u64::MAX)
    }

    /// Negotiates like [`Device::negotiate`], and accepts only features of the mask that `usable` returns for what
    /// the device offers: for a driver that can use some features only together with others.
    ///
    /// # Errors
    ///
    /// As for [`Device::negotiate`]; a required feature outside the mask is
    /// [`Unsupported`](spec::NegotiateError::Unsupported).
    pub fn negotiate_within<F: FeatureSet>(
        mut self,
        usable: impl FnOnce(Offer) -> u64,
    ) -> Result<Device<T, D, FeaturesOk<F>>, SetupFailed<T>> {
        match self.guard.negotiate(usable) {
            Ok(accepted) => Ok(self.with_state(FeaturesOk { accepted, numbers: Numbers::Specified })),
            Err(error) => Err(SetupFailed { error, transport: self.guard.fail() }),
        }
    }
}

impl<T: Transport> Guard<T> {
    /// What [`Device::negotiate_within`] does to the device.
    fn negotiate<F: FeatureSet>(&mut self, usable: impl FnOnce(Offer) -> u64) -> Result<Accepted<F>, SetupError> {
        let offered = self.offered().into();
        let config_bytes = self.config().len();
        let interface = self.interface();
        let always = match interface {
            Interface::Modern => 1 << reserved::feature::Version1::BIT,
            Interface::Legacy => offered & 1 << reserved::feature::AnyLayout::BIT,
        };
        if offered & always != always {
            return Err(SetupError::LegacyOnly);
        }
        // A device's own bits pass over every transport; of the reserved ones it says which.
        let supported =
            (self.supported() | always | !reserved_bits()) & usable(Offer { features: offered, config_bytes });
        let accepted = Accepted::<F>::negotiate(offered, supported)?;
        let bits = accepted.bits() | always;
        self.accept(FeatureBits::truncate(bits));
        if interface == Interface::Modern {
            self.raise(Status::FEATURES_OK);
            if !self.status().contains(Status::FEATURES_OK) {
                return Err(SetupError::FeaturesRejected { accepted: bits });
            }
        }
        self.set_up_bus()?;
        Ok(accepted)
    }
}

impl<T: Transport, D: spec::Device, F: FeatureSet> Device<T, D, FeaturesOk<F>> {
    /// The outcome of the negotiation.
    pub fn accepted(&self) -> &Accepted<F> {
        &self.state.accepted
    }

    /// The configuration space, for reading.
    pub fn config(&self) -> Config<T::Config, D::Config, Setup> {
        Config::new(self.guard.config(), self.guard.interface())
    }

    /// Writes a field of the configuration space that may be written before the device is live.
    ///
    /// # Errors
    ///
    /// [`ConfigError::TooSmall`] where the device's configuration space ends before the field.
    pub fn set<X>(&self, field: X, value: <X::Wire as Wire>::Value) -> Result<(), ConfigError>
    where
        X: Settable<Block = D::Config>,
    {
        self.config().store(field, value)
    }

    /// Decides how the queues are numbered. As the specification says, unless this is called.
    pub fn number_queues(&mut self, numbering: Numbering) {
        let accepted = &self.state.accepted;
        let (offered, negotiated) = (Numbers::Dense(accepted.offered()), Numbers::Dense(accepted.bits()));
        self.state.numbers = match numbering {
            Numbering::Specification => Numbers::Specified,
            Numbering::DenseOverOffered => offered,
            Numbering::DenseOverNegotiated => negotiated,
            Numbering::Automatic => match last_optional(D::QUEUES, accepted.bits()) {
                Some(last) if self.guard.queue_limit(last.index) == Err(QueueError::Missing { queue: last.index }) => {
                    offered
                }
                _ => Numbers::Specified,
            },
        };
    }

    /// Sets up a queue with at most `K` descriptors in use, and at least as many as it needs, with memory from `dma`.
    ///
    /// # Errors
    ///
    /// [`QueueError`], and all memory is back. The device can be used on without the queue.
    pub fn queue<Q: Queue<Device = D>, const K: usize>(
        &mut self,
        _queue: Q,
        needs: impl Into<QueueNeeds>,
        dma: &mut impl Dma,
    ) -> Result<VirtQueue<T::Notifier, K>, QueueError> {
        self.queue_of(self.number(&Q::SPEC), needs.into(), dma)
    }

    fn number(&self, queue: &QueueSpec) -> u16 {
        self.state.numbers.of(queue, D::QUEUES)
    }

    // Here, as below, what does not depend on all parameters is a function of its own, to be there once. None is inlined where
    // queues are large, so that their frames do not add up: a kernel's stack is small.
    #[inline(never)]
    fn queue_of<const K: usize>(
        &mut self,
        queue: u16,
        needs: QueueNeeds,
        dma: &mut impl Dma,
    ) -> Result<VirtQueue<T::Notifier, K>, QueueError> {
        let wanted = u16::try_from(K).unwrap_or(u16::MAX);
        let (fixed, notifier) = self.ring(queue, wanted, needs, dma)?;
        Ok(VirtQueue::new(fixed, notifier))
    }

    #[inline(never)]
    fn ring(
        &mut self,
        queue: u16,
        wanted: u16,
        needs: QueueNeeds,
        dma: &mut impl Dma,
    ) -> Result<(Fixed, T::Notifier), QueueError> {
        let rules = Rules::of(self.guard.interface(), &self.state.accepted);
        let size = match (self.guard.queue_limit(queue)?, rules.format) {
            (QueueLimit::Exactly(size), _) => QueueSize::new(size).ok_or(QueueError::Size { queue, size })?,
            (QueueLimit::AtMost(limit), Format::Split) => {
                QueueSize::at_most(limit.min(wanted)).ok_or(QueueError::Missing { queue })?
            }
            (QueueLimit::AtMost(limit), Format::Packed) => {
                let most = limit.min(wanted).min(QueueSize::MAX.get());
                QueueSize::packed(most).ok_or(QueueError::Missing { queue })?
            }
        };
        let usable = size.get().min(wanted);
        if usable < needs.least {
            return Err(QueueError::TooSmall { queue, size: usable, needed: needs.least });
        }
        let layout = Ring::layout(rules, size);
        // No buffer has more elements than its queue has descriptors ("Indirect Descriptors", 2.7.5.3.1).
        let tables = match (rules.indirect, needs.entries.min(size.get())) {
            (Indirect::Allowed, entries @ 2..) => Tables::behind(layout, usable.into(), entries),
            _ => None,
        };
        let (layout, tables) = tables.map_or((layout, None), |(both, tables)| (both, Some(tables)));
        let memory = DmaRegion::allocate(dma, layout, Addressing::of(&self.state.accepted));
        let memory = memory.ok_or(QueueError::NoMemory { queue, bytes: layout.size() })?;
        let ring = Ring::new(rules, memory, size);
        // Orders the zeroed ring before the registers that make it known.
        for_devices();
        // SAFETY: the ring is fresh, with the layout of its size. It lives until the queue is released, which takes the
        // proof of a reset in this life.
        match unsafe { self.guard.enable_queue(queue, size, &ring.addresses()) } {
            Ok(notifier) => Ok((Fixed::new(ring, tables, queue, self.life), notifier)),
            Err(error) => {
                ring.into_memory().release(dma);
                Err(error)
            }
        }
    }

    /// Sets up a queue like [`Device::queue`] that owns the memory of its buffers, `each` bytes for each of the `K`.
    ///
    /// # Errors
    ///
    /// [`QueueError`], and all memory is back. The device can be used on without the queue.
    pub fn buffer_queue<Q: Queue<Device = D>, const K: usize>(
        &mut self,
        _queue: Q,
        needs: impl Into<QueueNeeds>,
        each: usize,
        dma: &mut impl Dma,
    ) -> Result<BufferQueue<T::Notifier, K>, QueueError> {
        self.buffer_queue_of(self.number(&Q::SPEC), needs.into(), each, dma)
    }

    #[inline(never)]
    fn buffer_queue_of<const K: usize>(
        &mut self,
        queue: u16,
        needs: QueueNeeds,
        each: usize,
        dma: &mut impl Dma,
    ) -> Result<BufferQueue<T::Notifier, K>, QueueError> {
        let addressing = Addressing::of(&self.state.accepted);
        let memory = layout(each, K).and_then(|layout| DmaRegion::allocate(dma, layout, addressing));
        let memory = memory.ok_or(QueueError::NoMemory { queue, bytes: each.saturating_mul(K) })?;
        match self.queue_of(queue, needs, dma) {
            Ok(queue) => Ok(BufferQueue::new(queue, memory, each)),
            Err(error) => {
                memory.release(dma);
                Err(error)
            }
        }
    }

    /// Sets DRIVER_OK: from here on the device works, and may be notified.
    pub fn go_live(self) -> Device<T, D, Live<F>> {
        let accepted = self.state.accepted;
        // Orders what the queues hold already before the status that lets the device look at it.
        for_devices();
        self.with_status(Status::DRIVER_OK, Live { accepted })
    }

    /// Gives up: sets FAILED, then resets the device so that the memory of its queues can be released.
    ///
    /// # Errors
    ///
    /// [`SetupError::ResetUnfinished`]: memory that the device knows of stays with it.
    pub fn abandon(self) -> Result<(T, ResetProof), SetupFailed<T>> {
        let life = self.life;
        let mut transport = self.guard.fail();
        match reset(&mut transport, RESET_READS) {
            Ok(()) => Ok((transport, ResetProof::of(life))),
            Err(error) => Err(SetupFailed { error, transport }),
        }
    }
}

impl<T: Transport, D: spec::Device, F: FeatureSet> Device<T, D, Live<F>> {
    /// The outcome of the negotiation.
    pub fn accepted(&self) -> &Accepted<F> {
        &self.state.accepted
    }

    /// The configuration space, for reading and for what may be written at any time.
    pub fn config(&self) -> Config<T::Config, D::Config, InUse> {
        Config::new(self.guard.config(), self.guard.interface())
    }

    /// The interrupt side.
    pub fn interrupt(&self) -> T::Interrupt {
        self.guard.interrupt()
    }

    /// Looks whether the device has to be reset, as one should whenever the configuration has changed.
    ///
    /// # Errors
    ///
    /// [`DeviceError::NeedsReset`]
    pub fn check(&self) -> Result<(), DeviceError> {
        match self.guard.status().contains(Status::NEEDS_RESET) {
            true => Err(DeviceError::NeedsReset),
            false => Ok(()),
        }
    }
}

impl<T: Transport, D, S> Device<T, D, S> {
    /// The interface that the device is driven through.
    pub fn interface(&self) -> Interface {
        self.guard.interface()
    }

    pub(crate) fn life(&self) -> Generation {
        self.life
    }

    fn with_status<N>(mut self, bit: Status, state: N) -> Device<T, D, N> {
        self.guard.raise(bit);
        self.with_state(state)
    }

    fn with_state<N>(self, state: N) -> Device<T, D, N> {
        let Self { guard, life, .. } = self;
        Device { guard, life, state, device: PhantomData }
    }
}

impl<T: Transport, D, S: Debug> Debug for Device<T, D, S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("life", &self.life).field("state", &self.state).finish_non_exhaustive()
    }
}

/// The feature bits that belong to no device type ("Reserved Feature Bits", 6).
const fn reserved_bits() -> u64 {
    ((1 << 50) - 1) & !((1 << 24) - 1)
}
