//! The balloon driven by futures: each part has a task of its own, which interrupts wake.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll};

use aerostat_balloon::handles::{HintingHandle, ReportingHandle, StatisticsHandle};
use aerostat_balloon::{Balloon, BalloonError, Handles, Source, Split};
use log::error;

use super::driver::Live;
use super::features::KernelFeatures;
use super::follow::{Due, Follow};
use super::oom::OOM;
use super::report::Report;
use crate::kernel::executor;
use crate::kernel::platform::Platform;
use crate::kernel::virtio::{AnyTransport, SIGNAL};

type SplitBalloon = Balloon<Split<AnyTransport, Platform, KernelFeatures>>;
type Statistics = StatisticsHandle<AnyTransport, Platform, KernelFeatures>;
type Reporting = ReportingHandle<AnyTransport, Platform, KernelFeatures>;
type Hinting = HintingHandle<AnyTransport, Platform, KernelFeatures>;
type Outcome = Result<(), BalloonError>;

/// Runs the tasks until one of them fails. Returns the balloon and the error. Calls `other` each time that the kernel wakes.
///
/// Returns no balloon if its parts cannot be joined, which does not happen as long as every part is passed back.
pub(super) fn run(
    live: Live,
    follow: &mut Follow,
    report: &mut Report,
    other: impl FnMut(),
) -> (Option<Live>, Outcome) {
    let Handles { mut balloon, mut statistics, mut reporting, mut hinting } = live.split();
    let outcome = executor::run_until_one_ends([
        pin!(call(other)),
        pin!(follow_target(&mut balloon, follow)),
        pin!(if_some(statistics.as_mut().map(answer_requests))),
        pin!(if_some(hinting.as_mut().map(hint))),
        // Last, because the others free memory.
        pin!(if_some(reporting.as_mut().map(|reporting| report_free_memory(reporting, report)))),
    ]);
    let joined = Handles { balloon, statistics, reporting, hinting }.join();
    let live =
        joined.inspect_err(|_| error!("failed to join the parts of the balloon; dropping them resets the device"));
    (live.ok(), outcome)
}

/// What concerns the balloon itself.
enum Event {
    Due(Due),
    OutOfMemory,
}

async fn follow_target(balloon: &mut SplitBalloon, follow: &mut Follow) -> Outcome {
    loop {
        match poll_fn(|context| poll_event(follow, context)).await {
            Event::Due(due) => follow.step(balloon, due)?,
            Event::OutOfMemory => {
                OOM.answer(deflate_on_oom(balloon).await?);
                follow.restart();
            }
        }
    }
}

fn poll_event(follow: &mut Follow, context: &mut Context<'_>) -> Poll<Event> {
    // A request wakes the kernel, which then polls every task.
    if OOM.is_requested() { Poll::Ready(Event::OutOfMemory) } else { follow.poll_due(context).map(Event::Due) }
}

async fn deflate_on_oom(balloon: &mut SplitBalloon) -> Result<u32, BalloonError> {
    match balloon.deflate_on_oom() {
        Some(deflation) => deflation.tell_host().on(&SIGNAL).await,
        // The device does not offer DEFLATE_ON_OOM: the host keeps the memory.
        None => Ok(0),
    }
}

async fn answer_requests(statistics: &mut Statistics) -> Outcome {
    loop {
        let _ = SIGNAL.wait(Source::Statistics).await;
        statistics.service(&mut Platform)?;
    }
}

async fn report_free_memory(reporting: &mut Reporting, report: &mut Report) -> Outcome {
    loop {
        poll_fn(|context| report.poll_due(context)).await;
        report.done(reporting.service(&mut Platform)?);
    }
}

async fn hint(hinting: &mut Hinting) -> Outcome {
    loop {
        let status = SIGNAL.wait(Source::Hinting).await;
        hinting.service(&mut Platform, status)?;
    }
}

/// Calls `other` each time that the kernel wakes.
async fn call(mut other: impl FnMut()) -> Outcome {
    poll_fn(|_| {
        other();
        Poll::Pending
    })
    .await
}

/// Runs the task of a part, or waits forever if the part does not exist.
async fn if_some(task: Option<impl Future<Output = Outcome>>) -> Outcome {
    match task {
        Some(task) => task.await,
        None => core::future::pending().await,
    }
}
