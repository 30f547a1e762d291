//! The driver on a device that breaks the protocol.

mod common;

use std::ops::ControlFlow;

use aerostat_pmem::transport::queue::{AddError, SendError};
use aerostat_pmem::transport::{ConfigError, DeviceError, SetupError, Status};
use aerostat_pmem::{Pmem, PmemError, ProbeError, Removing};
use common::{Bus, RING_PACKED, SHMEM_REGION, START, TestMachine, VERSION_1, give_up};

const DRIVER_OK: u32 = Status::DRIVER_OK.0 as u32;
const NEEDS_RESET: u32 = Status::NEEDS_RESET.0 as u32;

/// Probes a device whose range of memory is not valid, and returns the error.
fn probe_error(change: impl FnOnce(&TestMachine)) -> ProbeError {
    let mut machine = TestMachine::new();
    change(&machine);
    let failed = machine.probe().map(|_| ()).unwrap_err();
    assert!(machine.ledger.all_returned() && failed.transport.is_ok());
    assert!(machine.registers.model().status & u32::from(Status::FAILED.0) != 0, "the device is marked FAILED");
    failed.error
}

#[test]
fn a_region_that_does_not_exist_fails_the_probe() {
    for regions in [vec![], vec![(START, 0)], vec![(u64::MAX, 2)]] {
        let error = probe_error(|machine| {
            let mut model = machine.registers.model();
            model.offered |= SHMEM_REGION;
            model.shared_memory = regions;
        });
        assert_eq!(error, ProbeError::NoRegion);
    }
    // The end of the region is the end of the address space, which a `Range` cannot express.
    let error = probe_error(|machine| {
        let mut model = machine.registers.model();
        model.offered |= SHMEM_REGION;
        model.shared_memory = vec![(u64::MAX, 1)];
    });
    assert_eq!(error, ProbeError::Range { start: u64::MAX, bytes: 1 });
}

#[test]
fn a_configuration_space_that_is_too_small_or_never_stable_fails_the_probe() {
    let error = probe_error(|machine| machine.registers.model().len = 0x10c);
    assert!(matches!(error, ProbeError::Config(ConfigError::TooSmall { end: 16, len: 12, .. })), "{error}");
    let error = probe_error(|machine| {
        machine.registers.model().on_config_read = Some(Box::new(|_, generation| *generation += 1));
    });
    assert!(matches!(error, ProbeError::Config(ConfigError::Unstable { .. })), "{error}");
}

/// The queue fills the space of an answer with zeros, so an earlier answer is never seen again. The device could as well have written
/// the 0 itself.
#[test]
fn an_answer_that_was_not_written_is_zero() {
    let mut machine = TestMachine::new();
    let (mut pmem, mut queue) = machine.start();
    pmem.start_flush().unwrap();
    let request = queue.take().unwrap();
    queue.answer(&request, &[7; 4]);
    assert_eq!(pmem.poll(), Err(PmemError::Failed { ret: 0x0707_0707 }));
    pmem.start_flush().unwrap();
    let request = queue.take().unwrap();
    queue.complete(&request, 4);
    assert_eq!(pmem.poll(), Ok(true));
    machine.remove(pmem);
}

/// Lets the device break the rules of the queue, and checks that the error is permanent and that the memory is kept until the reset.
fn breaks_the_queue(features: u64, break_it: impl FnOnce(&mut aerostat_device::soft::SoftQueue), error: DeviceError) {
    let mut machine = TestMachine::new();
    machine.registers.model().offered = VERSION_1 | features;
    let (mut pmem, mut queue) = machine.start();
    pmem.start_flush().unwrap();
    break_it(&mut queue);
    assert_eq!(pmem.poll(), Err(error.into()));
    assert_eq!(pmem.flush(&mut never_waits), Err(error.into()));
    assert_eq!(pmem.start_flush(), Err(SendError::Add(AddError::Poisoned(error)).into()));
    assert_eq!(machine.ledger.allocated_dma(), 2, "memory that the device may still write to is not freed");
    remove_and_leak(&mut machine, pmem);
}

/// Removes the driver while a flush has no answer, and checks that its memory is leaked.
fn remove_and_leak(machine: &mut TestMachine, pmem: Pmem<Bus>) {
    pmem.remove(&mut give_up).wait(&mut machine.platform, &mut give_up).map_err(|(_, error)| error).unwrap();
    assert_eq!(machine.registers.statuses().last(), Some(&0), "the device is reset");
    assert_eq!(machine.ledger.allocated_dma(), 2);
}

