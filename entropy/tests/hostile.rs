//! The driver on a device that breaks the protocol.

mod common;

use aerostat_entropy::transport::queue::AddError;
use aerostat_entropy::transport::{DeviceError, SetupError, Status};
use aerostat_entropy::{BYTES, Entropy, EntropyError, ProbeError, Removing};
use common::{Bus, Memory, Setup, SoftMmio, give_up, probe, set_up};
use std::ops::ControlFlow;

// ANCHOR: no_bytes
#[test]
fn an_empty_answer_is_an_error() {
    let Setup { mut entropy, mut host } = set_up();
    let mut bytes = [0xee; 32];
    let mut waits = 0;
    let filled = entropy.fill(&mut bytes, &mut |_attempt: u32| {
        waits += 1;
        assert!(waits < 10, "endless loop");
        host.serve(&[]);
        ControlFlow::Continue(())
    });
    assert_eq!((filled, waits), (Err(EntropyError::NoBytes), 1));
    assert_eq!(bytes, [0xee; 32]);
    // The driver stays usable.
    entropy.request(2).unwrap();
    host.serve(&[1, 2]);
    assert_eq!((entropy.poll(&mut bytes), bytes[..3].to_vec()), (Ok(Some(2)), vec![1, 2, 0xee]));
    Setup { entropy, host }.remove();
}
// ANCHOR_END: no_bytes

#[test]
fn a_used_length_beyond_the_request_is_an_error() {
    for (max, length) in [(8, 9), (8, BYTES as u32), (BYTES, BYTES as u32 + 1), (1, u32::MAX)] {
        let Setup { mut entropy, mut host } = set_up();
        entropy.request(max).unwrap();
        let request = host.take().unwrap();
        host.answer(request, &vec![1; max], length);
        let mut bytes = [0xee; BYTES];
        let error = DeviceError::LengthTooLong { queue: 0, id: request.head.into(), length, capacity: max as u32 };
        assert_eq!(entropy.poll(&mut bytes), Err(error.into()));
        assert_eq!(bytes, [0xee; BYTES]);
        // The error is permanent.
        assert_eq!(entropy.fill(&mut bytes, &mut give_up), Err(error.into()));
        assert_eq!(host.memory.allocated(), 2, "memory that the device may still write to is not freed");
        Setup { entropy, host }.remove();
    }
}

#[test]
fn an_answer_without_a_request_is_an_error() {
    let Setup { mut entropy, host } = set_up();
    host.memory.write16(host.used_ring + 2, 1);
    let error = DeviceError::IndexJumped { queue: 0, from: 0, to: 1, in_flight: 0 };
    assert_eq!(entropy.poll(&mut [0; 8]), Err(error.into()));
    assert_eq!(entropy.request(8), Err(EntropyError::Request(AddError::Poisoned(error))));
    Setup { entropy, host }.remove();
}

#[test]
fn an_answer_to_another_request_is_an_error() {
    let Setup { mut entropy, host } = set_up();
    entropy.request(8).unwrap();
    host.memory.write32(host.used_ring + 4, 1);
    host.memory.write16(host.used_ring + 2, 1);
    assert_eq!(entropy.poll(&mut [0; 8]), Err(DeviceError::NotOutstanding { queue: 0, id: 1 }.into()));
    Setup { entropy, host }.remove();
}

/// The buffer is zeroed for each request, so that neither old kernel data nor an earlier answer is returned as random bytes.
#[test]
fn bytes_that_the_device_did_not_write_are_zero() {
    let Setup { mut entropy, mut host } = set_up();
    let mut bytes = [0xee; 64];
    for written in [15, 64, 3, 0] {
        entropy.request(64).unwrap();
        let request = host.take().unwrap();
        host.answer(request, &vec![7; written], 15.max(written as u32));
        let len = 15.max(written);
        assert_eq!(entropy.poll(&mut bytes), Ok(Some(len)));
        assert!(bytes[..written].iter().all(|&byte| byte == 7) && bytes[written..len].iter().all(|&byte| byte == 0));
    }
    Setup { entropy, host }.remove();
}

