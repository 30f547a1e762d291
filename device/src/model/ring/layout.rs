//! What both ring formats have in common.

use std::fmt;

use super::chain::Chain;
use crate::fault::Scribble;
use crate::memory::Bus;

/// The maximum size of a queue in both formats.
const MAX_SIZE: u16 = 32768;

/// The set-up of a ring by the driver, and the features negotiated for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RingSetup {
    pub(crate) size: u16,
    /// Bus addresses of the descriptor area, the driver area and the device area.
    pub(crate) addresses: [u64; 3],
    pub(crate) events: EventMode,
    pub(crate) order: Order,
}

/// The format of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Descriptor table, available ring and used ring.
    Split,
    /// One descriptor ring: RING_PACKED.
    Packed,
}

impl Format {
    /// Returns whether a ring can have this size (2.7, 2.8).
    pub(crate) fn allows_size(self, size: u16) -> bool {
        (1..=MAX_SIZE).contains(&size) && (self == Self::Packed || size.is_power_of_two())
    }
}

/// How driver and device suppress interrupts and notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventMode {
    /// On or off, by flags.
    Flags,
    /// At an index: EVENT_IDX.
    Index,
}

/// The order in which the device uses buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Any,
    /// The order in which the buffers were made available: IN_ORDER.
    InOrder,
}

/// One of the three memory areas of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RingArea {
    /// Bus address.
    pub(crate) address: u64,
    /// Length in bytes.
    pub(crate) bytes: u64,
    /// Required alignment in bytes.
    pub(crate) align: u64,
}

impl RingArea {
    /// Returns the areas at `addresses`; `layouts` has the length and the alignment of each.
    pub(crate) fn at(addresses: [u64; 3], layouts: [(u64, u64); 3]) -> [Self; 3] {
        let [descriptors, driver, device] = addresses;
        let [a, b, c] = layouts;
        [(descriptors, a), (driver, b), (device, c)].map(|(address, (bytes, align))| Self { address, bytes, align })
    }

    /// Overwrites the area from byte `from` on. Parts outside memory stay as they are.
    pub(crate) fn scribble(self, bus: &Bus, from: u64) {
        let _ = bus.write(self.address + from, &vec![0xff; (self.bytes - from) as usize]);
    }
}

/// Returns whether the areas are inside memory, aligned and disjoint.
pub(crate) fn are_areas_valid(areas: &[RingArea; 3], bus: &Bus) -> bool {
    let inside = areas.iter().all(|area| bus.access(area.address, area.bytes).is_some());
    let aligned = areas.iter().all(|area| area.address.is_multiple_of(area.align));
    let disjoint = |a: &RingArea, b: &RingArea| a.address + a.bytes <= b.address || b.address + b.bytes <= a.address;
    let [descriptors, driver, device] = areas;
    // `inside` comes first: the end of an area outside memory could overflow.
    inside && aligned && disjoint(descriptors, driver) && disjoint(driver, device) && disjoint(descriptors, device)
}

/// The completion of one buffer, or of a batch, by one used entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion {
    /// The id of the buffer, or of the last buffer of the batch.
    pub(crate) id: u32,
    /// The reported number of written bytes.
    pub(crate) written: u32,
    /// Whether a packed ring marks the number as valid.
    pub(crate) has_write_flag: bool,
    /// Number of ring descriptors of all buffers.
    pub(crate) descriptors: u16,
    /// Number of buffers: more than 1 only with IN_ORDER (2.7.9, 2.8.8).
    pub(crate) buffers: u16,
}

/// The driver made more buffers available than the queue size; contains its available index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overrun(pub(crate) u16);

/// A ring of one format. A ready queue is inside memory, so accesses to it do not fail.
pub(crate) trait Ring: fmt::Debug + Send {
    fn size(&self) -> u16;

    /// Returns the descriptor area, the driver area and the device area.
    fn areas(&self) -> [RingArea; 3];

    /// Returns whether the memory is initialized as a queue requires before it is made ready.
    fn is_zeroed(&self, bus: &Bus) -> bool;

    /// Returns how many buffers the device has taken, modulo 2^16.
    fn taken(&self) -> u16;

    /// Returns how many available buffers the device has not taken.
    fn available(&self, bus: &Bus) -> u16;

    /// Returns the position of the next available buffer in the format of notification data (2.9).
    fn next_available_position(&self, bus: &Bus) -> u16;

    /// Takes all available buffers.
    fn take_available(&mut self, bus: &Bus) -> Result<Vec<Chain>, Overrun>;

    /// Disables notifications, if the format can express that.
    fn disable_notifications(&mut self, bus: &Bus);

    /// Enables the notification for the next buffer. Returns whether a buffer became available in the meantime.
    fn enable_notifications(&mut self, bus: &Bus) -> bool;

    /// Writes a used entry.
    fn push_used(&mut self, bus: &Bus, completion: Completion);

    /// Shifts the used index that the driver sees, until the next completion.
    fn shift_used_index(&mut self, bus: &Bus, by: i16);

    /// Returns whether the driver enabled the interrupt for the completions since the last call.
    fn needs_interrupt(&mut self, bus: &Bus) -> bool;

    /// Overwrites an area of the queue.
    fn scribble(&mut self, bus: &Bus, what: Scribble);
}

/// Returns whether an event at `event` is in the range from `old` to before `new` (2.7.7.2). All three are modulo 2^16.
pub(crate) fn is_passed(event: u16, old: u16, new: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}
