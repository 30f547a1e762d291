//! Handles that are dropped in one context, and their parts that the balloon uses in another one.

use std::sync::Arc;

use aerostat_interleavings::loom::thread;
use aerostat_interleavings::{Data, model};

use crate::parts::{Part, Shared};

#[test]
fn the_balloon_uses_a_part_after_its_handle() {
    model(|| {
        let shared = Arc::new(Shared::new());
        // Stands for the queue of the handle.
        let queue = Arc::new(Data::new());
        shared.add_handle(Part::Reporting);
        let (handles, part) = (shared.clone(), queue.clone());
        let handle = thread::spawn(move || {
            part.touch();
            handles.remove_handle(Part::Reporting);
        });
        if !shared.has_handle(Part::Reporting) {
            queue.touch();
        }
        handle.join().unwrap();
    });
}

#[test]
fn the_balloon_uses_all_parts_after_all_handles() {
    model(|| {
        let shared = Arc::new(Shared::new());
        let parts = [Part::Statistics, Part::Hinting];
        // Stand for the queues of the handles.
        let queues = parts.map(|_| Arc::new(Data::new()));
        parts.iter().for_each(|part| shared.add_handle(*part));
        let handles: std::vec::Vec<_> = parts
            .into_iter()
            .zip(queues.clone())
            .map(|(part, queue)| {
                let shared = shared.clone();
                thread::spawn(move || {
                    queue.touch();
                    shared.remove_handle(part);
                })
            })
            .collect();
        if !shared.has_handles() {
            for queue in &queues {
                queue.touch();
            }
        }
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
}
