//! The seeded loop: episodes on all cores, for a time.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::choices::{Choices, mix};
use crate::coverage::{Coverage, Event};
use crate::descriptions;
use crate::episode::run;

/// How long and how a campaign runs.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The seed that all episodes follow from.
    pub seed: u64,
    /// How long episodes are started.
    pub time: Duration,
    /// Number of threads.
    pub threads: usize,
    /// Whether the campaign ends with the first finding.
    pub stops: bool,
}

/// A violation that an episode has found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The seed of the episode, which makes it again.
    pub seed: u64,
    /// The step and what happened.
    pub text: String,
}

/// The result of a campaign.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Calls of the driver.
    pub steps: u64,
    /// The processor time of the threads, all together.
    pub cpu: Duration,
    /// The time of the campaign.
    pub elapsed: Duration,
    /// What was found, at most [`KEPT`] of them.
    pub findings: Vec<Finding>,
    /// How many episodes found something.
    pub found: u64,
    /// What happened.
    pub coverage: Coverage,
}

/// How often each state and method has to be reached in a campaign of a minute. The rarest ones are reached a hundred times as often
/// on one core.
const LEAST: u64 = 100;
/// How often each result of the description compiler has to happen, in 10 seconds.
const LEAST_DESCRIPTIONS: u64 = 10;

/// Findings of a campaign that are kept.
pub const KEPT: usize = 20;

impl Summary {
    /// Returns the steps in a second of one thread.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.steps as f64 / self.cpu.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Adds the result of a thread.
    fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.cpu += other.cpu;
        self.found += other.found;
        self.coverage.add(&other.coverage);
        self.findings.extend(other.findings);
        self.findings.truncate(KEPT);
    }

    /// Returns what happened too rarely for a campaign of a minute: states of the driver, and methods of it, or results of the
    /// description compiler.
    #[must_use]
    pub fn rare(&self, is_of_descriptions: bool) -> Vec<String> {
        if is_of_descriptions { self.coverage.rare_descriptions(LEAST_DESCRIPTIONS) } else { self.coverage.rare(LEAST) }
    }

    /// Returns the lines for users.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.coverage.of(Event::Episode) > 0 {
            text = self.coverage.calls();
        }
        text.push_str(&self.coverage.to_string());
        let _ = writeln!(text, "{:>14}  steps", self.steps);
        let _ = writeln!(text, "{:>14.0}  steps per second and core", self.rate());
        let _ = writeln!(text, "{:>14.1}  seconds", self.elapsed.as_secs_f64());
        let _ = writeln!(text, "{:>14}  findings", self.found);
        for Finding { seed, text: finding } in &self.findings {
            let _ = writeln!(text, "finding: seed {seed:#018x}: {finding}");
        }
        text
    }
}

/// Returns the seed of an episode of a campaign.
#[must_use]
pub fn episode_seed(campaign: u64, number: u64) -> u64 {
    let mut state = campaign ^ number.wrapping_mul(0xd134_2543_de82_ef95);
    mix(&mut state)
}

/// Runs a campaign. Prints findings as they come, and the number of steps once a minute.
#[must_use]
pub fn campaign(plan: Plan) -> Summary {
    let (next, stop, total) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(Summary::default()));
    let (steps, start) = (AtomicU64::new(0), Instant::now());
    thread::scope(|scope| {
        for thread in 0..plan.threads.max(1) {
            let (next, stop, steps, total) = (&next, &stop, &steps, &total);
            scope.spawn(move || {
                let progress = Progress { steps, prints: thread == 0 };
                let mine = work(plan, start, next, stop, &progress);
                if let Ok(mut total) = total.lock() {
                    total.add(mine);
                }
            });
        }
    });
    let mut total = total.into_inner().unwrap_or_default();
    total.elapsed = start.elapsed();
    total
}

/// Descriptions that one thread compiles. The compiler keeps the positions of all texts of a thread.
const BATCH: u64 = 200;

