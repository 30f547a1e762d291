//! The first test of the driver, on a device that keeps the protocol.

mod common;

use std::ops::ControlFlow;

use common::{BYTES, START, TestMachine};

#[test]
fn a_flush_waits_for_the_answer() {
    let mut machine = TestMachine::new();
    let (mut pmem, mut queue) = machine.start();
    assert_eq!(pmem.range(), START..START + BYTES);
    let mut waits = 0;
    let flushed = pmem.flush(&mut |_attempt: u32| {
        waits += 1;
        // The device works while the driver waits.
        if waits == 3 {
            let request = queue.take().expect("the driver has sent a request");
            // VIRTIO_PMEM_REQ_TYPE_FLUSH is 0, and the answer is a 32-bit number.
            assert_eq!((request.readable(), request.writable_len()), (&[0; 4][..], 4));
            queue.answer(&request, &0_u32.to_le_bytes());
        }
        ControlFlow::Continue(())
    });
    assert_eq!((flushed, waits), (Ok(()), 3));
    assert_eq!(machine.registers.notified(), [0]);
    machine.remove(pmem);
}
