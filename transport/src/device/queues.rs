//! Sets up the queues of a device.

use core::alloc::Layout;
use core::marker::PhantomData;

use aerostat_spec::{self as spec, FeatureSet, Queue, QueueSpec, reserved};

use crate::barrier::dma_mb;
use crate::bus::{InterfaceKind, QueueError, Transport};
use crate::device::fail_on_drop::FailOnDrop;
use crate::device::lifecycle::{Device, FeaturesOk};
use crate::device::numbering::{Evidence, Numbering, Numbers, exists, is_variable};
use crate::dma::{Addressing, Dma, DmaRegion, MapError};
use crate::queue::{BufferQueue, Disabled, QueueCore, QueueNeeds, QueueOps, RequestQueue, VirtQueue, buffers_layout};
use crate::ring::{Format, Indirect, IndirectTables, QueueLimit, QueueSize, Ring, RuleBounds, Rules};

// A function for each part that depends on fewer type parameters, so that it is compiled once. Those that return a queue are
// not inlined, because queues are large and kernel stacks are small: their frames would add up in the caller.
impl<T: Transport, D: spec::Device, F: FeatureSet> Device<T, D, FeaturesOk<F>> {
    /// Selects how the queues are numbered. Call it before the first queue is set up. Without a call, the numbers are those of
    /// the specification.
    ///
    /// [`Numbering::Automatic`] reads which queues exist: at most 16, about three registers each. It reads nothing if the numbers of
    /// the queues that the driver can use do not depend on the numbering.
    ///
    /// # Errors
    ///
    /// [`QueueError::AmbiguousNumbers`], [`QueueError::UnknownNumbers`] or [`QueueError::Gone`], and the numbers are unchanged.
    /// Only [`Numbering::Automatic`] can fail.
    pub fn number_queues(&mut self, numbering: Numbering) -> Result<(), QueueError> {
        let (offered, negotiated) = (self.state.accepted.offered(), self.state.accepted.bits());
        self.state.numbers = match numbering {
            Numbering::Specification => Numbers::Specified,
            Numbering::DenseOverOffered => Numbers::Dense(offered),
            Numbering::DenseOverNegotiated => Numbers::Dense(negotiated),
            Numbering::Automatic if !const { is_variable(D::QUEUES, D::COMPUTED_QUEUES, F::DECLARED) } => {
                Numbers::Specified
            }
            Numbering::Automatic => {
                let (queues, computed, before) = (D::QUEUES, D::COMPUTED_QUEUES, self.state.before);
                let after = self.transport.existing_queues(queues);
                if self.transport.status().is_gone() {
                    return Err(QueueError::Gone);
                }
                match const { D::COMPUTED_QUEUES.is_empty() } {
                    true => Evidence::<false> { queues, computed, offered, negotiated, before, after }.numbers()?,
                    false => Evidence::<true> { queues, computed, offered, negotiated, before, after }.numbers()?,
                }
            }
        };
        Ok(())
    }

    /// Sets up a queue with at most `K` descriptors in use. The memory of the ring comes from `dma`. `needs` is the
    /// least number of descriptors that the device's queue must have, or [`QueueNeeds`] with indirect tables.
    ///
    /// # Errors
    ///
    /// [`QueueError`], and all memory is freed. The device can be used without the queue.
    pub fn queue<Q: Queue<Device = D>, const K: usize>(
        &mut self,
        queue: Q,
        needs: impl Into<QueueNeeds>,
        dma: &mut impl Dma,
    ) -> Result<VirtQueue<T::Notifier, K>, QueueError> {
        let needs = needs.into().within::<Q::Buffers>();
        self.virt_queue(self.number(&queue.spec(), const { &Q::SPEC })?, needs, dma)
    }

    /// Sets up a queue like [`Device::queue`] that owns the memory of its `K` buffers, `each` bytes long. For the requests of the
    /// description, see [`Device::request_queue`]. `needs` is as there.
    ///
    /// # Errors
    ///
    /// [`QueueError`], and all memory is freed. The device can be used without the queue.
    pub fn buffer_queue<Q: Queue<Device = D>, const K: usize>(
        &mut self,
        queue: Q,
        needs: impl Into<QueueNeeds>,
        each: usize,
        dma: &mut impl Dma,
    ) -> Result<BufferQueue<T::Notifier, K, Disabled, Q::Buffers>, QueueError> {
        self.queue_with_buffers(self.number(&queue.spec(), const { &Q::SPEC })?, needs.into(), each, dma)
    }

