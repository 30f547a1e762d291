//! Queues that a driver does not use, and that the device wants to be set up all the same.

use core::alloc::Layout;

use aerostat_spec::{self as spec, FeatureSet, Interface};

use crate::barrier::dma_mb;
use crate::bus::{QueueError, Transport};
use crate::device::lifecycle::{Device, FeaturesOk};
use crate::device::queues::Bounds;
use crate::dma::{DeviceAddress, Dma, DmaRegion};
use crate::queue::{Generation, ResetProof};
use crate::ring::{QueueSize, Ring};

/// The queues that are considered at most.
const MAX_QUEUES: u16 = 16;

/// The memory of the queues that [`Device::park_unused_queues`] has set up.
///
/// Dropping it leaks the memory, because the device may still use it.
#[derive(Debug)]
#[must_use = "dropping the queues leaks their memory; free it with `ParkedQueues::release`"]
pub struct ParkedQueues {
    memory: Option<DmaRegion>,
    generation: Generation,
    /// One bit for each queue.
    queues: u16,
}

impl ParkedQueues {
    /// Returns the numbers of the queues.
    pub fn numbers(&self) -> impl Iterator<Item = u16> {
        let queues = self.queues;
        (0..MAX_QUEUES).filter(move |queue| queues >> queue & 1 != 0)
    }

    /// Frees the memory after a reset of the device.
    ///
    /// # Errors
    ///
    /// The queues, unchanged, if the proof is for another device or for another reset of this one, or if `dma` belongs to another
    /// domain than the memory.
    pub fn release(self, proof: &ResetProof, dma: &mut impl Dma) -> Result<(), Self> {
        let Self { memory, generation, queues } = self;
        if !proof.ends(generation) {
            return Err(Self { memory, generation, queues });
        }
        let Some(memory) = memory else { return Ok(()) };
        memory.release(dma).map_err(|memory| Self { memory: Some(memory), generation, queues })
    }
}

impl<T: Transport, D: spec::Device, F: FeatureSet> Device<T, D, FeaturesOk<F>> {
    /// Sets up every queue with a number below 16 that the device has and that was not set up: with the smallest ring, and
    /// without buffers. Call it after the queues that the driver uses were set up. The memory of all rings is one region of
    /// `dma`.
    ///
    /// This is for a device that works only if all of its queues are set up: Firecracker sets DEVICE_NEEDS_RESET after DRIVER_OK
    /// otherwise. Do not call it for other devices: crosvm does not work if a queue is set up whose feature was not negotiated. A
    /// driver tries without it, and uses it if [`Device::check`] returns [`NeedsReset`](crate::DeviceError::NeedsReset) right after
    /// [`Device::go_live`].
    ///
    /// A queue that the device does not let the driver set up is left out. On the legacy interface no queue is set up.
    ///
    /// # Errors
    ///
    /// [`QueueError::NoMemory`], [`QueueError::OtherDomain`] or [`QueueError::Gone`], and no queue was set up.
    pub fn park_unused_queues(&mut self, dma: &mut impl Dma) -> Result<ParkedQueues, QueueError> {
        let mut parked = ParkedQueues { memory: None, generation: self.generation, queues: 0 };
        let unused = self.unused_queues()?;
        if unused == 0 {
            return Ok(parked);
        }
        let (rules, addressing) = (self.rules(), self.addressing(dma)?);
        let ring = Ring::layout(rules, QueueSize::MIN).pad_to_align();
        let bytes = ring.size().saturating_mul(unused.count_ones() as usize);
        let layout = Layout::from_size_align(bytes, ring.align()).ok();
        // The domain was checked, and the queues that the driver uses were mapped before.
        let memory = layout.and_then(|layout| DmaRegion::allocate(dma, layout, addressing).ok());
        let mut memory = memory.ok_or(QueueError::NoMemory { queue: unused.trailing_zeros() as u16, bytes })?;
        memory.zero();
        // Orders the zeroed rings before the register writes that give their addresses to the device.
        dma_mb();
        let mut start = memory.device_address().0;
        for queue in (0..MAX_QUEUES).filter(|queue| unused >> queue & 1 != 0) {
            let addresses = Ring::addresses_at::<Bounds<T, F>>(rules, QueueSize::MIN, DeviceAddress(start));
            // SAFETY: the memory has a zeroed ring of this size for each queue. It stays allocated until the queues are released,
            // which takes proof of a reset in this generation.
            if unsafe { self.transport.enable_queue(queue, QueueSize::MIN, &addresses) }.is_ok() {
                parked.queues |= 1 << queue;
                self.state.set_up.insert(queue);
            }
            start = start.wrapping_add(ring.size() as u64);
        }
        parked.memory = Some(memory);
        Ok(parked)
    }

    /// Returns the queues that the device has and that were not set up, as a mask. None on the legacy interface.
    fn unused_queues(&mut self) -> Result<u16, QueueError> {
        let mut unused = 0;
        if self.transport.interface() == Interface::Legacy {
            return Ok(unused);
        }
        for queue in (0..MAX_QUEUES).filter(|queue| !self.state.set_up.contains(*queue)) {
            match self.transport.limit_of(queue) {
                Ok(_) => unused |= 1 << queue,
                Err(QueueError::Gone) => return Err(QueueError::Gone),
                // The device does not have the queue.
                Err(_) => {}
            }
        }
        Ok(unused)
    }
}
