//! The driver on a device that keeps the protocol.

mod common;

use std::ops::ControlFlow;

use aerostat_device::When;
use aerostat_pmem::transport::queue::{AddError, SendError};
use aerostat_pmem::transport::{DeviceError, InterruptSource as _, InterruptStatus, QueueError};
use aerostat_pmem::{PmemError, ProbeError};
use common::{BYTES, EVENT_IDX, RING_PACKED, SHMEM_REGION, START, TestMachine, VERSION_1, give_up};

/// The rings of the queue are those that were negotiated, and the indexes pass the end of the rings.
#[test]
fn many_flushes_over_each_kind_of_ring() {
    for features in [0, EVENT_IDX, RING_PACKED, RING_PACKED | EVENT_IDX] {
        let mut machine = TestMachine::new();
        machine.registers.model().offered = VERSION_1 | features;
        let (mut pmem, mut queue) = machine.start();
        for _ in 0..20 {
            assert_eq!(pmem.poll(), Ok(false), "nothing was started");
            pmem.start_flush().unwrap();
            assert_eq!(pmem.poll(), Ok(false));
            let request = queue.take().unwrap();
            assert!(queue.take().is_none());
            assert_eq!(pmem.poll(), Ok(false));
            queue.answer(&request, &[0; 4]);
            assert_eq!((pmem.poll(), pmem.poll()), (Ok(true), Ok(false)));
        }
        machine.remove(pmem);
    }
}

#[test]
fn a_failed_flush_is_an_error_and_can_be_repeated() {
    let mut machine = TestMachine::new();
    let (mut pmem, mut queue) = machine.start();
    for (ret, result) in [(1, Err(1)), (u32::MAX, Err(u32::MAX)), (0, Ok(()))] {
        let flushed = pmem.flush(&mut |_attempt: u32| {
            let request = queue.take().expect("one request");
            queue.answer(&request, &u32::to_le_bytes(ret));
            ControlFlow::Continue(())
        });
        assert_eq!(flushed, result.map_err(|ret| PmemError::Failed { ret }));
    }
    machine.remove(pmem);
}

/// The request in flight does not cover what was written after it.
#[test]
fn a_flush_first_waits_for_an_earlier_one() {
    for earlier in [0_u32, 7] {
        let mut machine = TestMachine::new();
        let (mut pmem, mut queue) = machine.start();
        assert_eq!(pmem.flush(&mut give_up), Err(DeviceError::NoAnswer { queue: 0 }.into()));
        let full = AddError::Full { queue: 0, needed: 1, free: 0 };
        assert_eq!(pmem.start_flush(), Err(SendError::Add(full).into()));
        assert_eq!(pmem.flush(&mut give_up), Err(DeviceError::NoAnswer { queue: 0 }.into()));
        let request = queue.take().unwrap();
        assert!(queue.take().is_none(), "one request in flight");
        queue.answer(&request, &earlier.to_le_bytes());
        let mut second = false;
        let flushed = pmem.flush(&mut |_attempt: u32| {
            second = true;
            let request = queue.take().expect("the second request");
            queue.answer(&request, &[0; 4]);
            ControlFlow::Continue(())
        });
        match earlier {
            0 => assert_eq!((flushed, second), (Ok(()), true)),
            ret => assert_eq!((flushed, second), (Err(PmemError::Failed { ret }), false)),
        }
        machine.remove(pmem);
    }
}

#[test]
fn the_shared_memory_region_replaces_the_configuration() {
    let mut machine = TestMachine::new();
    {
        let mut model = machine.registers.model();
        model.offered |= SHMEM_REGION;
        model.config.fill(0);
        model.shared_memory = vec![(START + 0x1000, BYTES - 0x1000)];
    }
    let (pmem, _) = machine.start();
    assert_eq!(pmem.range(), START + 0x1000..START + BYTES);
    assert_eq!(machine.registers.model().accepted, VERSION_1 | SHMEM_REGION);
    machine.remove(pmem);
}

/// Start and size belong to one configuration.
#[test]
fn the_range_is_read_again_if_it_changes_meanwhile() {
    let mut machine = TestMachine::new();
    let mut reads = 0;
    machine.registers.model().on_config_read = Some(Box::new(move |config, generation| {
        reads += 1;
        // After the first half of `start` was read.
        if reads == 2 {
            *config = [0x5000_u64.to_le_bytes(), 0x1000_u64.to_le_bytes()].concat();
            *generation += 1;
        }
    }));
    let (pmem, _) = machine.start();
    assert_eq!(pmem.range(), 0x5000..0x6000);
    machine.remove(pmem);
}

#[test]
fn a_probe_without_memory_fails_and_keeps_nothing() {
    for allocation in 0..2 {
        let mut machine = TestMachine::new();
        machine.ledger.fail_dma(Some(When::At(allocation)));
        let failed = machine.probe().map(|_| ()).unwrap_err();
        assert!(matches!(failed.error, ProbeError::Queue(QueueError::NoMemory { .. })), "{}", failed.error);
        assert!(machine.ledger.all_returned() && failed.transport.is_ok());
    }
    let mut machine = TestMachine::new();
    machine.ledger.fail_dma(Some(When::At(2)));
    let (pmem, _) = machine.start();
    machine.remove(pmem);
}

#[test]
fn the_interrupt_side_acknowledges() {
    let mut machine = TestMachine::new();
    let (pmem, _) = machine.start();
    machine.registers.model().interrupt = 1;
    assert_eq!(pmem.interrupt().acknowledge(), InterruptStatus { used_buffers: true, configuration: false });
    assert_eq!(machine.registers.model().interrupt, 0);
    machine.remove(pmem);
}

#[test]
fn errors_can_be_printed() {
    let text = PmemError::Failed { ret: u32::MAX }.to_string();
    assert_eq!(text, "the persistent memory device failed to flush its memory: it answered 0xffffffff");
    let text = ProbeError::Range { start: 0x1000, bytes: 0 }.to_string();
    assert_eq!(text, "the persistent memory device has 0 bytes of memory at 0x1000, which is not a valid range");
}
