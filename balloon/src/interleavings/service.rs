//! The interrupt handler against `service`.

use aerostat_interleavings::loom::future::block_on;
use aerostat_interleavings::loom::thread;
use aerostat_interleavings::{conflict, model_with_stack};
use aerostat_transport::InterruptSource;

use super::kernel::FRAMES;
use super::rig::{Access, REGISTERS, Rig, STACK, whole};
use super::signal::signal;
use crate::{Source, Step};

/// The device works and interrupts in one context; a task in another one follows the target, and waits for interrupts in between. If it
/// is not woken, loom reports a deadlock.
#[test]
fn a_task_that_services_the_balloon_is_woken_until_the_target_is_reached() {
    model_with_stack(STACK, || {
        let Rig { mut balloon, device, ledger } = whole(1, 1, Access::Step);
        let signal = signal();
        let (interrupt, line, worker, handler) =
            (balloon.interrupt(), device.interrupt_line(), device.clone(), signal.clone());
        let work = move || {
            let mut seen = line.count();
            for _ in 0..2 {
                conflict(&REGISTERS);
                worker.step();
                if line.count() != seen {
                    seen = line.count();
                    handler.raise(interrupt.acknowledge());
                }
            }
        };
        let device_and_handler = thread::Builder::new().stack_size(STACK).spawn(work).unwrap();
        block_on(async {
            while balloon.service() != Ok(Step::OnTarget) {
                signal.wait(Source::Balloon).await;
            }
        });
        device_and_handler.join().unwrap();
        assert_eq!(device.actual(), FRAMES);
        drop(balloon);
        assert_eq!((ledger.with_driver(), ledger.managed()), (0, 0));
        assert_eq!(device.violations(), []);
    });
}
