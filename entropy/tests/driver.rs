//! The driver on a device that keeps the protocol.

mod common;

use aerostat_entropy::transport::{
    DeviceError, InterruptSource, InterruptStatus, QueueError, SetupError, Status, Transport,
};
use aerostat_entropy::{BYTES, EntropyError, ProbeError};
use common::{Both, ID, Memory, Soft, both, impatient, probe, reg};
use std::ops::ControlFlow;

/// Bytes that tell where they come from.
fn stream(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 256) as u8).collect()
}

/// A wait in which the device's side answers by the next bytes of `stream`, at most `piece` of them at a time.
fn answering(both: &mut Both, stream: &[u8], piece: usize, bytes: &mut [u8]) -> Result<(), EntropyError> {
    let mut sent = 0;
    let Both { entropy, host } = both;
    entropy.fill(bytes, &mut |_attempt: u32| {
        let end = stream.len().min(sent + piece);
        sent += host.serve(&stream[sent..end]);
        ControlFlow::Continue(())
    })
}

#[test]
fn every_length_is_filled_by_as_many_requests_as_it_takes() {
    let stream = stream(3 * BYTES);
    for (len, piece, requests) in [
        (0, BYTES, 0),
        (1, BYTES, 1),
        (BYTES, BYTES, 1),
        (BYTES + 1, BYTES, 2),
        (3 * BYTES, BYTES, 3),
        (BYTES, 100, 3),
        (50, 1, 50),
    ] {
        let mut both = both();
        let mut bytes = vec![0xee; len];
        assert_eq!(answering(&mut both, &stream, piece, &mut bytes), Ok(()));
        assert_eq!(bytes, stream[..len], "{len} bytes, {piece} at a time");
        assert_eq!(both.host.soft.written(reg::QUEUE_NOTIFY).len(), requests);
        both.remove();
    }
}

#[test]
fn a_request_asks_for_what_is_wanted_and_never_waits() {
    for (most, len) in [(1, 1), (BYTES - 1, BYTES - 1), (BYTES, BYTES), (usize::MAX, BYTES)] {
        let Both { mut entropy, mut host } = both();
        let mut bytes = [0; BYTES];
        assert_eq!(entropy.poll(&mut bytes), Ok(None), "nothing was asked for");
        entropy.request(most).unwrap();
        entropy.request(most).unwrap();
        assert_eq!(entropy.poll(&mut bytes), Ok(None), "the device has not answered");
        let request = host.take().unwrap();
        assert_eq!((request.len as usize, host.take()), (len, None), "one request at a time");
        host.answer(request, &vec![3; len], len as u32);
        assert_eq!(entropy.poll(&mut bytes), Ok(Some(len)));
        assert!(bytes[..len].iter().all(|&byte| byte == 3) && bytes[len..].iter().all(|&byte| byte == 0));
        assert_eq!(entropy.poll(&mut bytes), Ok(None));
        Both { entropy, host }.remove();
    }
}

#[test]
fn of_an_answer_that_does_not_fit_the_rest_is_lost() {
    let Both { mut entropy, mut host } = both();
    entropy.request(8).unwrap();
    host.serve(&stream(8));
    let mut bytes = [0; 5];
    assert_eq!(entropy.poll(&mut bytes), Ok(Some(5)));
    assert_eq!((bytes[..].to_vec(), entropy.poll(&mut bytes)), (stream(5), Ok(None)));
    entropy.request(8).unwrap();
    host.serve(&stream(8));
    assert_eq!(entropy.poll(&mut []), Ok(Some(0)));
    Both { entropy, host }.remove();
}

#[test]
fn a_device_that_does_not_answer_is_given_up_and_may_answer_later() {
    let Both { mut entropy, mut host } = both();
    let mut bytes = [0; 4];
    let mut waits = Vec::new();
    let silent = entropy.fill(&mut bytes, &mut |attempt: u32| {
        waits.push(attempt);
        if attempt < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert_eq!((silent, waits), (Err(DeviceError::NoAnswer { queue: 0 }.into()), vec![0, 1, 2, 3]));
    let request = host.take().unwrap();
    host.answer(request, &stream(4), 4);
    assert_eq!(entropy.fill(&mut bytes, &mut impatient), Ok(()), "the first look finds it");
    assert_eq!((bytes[..].to_vec(), host.take()), (stream(4), None), "it was asked once");
    Both { entropy, host }.remove();
}

#[test]
fn an_answer_during_the_last_wait_is_found() {
    let Both { mut entropy, mut host } = both();
    let mut bytes = [0; 4];
    let last = entropy.fill(&mut bytes, &mut |_attempt: u32| {
        host.serve(&stream(4));
        ControlFlow::Break(())
    });
    assert_eq!((last, bytes[..].to_vec()), (Ok(()), stream(4)));
    Both { entropy, host }.remove();
}

#[test]
fn each_answer_is_progress_to_whoever_counts_the_waits() {
    let Both { mut entropy, mut host } = both();
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
    Both { entropy, host }.remove();
}

#[test]
fn the_interrupt_says_that_there_is_an_answer() {
    let Both { entropy, host } = both();
    let interrupt = entropy.interrupt();
    assert!(interrupt.acknowledge().is_none());
    host.soft.model().interrupt = 1;
    assert_eq!(interrupt.acknowledge(), InterruptStatus { used_buffers: true, configuration: false });
    assert_eq!(host.soft.model().interrupt, 0, "the line is low again");
    Both { entropy, host }.remove();
}

#[test]
fn a_device_that_was_removed_can_be_probed_again() {
    let Both { mut entropy, host } = both();
    let (soft, mut memory) = (host.soft, host.memory);
    entropy.request(16).unwrap();
    let transport = entropy.remove(&mut memory).map_err(|(_, error)| error).unwrap();
    assert_eq!((memory.lent(), transport.status()), (0, Status::RESET), "also with a request under way");
    drop(transport);
    let entropy = probe(&soft, &mut memory).map_err(|failed| failed.error).unwrap();
    assert_eq!(memory.lent(), 2);
    entropy.remove(&mut memory).map_err(|(_, error)| error).unwrap();
    assert_eq!(memory.lent(), 0);
}

#[test]
fn a_failed_probe_gives_everything_back() {
    let cases: [(&str, fn(&Soft, &Memory), ProbeError); 5] = [
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
        let (soft, mut memory) = (Soft::new(ID), Memory::new());
        prepare(&soft, &memory);
        let failed = probe(&soft, &mut memory).map(|_| ()).expect_err(case);
        assert_eq!((failed.error, memory.lent()), (expected, 0), "{case}");
        let failed_bit = soft.statuses().iter().any(|status| status & u32::from(Status::FAILED.0) != 0);
        assert_eq!(failed_bit, case != "another device", "{case}: the device knows that its driver has given up");
        drop(failed.transport);
    }
}