/// A device that writes nothing and reports bytes. A buffer of the caller that holds only a part of the answer changes nothing.
#[test]
fn a_long_answer_of_zeros_is_an_error() {
    let Setup { mut entropy, mut host } = set_up();
    for length in [16_u32, 17, BYTES as u32] {
        for space in [BYTES, 5, 0] {
            entropy.request(BYTES).unwrap();
            let request = host.take().unwrap();
            host.answer(request, &[], length);
            let mut bytes = vec![0xee; space];
            assert_eq!(entropy.poll(&mut bytes), Err(EntropyError::Zeros { bytes: length }));
            assert!(bytes.iter().all(|&byte| byte == 0xee));
            // A single other byte makes a good answer.
            entropy.request(BYTES).unwrap();
            let request = host.take().unwrap();
            let answer: Vec<u8> = (1..=length).map(|at| u8::from(at == length)).collect();
            host.answer(request, &answer, length);
            assert_eq!(entropy.poll(&mut bytes), Ok(Some(space.min(length as usize))));
        }
    }
    Setup { entropy, host }.remove();
}

#[test]
fn device_needs_reset_is_an_error() {
    let Setup { mut entropy, host } = set_up();
    host.soft.model().status |= u32::from(Status::NEEDS_RESET.0);
    assert_eq!(entropy.fill(&mut [0; 8], &mut give_up), Err(DeviceError::NeedsReset.into()));
    Setup { entropy, host }.remove();
}

/// The host or the firmware has reset the device: DRIVER_OK is missing.
#[test]
fn a_reset_by_the_host_is_an_error() {
    for in_flight in [false, true] {
        let Setup { mut entropy, host } = set_up();
        if in_flight {
            entropy.request(8).unwrap();
        }
        host.soft.model().status = 0;
        assert_every_call_fails(&mut entropy, DeviceError::HostReset);
        Setup { entropy, host }.remove();
    }
}

/// All registers of a device that was removed read as ones.
#[test]
fn a_removed_device_is_an_error() {
    for in_flight in [false, true] {
        let Setup { mut entropy, mut host } = set_up();
        if in_flight {
            entropy.request(8).unwrap();
        }
        host.soft.model().status_override = Some(Box::new(|_| u32::MAX));
        assert_every_call_fails(&mut entropy, DeviceError::Gone);
        let (removing, error) = entropy.remove().wait(&mut host.memory, &mut never_waits).unwrap_err();
        assert_eq!((error, host.memory.allocated()), (SetupError::Gone, 2));
        // SAFETY: the software device accesses no memory.
        let _transport = unsafe { take_back(removing, &mut host.memory) };
        assert_eq!(host.memory.allocated(), 0);
    }
}

fn assert_every_call_fails(entropy: &mut Entropy<Bus>, error: DeviceError) {
    let mut bytes = [0xee; 8];
    assert_eq!(entropy.request(8), Err(error.into()));
    assert_eq!(entropy.poll(&mut bytes), Err(error.into()));
    assert_eq!(entropy.fill(&mut bytes, &mut never_waits), Err(error.into()));
    assert_eq!(bytes, [0xee; 8]);
}

/// A `Wait` that must not be called, because the device will not change.
fn never_waits(_attempt: u32) -> ControlFlow<()> {
    panic!("waits for a device that does not answer any more")
}

/// Takes the transport and the memory back.
///
/// # Safety
///
/// The device does not access memory.
unsafe fn take_back(Removing { device, requests }: Removing<Bus>, memory: &mut Memory) -> Bus {
    // SAFETY: by the caller's promise.
    let (transport, proof) = unsafe { device.assume_reset() };
    requests.release(&proof, memory).expect("the proof and the memory are those of the queue");
    transport
}

/// What a device does right after DRIVER_OK.
#[test]
fn a_device_that_does_not_become_live_fails_the_probe() {
    const DRIVER_OK: u32 = Status::DRIVER_OK.0 as u32;
    const NEEDS_RESET: u32 = Status::NEEDS_RESET.0 as u32;
    let cases = [
        (NEEDS_RESET | DRIVER_OK, DeviceError::NeedsReset),
        (Status::FAILED.0.into(), DeviceError::NeedsReset),
        (0, DeviceError::HostReset),
    ];
    for (status, error) in cases {
        let (soft, mut memory) = (SoftMmio::new(common::ID), Memory::new());
        soft.model().status_override = Some(Box::new(move |real| if real & DRIVER_OK == 0 { real } else { status }));
        let failed = probe(&soft, &mut memory).map(|_| ()).unwrap_err();
        assert_eq!((failed.error, memory.allocated()), (ProbeError::Activation(error), 0));
        assert_eq!(soft.statuses().last(), Some(&0), "the device is reset");
        let transport = failed.transport.expect("the reset finished");
        soft.model().status_override = None;
        let entropy = Entropy::probe(transport, &mut memory, &mut give_up).map_err(|failed| failed.error).unwrap();
        let _transport = entropy.remove().wait(&mut memory, &mut give_up).map_err(|(_, error)| error).unwrap();
        assert_eq!(memory.allocated(), 0);
    }
}