    /// Sets up a queue like [`Device::buffer_queue`] that sends the requests which the description names for this queue. A buffer
    /// has `each` bytes for a request and its answer. `needs` is the least number of descriptors that the device's
    /// queue must have, for instance 2, because a request with an answer takes two: [`QueueError::TooSmall`] if it has fewer. With
    /// fewer than `K`, fewer requests can be in flight.
    ///
    /// # Errors
    ///
    /// [`QueueError`], and all memory is freed. The device can be used without the queue.
    pub fn request_queue<Q: Queue<Device = D>, const K: usize>(
        &mut self,
        queue: Q,
        needs: impl Into<QueueNeeds>,
        each: usize,
        dma: &mut impl Dma,
    ) -> Result<RequestQueue<Q, T::Notifier, K>, QueueError> {
        self.queue_with_buffers(self.number(&queue.spec(), const { &Q::SPEC })?, needs.into(), each, dma)
    }

    /// Returns the kind of addresses that the device uses. With VIRTIO_F_ACCESS_PLATFORM, `dma` must be of the domain of the
    /// [transport](Transport::domain).
    ///
    /// # Errors
    ///
    /// [`QueueError::OtherDomain`]
    pub fn addressing(&self, dma: &impl Dma) -> Result<Addressing, QueueError> {
        if !self.state.accepted.has(reserved::feature::AccessPlatform) {
            return Ok(Addressing::Physical);
        }
        let addressing = Addressing::Platform(self.transport.domain());
        addressing.check(dma).map_err(|_| QueueError::OtherDomain)?;
        Ok(addressing)
    }

    /// Returns the number of a queue if its feature was negotiated. The check is needed because the caller's proof may be that of
    /// another device.
    ///
    /// `described` is the queue in the description, and `queue` the one with its computed index.
    fn number(&self, queue: &QueueSpec, described: &'static QueueSpec) -> Result<u16, QueueError> {
        if !exists(described, self.state.accepted.bits()) {
            return Err(QueueError::NotNegotiated { queue: described });
        }
        match const { D::COMPUTED_QUEUES.is_empty() } {
            true => Ok(self.state.numbers.of(queue, D::QUEUES)),
            false => Ok(self.state.numbers.among(queue, D::QUEUES, D::COMPUTED_QUEUES)),
        }
    }

    #[inline(never)]
    fn virt_queue<const K: usize>(
        &mut self,
        queue: u16,
        needs: QueueNeeds,
        dma: &mut impl Dma,
    ) -> Result<VirtQueue<T::Notifier, K>, QueueError> {
        let most = u16::try_from(K).unwrap_or(u16::MAX);
        let (core, notifier) = self.ring(queue, most, needs, dma)?;
        Ok(VirtQueue::new(core, notifier))
    }

    #[inline(never)]
    fn queue_with_buffers<const K: usize, B>(
        &mut self,
        queue: u16,
        needs: QueueNeeds,
        each: usize,
        dma: &mut impl Dma,
    ) -> Result<BufferQueue<T::Notifier, K, Disabled, B>, QueueError> {
        let addressing = self.addressing(dma)?;
        let bytes = each.saturating_mul(K);
        let memory = allocate(queue, buffers_layout(each, K), bytes, dma, addressing)?;
        match self.virt_queue(queue, needs, dma) {
            Ok(queue) => Ok(BufferQueue::new(queue, memory, each)),
            Err(error) => {
                // It is in the domain of `dma`.
                let _ = memory.release(dma);
                Err(error)
            }
        }
    }

