//! The life of a device ("Device Initialization", 3.1), as types.
//!
//! ```text
//! take ─▶ Reset ─▶ Acknowledged ─▶ Negotiating ─▶ FeaturesOk ─▶ Live ─▶ reset ─▶ the transport again
//!           │            │              │              │          │
//!           └────────────┴──────────────┴──────────────┴──────────┴──▶ FAILED, when dropped or on an error
//! ```

use core::fmt::{self, Debug, Formatter};
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering, fence};

use aerostat_spec::{self as spec, Accepted, Declaration, Feature, Interface, Queue, Settable, Wire, reserved};

use crate::config::{Config, ConfigError, InUse, Setup};
use crate::dma::Dma;
use crate::guard::Guard;
use crate::io::Io;
use crate::numbering::{Numbering, Numbers, last_optional};
use crate::queue::{BufferQueue, DeviceError, Events, Format, QueueError, QueueSize, Ring, VirtQueue, layout};
use crate::setup::{Offer, SetupError, SetupFailed};
use crate::status::Status;
use crate::transport::Transport;

/// How often the status is read until a reset has to be finished.
const RESET_READS: u32 = 1_000_000;

/// State: the device was reset.
#[derive(Debug)]
pub struct Reset;

/// State: ACKNOWLEDGE is set.
#[derive(Debug)]
pub struct Acknowledged;

/// State: DRIVER is set, and features can be negotiated.
#[derive(Debug)]
pub struct Negotiating;

/// State: the device has agreed to the features; queues and configuration can be set up.
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
    life: Life,
    state: S,
    device: PhantomData<fn() -> D>,
}

/// Names one life of one device, from reset to reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life(usize);

impl Life {
    fn begin() -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| next.checked_add(1)).ok().map(Self)
    }
}

/// Proof that a device was reset: what it held in the life that ended is the driver's again.
#[derive(Debug)]
pub struct ResetProof(Life);

impl ResetProof {
    pub(crate) fn ends(&self, life: Life) -> bool {
        self.0 == life
    }
}

