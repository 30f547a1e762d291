//! The device side: software registers, memory, and rust-vmm's `virtio-queue`.
#![allow(dead_code, unused_imports, reason = "each test binary uses its part of this module")]

use std::ops::ControlFlow;

use aerostat_entropy::transport::Mmio;
use aerostat_entropy::{Entropy, ProbeFailed};
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

pub(crate) use aerostat_test_support::{LEN, Memory, START, SoftMmio, peer, reg};

/// The device id of the entropy device ("Device Types", 5).
pub(crate) const ID: u32 = 4;

pub(crate) type Bus = Mmio<SoftMmio>;

/// Probes the device behind the registers.
pub(crate) fn probe(soft: &SoftMmio, memory: &mut Memory) -> Result<Entropy<Bus>, ProbeFailed<Bus>> {
    Entropy::probe(transport(soft), memory, &mut give_up)
}

pub(crate) fn transport(soft: &SoftMmio) -> Bus {
    Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap()
}

/// A live entropy device: the driver and the device side.
pub(crate) struct Setup {
    pub(crate) entropy: Entropy<Bus>,
    pub(crate) host: Host,
}

/// The device side.
pub(crate) struct Host {
    pub(crate) soft: SoftMmio,
    pub(crate) memory: Memory,
    pub(crate) used_ring: u64,
    guest: GuestMemoryMmap,
    queue: Queue,
}

/// A request that the device has taken: its head, its address and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) head: u16,
    pub(crate) at: GuestAddress,
    pub(crate) len: u32,
}

pub(crate) fn set_up() -> Setup {
    let (soft, mut memory) = (SoftMmio::new(ID), Memory::new());
    let entropy = probe(&soft, &mut memory).map_err(|failed| failed.error).unwrap();
    let part = soft.model().queues[0];
    let (queue, used_ring) = (peer::peer(part.size as u16, part.addresses), part.addresses[2]);
    let guest = peer::guest(&memory);
    Setup { entropy, host: Host { soft, memory, used_ring, guest, queue } }
}

impl Host {
    /// Takes the next request: one device-writable buffer.
    pub(crate) fn take(&mut self) -> Option<Request> {
        let chain = self.queue.iter(&self.guest).expect("valid available index").next()?;
        let head = chain.head_index();
        let descriptors: Vec<_> = chain.collect();
        let [one] = &descriptors[..] else { panic!("{} descriptors", descriptors.len()) };
        assert!(one.is_write_only());
        Some(Request { head, at: one.addr(), len: one.len() })
    }

    /// Writes `bytes`, and completes the request with any used length.
    pub(crate) fn answer(&mut self, request: Request, bytes: &[u8], length: u32) {
        self.guest.write_slice(bytes, request.at).unwrap();
        self.queue.add_used(&self.guest, request.head, length).unwrap();
    }

    /// Answers the next request, if there is one, with as many of `bytes` as fit. Returns their number.
    pub(crate) fn serve(&mut self, bytes: &[u8]) -> usize {
        let Some(request) = self.take() else { return 0 };
        let count = bytes.len().min(request.len as usize);
        self.answer(request, &bytes[..count], count as u32);
        count
    }
}

impl Setup {
    /// Removes the driver, and checks that all memory is freed.
    pub(crate) fn remove(self) {
        let Setup { entropy, host: Host { mut memory, .. } } = self;
        let _transport = entropy.remove().wait(&mut memory, &mut give_up).map_err(|(_, error)| error).unwrap();
        assert_eq!(memory.allocated(), 0);
    }
}

/// A `Wait` that gives up immediately.
pub(crate) fn give_up(_attempt: u32) -> ControlFlow<()> {
    ControlFlow::Break(())
}
