//! The device's side of a queue.

use std::collections::VecDeque;

use crate::exchange;
use crate::memory::{Bus, ByteOrder, GuestMemory};
use crate::model::{Chain, Completion, Defect, EventMode, Format, Order, Ring, RingSetup, new_ring};
use crate::soft::mmio::SoftMmio;

/// The features that change a queue ("Reserved Feature Bits", 6).
const INDIRECT_DESC: u64 = 1 << 28;
const EVENT_IDX: u64 = 1 << 29;
const RING_PACKED: u64 = 1 << 34;
const IN_ORDER: u64 = 1 << 35;

/// The device's side of a queue, split or packed, as the driver has negotiated.
#[derive(Debug)]
pub struct SoftQueue {
    ring: Box<dyn Ring>,
    bus: Bus,
    indirect: bool,
    available: VecDeque<Chain>,
    /// The device id, and the index of the queue.
    place: (u32, u16),
}

/// A buffer that the device has taken.
#[derive(Clone, Debug)]
pub struct SoftBuffer {
    chain: Chain,
    readable: Vec<u8>,
}

impl SoftMmio {
    /// Returns the device's side of a queue. Its position is that of a queue without any buffer so far, so call this once after
    /// the driver has enabled the queue.
    ///
    /// # Panics
    ///
    /// If the driver has not enabled the queue.
    pub fn queue(&self, index: usize, memory: &GuestMemory) -> SoftQueue {
        let model = self.model();
        let queue = model.queues.get(index).copied().unwrap_or_default();
        assert!(queue.ready != 0 || queue.pfn != 0, "the driver has not enabled queue {index}");
        let has = |feature: u64| model.accepted & feature != 0;
        let setup = RingSetup {
            size: queue.size as u16,
            addresses: queue.addresses,
            events: if has(EVENT_IDX) { EventMode::Index } else { EventMode::Flags },
            order: if has(IN_ORDER) { Order::InOrder } else { Order::Any },
        };
        let format = if has(RING_PACKED) { Format::Packed } else { Format::Split };
        let order = if model.version == 1 { ByteOrder::NATIVE } else { ByteOrder::Little };
        SoftQueue {
            ring: new_ring(format, setup),
            bus: Bus::new(memory.clone(), order, None),
            indirect: has(INDIRECT_DESC),
            available: VecDeque::new(),
            place: (model.id, index as u16),
        }
    }
}

impl SoftQueue {
    /// Takes the next available buffer. Returns `None` if the driver has made no further buffer available.
    ///
    /// # Panics
    ///
    /// If the driver has made more buffers available than the queue has entries, or a descriptor chain is invalid.
    pub fn take(&mut self) -> Option<SoftBuffer> {
        if self.available.is_empty() {
            let taken = self.ring.take_available(&self.bus).expect("the available index is invalid");
            self.available.extend(taken);
        }
        let chain = self.available.pop_front()?;
        let broken = chain.defects.iter().find(|defect| !(self.indirect && **defect == Defect::Indirect));
        assert!(broken.is_none(), "the descriptor chain {} is invalid: {broken:?}", chain.id);
        let mut readable = Vec::new();
        for element in chain.elements.iter().filter(|element| !element.writable) {
            let mut bytes = vec![0; element.length as usize];
            self.bus.read(element.address, &mut bytes).expect("a buffer is outside the memory");
            readable.extend(bytes);
        }
        Some(SoftBuffer { chain, readable })
    }

    /// Completes a buffer with an answer, and reports its length.
    ///
    /// # Panics
    ///
    /// If the answer is longer than the device-writable part of the buffer.
    pub fn answer(&mut self, buffer: &SoftBuffer, answer: &[u8]) {
        self.write(buffer, answer);
        self.complete(buffer, answer.len() as u32);
    }

    /// Writes to the start of the device-writable part of a buffer without completing it.
    ///
    /// # Panics
    ///
    /// If the bytes do not fit.
    pub fn write(&self, buffer: &SoftBuffer, bytes: &[u8]) {
        let mut rest = bytes;
        for element in buffer.chain.elements.iter().filter(|element| element.writable) {
            let (part, after) = rest.split_at(rest.len().min(element.length as usize));
            self.bus.write(element.address, part).expect("a buffer is outside the memory");
            rest = after;
        }
        assert!(rest.is_empty(), "{} bytes do not fit into the device-writable part of the buffer", rest.len());
    }

    /// Completes a buffer without writing to it, and reports that `written` bytes were written, which a test may choose freely.
    pub fn complete(&mut self, buffer: &SoftBuffer, written: u32) {
        if exchange::is_enabled() {
            let (device, queue) = self.place;
            exchange::log(device, queue, &buffer.readable, &self.written(buffer, written));
        }
        self.push(buffer.id().into(), written, buffer.chain.descriptors);
    }

    /// Writes a used entry with any id and length.
    pub fn write_used(&mut self, id: u32, written: u32) {
        self.push(id, written, 1);
    }

    /// Adds `by` to the used index that the driver sees, until the next completion. In a packed ring, a positive number marks as many
    /// further descriptors as used, and a negative one unmarks the last used descriptor.
    pub fn shift_used_index(&mut self, by: i16) {
        self.ring.shift_used_index(&self.bus, by);
    }

    /// Returns the first bytes of the device-writable part of a buffer.
    fn written(&self, buffer: &SoftBuffer, len: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut left = len;
        for element in buffer.chain.elements.iter().filter(|element| element.writable) {
            let mut part = vec![0; element.length.min(left) as usize];
            left -= part.len() as u32;
            if self.bus.read(element.address, &mut part).is_some() {
                bytes.append(&mut part);
            }
        }
        bytes
    }

    fn push(&mut self, id: u32, written: u32, descriptors: u16) {
        let completion = Completion { id, written, has_write_flag: true, descriptors, buffers: 1 };
        self.ring.push_used(&self.bus, completion);
    }
}

impl SoftBuffer {
    /// Returns the id that completes the buffer: the number of its first descriptor, or the buffer id in a packed ring.
    pub fn id(&self) -> u16 {
        self.chain.id
    }

    /// Returns what the driver has written for the device.
    pub fn readable(&self) -> &[u8] {
        &self.readable
    }

    /// Returns the length of the device-writable part in bytes.
    pub fn writable_len(&self) -> usize {
        self.chain.elements.iter().filter(|element| element.writable).map(|element| element.length as usize).sum()
    }
}
