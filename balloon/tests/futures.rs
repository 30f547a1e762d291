//! The balloon as futures, on an executor that parks its thread.

mod common;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aerostat_balloon::transport::{InterruptSource, InterruptStatus};
use aerostat_balloon::{
    Balloon, MustTellHost, PageReporting, Reported, Signal, Size4KiB, Source, StatsRequest, StatsVq, Step,
};
use aerostat_device::{BalloonDevice, TestPlatform, features};
use common::{assert_settled, bus, live, spin};

/// Raises the signal from the device's interrupt, as a kernel's handler does.
fn connect(device: &BalloonDevice, source: impl InterruptSource + Send + Sync + 'static) -> Arc<Signal> {
    let signal = Arc::new(Signal::new());
    let raised = Arc::clone(&signal);
    device.interrupt_line().on_raise(move || raised.raise(source.acknowledge()));
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
    assert_settled(&device, &ledger);
}

#[test]
fn an_operation_that_is_dropped_in_the_middle_loses_nothing() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    let signal = connect(&device, balloon.interrupt());
    device.set_target(9000);
    let mut inflation = Box::pin(balloon.inflate(9000).unwrap().on(&signal));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(inflation.as_mut().poll(&mut context).is_pending());
    drop(inflation);
    assert_eq!(ledger.lent_frames().len(), 4096, "with the device");
    drop(balloon);
    assert_settled(&device, &ledger);
}

#[test]
fn contexts_wait_for_their_own_turn() {
    let offered = features::VERSION_1 | features::STATS_VQ | features::PAGE_REPORTING;
    let device = BalloonDevice::builder().features(offered).threaded().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    ledger.set_statistics([(4, 1), (5, 2)]);
    let balloon =
        Balloon::new(bus(&device), platform).require(StatsVq).want(PageReporting::default()).want(MustTellHost);
    let mut handles = balloon.probe().unwrap().split();
    let signal = connect(&device, handles.balloon.interrupt());

    // Three contexts on three threads, each with its part and a way to the kernel of its own.
    let (mut statistics, reporting) = (handles.statistics, handles.reporting.take());
    let mut kernel = TestPlatform::<Size4KiB>::of(&device).unwrap();
    kernel.ledger().set_statistics([(4, 3), (5, 4)]);
    let asked = Arc::clone(&signal);
    let stats = std::thread::spawn(move || {
        pollster::block_on(async {
            while statistics.service(&mut kernel).unwrap() == StatsRequest::NotPending {
                asked.wait(Source::Statistics).await;
            }
        });
        statistics
    });
    while !device.request_statistics() {
        std::thread::sleep(Duration::from_millis(1));
    }
    handles.statistics = stats.join().unwrap();
    handles.reporting = reporting;

    device.set_target(5000);
    pollster::block_on(async {
        while handles.balloon.service().unwrap() == Step::Waiting {
            signal.wait(Source::Balloon).await;
        }
    });
    assert_eq!(device.actual(), 5000);
    let mut balloon = handles.join().unwrap();
    pollster::block_on(async {
        while balloon.reporting().unwrap().service().unwrap() == Reported::Waiting {
            signal.wait(Source::Reporting).await;
        }
    });
    assert!(ledger.reported_frames() > 0);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_settled(&device, &ledger);
}

#[test]
fn a_cause_wakes_only_the_contexts_that_it_concerns() {
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
    assert_eq!(signal.take(Source::Balloon), InterruptStatus::ANY, "causes add up until they are taken");
    assert!(signal.take(Source::Balloon).is_none());
}