#[test]
fn an_answer_longer_than_the_buffer_is_an_error() {
    for features in [0, RING_PACKED] {
        for length in [5, 8, u32::MAX] {
            let error = DeviceError::LengthTooLong { queue: 0, id: 0, length, capacity: 4 };
            breaks_the_queue(
                features,
                |queue| {
                    let request = queue.take().unwrap();
                    assert_eq!(request.id(), 0);
                    queue.complete(&request, length);
                },
                error,
            );
        }
    }
}

#[test]
fn an_answer_to_another_request_is_an_error() {
    for id in [1, 2, 0x1_0000, u32::MAX] {
        breaks_the_queue(0, |queue| queue.write_used(id, 4), DeviceError::NotOutstanding { queue: 0, id });
    }
    // A packed ring has 16 bits.
    for id in [1, 2, 0xffff] {
        breaks_the_queue(RING_PACKED, |queue| queue.write_used(id, 4), DeviceError::NotOutstanding { queue: 0, id });
    }
}

#[test]
fn a_used_index_that_jumps_is_an_error() {
    for by in [2, 100, i16::MIN, -1] {
        let error = DeviceError::IndexJumped { queue: 0, from: 0, to: by as u16, in_flight: 1 };
        breaks_the_queue(0, |queue| queue.shift_used_index(by), error);
    }
}

/// Each call checks the device first, and does not wait for one that does not answer any more.
#[test]
fn a_reset_or_removed_device_is_an_error_of_its_own() {
    let cases = [
        (DRIVER_OK | NEEDS_RESET, DeviceError::NeedsReset),
        (DRIVER_OK | u32::from(Status::FAILED.0), DeviceError::NeedsReset),
        (0, DeviceError::HostReset),
        (u32::MAX, DeviceError::Gone),
    ];
    for (status, error) in cases {
        for in_flight in [false, true] {
            let mut machine = TestMachine::new();
            let (mut pmem, _) = machine.start();
            if in_flight {
                pmem.start_flush().unwrap();
            }
            machine.registers.model().status_override = Some(Box::new(move |_| status));
            assert_eq!(pmem.poll(), Err(error.into()));
            assert_eq!(pmem.start_flush(), Err(error.into()));
            assert_eq!(pmem.flush(&mut never_waits), Err(error.into()));
            if error == DeviceError::Gone {
                let removing = pmem.remove(&mut never_waits);
                let (removing, error) = removing.wait(&mut machine.platform, &mut give_up).map(drop).unwrap_err();
                assert_eq!((error, machine.ledger.allocated_dma()), (SetupError::Gone, 2));
                // SAFETY: the software device accesses no memory.
                unsafe { take_back(removing, &mut machine) };
                assert!(machine.ledger.all_returned());
            } else {
                let removing = pmem.remove(&mut never_waits);
                machine.registers.model().status_override = None;
                removing.wait(&mut machine.platform, &mut give_up).map_err(|(_, error)| error).unwrap();
                assert_eq!(machine.ledger.all_returned(), !in_flight);
            }
        }
    }
}

/// A `Wait` that must not be called, because the device will not change.
fn never_waits(_attempt: u32) -> ControlFlow<()> {
    panic!("waits for a device that does not answer any more")
}

/// Takes the memory back.
///
/// # Safety
///
/// The device does not access memory.
unsafe fn take_back(Removing { device, requests }: Removing<Bus>, machine: &mut TestMachine) {
    // SAFETY: by the caller's promise.
    let (_transport, proof) = unsafe { device.assume_reset() };
    requests.release(&proof, &mut machine.platform).expect("the proof and the memory are those of the queue");
}

/// What a device does right after DRIVER_OK.
#[test]
fn a_device_that_does_not_become_live_fails_the_probe() {
    let cases = [
        (NEEDS_RESET | DRIVER_OK, DeviceError::NeedsReset),
        (Status::FAILED.0.into(), DeviceError::NeedsReset),
        (0, DeviceError::HostReset),
    ];
    for (status, error) in cases {
        let mut machine = TestMachine::new();
        machine.registers.model().status_override =
            Some(Box::new(move |real| if real & DRIVER_OK == 0 { real } else { status }));
        let failed = machine.probe().map(|_| ()).unwrap_err();
        assert_eq!(failed.error, ProbeError::Activation(error));
        assert!(machine.ledger.all_returned());
        assert_eq!(machine.registers.statuses().last(), Some(&0), "the device is reset");
        machine.registers.model().status_override = None;
        let transport = failed.transport.expect("the reset finished");
        let again = Pmem::probe(transport, &mut machine.platform, &mut give_up).map_err(|failed| failed.error);
        machine.remove(again.unwrap());
    }
}

