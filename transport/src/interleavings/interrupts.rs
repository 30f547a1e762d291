//! Used buffers and interrupts: the driver finds every used buffer, or is interrupted.

use std::sync::Arc;

use aerostat_interleavings::loom::sync::Notify;
use aerostat_interleavings::loom::thread;
use aerostat_interleavings::model;

use super::{BUFFERS, NoDoorbell, Queue, add, queue, written};
use crate::queue::Interrupts;
use crate::ring::{Events, Format};

/// The driver takes used buffers, and waits for an interrupt when it finds none. If an interrupt is lost, it waits forever, which loom
/// reports as a deadlock.
fn receive(queue: &mut Queue<NoDoorbell>, interrupt: &Notify, buffers: usize) {
    let mut received = 0;
    loop {
        while let Some(used) = queue.pop().unwrap() {
            assert_eq!(used.written, written(received), "the length of another buffer");
            received += 1;
        }
        if received == buffers {
            return;
        }
        interrupt.wait();
    }
}

fn exchange(format: Format, events: Events, buffers: usize, disables: bool) {
    model(move || {
        let (mut queue, mut device, memory) = queue(format, events, NoDoorbell);
        for buffer in 0..buffers {
            add(&mut queue, buffer);
        }
        if disables {
            queue.set_interrupts(Interrupts::Disabled);
        }
        let interrupt = Arc::new(Notify::new());
        let line = interrupt.clone();
        let device = thread::spawn(move || {
            for _ in 0..buffers {
                let taken = device.take().unwrap();
                if device.put(&taken) {
                    line.notify();
                }
            }
        });
        if disables {
            queue.set_interrupts(Interrupts::Enabled);
        }
        receive(&mut queue, &interrupt, buffers);
        device.join().unwrap();
        drop(memory);
    });
}

/// The driver moves its event after each buffer, and looks again.
#[test]
fn no_interrupt_is_lost_with_event_indexes_in_a_split_ring() {
    exchange(Format::Split, Events::Index, BUFFERS, false);
}

#[test]
fn no_interrupt_is_lost_with_event_indexes_in_a_packed_ring() {
    exchange(Format::Packed, Events::Index, BUFFERS, false);
}

#[test]
fn no_interrupt_is_lost_when_they_are_enabled_by_flags_in_a_split_ring() {
    exchange(Format::Split, Events::Flags, 1, true);
}

#[test]
fn no_interrupt_is_lost_when_they_are_enabled_by_flags_in_a_packed_ring() {
    exchange(Format::Packed, Events::Flags, 1, true);
}

// conformance: ring.split.receive.2
#[test]
fn no_interrupt_is_lost_when_they_are_enabled_by_event_index_in_a_split_ring() {
    exchange(Format::Split, Events::Index, 1, true);
}

// conformance: ring.packed.receive.2
#[test]
fn no_interrupt_is_lost_when_they_are_enabled_by_event_index_in_a_packed_ring() {
    exchange(Format::Packed, Events::Index, 1, true);
}
