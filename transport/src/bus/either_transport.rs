//! Implements the traits of transports for [`Either`].

use aerostat_spec::{DeviceId, Interface};

use crate::bus::config_io::ConfigIo;
use crate::bus::either::Either;
use crate::bus::error::{BusError, QueueError};
use crate::bus::interface::FeatureBits;
use crate::bus::interrupt::{InterruptSource, InterruptStatus};
use crate::bus::notifier::Notifier;
use crate::bus::shared_memory::SharedMemory;
use crate::bus::status::Status;
use crate::bus::transport::{BusMaster, QueueReset, Transport};
use crate::dma::DmaDomain;
use crate::io::Io;
use crate::ring::{QueueLimit, QueueSize, RingAddresses, RingPosition};

macro_rules! either {
    ($self:expr, $it:ident => $do:expr) => {
        match $self {
            Either::First($it) => $do,
            Either::Second($it) => $do,
        }
    };
}

// SAFETY: every method forwards to a transport that keeps the contract.
unsafe impl<A: Transport, B: Transport> Transport for Either<A, B> {
    type InterfaceKind = Either<A::InterfaceKind, B::InterfaceKind>;
    type Notifier = Either<A::Notifier, B::Notifier>;
    type Interrupt = Either<A::Interrupt, B::Interrupt>;
    type Config = Either<A::Config, B::Config>;

    fn interface(&self) -> Interface {
        either!(self, it => it.interface())
    }

    fn name(&self) -> &'static str {
        either!(self, it => it.name())
    }

    fn device_id(&self) -> DeviceId {
        either!(self, it => it.device_id())
    }

    fn status(&self) -> Status {
        either!(self, it => it.status())
    }

    fn set_status(&mut self, status: Status) {
        either!(self, it => it.set_status(status));
    }

    fn offered(&mut self) -> u64 {
        either!(self, it => it.offered().into())
    }

    fn accept(&mut self, features: u64) {
        // Only offered bits are accepted, and those fit into the word of the transport.
        either!(self, it => it.accept(FeatureBits::truncate(features)));
    }

    fn offered_high(&mut self) -> Option<u64> {
        either!(self, it => it.offered_high())
    }

    fn accept_high(&mut self, features: u64) {
        either!(self, it => it.accept_high(features));
    }

    fn shared_memory(&mut self, id: u8) -> Option<SharedMemory> {
        either!(self, it => it.shared_memory(id))
    }

    fn supported(&self) -> u64 {
        either!(self, it => it.supported())
    }

    fn set_up_bus(&mut self) -> Result<(), BusError> {
        either!(self, it => it.set_up_bus())
    }

    fn queue_limit(&mut self, queue: u16) -> Result<QueueLimit, QueueError> {
        either!(self, it => it.queue_limit(queue))
    }

    unsafe fn enable_queue(
        &mut self,
        queue: u16,
        size: QueueSize,
        ring: &RingAddresses,
    ) -> Result<Self::Notifier, QueueError> {
        match self {
            // SAFETY: by the caller's promise.
            Self::First(it) => unsafe { it.enable_queue(queue, size, ring) }.map(Either::First),
            // SAFETY: by the caller's promise.
            Self::Second(it) => unsafe { it.enable_queue(queue, size, ring) }.map(Either::Second),
        }
    }

    fn request_queue_reset(&mut self, queue: u16) {
        either!(self, it => it.request_queue_reset(queue));
    }

    fn is_queue_reset(&mut self, queue: u16) -> bool {
        either!(self, it => it.is_queue_reset(queue))
    }

    fn set_bus_master(&mut self, bus_master: BusMaster) {
        either!(self, it => it.set_bus_master(bus_master));
    }

    fn domain(&self) -> DmaDomain {
        either!(self, it => it.domain())
    }

    fn config(&self) -> Self::Config {
        match self {
            Self::First(it) => Either::First(it.config()),
            Self::Second(it) => Either::Second(it.config()),
        }
    }

    fn interrupt(&self) -> Self::Interrupt {
        match self {
            Self::First(it) => Either::First(it.interrupt()),
            Self::Second(it) => Either::Second(it.interrupt()),
        }
    }
}

impl<A: Transport, B: Transport> QueueReset for Either<A, B> {}

impl<A: Notifier, B: Notifier> Notifier for Either<A, B> {
    fn notify(&self, next: RingPosition) {
        either!(self, it => it.notify(next));
    }
}

impl<A: InterruptSource, B: InterruptSource> InterruptSource for Either<A, B> {
    fn acknowledge(&self) -> InterruptStatus {
        either!(self, it => it.acknowledge())
    }
}

impl<A: ConfigIo, B: ConfigIo> ConfigIo for Either<A, B> {
    fn generation(&self) -> Option<u32> {
        either!(self, it => it.generation())
    }

    fn status(&self) -> Status {
        either!(self, it => it.status())
    }
}

// SAFETY: every access is forwarded to a block that keeps the contract.
unsafe impl<A: Io, B: Io> Io for Either<A, B> {
    fn domain(&self) -> DmaDomain {
        either!(self, it => it.domain())
    }

    fn len(&self) -> usize {
        either!(self, it => it.len())
    }

    fn read8(&self, offset: usize) -> u8 {
        either!(self, it => it.read8(offset))
    }

    fn read16(&self, offset: usize) -> u16 {
        either!(self, it => it.read16(offset))
    }

    fn read32(&self, offset: usize) -> u32 {
        either!(self, it => it.read32(offset))
    }

    fn write8(&self, offset: usize, value: u8) {
        either!(self, it => it.write8(offset, value));
    }

    fn write16(&self, offset: usize, value: u16) {
        either!(self, it => it.write16(offset, value));
    }

    fn write32(&self, offset: usize, value: u32) {
        either!(self, it => it.write32(offset, value));
    }
}
