//! The driver on a device that breaks the protocol.

mod common;

use aerostat_entropy::transport::queue::AddError;
use aerostat_entropy::transport::{DeviceError, SetupError, Status};
use aerostat_entropy::{BYTES, EntropyError};
use common::{Both, both, impatient, probe};
use std::ops::ControlFlow;

// ANCHOR: no_bytes
#[test]
fn an_answer_without_a_byte_is_an_error_and_no_endless_loop() {
    let Both { mut entropy, mut host } = both();
    let mut bytes = [0xee; 32];
    let mut waits = 0;
    let filled = entropy.fill(&mut bytes, &mut |_attempt: u32| {
        waits += 1;
        assert!(waits < 10, "it does not end");
        host.serve(&[]);
        ControlFlow::Continue(())
    });
    assert_eq!((filled, waits), (Err(EntropyError::NoBytes), 1));
    assert_eq!(bytes, [0xee; 32]);
    // It is no reason to give the device up: the next answer may be better.
    entropy.request(2).unwrap();
    host.serve(&[1, 2]);
    assert_eq!((entropy.poll(&mut bytes), bytes[..3].to_vec()), (Ok(Some(2)), vec![1, 2, 0xee]));
    Both { entropy, host }.remove();
}
// ANCHOR_END: no_bytes

#[test]
fn a_length_beyond_the_request_is_an_error_and_no_byte_is_taken() {
    for (most, length) in [(8, 9), (8, BYTES as u32), (BYTES, BYTES as u32 + 1), (1, u32::MAX)] {
        let Both { mut entropy, mut host } = both();
        entropy.request(most).unwrap();
        let request = host.take().unwrap();
        host.answer(request, &vec![1; most], length);
        let mut bytes = [0xee; BYTES];
        let error = DeviceError::LengthTooLong { queue: 0, id: request.head.into(), length, capacity: most as u32 };
        assert_eq!(entropy.poll(&mut bytes), Err(error.into()));
        assert_eq!(bytes, [0xee; BYTES]);
        // From then on the same, however often it is tried.
        assert_eq!(entropy.fill(&mut bytes, &mut impatient), Err(error.into()));
        assert_eq!(host.memory.lent(), 2, "what the device may still write stays with it");
        Both { entropy, host }.remove();
    }
}

#[test]
fn an_answer_to_no_request_is_an_error() {
    let Both { mut entropy, host } = both();
    host.memory.write16(host.used_ring + 2, 1);
    let error = DeviceError::IndexJumped { queue: 0, from: 0, to: 1, in_flight: 0 };
    assert_eq!(entropy.poll(&mut [0; 8]), Err(error.into()));
    assert_eq!(entropy.request(8), Err(EntropyError::Request(AddError::Poisoned(error))));
    Both { entropy, host }.remove();
}

#[test]
fn an_answer_to_another_request_is_an_error() {
    let Both { mut entropy, host } = both();
    entropy.request(8).unwrap();
    host.memory.write32(host.used_ring + 4, 1);
    host.memory.write16(host.used_ring + 2, 1);
    assert_eq!(entropy.poll(&mut [0; 8]), Err(DeviceError::NotOutstanding { queue: 0, id: 1 }.into()));
    Both { entropy, host }.remove();
}

/// The buffer starts out as zeros: what the kernel had there before never looks like random bytes.
#[test]
fn a_device_that_writes_nothing_of_what_it_says_leaves_zeros() {
    let Both { mut entropy, mut host } = both();
    entropy.request(64).unwrap();
    let request = host.take().unwrap();
    host.answer(request, &[], 64);
    let mut bytes = [0xee; 64];
    assert_eq!((entropy.poll(&mut bytes), bytes), (Ok(Some(64)), [0; 64]));
    Both { entropy, host }.remove();
}

#[test]
fn a_device_that_needs_a_reset_is_an_error() {
    let Both { mut entropy, host } = both();
    host.soft.model().status |= u32::from(Status::NEEDS_RESET.0);
    assert_eq!(entropy.fill(&mut [0; 8], &mut impatient), Err(DeviceError::NeedsReset.into()));
    Both { entropy, host }.remove();
}

#[test]
fn nothing_is_asked_for_by_a_request_of_no_bytes() {
    let Both { mut entropy, mut host } = both();
    assert_eq!(entropy.request(0), Err(EntropyError::Request(AddError::Empty { queue: 0 })));
    assert_eq!(host.take(), None);
    Both { entropy, host }.remove();
}

#[test]
fn a_device_that_does_not_finish_its_reset_keeps_the_memory_until_it_does() {
    let Both { mut entropy, mut host } = both();
    entropy.request(8).unwrap();
    host.soft.model().status_lie = Some(Box::new(|status| status.max(1)));
    let (mut entropy, error) = entropy.remove(&mut host.memory).unwrap_err();
    assert_eq!((error, host.memory.lent()), (SetupError::ResetUnfinished { status: 1 }, 2));
    assert_eq!(entropy.poll(&mut [0; 8]), Err(DeviceError::Resetting.into()), "nothing else can be done with it");
    host.soft.model().status_lie = None;
    Both { entropy, host }.remove();
}

/// The device may be writing to the buffer.
#[test]
fn a_dropped_driver_gives_no_memory_back() {
    let Both { mut entropy, host } = both();
    entropy.request(8).unwrap();
    drop(entropy);
    assert_eq!(host.memory.lent(), 2);
    assert!(host.soft.model().status & u32::from(Status::FAILED.0) != 0, "the device knows");
}

#[test]
fn a_probe_that_cannot_reset_the_device_says_so_and_lends_nothing() {
    let (soft, mut memory) = (common::Soft::new(common::ID), common::Memory::new());
    soft.model().status_lie = Some(Box::new(|_| 4));
    let failed = probe(&soft, &mut memory).map(|_| ()).unwrap_err();
    assert_eq!((failed.error, memory.lent()), (SetupError::ResetUnfinished { status: 4 }.into(), 0));
}
