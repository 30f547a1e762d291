//! Handles that are used, joined and dropped in every order.

use std::mem::swap;
use std::thread;

use aerostat_balloon::handles::{Progress, StatsRequest};
use aerostat_balloon::transport::{InterruptStatus, Mmio, Spin};
use aerostat_balloon::{Balloon, Frames, Handles, Options, Pages, Ready, Step, features};

use crate::device::Registers;
use crate::kernel::Kernel;
use crate::start_with;

features! {
    struct Declared {
        MustTellHost: Required,
        StatsVq: Required,
        DeflateOnOom: Required,
        FreePageHint: Required,
        PagePoison: Required,
        PageReporting: Required,
    }
}

type Live = Balloon<Ready<Mmio<Registers>, Kernel, Declared>>;
type Parts = Handles<Mmio<Registers>, Kernel, Declared>;

fn start() -> (Live, Registers, Kernel) {
    start_with(Options::new(Declared).report_block(64 << 10).hint_block(64 << 10))
}

/// Uses all parts in turn, with what the device has in between.
fn use_all(parts: &mut Parts, device: &Registers, kernel: &mut Kernel) {
    device.set_config(0, 40);
    device.set_config(8, 2);
    assert_eq!(parts.balloon.service(), Ok(Step::Waiting));
    assert_eq!(parts.reporting.service(kernel), Ok(Progress::Waiting));
    assert_eq!(parts.statistics.service(kernel), Ok(StatsRequest::NotPending));
    assert_eq!(parts.hinting.service(kernel, InterruptStatus::ANY), Ok(Progress::Waiting));
    device.use_buffers(4);
    device.use_buffers(0);
    assert_eq!(parts.reporting.service(kernel), Ok(Progress::Waiting));
    assert_eq!(parts.balloon.service(), Ok(Step::OnTarget));
    device.use_buffers(2);
    device.set_config(0, 24);
    assert_eq!(parts.statistics.service(kernel), Ok(StatsRequest::Answered));
    assert_eq!(parts.balloon.service(), Ok(Step::Waiting));
    device.use_buffers(3);
    let _ = parts.hinting.service(kernel, InterruptStatus::ANY).unwrap();
    let _ = parts.balloon.platform().range();
    let text = format!("{parts:?} {:?} {:?}", parts.statistics, parts.hinting);
    assert!(text.contains("StatisticsHandle"), "{text}");
    device.use_buffers(1);
    assert_eq!((parts.balloon.service(), parts.balloon.size()), (Ok(Step::OnTarget), Pages(24)));
    let _ = parts.reporting.service(kernel).unwrap();
}

#[test]
fn parts_are_used_in_turn_and_joined() {
    let (mut balloon, device, mut kernel) = start();
    for _ in 0..2 {
        let mut parts = balloon.split();
        use_all(&mut parts, &device, &mut kernel);
        balloon = parts.join().unwrap();
        let _ = balloon.service_reporting().unwrap();
        let _ = balloon.service_statistics().unwrap();
        let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
        balloon.abandon(&mut Spin::default()).unwrap();
        assert_eq!((kernel.counts().0, kernel.counts().1), (0, 0));
        let frozen = balloon.freeze(&mut |_| std::ops::ControlFlow::Break(())).unwrap();
        balloon = frozen.restore(&mut Spin::default()).unwrap();
    }
    let _ = balloon.remove(&mut |_| {
        device.use_buffers(1);
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!(kernel.counts(), (0, 0, 0));
}

#[test]
fn a_handle_is_not_joined_with_another_balloon() {
    let ((one, _, kernel_of_one), (other, _, kernel_of_other)) = (start(), start());
    let (mut one, mut other) = (one.split(), other.split());
    swap(&mut one.reporting, &mut other.reporting);
    let mut one = one.join().map(drop).unwrap_err();
    swap(&mut one.reporting, &mut other.reporting);
    drop(one);
    assert_eq!(kernel_of_one.counts(), (0, 0, 0));
    drop(other.join().unwrap());
    assert_eq!(kernel_of_other.counts(), (0, 0, 0));
}

/// Returns every order of four parts.
fn orders() -> Vec<[usize; 4]> {
    let mut orders = Vec::new();
    for code in 0..256_usize {
        let order = [code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6];
        if (0..4).all(|part| order.contains(&part)) {
            orders.push(order);
        }
    }
    orders
}

#[test]
fn parts_are_dropped_in_every_order() {
    // Miri is slow.
    for order in orders().into_iter().step_by(if cfg!(miri) { 5 } else { 1 }) {
        let (balloon, device, mut kernel) = start();
        let mut parts = balloon.split();
        use_all(&mut parts, &device, &mut kernel);
        let Handles { balloon, statistics, reporting, hinting } = parts;
        let (mut balloon, mut statistics) = (Some(balloon), Some(statistics));
        let (mut reporting, mut hinting) = (Some(reporting), Some(hinting));
        for part in order {
            match part {
                0 => drop(balloon.take()),
                1 => drop(statistics.take()),
                2 => drop(reporting.take()),
                _ => drop(hinting.take()),
            }
            // The other parts still work, or return errors.
            let is_live = balloon.is_some();
            if let Some(balloon) = &mut balloon {
                assert!(balloon.service().is_ok());
            }
            if let Some(handle) = &mut statistics {
                assert_eq!(handle.service(&mut kernel).is_ok(), is_live);
            }
            if let Some(handle) = &mut reporting {
                assert_eq!(handle.service(&mut kernel).is_ok(), is_live);
            }
            if let Some(handle) = &mut hinting {
                assert_eq!(handle.service(&mut kernel, InterruptStatus::ANY).is_ok(), is_live);
            }
        }
        let (frames, dma, private) = kernel.counts();
        assert_eq!(frames, 0, "{order:?}: every frame is returned");
        let is_last = order[3] == 0;
        assert_eq!((dma == 0, private), (is_last, usize::from(!is_last)), "{order:?}");
        kernel.free_leaked();
    }
}

#[test]
fn the_balloon_is_dropped_while_another_thread_uses_a_handle() {
    for drop_first in [false, true] {
        let (balloon, device, mut kernel) = start();
        let mut parts = balloon.split();
        use_all(&mut parts, &device, &mut kernel);
        let Handles { balloon, statistics, mut reporting, mut hinting } = parts;
        let (mut for_reports, mut for_hints) = (kernel.clone(), kernel.clone());
        let reports = thread::spawn(move || {
            for _ in 0..4 {
                let _ = reporting.service(&mut for_reports);
            }
        });
        let hints = thread::spawn(move || {
            for _ in 0..4 {
                let _ = hinting.service(&mut for_hints, InterruptStatus::ANY);
            }
        });
        drop(statistics);
        if drop_first {
            drop(balloon);
            reports.join().unwrap();
            hints.join().unwrap();
        } else {
            reports.join().unwrap();
            hints.join().unwrap();
            drop(balloon);
            assert_eq!(kernel.counts(), (0, 0, 0));
        }
        assert_eq!(kernel.counts().0, 0);
        kernel.free_leaked();
    }
}
