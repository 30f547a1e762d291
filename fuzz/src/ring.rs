//! The device's side of a virtqueue, split or packed, written from the specification (2.7 and 2.8).

use std::collections::VecDeque;

use crate::memory::{Area, Memory};

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;
const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;
const DESC: usize = 16;
/// More descriptors than any queue of the driver uses.
const IDS: usize = 64;

/// What the negotiated features decide about a ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) packed: bool,
    pub(crate) event_idx: bool,
    pub(crate) in_order: bool,
    pub(crate) legacy: bool,
}

/// A part of a buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) address: u64,
    pub(crate) length: u32,
    pub(crate) is_writable: bool,
}

/// A buffer that the driver has made available.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffer {
    pub(crate) parts: Vec<Part>,
    /// Descriptors of the ring that it takes.
    pub(crate) descriptors: u16,
    /// Whether the driver may know that it was used.
    pub(crate) is_used: bool,
    /// Whether the driver has ever made a buffer with this id available.
    pub(crate) is_known: bool,
    /// Number of the buffer among all of the ring. Wraps.
    pub(crate) serial: u16,
}

impl Buffer {
    /// Returns the largest length that a device may report for the buffer.
    pub(crate) fn capacity(&self) -> u32 {
        let writable: u32 = self.parts.iter().filter(|part| part.is_writable).map(|part| part.length).sum();
        if writable > 0 { writable } else { self.parts.iter().map(|part| part.length).sum() }
    }
}

/// A ring of an enabled queue.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) rules: Rules,
    pub(crate) size: u16,
    pub(crate) desc: Area,
    pub(crate) driver: Area,
    pub(crate) device: Area,
    /// The next available entry: a free-running index, or a slot of a packed ring.
    available: u16,
    available_wrap: bool,
    /// The next used entry, in the same way.
    pub(crate) used: u16,
    used_wrap: bool,
    /// The available index that the device wrote itself, until the driver writes another.
    pub(crate) forged: Option<u16>,
    pub(crate) buffers: Vec<Buffer>,
    /// Number of the last buffer.
    serial: u16,
    /// Descriptors used since the driver made a buffer available. The driver takes back all used buffers before it does.
    unseen: u16,
    /// Ids of the buffers that the device has, oldest first.
    pub(crate) pending: VecDeque<u16>,
    /// Whether the device works on the queue without a notification.
    pub(crate) is_active: bool,
    /// Whether the device broke the protocol in a way that the driver must notice at its next look.
    pub(crate) is_broken: bool,
    /// Whether the device wrote arbitrary values to the ring: the driver may take any buffer as used.
    pub(crate) is_murky: bool,
}

impl Ring {
    pub(crate) fn new(rules: Rules, size: u16, desc: Area, driver: Area, device: Area) -> Self {
        Self {
            rules,
            size,
            desc,
            driver,
            device,
            available: 0,
            available_wrap: true,
            used: 0,
            used_wrap: true,
            forged: None,
            buffers: vec![Buffer::default(); IDS],
            serial: 0,
            unseen: 0,
            pending: VecDeque::with_capacity(IDS),
            is_active: false,
            is_broken: false,
            is_murky: false,
        }
    }

    /// Returns the lengths of the three areas in bytes.
    pub(crate) fn lengths(rules: Rules, size: u16) -> [usize; 3] {
        let size = usize::from(size);
        match rules.packed {
            true => [DESC * size, 4, 4],
            false => [DESC * size, 6 + 2 * size, 6 + 8 * size],
        }
    }

    /// Takes the next buffer that the driver has made available, and returns its id.
    pub(crate) fn take(&mut self, memory: &mut Memory) -> Result<Option<u16>, String> {
        match self.rules.packed {
            true => self.take_packed(memory),
            false => self.take_split(memory),
        }
    }

    fn take_split(&mut self, memory: &mut Memory) -> Result<Option<u16>, String> {
        let index = self.driver.read16(2);
        if index == self.available || self.forged == Some(index) {
            return Ok(None);
        }
        self.forged = None;
        if index.wrapping_sub(self.available) > self.size {
            return Err(format!("the available index went from {} to {index}", self.available));
        }
        let slot = usize::from(self.available & (self.size - 1));
        let head = self.driver.read16(4 + 2 * slot);
        self.available = self.available.wrapping_add(1);
        let mut parts = self.start(head)?;
        let (mut id, mut descriptors) = (head, 0);
        loop {
            if id >= self.size || descriptors >= self.size {
                return Err(format!("the chain of buffer {head} leaves the table at {id}"));
            }
            let at = DESC * usize::from(id);
            let (part, flags, next) = split_descriptor(&self.desc, at);
            descriptors += 1;
            if flags & INDIRECT != 0 {
                read_table(memory, part, false, &mut parts)?;
                break;
            }
            parts.push(part);
            if flags & NEXT == 0 {
                break;
            }
            id = next;
        }
        self.finish(head, parts, descriptors);
        Ok(Some(head))
    }

