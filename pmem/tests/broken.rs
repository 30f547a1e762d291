//! The first tests of the driver on a device that breaks the protocol.

mod common;

use aerostat_pmem::transport::queue::ReceiveError;
use aerostat_pmem::transport::spec::AnswerError;
use aerostat_pmem::{PmemError, ProbeError};
use common::{BYTES, START, TestMachine};

#[test]
fn a_short_answer_is_an_error() {
    for written in 0..4 {
        let mut machine = TestMachine::new();
        let (mut pmem, mut queue) = machine.start();
        pmem.start_flush().unwrap();
        let request = queue.take().unwrap();
        queue.answer(&request, &[0; 4][..written]);
        let error = AnswerError::Short { field: "ret", needed: 4, written };
        let result = pmem.poll();
        let Err(PmemError::Receive(ReceiveError::Answer { error: found, .. })) = result else { panic!("{result:?}") };
        assert_eq!(found, error);
        // The driver stays usable.
        pmem.start_flush().unwrap();
        let request = queue.take().unwrap();
        queue.answer(&request, &[0; 4]);
        assert_eq!(pmem.poll(), Ok(true));
        machine.remove(pmem);
    }
}

#[test]
fn a_range_that_cannot_be_mapped_fails_the_probe() {
    for (start, bytes) in [(START, 0), (0, 0), (u64::MAX, 1), (u64::MAX - BYTES, BYTES + 1), (1, u64::MAX)] {
        let mut machine = TestMachine::new();
        machine.registers.model().config = [start.to_le_bytes(), bytes.to_le_bytes()].concat();
        let failed = machine.probe().map(|_| ()).unwrap_err();
        assert_eq!(failed.error, ProbeError::Range { start, bytes });
        assert!(machine.ledger.all_returned(), "all memory is freed");
    }
}
