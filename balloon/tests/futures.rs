//! Operations as futures, on an executor that parks its thread.

mod common;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aerostat_balloon::handles::{Progress, StatsRequest};
use aerostat_balloon::transport::{InterruptSource, InterruptStatus};
use aerostat_balloon::{Options, Signal, Size4KiB, Source, Step};
use aerostat_device::{BalloonDevice, TestPlatform, features};
use common::{assert_all_returned, live, probe, spin};

aerostat_balloon::features! {
    struct Declared { StatsVq: Required, PageReporting: Optional, MustTellHost: Optional }
}

/// Raises the signal from the interrupt of the device, like the handler of a kernel.
fn connect(device: &BalloonDevice, source: impl InterruptSource + Send + Sync + 'static) -> Arc<Signal> {
    let signal = Arc::new(Signal::new());
    let handler = Arc::clone(&signal);
    device.interrupt_line().on_raise(move || handler.raise(source.acknowledge()));
    signal
}

#[test]
fn operations_complete_when_the_interrupt_handler_wakes_them() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().threaded());
    let signal = connect(&device, balloon.interrupt());
    device.set_target(9000);
    assert_eq!(pollster::block_on(balloon.inflate(9000).unwrap().on(&signal)), Ok(9000));
    device.set_target(100);
    assert_eq!(pollster::block_on(balloon.deflate(9000).unwrap().tell_host().on(&signal)), Ok(8900));
    assert_eq!(device.actual(), 100);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn no_frame_is_lost_if_an_operation_is_dropped_in_progress() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    let signal = connect(&device, balloon.interrupt());
    device.set_target(9000);
    let mut inflation = Box::pin(balloon.inflate(9000).unwrap().on(&signal));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(inflation.as_mut().poll(&mut context).is_pending());
    drop(inflation);
    assert_eq!(ledger.allocated_frames().len(), 4096, "the device has 16 arrays of 256 frames");
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn each_context_waits_for_its_own_interrupts() {
    let offered = features::VERSION_1 | features::STATS_VQ | features::PAGE_REPORTING;
    let device = BalloonDevice::builder().features(offered).threaded().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    ledger.set_statistics([(4, 1), (5, 2)]);
    let mut handles = probe(&device, platform, Options::new(Declared)).split();
    let signal = connect(&device, handles.balloon.interrupt());

    // Another thread owns the handle for statistics, and its own access to the kernel.
    let mut statistics = handles.statistics;
    let mut kernel = TestPlatform::<Size4KiB>::of(&device).unwrap();
    kernel.ledger().set_statistics([(4, 3), (5, 4)]);
    let interrupts = Arc::clone(&signal);
    let stats = std::thread::spawn(move || {
        pollster::block_on(async {
            while statistics.service(&mut kernel).unwrap() == StatsRequest::NotPending {
                interrupts.wait(Source::Statistics).await;
            }
        });
        statistics
    });
    while !device.request_statistics() {
        std::thread::sleep(Duration::from_millis(1));
    }
    handles.statistics = stats.join().unwrap();

    device.set_target(5000);
    pollster::block_on(async {
        while handles.balloon.service().unwrap() == Step::Waiting {
            signal.wait(Source::Balloon).await;
        }
    });
    assert_eq!(device.actual(), 5000);
    let mut balloon = handles.join().unwrap();
    pollster::block_on(async {
        while balloon.service_reporting().unwrap() == Some(Progress::Waiting) {
            signal.wait(Source::Reporting).await;
        }
    });
    assert!(ledger.reported_frames() > 0);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn an_interrupt_wakes_only_the_contexts_that_it_concerns() {
    let signal = Signal::new();
    let configuration = InterruptStatus { used_buffers: false, configuration: true };
    signal.raise(InterruptStatus::default());
    assert!(signal.take(Source::Balloon).is_none());
    signal.raise(configuration);
    assert_eq!(signal.take(Source::Balloon), configuration);
    assert_eq!(signal.take(Source::Hinting), configuration);
    assert!(signal.take(Source::Statistics).is_none() && signal.take(Source::Reporting).is_none());
    signal.raise(InterruptStatus { used_buffers: true, configuration: false });
    signal.raise(configuration);
    assert_eq!(signal.take(Source::Balloon), InterruptStatus::ANY, "interrupts accumulate until they are taken");
    assert!(signal.take(Source::Balloon).is_none());
}
