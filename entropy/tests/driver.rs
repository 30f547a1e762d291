//! The driver on a device that follows the protocol.

mod common;

use aerostat_entropy::transport::{
    DeviceError, InterruptSource, InterruptStatus, QueueError, SetupError, Status, Transport,
};
use aerostat_entropy::{BYTES, EntropyError, ProbeError};
use common::{ID, Memory, Setup, SoftMmio, give_up, probe, reg, set_up};
use std::ops::ControlFlow;

/// Returns distinguishable bytes.
fn stream(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 256) as u8).collect()
}

/// Fills `bytes` while the device answers with the next bytes of `stream`, at most `max` for each request.
fn fill_from(setup: &mut Setup, stream: &[u8], max: usize, bytes: &mut [u8]) -> Result<(), EntropyError> {
    let mut sent = 0;
    let Setup { entropy, host } = setup;
    entropy.fill(bytes, &mut |_attempt: u32| {
        let end = stream.len().min(sent + max);
        sent += host.serve(&stream[sent..end]);
        ControlFlow::Continue(())
    })
}

#[test]
fn any_length_is_filled_with_several_requests() {
    let stream = stream(3 * BYTES);
    for (len, max, requests) in [
        (0, BYTES, 0),
        (1, BYTES, 1),
        (BYTES, BYTES, 1),
        (BYTES + 1, BYTES, 2),
        (3 * BYTES, BYTES, 3),
        (BYTES, 100, 3),
        (50, 1, 50),
    ] {
        let mut setup = set_up();
        let mut bytes = vec![0xee; len];
        assert_eq!(fill_from(&mut setup, &stream, max, &mut bytes), Ok(()));
        assert_eq!(bytes, stream[..len], "{len} bytes, {max} for each request");
        assert_eq!(setup.host.soft.written(reg::QUEUE_NOTIFY).len(), requests);
        setup.remove();
    }
}

#[test]
fn request_and_poll_never_wait() {
    for (max, len) in [(1, 1), (BYTES - 1, BYTES - 1), (BYTES, BYTES), (usize::MAX, BYTES)] {
        let Setup { mut entropy, mut host } = set_up();
        let mut bytes = [0; BYTES];
        assert_eq!(entropy.poll(&mut bytes), Ok(None), "no request is in flight");
        entropy.request(max).unwrap();
        entropy.request(max).unwrap();
        assert_eq!(entropy.poll(&mut bytes), Ok(None), "the device has not answered");
        let request = host.take().unwrap();
        assert_eq!((request.len as usize, host.take()), (len, None), "at most one request is in flight");
        host.answer(request, &vec![3; len], len as u32);
        assert_eq!(entropy.poll(&mut bytes), Ok(Some(len)));
        assert!(bytes[..len].iter().all(|&byte| byte == 3) && bytes[len..].iter().all(|&byte| byte == 0));
        assert_eq!(entropy.poll(&mut bytes), Ok(None));
        Setup { entropy, host }.remove();
    }
}

#[test]
fn bytes_that_do_not_fit_are_discarded() {
    let Setup { mut entropy, mut host } = set_up();
    entropy.request(8).unwrap();
    host.serve(&stream(8));
    let mut bytes = [0; 5];
    assert_eq!(entropy.poll(&mut bytes), Ok(Some(5)));
    assert_eq!((bytes[..].to_vec(), entropy.poll(&mut bytes)), (stream(5), Ok(None)));
    entropy.request(8).unwrap();
    host.serve(&stream(8));
    assert_eq!(entropy.poll(&mut []), Ok(Some(0)));
    Setup { entropy, host }.remove();
}