impl<T: Transport, D: spec::Device> Device<T, D, Reset> {
    /// Takes a device of type `D` and resets it.
    ///
    /// # Errors
    ///
    /// [`SetupError::WrongDevice`], [`SetupError::ResetUnfinished`], [`SetupError::TooManyLives`].
    pub fn take(transport: T) -> Result<Self, SetupFailed<T>> {
        let (expected, found) = (D::ID, transport.device_id());
        if expected != found {
            return Err(SetupFailed { error: SetupError::WrongDevice { expected, found }, transport });
        }
        let Some(life) = Life::begin() else {
            return Err(SetupFailed { error: SetupError::TooManyLives, transport });
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
    /// Negotiates features by the levels of the declaration `F`, and VIRTIO_F_VERSION_1.
    ///
    /// # Errors
    ///
    /// [`SetupError::LegacyOnly`], [`SetupError::Negotiate`], [`SetupError::FeaturesRejected`].
    pub fn negotiate<F: Declaration>(self) -> Result<Device<T, D, FeaturesOk<F>>, SetupFailed<T>> {
        self.negotiate_within(|_offer| u64::MAX)
    }

    /// Negotiates like [`Device::negotiate`], and accepts only features of the mask that `usable` returns for what
    /// the device offers: for a driver that can use some features only together with others.
    ///
    /// # Errors
    ///
    /// As for [`Device::negotiate`]; a required feature outside the mask is
    /// [`Unsupported`](spec::NegotiateError::Unsupported).
    pub fn negotiate_within<F: Declaration>(
        mut self,
        usable: impl FnOnce(Offer) -> u64,
    ) -> Result<Device<T, D, FeaturesOk<F>>, SetupFailed<T>> {
        let offered = self.guard.offered();
        let config_bytes = self.guard.config().len();
        let version_1 = 1 << reserved::feature::Version1::BIT;
        if offered & version_1 == 0 {
            return Err(self.fail(SetupError::LegacyOnly));
        }
        // A device's own bits pass over every transport; of the reserved ones it says which.
        let supported =
            (self.guard.supported() | version_1 | !reserved_bits()) & usable(Offer { features: offered, config_bytes });
        let accepted = match Accepted::<F>::negotiate(offered, supported) {
            Ok(accepted) => accepted,
            Err(error) => return Err(self.fail(error.into())),
        };
        let bits = accepted.bits() | version_1;
        self.guard.accept(bits);
        let mut device = self.with_status(Status::FEATURES_OK, FeaturesOk { accepted, numbers: Numbers::Specified });
        if !device.guard.status().contains(Status::FEATURES_OK) {
            return Err(device.fail(SetupError::FeaturesRejected { accepted: bits }));
        }
        match device.guard.set_up_bus() {
            Ok(()) => Ok(device),
            Err(error) => Err(device.fail(error.into())),
        }
    }
}

impl<T: Transport, D: spec::Device, F: Declaration> Device<T, D, FeaturesOk<F>> {
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

    /// Sets up a queue of at least `least` and at most `K` descriptors in use, with memory from `dma`.
    ///
    /// # Errors
    ///
    /// [`QueueError`], and all memory is back. The device can be used on without the queue.
    pub fn queue<Q: Queue<Device = D>, const K: usize>(
        &mut self,
        _queue: Q,
        least: u16,
        dma: &mut impl Dma,
    ) -> Result<VirtQueue<T::Notifier, K>, QueueError> {
        let index = self.state.numbers.of(&Q::SPEC, D::QUEUES);
        let limit = self.guard.queue_limit(index)?;
        let wanted = u16::try_from(K).unwrap_or(u16::MAX);
        let accepted = &self.state.accepted;
        let format = if accepted.has(reserved::feature::RingPacked) { Format::Packed } else { Format::Split };
        let events = if accepted.has(reserved::feature::EventIdx) { Events::Index } else { Events::Flags };
        let most = limit.min(wanted);
        let size = match format {
            Format::Split => QueueSize::at_most(most),
            Format::Packed => QueueSize::packed(most.min(QueueSize::MAX.get())),
        };
        let size = size.ok_or(QueueError::Missing { queue: index })?;
        if size.get() < least {
            return Err(QueueError::TooSmall { queue: index, size: size.get(), needed: least });
        }
        let layout = Ring::layout(format, size);
        let memory = dma.alloc(layout).ok_or(QueueError::NoMemory { queue: index, bytes: layout.size() })?;
        let ring = Ring::new(format, memory, size, events);
        // Orders the zeroed ring before the registers that make it known.
        fence(Ordering::SeqCst);
        // SAFETY: the ring is zeroed memory with the layout of its size. It lives until the queue is released, which
        // takes the proof of a reset in this life.
        match unsafe { self.guard.enable_queue(index, size, &ring.addresses()) } {
            Ok(notifier) => Ok(VirtQueue::new(ring, index, notifier, self.life)),
            Err(error) => {
                dma.free(ring.into_memory());
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
        queue: Q,
        least: u16,
        each: usize,
        dma: &mut impl Dma,
    ) -> Result<BufferQueue<T::Notifier, K>, QueueError> {
        let no_memory =
            QueueError::NoMemory { queue: self.state.numbers.of(&Q::SPEC, D::QUEUES), bytes: each.saturating_mul(K) };
        let memory = layout(each, K).and_then(|layout| dma.alloc(layout)).ok_or(no_memory)?;
        match self.queue(queue, least, dma) {
            Ok(queue) => Ok(BufferQueue::new(queue, memory, each)),
            Err(error) => {
                dma.free(memory);
                Err(error)
            }
        }
    }

    /// Sets DRIVER_OK: from here on the device works, and may be notified.
    pub fn go_live(self) -> Device<T, D, Live<F>> {
        let accepted = self.state.accepted;
        // Orders what the queues hold already before the status that lets the device look at it.
        fence(Ordering::SeqCst);
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
            Ok(()) => Ok((transport, ResetProof(life))),
            Err(error) => Err(SetupFailed { error, transport }),
        }
    }
}

impl<T: Transport, D: spec::Device, F: Declaration> Device<T, D, Live<F>> {
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

    /// Resets the device and takes the transport back. Waits for the device, within a limit.
    ///
    /// # Errors
    ///
    /// [`SetupError::ResetUnfinished`] and the device, which still holds what it was lent.
    pub fn reset(self) -> Result<(T, ResetProof), (Self, SetupError)> {
        self.reset_within(RESET_READS)
    }

    /// Resets the device like [`Device::reset`], without waiting: for `Drop`, which must not block. Devices in software
    /// finish a reset at once.
    ///
    /// # Errors
    ///
    /// [`SetupError::ResetUnfinished`] and the device, which still holds what it was lent.
    pub fn reset_at_once(self) -> Result<(T, ResetProof), (Self, SetupError)> {
        self.reset_within(0)
    }

    fn reset_within(mut self, reads: u32) -> Result<(T, ResetProof), (Self, SetupError)> {
        self.guard.start_over();
        match reset(&mut *self.guard, reads) {
            Ok(()) => Ok((self.guard.release(), ResetProof(self.life))),
            Err(error) => Err((self, error)),
        }
    }
}

impl<T: Transport, D, S> Device<T, D, S> {
    /// The interface that the device is driven through.
    pub fn interface(&self) -> Interface {
        self.guard.interface()
    }

    pub(crate) fn life(&self) -> Life {
        self.life
    }

    fn with_status<N>(self, bit: Status, state: N) -> Device<T, D, N> {
        let Self { mut guard, life, .. } = self;
        guard.raise(bit);
        Device { guard, life, state, device: PhantomData }
    }

    fn fail(self, error: SetupError) -> SetupFailed<T> {
        SetupFailed { error, transport: self.guard.fail() }
    }
}

impl<T: Transport, D, S: Debug> Debug for Device<T, D, S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("life", &self.life).field("state", &self.state).finish_non_exhaustive()
    }
}

/// Resets the device and looks once, and then up to `reads` times more, whether it says that it is done.
fn reset(transport: &mut impl Transport, reads: u32) -> Result<(), SetupError> {
    transport.set_status(Status::RESET);
    let mut status = transport.status();
    for _ in 0..reads {
        if status == Status::RESET {
            break;
        }
        core::hint::spin_loop();
        status = transport.status();
    }
    // Orders the end of the reset before whatever is done with memory that the device had.
    fence(Ordering::SeqCst);
    if status == Status::RESET { Ok(()) } else { Err(SetupError::ResetUnfinished { status: status.0 }) }
}

/// The feature bits that belong to no device type ("Reserved Feature Bits", 6).
const fn reserved_bits() -> u64 {
    ((1 << 50) - 1) & !((1 << 24) - 1)
}