/// Compiles mutated descriptions. Steps are descriptions.
#[must_use]
pub fn compile_descriptions(plan: Plan) -> Summary {
    let (next, stop, total) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(Summary::default()));
    let start = Instant::now();
    let batch = || {
        let (mut mine, begin) = (Summary::default(), Begin::now());
        for _ in 0..BATCH {
            let seed = episode_seed(plan.seed, next.fetch_add(1, Ordering::Relaxed));
            match descriptions::check(Choices::seeded(seed)) {
                Ok(true) => mine.coverage.count(Event::Compiled),
                Ok(false) => mine.coverage.count(Event::Rejected),
                Err(text) => {
                    mine.found += 1;
                    mine.findings.push(Finding { seed, text });
                    stop.fetch_or(plan.stops, Ordering::Relaxed);
                }
            }
            mine.steps += 1;
        }
        mine.cpu = begin.elapsed();
        if let Ok(mut total) = total.lock() {
            total.add(mine);
        }
    };
    thread::scope(|scope| {
        for _ in 0..plan.threads.max(1) {
            scope.spawn(|| {
                while start.elapsed() < plan.time && !stop.load(Ordering::Relaxed) {
                    thread::scope(|scope| {
                        scope.spawn(batch);
                    });
                }
            });
        }
    });
    let mut total = total.into_inner().unwrap_or_default();
    total.elapsed = start.elapsed();
    total
}

/// The steps of all threads, and whether this one prints them.
struct Progress<'a> {
    steps: &'a AtomicU64,
    prints: bool,
}

/// Runs episodes in one thread.
fn work(plan: Plan, start: Instant, next: &AtomicU64, stop: &AtomicBool, progress: &Progress<'_>) -> Summary {
    let mut minute = 1;
    let mut mine = Summary::default();
    let begin = Begin::now();
    while start.elapsed() < plan.time && !stop.load(Ordering::Relaxed) {
        let seed = episode_seed(plan.seed, next.fetch_add(1, Ordering::Relaxed));
        let report = run(Choices::seeded(seed));
        mine.steps += report.steps;
        mine.coverage.add(&report.coverage);
        let all = progress.steps.fetch_add(report.steps, Ordering::Relaxed) + report.steps;
        if progress.prints && start.elapsed() >= Duration::from_secs(60 * minute) {
            println!("{minute} min: {all} steps");
            minute += 1;
        }
        if let Some(text) = report.finding {
            mine.found += 1;
            if mine.findings.len() < KEPT {
                println!("found: seed {seed:#018x}: {text}");
                mine.findings.push(Finding { seed, text });
            }
            stop.fetch_or(plan.stops, Ordering::Relaxed);
        }
    }
    mine.cpu = begin.elapsed();
    mine
}

/// A start of measuring the processor time of a thread.
#[derive(Clone, Copy)]
struct Begin {
    processor: Option<Duration>,
    start: Instant,
}

impl Begin {
    fn now() -> Self {
        Self { processor: processor_time(), start: Instant::now() }
    }

    /// Returns the processor time since then, or the time where the system does not report it.
    fn elapsed(self) -> Duration {
        let processor = processor_time().zip(self.processor).and_then(|(now, then)| now.checked_sub(then));
        processor.unwrap_or_else(|| self.start.elapsed())
    }
}

/// Returns the processor time of this thread, where the system is Linux.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_campaign_finds_nothing_and_gets_deep() {
        let plan = Plan { seed: 1, time: Duration::from_millis(1500), threads: 1, stops: true };
        let summary = campaign(plan);
        assert!(summary.findings.is_empty(), "{}", summary.text());
        assert!(summary.steps > 1000, "{}", summary.text());
    }

    #[test]
    fn a_campaign_that_stops_at_the_probe_is_not_deep() {
        let mut summary = Summary::default();
        for event in [Event::Episode, Event::Probed, Event::ProbeFailed] {
            (0..1000).for_each(|_| summary.coverage.count(event));
        }
        let rare = summary.rare(false);
        assert!(rare.iter().any(|text| text.starts_with("targets reached: 0")), "{rare:?}");
        assert!(rare.iter().any(|text| text.starts_with("Balloon::service: 0")), "{rare:?}");
        assert!(!rare.iter().any(|text| text.starts_with("episodes: ")), "{rare:?}");
        assert_eq!(summary.rare(true).len(), 2);
    }

    #[test]
    fn an_episode_can_be_repeated() {
        for number in 0..20 {
            let seed = episode_seed(7, number);
            let [first, second] = [0, 1].map(|_| run(Choices::seeded(seed)));
            assert_eq!((first.steps, first.finding), (second.steps, second.finding), "{seed:#x}");
        }
    }
}