#[test]
fn a_timeout_keeps_the_request_in_flight() {
    let Setup { mut entropy, mut host } = set_up();
    let mut bytes = [0; 4];
    let mut waits = Vec::new();
    let timeout = entropy.fill(&mut bytes, &mut |attempt: u32| {
        waits.push(attempt);
        if attempt < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert_eq!((timeout, waits), (Err(DeviceError::NoAnswer { queue: 0 }.into()), vec![0, 1, 2, 3]));
    let request = host.take().unwrap();
    host.answer(request, &stream(4), 4);
    assert_eq!(entropy.fill(&mut bytes, &mut give_up), Ok(()), "the first poll gets the answer");
    assert_eq!((bytes[..].to_vec(), host.take()), (stream(4), None), "there was only one request");
    Setup { entropy, host }.remove();
}

#[test]
fn an_answer_during_the_last_wait_is_accepted() {
    let Setup { mut entropy, mut host } = set_up();
    let mut bytes = [0; 4];
    let last = entropy.fill(&mut bytes, &mut |_attempt: u32| {
        host.serve(&stream(4));
        ControlFlow::Break(())
    });
    assert_eq!((last, bytes[..].to_vec()), (Ok(()), stream(4)));
    Setup { entropy, host }.remove();
}

#[test]
fn each_answer_restarts_the_attempt_count() {
    let Setup { mut entropy, mut host } = set_up();
    let mut waits = Vec::new();
    entropy
        .fill(&mut [0; 3], &mut |attempt: u32| {
            waits.push(attempt);
            if attempt == 1 {
                host.serve(&[9]);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(waits, [0, 1, 0, 1, 0, 1]);
    Setup { entropy, host }.remove();
}

#[test]
fn the_interrupt_side_acknowledges_interrupts() {
    let Setup { entropy, host } = set_up();
    let interrupt = entropy.interrupt();
    assert!(interrupt.acknowledge().is_none());
    host.soft.model().interrupt = 1;
    assert_eq!(interrupt.acknowledge(), InterruptStatus { used_buffers: true, configuration: false });
    assert_eq!(host.soft.model().interrupt, 0, "the interrupt is acknowledged");
    Setup { entropy, host }.remove();
}

#[test]
fn a_removed_device_can_be_probed_again() {
    let Setup { mut entropy, host } = set_up();
    let (soft, mut memory) = (host.soft, host.memory);
    entropy.request(16).unwrap();
    let transport = entropy.remove().wait(&mut memory, &mut give_up).map_err(|(_, error)| error).unwrap();
    assert_eq!((memory.allocated(), transport.status()), (0, Status::RESET), "also with a request in flight");
    drop(transport);
    let entropy = probe(&soft, &mut memory).map_err(|failed| failed.error).unwrap();
    assert_eq!(memory.allocated(), 2);
    entropy.remove().wait(&mut memory, &mut give_up).map_err(|(_, error)| error).unwrap();
    assert_eq!(memory.allocated(), 0);
}

#[test]
fn a_failed_probe_frees_all_memory() {
    let cases: [(&str, fn(&SoftMmio, &Memory), ProbeError); 5] = [
        (
            "another device",
            |soft, _| soft.model().id = 5,
            SetupError::WrongDevice {
                expected: aerostat_entropy::transport::spec::DeviceId(ID),
                found: aerostat_entropy::transport::spec::DeviceId(5),
            }
            .into(),
        ),
        ("a legacy device", |soft, _| soft.model().offered = 0, SetupError::LegacyOnly.into()),
        ("no queue", |soft, _| soft.model().queues[0].max = 0, QueueError::Missing { queue: 0 }.into()),
        (
            "no memory for the buffer",
            |_, memory| memory.fail_after(0),
            QueueError::NoMemory { queue: 0, bytes: BYTES }.into(),
        ),
        (
            "no memory for the ring",
            |_, memory| memory.fail_after(1),
            QueueError::NoMemory { queue: 0, bytes: 16 + 8 + 14 }.into(),
        ),
    ];
    for (case, prepare, expected) in cases {
        let (soft, mut memory) = (SoftMmio::new(ID), Memory::new());
        prepare(&soft, &memory);
        let failed = probe(&soft, &mut memory).map(|_| ()).expect_err(case);
        assert_eq!((failed.error, memory.allocated()), (expected, 0), "{case}");
        let failed_bit = soft.statuses().iter().any(|status| status & u32::from(Status::FAILED.0) != 0);
        assert_eq!(failed_bit, case != "another device", "{case}: the device is marked FAILED");
        drop(failed.transport.expect("the reset finished, or was not necessary"));
    }
}