/// The device may have the memory of the queue, so a failed probe neither frees nor loses it.
#[test]
fn a_failed_probe_keeps_the_memory_of_a_device_that_is_not_reset() {
    let mut machine = TestMachine::new();
    let mut was_live = false;
    machine.registers.model().status_override = Some(Box::new(move |real| {
        was_live |= real & DRIVER_OK != 0;
        if was_live { NEEDS_RESET | DRIVER_OK } else { real }
    }));
    let failed = machine.probe().map(|_| ()).unwrap_err();
    assert_eq!(failed.error, ProbeError::Activation(DeviceError::NeedsReset));
    assert_eq!(machine.ledger.allocated_dma(), 2);
    let removing = failed.transport.map(|_| ()).expect_err("the reset did not finish");
    let (removing, error) = removing.wait(&mut machine.platform, &mut give_up).map(drop).unwrap_err();
    assert!(matches!(error, SetupError::ResetUnfinished { .. }), "{error}");
    assert_eq!(machine.ledger.allocated_dma(), 2);
    machine.registers.model().status_override = None;
    removing.wait(&mut machine.platform, &mut give_up).map_err(|(_, error)| error).unwrap();
    assert!(machine.ledger.all_returned());
}

#[test]
fn memory_is_freed_only_after_the_reset_completes() {
    let mut machine = TestMachine::new();
    let (pmem, _) = machine.start();
    machine.registers.model().status_override = Some(Box::new(|status| status.max(1)));
    let removing = pmem.remove(&mut never_waits);
    let (removing, error) = removing.wait(&mut machine.platform, &mut give_up).map(drop).unwrap_err();
    assert_eq!((error, machine.ledger.allocated_dma()), (SetupError::ResetUnfinished { status: 1 }, 2));
    machine.registers.model().status_override = None;
    removing.wait(&mut machine.platform, &mut give_up).map_err(|(_, error)| error).unwrap();
    assert!(machine.ledger.all_returned());
}

/// QEMU answers a flush even after a reset.
#[test]
fn a_flush_in_flight_is_awaited_before_the_reset() {
    let mut machine = TestMachine::new();
    let (mut pmem, mut queue) = machine.start();
    pmem.start_flush().unwrap();
    let registers = machine.registers.clone();
    let removing = pmem.remove(&mut |_attempt: u32| {
        assert_ne!(registers.model().status, 0, "the device is not reset yet");
        let request = queue.take().expect("one request");
        queue.answer(&request, &[0; 4]);
        ControlFlow::Continue(())
    });
    removing.wait(&mut machine.platform, &mut give_up).map_err(|(_, error)| error).unwrap();
    assert!(machine.ledger.all_returned());

    let (mut pmem, _) = machine.start();
    pmem.start_flush().unwrap();
    remove_and_leak(&mut machine, pmem);
}

/// The kernel knows that the device keeps its resets.
#[test]
fn a_kernel_can_free_the_memory_of_a_flush_without_an_answer() {
    let mut machine = TestMachine::new();
    let (mut pmem, _) = machine.start();
    pmem.start_flush().unwrap();
    let Removing { device, requests } = pmem.remove(&mut give_up);
    let (_transport, proof) = device.wait(&mut give_up).map_err(|(_, error)| error).unwrap();
    requests.release(&proof, &mut machine.platform).expect("the proof and the memory are those of the queue");
    assert!(machine.ledger.all_returned());
}

/// The device may still write to the buffer.
#[test]
fn dropping_the_driver_leaks_its_memory() {
    let mut machine = TestMachine::new();
    let (mut pmem, _) = machine.start();
    pmem.start_flush().unwrap();
    drop(pmem);
    assert_eq!(machine.ledger.allocated_dma(), 2);
    assert!(machine.registers.model().status & u32::from(Status::FAILED.0) != 0, "the device is marked FAILED");
}

#[test]
fn a_device_of_another_type_is_refused() {
    let mut machine = TestMachine::new();
    machine.registers.model().id = 5;
    let failed = machine.probe().map(|_| ()).unwrap_err();
    assert!(matches!(failed.error, ProbeError::Setup(SetupError::WrongDevice { .. })), "{}", failed.error);
    assert!(machine.registers.statuses().is_empty(), "the device is left alone");
    assert!(failed.transport.is_ok());
}