/// The device may have the memory of the queue, so a failed probe neither frees nor loses it.
#[test]
fn a_failed_probe_keeps_the_memory_of_a_device_that_is_not_reset() {
    let needs_reset = u32::from((Status::NEEDS_RESET | Status::DRIVER_OK).0);
    for (status, error) in [(u32::MAX, DeviceError::Gone), (needs_reset, DeviceError::NeedsReset)] {
        let (soft, mut memory) = (SoftMmio::new(common::ID), Memory::new());
        let mut was_live = false;
        soft.model().status_override = Some(Box::new(move |real| {
            was_live |= real & u32::from(Status::DRIVER_OK.0) != 0;
            if was_live { status } else { real }
        }));
        let failed = probe(&soft, &mut memory).map(|_| ()).unwrap_err();
        assert_eq!((failed.error, memory.allocated()), (ProbeError::Activation(error), 2));
        let removing = failed.transport.map(|_| ()).expect_err("the reset did not finish");
        if error == DeviceError::Gone {
            // SAFETY: the software device accesses no memory.
            let _transport = unsafe { take_back(removing, &mut memory) };
        } else {
            soft.model().status_override = None;
            let _transport = removing.wait(&mut memory, &mut give_up).map_err(|(_, error)| error).unwrap();
        }
        assert_eq!(memory.allocated(), 0);
    }
}

#[test]
fn the_probe_of_a_removed_device_allocates_nothing() {
    let (soft, mut memory) = (SoftMmio::new(common::ID), Memory::new());
    soft.model().status_override = Some(Box::new(|_| u32::MAX));
    let transport = common::transport(&soft);
    let failed = Entropy::probe(transport, &mut memory, &mut never_waits).map(|_| ()).unwrap_err();
    assert_eq!((failed.error, memory.allocated()), (SetupError::Gone.into(), 0));
    assert!(failed.transport.is_ok());
}

#[test]
fn a_request_of_0_bytes_is_an_error() {
    let Setup { mut entropy, mut host } = set_up();
    assert_eq!(entropy.request(0), Err(EntropyError::Request(AddError::Empty { queue: 0 })));
    assert_eq!(host.take(), None);
    Setup { entropy, host }.remove();
}

#[test]
fn memory_is_freed_only_after_the_reset_completes() {
    let Setup { mut entropy, mut host } = set_up();
    entropy.request(8).unwrap();
    host.soft.model().status_override = Some(Box::new(|status| status.max(1)));
    let mut waits = 0;
    let mut wait = |_attempt: u32| {
        waits += 1;
        if waits < 5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let (removing, error) = entropy.remove().wait(&mut host.memory, &mut wait).unwrap_err();
    assert_eq!((error, waits), (SetupError::ResetUnfinished { status: 1 }, 5));
    assert_eq!((host.memory.allocated(), host.soft.statuses().last()), (2, Some(&0)));
    host.soft.model().status_override = None;
    let _transport = removing.wait(&mut host.memory, &mut give_up).map_err(|(_, error)| error).unwrap();
    assert_eq!((host.memory.allocated(), host.soft.statuses().last()), (0, Some(&0)), "the request is not repeated");
}

/// The device may still write to the buffer.
#[test]
fn dropping_the_driver_leaks_its_memory() {
    let Setup { mut entropy, host } = set_up();
    entropy.request(8).unwrap();
    drop(entropy);
    assert_eq!(host.memory.allocated(), 2);
    assert!(host.soft.model().status & u32::from(Status::FAILED.0) != 0, "the device is marked FAILED");
}

#[test]
fn a_probe_whose_reset_does_not_complete_allocates_nothing() {
    let (soft, mut memory) = (common::SoftMmio::new(common::ID), common::Memory::new());
    soft.model().status_override = Some(Box::new(|_| 4));
    let failed = probe(&soft, &mut memory).map(|_| ()).unwrap_err();
    assert_eq!((failed.error, memory.allocated()), (SetupError::ResetUnfinished { status: 4 }.into(), 0));
}