    fn take_packed(&mut self, memory: &mut Memory) -> Result<Option<u16>, String> {
        let (mut slot, mut wrap) = (self.available, self.available_wrap);
        if !self.is_available(slot, wrap) {
            return Ok(None);
        }
        let mut parts = Vec::new();
        let mut descriptors = 0;
        let id = loop {
            if descriptors >= self.size || !self.is_available(slot, wrap) {
                return Err(format!("the buffer at slot {} is not complete", self.available));
            }
            let at = DESC * usize::from(slot);
            let part = Part {
                address: self.desc.read64(at),
                length: self.desc.read32(at + 8),
                is_writable: self.desc.read16(at + 14) & WRITE != 0,
            };
            let (id, flags) = (self.desc.read16(at + 12), self.desc.read16(at + 14));
            descriptors += 1;
            slot += 1;
            if slot == self.size {
                (slot, wrap) = (0, !wrap);
            }
            if flags & INDIRECT != 0 {
                read_table(memory, part, true, &mut parts)?;
                break id;
            }
            parts.push(part);
            if flags & NEXT == 0 {
                break id;
            }
        };
        (self.available, self.available_wrap) = (slot, wrap);
        let kept = self.start(id)?;
        drop(kept);
        self.finish(id, parts, descriptors);
        Ok(Some(id))
    }

    /// Returns whether a descriptor of a packed ring is available.
    fn is_available(&self, slot: u16, wrap: bool) -> bool {
        let flags = self.desc.read16(DESC * usize::from(slot) + 14);
        (flags & AVAIL != 0) == wrap && (flags & USED != 0) != wrap
    }

    /// Checks that an id is free, and returns its list of parts, empty.
    fn start(&mut self, id: u16) -> Result<Vec<Part>, String> {
        let Some(buffer) = self.buffers.get_mut(usize::from(id)).filter(|_| id < self.size) else {
            return Err(format!("the driver used the descriptor id {id} in a ring of {}", self.size));
        };
        if buffer.is_known && !buffer.is_used {
            return Err(format!("the driver used the descriptor id {id} again while the device has its buffer"));
        }
        let mut parts = std::mem::take(&mut buffer.parts);
        parts.clear();
        Ok(parts)
    }

    fn finish(&mut self, id: u16, parts: Vec<Part>, descriptors: u16) {
        self.serial = self.serial.wrapping_add(1);
        self.unseen = 0;
        let (is_used, serial) = (self.is_murky, self.serial);
        self.buffers[usize::from(id)] = Buffer { parts, descriptors, is_used, is_known: true, serial };
        // In a murky ring, an id may still be pending.
        self.pending.retain(|&known| known != id);
        self.pending.push_back(id);
    }

    /// Uses a buffer that is pending. With IN_ORDER, this uses all buffers before it, too.
    pub(crate) fn complete(&mut self, id: u16, length: u32) {
        let (mut entries, mut descriptors) = (0, 0);
        while let Some(at) = self.pending.iter().position(|&known| self.rules.in_order || known == id) {
            let Some(done) = self.pending.remove(at) else { break };
            let buffer = &mut self.buffers[usize::from(done)];
            buffer.is_used = true;
            (entries, descriptors) = (entries + 1, descriptors + buffer.descriptors);
            if done == id {
                break;
            }
        }
        self.unseen = self.unseen.saturating_add(descriptors);
        self.publish(id.into(), length, entries, descriptors);
    }

    /// Returns whether another used entry overwrites none that the driver may not have seen yet.
    pub(crate) const fn has_room_for(&self, descriptors: u16) -> bool {
        !self.rules.packed || self.unseen + descriptors <= self.size
    }

