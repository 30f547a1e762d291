//! The device's side: registers in software, memory, and rust-vmm's `virtio-queue`, moved by the test's own hand.
#![allow(dead_code, unused_imports, reason = "each test binary uses its part of this module, and of the transport's")]

#[path = "../../../transport/tests/common/memory.rs"]
mod memory;
#[path = "../../../transport/tests/peer/mod.rs"]
mod peer;
#[path = "../../../transport/tests/common/soft.rs"]
mod soft;

use aerostat_entropy::transport::Mmio;
use aerostat_entropy::{Entropy, ProbeFailed};
use std::ops::ControlFlow;
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

pub(crate) use self::memory::{LEN, Memory, START};
pub(crate) use self::soft::{Soft, reg};

/// The entropy device's id ("Device Types", 5).
pub(crate) const ID: u32 = 4;

pub(crate) type Bus = Mmio<Soft>;

/// Probes the device behind the registers.
pub(crate) fn probe(soft: &Soft, memory: &mut Memory) -> Result<Entropy<Bus>, ProbeFailed<Bus>> {
    Entropy::probe(Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap(), memory)
}

/// A live entropy device, seen from both sides.
pub(crate) struct Both {
    pub(crate) entropy: Entropy<Bus>,
    pub(crate) host: Host,
}

/// The device's side.
pub(crate) struct Host {
    pub(crate) soft: Soft,
    pub(crate) memory: Memory,
    pub(crate) used_ring: u64,
    guest: GuestMemoryMmap,
    queue: Queue,
}

/// A request that the device has taken: its head, and where its bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) head: u16,
    pub(crate) at: GuestAddress,
    pub(crate) len: u32,
}

pub(crate) fn both() -> Both {
    let (soft, mut memory) = (Soft::new(ID), Memory::new());
    let entropy = probe(&soft, &mut memory).map_err(|failed| failed.error).unwrap();
    let part = soft.model().queues[0];
    let (queue, used_ring) = (peer::peer(part.size as u16, part.addresses), part.addresses[2]);
    let guest = peer::guest(&memory);
    Both { entropy, host: Host { soft, memory, used_ring, guest, queue } }
}

impl Host {
    /// The next request, which is one buffer that the device writes.
    pub(crate) fn take(&mut self) -> Option<Request> {
        let chain = self.queue.iter(&self.guest).expect("the available index is right").next()?;
        let head = chain.head_index();
        let descriptors: Vec<_> = chain.collect();
        let [one] = &descriptors[..] else { panic!("{} descriptors", descriptors.len()) };
        assert!(one.is_write_only());
        Some(Request { head, at: one.addr(), len: one.len() })
    }

    /// Writes bytes, and gives the buffer back with another length, true or not.
    pub(crate) fn answer(&mut self, request: Request, bytes: &[u8], length: u32) {
        self.guest.write_slice(bytes, request.at).unwrap();
        self.queue.add_used(&self.guest, request.head, length).unwrap();
    }

    /// Answers the next request, if there is one, by as many of the bytes as it has room for. How many that were.
    pub(crate) fn serve(&mut self, bytes: &[u8]) -> usize {
        let Some(request) = self.take() else { return 0 };
        let count = bytes.len().min(request.len as usize);
        self.answer(request, &bytes[..count], count as u32);
        count
    }
}

impl Both {
    /// Takes the driver away: all memory is back.
    pub(crate) fn remove(self) {
        let Both { entropy, host: Host { mut memory, .. } } = self;
        let _transport = entropy.remove(&mut memory).map_err(|(_, error)| error).unwrap();
        assert_eq!(memory.lent(), 0);
    }
}

/// Gives up at once.
pub(crate) fn impatient(_attempt: u32) -> ControlFlow<()> {
    ControlFlow::Break(())
}
