//! The balloon driven by futures: each part is split off and has a task of its own, which interrupts wake.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use aerostat_balloon::transport::Transport;
use aerostat_balloon::{
    Balloon, BalloonError, Handles, HintingHandle, ReportingHandle, Source, Split, StatisticsHandle,
};
use log::info;

use super::features::Wants;
use super::follow::Follow;
use super::hog::{Hog, Need};
use super::report::Report;
use super::{Live, SIGNAL, give_up};
use crate::kernel::platform::Platform;
use crate::kernel::spare::Spare;
use crate::kernel::virtio::AnyTransport;
use crate::kernel::{executor, idle};

type Notifier = <AnyTransport as Transport>::Notifier;
type Config = <AnyTransport as Transport>::Config;
type Outcome = Result<(), BalloonError>;

impl<L: Wants> Live<L> {
    /// Runs the balloon until its device breaks the rules. It has been reset then.
    pub(super) fn run(&mut self, spare: &mut Spare) {
        let Some(driver) = self.driver.take() else { return };
        let Self { follow, report, hog, .. } = self;
        info!("balloon: driven by futures, `freeze` is ignored");
        let Handles { mut balloon, mut statistics, mut reporting, mut hinting } = driver.split();
        let outcome = executor::until_one_ends([
            pin!(follow_target(&mut balloon, follow, hog)),
            pin!(if_any(statistics.as_mut().map(answer))),
            pin!(if_any(hinting.as_mut().map(hint))),
            pin!(free(spare)),
            // Last, because the others free memory.
            pin!(if_any(reporting.as_mut().map(|reporting| report_free_memory(reporting, report)))),
        ]);
        let Err(error) = outcome else { return };
        match (Handles { balloon, statistics, reporting, hinting }).join() {
            Ok(driver) => give_up(Some(driver), error),
            // These are the parts of one balloon, but if they were not, dropping the balloon proper resets its device.
            Err(_) => give_up::<L>(None, error),
        }
    }
}

async fn follow_target<L: Wants>(
    balloon: &mut Balloon<Split<AnyTransport, Platform, L>>,
    follow: &mut Follow,
    hog: &mut Hog,
) -> Outcome {
    let mut need = Need::Nothing;
    loop {
        let cause = poll_fn(|context| match follow.poll_cause(context) {
            Poll::Pending if need != Need::Nothing => Poll::Ready(None),
            cause => cause.map(Some),
        });
        if let Some(cause) = cause.await {
            follow.step(balloon, cause)?;
        }
        need = hog.turn(follow.size());
        if need == Need::Memory {
            let frames = match balloon.deflate_on_oom() {
                Some(deflated) => deflated.tell_host().on(&SIGNAL).await?,
                // The host wants to keep what it has got.
                None => 0,
            };
            hog.relieved(frames);
            follow.relieved();
        }
        if need != Need::Nothing {
            others_first().await;
        }
    }
}

async fn answer(statistics: &mut StatisticsHandle<Notifier>) -> Outcome {
    loop {
        let _ = SIGNAL.wait(Source::Statistics).await;
        statistics.service(&mut Platform)?;
    }
}

async fn report_free_memory(reporting: &mut ReportingHandle<Notifier, Platform>, report: &mut Report) -> Outcome {
    loop {
        poll_fn(|context| report.poll_due(context)).await;
        report.done(reporting.service(&mut Platform)?);
    }
}

async fn hint(hinting: &mut HintingHandle<Notifier, Config, Platform>) -> Outcome {
    loop {
        let causes = SIGNAL.wait(Source::Hinting).await;
        hinting.service(&mut Platform, causes)?;
    }
}

async fn free(spare: &mut Spare) -> Outcome {
    poll_fn(|_| {
        spare.look();
        Poll::Pending
    })
    .await
}

/// The task of a part that may be missing. Then it never ends.
async fn if_any(task: Option<impl Future<Output = Outcome>>) -> Outcome {
    match task {
        Some(task) => task.await,
        None => core::future::pending().await,
    }
}

/// Gives all other tasks a turn.
async fn others_first() {
    let mut is_first = true;
    poll_fn(|_| {
        if core::mem::take(&mut is_first) {
            idle::wake();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}