    /// Writes a used entry, and moves on by a number of entries (split) or descriptors (packed).
    pub(crate) fn publish(&mut self, id: u32, length: u32, entries: u16, descriptors: u16) {
        if self.rules.packed {
            let at = DESC * usize::from(self.used);
            self.desc.write16(at + 12, id as u16);
            self.desc.write32(at + 8, length);
            self.desc.write16(at + 14, if self.used_wrap { AVAIL | USED } else { 0 });
            self.used += descriptors;
            if self.used >= self.size {
                self.used -= self.size;
                self.used_wrap = !self.used_wrap;
            }
        } else {
            let at = 4 + 8 * usize::from(self.used & (self.size - 1));
            self.device.write32(at, id);
            self.device.write32(at + 4, length);
            self.used = self.used.wrapping_add(entries);
            self.device.write16(2, self.used);
        }
    }

    /// Asks for a notification of the next buffer.
    pub(crate) fn enable_notifications(&mut self, by_event: bool) {
        match (self.rules.packed, self.rules.event_idx) {
            (false, false) => self.device.write16(0, 0),
            (false, true) => self.device.write16(4 + 8 * usize::from(self.size), self.available),
            (true, true) if by_event => {
                self.device.write16(0, self.available | u16::from(self.available_wrap) << 15);
                self.device.write16(2, 2);
            }
            (true, _) => self.device.write16(2, 0),
        }
    }

    /// Asks for no notifications.
    pub(crate) fn disable_notifications(&mut self) {
        match (self.rules.packed, self.rules.event_idx) {
            (false, false) => self.device.write16(0, 1),
            (false, true) => self.device.write16(4 + 8 * usize::from(self.size), self.available.wrapping_sub(1)),
            (true, _) => self.device.write16(2, 1),
        }
    }

    /// Writes an arbitrary value to the ring. The oracle can still tell later what the driver makes available.
    pub(crate) fn scribble(&mut self, which: u32, at: u32, value: u32) {
        self.mark_murky();
        let area = [self.desc, self.driver, self.device][which as usize % 3];
        let words = area.len() / 2;
        let word = match which {
            // Mostly the part that the driver reads: index, flags and first entries.
            0..=5 => at as usize % words.min(12),
            _ => at as usize % words,
        };
        let value = value as u16;
        if self.rules.packed {
            // Flags that look like those of an available descriptor would be taken for the driver's.
            let slot = word * 2 / DESC;
            let is_flags = which.is_multiple_of(3) && word * 2 % DESC == 14;
            let before = area.read16(word * 2);
            area.write16(word * 2, value);
            if is_flags && (self.is_available(slot as u16, true) || self.is_available(slot as u16, false)) {
                area.write16(word * 2, before);
            }
        } else if which % 3 == 1 && word == 1 {
            // The available index.
            if value.wrapping_sub(self.available).wrapping_sub(1) >= IDS as u16 {
                area.write16(2, value);
                self.forged = Some(value);
            }
        } else {
            area.write16(word * 2, value);
        }
    }

    /// Notes that the driver may take any buffer as used.
    pub(crate) fn mark_murky(&mut self) {
        self.is_murky = true;
        for buffer in &mut self.buffers {
            buffer.is_used = true;
        }
    }
}

fn split_descriptor(table: &Area, at: usize) -> (Part, u16, u16) {
    let (flags, next) = (table.read16(at + 12), table.read16(at + 14));
    let part = Part { address: table.read64(at), length: table.read32(at + 8), is_writable: flags & WRITE != 0 };
    (part, flags, next)
}

/// Reads an indirect table.
fn read_table(memory: &mut Memory, table: Part, packed: bool, parts: &mut Vec<Part>) -> Result<(), String> {
    let length = table.length as usize;
    let start = memory.hold(table.address, table.length.into());
    let start = start.ok_or_else(|| format!("an indirect table at {:#x} is outside DMA memory", table.address))?;
    if length == 0 || !length.is_multiple_of(DESC) || length / DESC > IDS {
        return Err(format!("an indirect table has {length} bytes"));
    }
    let area = Area::new(start, length);
    for entry in 0..length / DESC {
        let at = DESC * entry;
        if packed {
            let is_writable = area.read16(at + 14) & WRITE != 0;
            parts.push(Part { address: area.read64(at), length: area.read32(at + 8), is_writable });
        } else {
            let (part, flags, next) = split_descriptor(&area, at);
            let is_last = entry + 1 == length / DESC;
            if (flags & NEXT != 0) == is_last || (!is_last && usize::from(next) != entry + 1) {
                return Err("the chain of an indirect table does not cover the table".to_owned());
            }
            parts.push(part);
        }
    }
    Ok(())
}
