//! One virtqueue and its set-up by the driver (4.2.3.2).

use super::super::numbering::QueueKind;
use super::super::ring::Ring;
use crate::memory::Bus;

/// The progress of a reset of one queue (RING_RESET).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum QueueReset {
    /// The driver has not reset the queue.
    #[default]
    None,
    /// The driver has started a reset. QueueReset reads 1 this many more times; `u32::MAX` for a reset that never
    /// completes.
    Started(u32),
    /// The reset is complete, and the driver has read that.
    Complete,
}

/// The registers of a queue that only the legacy interface has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LegacyPlacement {
    /// Alignment of the used ring in bytes.
    pub(crate) align: u32,
    /// Number of the first guest page of the queue, 0 while the queue is not ready.
    pub(crate) pfn: u32,
}

/// A virtqueue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) kind: QueueKind,
    pub(crate) max_size: u16,
    /// The size that the driver wrote.
    pub(crate) size: u32,
    /// The addresses of the descriptor area, the driver area and the device area that the driver wrote.
    pub(crate) addresses: [u64; 3],
    pub(crate) legacy: LegacyPlacement,
    pub(crate) ready_was_read: bool,
    pub(crate) max_size_was_read: bool,
    pub(crate) reset: QueueReset,
    /// The ring while the queue is ready.
    pub(crate) ring: Option<Box<dyn Ring>>,
    /// Whether the device has to enable notifications before it goes idle.
    pub(crate) needs_rearm: bool,
    /// Whether the device ignores the queue, because its available index was invalid.
    pub(crate) is_broken: bool,
}

impl Queue {
    pub(crate) fn new(kind: QueueKind, max_size: u16) -> Self {
        Self {
            kind,
            max_size,
            size: 0,
            addresses: [0; 3],
            legacy: LegacyPlacement::default(),
            ready_was_read: false,
            max_size_was_read: false,
            reset: QueueReset::None,
            ring: None,
            needs_rearm: false,
            is_broken: false,
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ring.is_some()
    }

    /// Returns the bus address and the length in bytes of each area, if the queue is ready.
    pub(crate) fn areas(&self) -> impl Iterator<Item = (u64, u64)> {
        let areas = self.ring.as_ref().map(|ring| ring.areas());
        areas.into_iter().flatten().map(|area| (area.address, area.bytes))
    }

    /// Returns how many buffers the driver has made available in total, modulo 2^16, if the queue is ready.
    pub(crate) fn available_total(&self, bus: &Bus) -> Option<u16> {
        self.ring.as_ref().map(|ring| ring.taken().wrapping_add(ring.available(bus)))
    }

    /// Returns how many available buffers the device has not taken, if the queue is ready.
    pub(crate) fn available(&self, bus: &Bus) -> Option<u16> {
        self.ring.as_ref().map(|ring| ring.available(bus))
    }
}
