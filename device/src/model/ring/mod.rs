//! A virtqueue as the device walks it, whatever its format: section 2.6.

mod chain;
mod packed;
mod split;

use std::fmt;

pub(super) use chain::{Chain, Element, Flaw};
use packed::Packed;
use split::Split;

use crate::memory::Bus;
use crate::misbehave::Scribble;

/// The largest queue that both formats allow.
const LARGEST: u16 = 32768;

/// What the driver set up, and what was negotiated for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub(super) size: u16,
    pub(super) addresses: [u64; 3],
    pub(super) events: Events,
    pub(super) order: Order,
}

impl Setup {
    /// The ring as it is once the queue is ready.
    pub(super) fn ring(self, format: Format) -> Box<dyn Ring> {
        match format {
            Format::Split => Box::new(Split::new(self)),
            Format::Packed => Box::new(Packed::new(self)),
        }
    }
}

/// The format of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Descriptor table, available ring and used ring.
    Split,
    /// One ring of descriptors: RING_PACKED.
    Packed,
}

impl Format {
    /// Whether a ring can have this size (2.7, 2.8).
    pub(super) fn takes(self, size: u16) -> bool {
        (1..=LARGEST).contains(&size) && (self == Self::Packed || size.is_power_of_two())
    }
}

/// How the two sides tell each other when to notify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Events {
    /// On or off, by flags.
    Flags,
    /// At an index that each side names: EVENT_IDX.
    Index,
}

/// In which order buffers are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Any,
    /// As they were made available: IN_ORDER.
    Kept,
}

/// A part of a queue on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) address: u64,
    /// Its length.
    pub(super) bytes: u64,
    /// What the address has to be a multiple of.
    pub(super) align: u64,
}

impl Part {
    /// The parts at these addresses, with the length and the alignment of each.
    fn at(addresses: [u64; 3], shapes: [(u64, u64); 3]) -> [Self; 3] {
        let [a, b, c] = addresses;
        let [d, e, f] = shapes;
        [(a, d), (b, e), (c, f)].map(|(address, (bytes, align))| Self { address, bytes, align })
    }

    /// Overwrites a part from byte `from` on. What lies outside memory cannot be overwritten, which is no loss.
    fn scribble(self, bus: &Bus, from: u64) {
        let _ = bus.write(self.address + from, &vec![0xff; (self.bytes - from) as usize]);
    }
}

/// Whether the parts lie in memory, aligned, and apart from each other.
pub(super) fn are_sound(parts: &[Part; 3], bus: &Bus) -> bool {
    let inside = parts.iter().all(|part| bus.physical(part.address, part.bytes).is_some());
    let aligned = parts.iter().all(|part| part.address.is_multiple_of(part.align));
    let apart = |a: &Part, b: &Part| a.address + a.bytes <= b.address || b.address + b.bytes <= a.address;
    let [descriptors, driver, device] = parts;
    // Outside memory the ends could overflow: the order of the conditions matters.
    inside && aligned && apart(descriptors, driver) && apart(driver, device) && apart(descriptors, device)
}

/// A buffer, or several, that the device gives back by one entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    /// Which one, or the last one.
    pub(super) id: u32,
    /// How many bytes the device says it wrote.
    pub(super) written: u32,
    /// How many descriptors of the ring they took.
    pub(super) slots: u16,
    /// How many they are: more than one only where their order is kept (2.7.9, 2.8.8).
    pub(super) buffers: u16,
}

/// The driver made more buffers available than the queue holds: its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overrun(pub(super) u16);

/// One format of rings. A queue that is ready lies in memory, so that accesses to it do not fail.
pub(super) trait Ring: fmt::Debug + Send {
    fn size(&self) -> u16;

    /// Where the descriptors, the driver's part and the device's part are.
    fn parts(&self) -> [Part; 3];

    /// Whether the memory is as it has to be when the queue is made ready.
    fn is_fresh(&self, bus: &Bus) -> bool;

    /// How many buffers the device has taken so far, wrapping.
    fn taken(&self) -> u16;

    /// How many buffers the driver has made available that the device has not taken.
    fn available(&self, bus: &Bus) -> u16;

    /// Where the driver puts the next buffer, as a notification says it (2.9).
    fn position(&self, bus: &Bus) -> u16;

    /// Takes all that the driver has made available.
    fn take(&mut self, bus: &Bus) -> Result<Vec<Chain>, Overrun>;

    /// Asks for no notifications for now, where there is a way to.
    fn suppress(&mut self, bus: &Bus);

    /// Asks for a notification of the next buffer. Whether one has come in the meantime.
    fn want(&mut self, bus: &Bus) -> bool;

    /// Gives something back.
    fn push(&mut self, bus: &Bus, used: Used);

    /// Shows the driver an index that is off, until the next buffer is given back.
    fn jump(&mut self, bus: &Bus, by: i16);

    /// Whether the driver wants an interrupt for what was given back since this was last asked.
    fn wants_interrupt(&mut self, bus: &Bus) -> bool;

    /// Overwrites a part of the queue.
    fn scribble(&mut self, bus: &Bus, what: Scribble);
}

/// Whether an event at `event` lies among those from `old` to before `new` (2.7.7.2). All three wrap, so that only
/// differences mean anything.
fn is_passed(event: u16, old: u16, new: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}