    /// Allocates a ring and enables the queue. The driver uses at most `most` descriptors of the ring.
    #[inline(never)]
    fn ring(
        &mut self,
        queue: u16,
        most: u16,
        needs: QueueNeeds,
        dma: &mut impl Dma,
    ) -> Result<(QueueCore, T::Notifier), QueueError> {
        let addressing = self.addressing(dma)?;
        let rules = self.rules();
        let size = ring_size(queue, self.transport.limit_of(queue)?, rules.format, most)?;
        let usable = size.get().min(most);
        if usable < needs.descriptors {
            return Err(QueueError::TooSmall { queue, size: usable, needed: needs.descriptors });
        }
        let (layout, tables) = ring_layout(rules, size, usable, needs.table_entries);
        let memory = allocate(queue, Some(layout), layout.size(), dma, addressing)?;
        let ring = Ring::new::<Bounds<T, F>>(rules, memory, size);
        match self.enable_ring(queue, &ring) {
            Ok(notifier) => {
                self.state.set_up.insert(queue);
                let ops = QueueOps::within::<Bounds<T, F>>();
                Ok((QueueCore::new(ring, ops, tables, needs.directions, queue, self.generation), notifier))
            }
            Err(error) => {
                // It is in the domain of `dma`.
                let _ = ring.into_memory().release(dma);
                Err(error)
            }
        }
    }

    /// Returns the rules of the device's rings.
    pub(super) fn rules(&self) -> Rules {
        Rules::of(self.transport.interface(), &self.state.accepted).within::<Bounds<T, F>>()
    }

    fn enable_ring(&mut self, queue: u16, ring: &Ring) -> Result<T::Notifier, QueueError> {
        // Orders the zeroed ring before the register writes that give its address to the device.
        dma_mb();
        // SAFETY: the ring is new and has the layout of its size. Its memory stays allocated until the queue is released, which
        // takes proof of a reset in this generation.
        unsafe { self.transport.enable_queue(queue, ring.size(), &ring.addresses::<Bounds<T, F>>()) }
    }
}

impl<T: Transport> FailOnDrop<T> {
    /// Returns the sizes that the device allows for a queue. Recognises a device that is gone.
    pub(super) fn limit_of(&mut self, queue: u16) -> Result<QueueLimit, QueueError> {
        match self.queue_limit(queue) {
            Err(_) if self.status().is_gone() => Err(QueueError::Gone),
            limit => limit,
        }
    }
}

/// Allocates `bytes` bytes for a queue. Fails like an allocation if there is no layout for them.
#[inline(never)]
fn allocate(
    queue: u16,
    layout: Option<Layout>,
    bytes: usize,
    dma: &mut impl Dma,
    addressing: Addressing,
) -> Result<DmaRegion, QueueError> {
    let layout = layout.ok_or(MapError::Failed { bytes });
    let memory = layout.and_then(|layout| DmaRegion::allocate(dma, layout, addressing));
    memory.map_err(|error| QueueError::of_mapping(queue, bytes, error))
}

/// The bounds of the rules of a ring over the transport `T`, for a driver that declares the features `F`.
pub(super) struct Bounds<T, F>(PhantomData<(T, F)>);

impl<T: Transport, F: FeatureSet> RuleBounds for Bounds<T, F> {
    const FEATURES: u64 = F::DECLARED;
    const LEGACY: bool = <T::InterfaceKind as InterfaceKind>::MAY_BE_LEGACY;
}

/// Returns the size of a ring with at most `most` descriptors, if the device lets the driver choose.
fn ring_size(queue: u16, limit: QueueLimit, format: Format, most: u16) -> Result<QueueSize, QueueError> {
    match (limit, format) {
        (QueueLimit::Exactly(size), _) => QueueSize::new(size).ok_or(QueueError::Size { queue, size }),
        (QueueLimit::AtMost(limit), Format::Split) => {
            QueueSize::at_most(limit.min(most)).ok_or(QueueError::Missing { queue })
        }
        (QueueLimit::AtMost(limit), Format::Packed) => {
            let size = limit.min(most).min(QueueSize::MAX.get());
            QueueSize::packed(size).ok_or(QueueError::Missing { queue })
        }
    }
}

/// Returns the layout of a ring and, where they are of use, the indirect tables behind it.
fn ring_layout(rules: Rules, size: QueueSize, usable: u16, entries: u16) -> (Layout, Option<IndirectTables>) {
    let ring = Ring::layout(rules, size);
    // A buffer has at most as many elements as its queue has descriptors ("Indirect Descriptors", 2.7.5.3.1).
    let both = match (rules.indirect, entries.min(size.get())) {
        (Indirect::Allowed, entries @ 2..) => IndirectTables::behind(ring, usable.into(), entries),
        _ => None,
    };
    both.map_or((ring, None), |(both, tables)| (both, Some(tables)))
}
