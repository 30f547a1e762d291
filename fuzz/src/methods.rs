//! The public operations of the driver that episodes call, and how many register accesses each of them may make.

use std::fmt::Write as _;

/// The register accesses that a call may make. A call that waits may make as many before, between and after its waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Accesses, without reads of the status.
    pub(crate) accesses: u32,
    /// Reads of the status.
    pub(crate) status: u32,
    /// More accesses if block inflation is declared.
    pub(crate) blocks: u32,
    /// All accesses while the configuration does not change.
    pub(crate) steady: u32,
}

const fn limit(accesses: u32, status: u32, blocks: u32) -> Limit {
    Limit { accesses, status, blocks, steady: accesses + status }
}

const fn reading(accesses: u32, status: u32, blocks: u32, steady: u32) -> Limit {
    Limit { steady, ..limit(accesses, status, blocks) }
}

// As documented at the methods.
const NONE: Limit = limit(0, 0, 0);
/// Reading the target or a command id: 64 attempts.
const READ: Limit = reading(129, 1, 0, 4);
/// A step that reads the target.
const STEP: Limit = reading(131, 1, 1, 6);
/// A step that does not read the target.
const DRAIN: Limit = limit(2, 1, 1);
/// A step of a queue of its own.
const QUEUE: Limit = limit(1, 1, 0);
const HINTING: Limit = reading(130, 1, 0, 5);
/// A part of a reset between two waits.
const RESET: Limit = limit(1, 2, 0);
/// A part of a freeze between two waits.
const FREEZE: Limit = limit(3, 3, 1);
const PROBE: Limit = reading(2900, 100, 0, 600);
const INTO_PARTS: Limit = limit(1, 1, 0);

macro_rules! methods {
    ($($name:ident = $path:literal, $limit:expr;)*) => {
        /// An operation of the driver, in one of the ways in which episodes call it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub(crate) enum Method { $($name,)* }

        impl Method {
            const ALL: &[Self] = &[$(Self::$name,)*];

            /// The number of methods.
            pub(crate) const COUNT: usize = Self::ALL.len();

            /// Returns the path in the documentation of the driver.
            pub(crate) const fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)* }
            }

            pub(crate) const fn limit(self) -> Limit {
                match self { $(Self::$name => $limit,)* }
            }
        }
    };
}

methods! {
    OptionsNew = "Options::new", NONE;
    Without = "Options::without", NONE;
    MaxInFlight = "Options::max_in_flight", NONE;
    SetReserve = "Options::reserve", NONE;
    SetNumbering = "Options::numbering", NONE;
    RetryAfter = "Options::retry_after", NONE;
    PoisonValue = "Options::poison_value", NONE;
    OomPages = "Options::oom_pages", NONE;
    OomBackoff = "Options::oom_backoff", NONE;
    ReportBlock = "Options::report_block", NONE;
    TellHostOfBlocks = "Options::tell_host_of_blocks", NONE;
    HintBlock = "Options::hint_block", NONE;
    New = "Balloon<Unprobed>::new", NONE;
    Probe = "Balloon<Unprobed>::probe", PROBE;
    UnprobedIntoParts = "Balloon<Unprobed>::into_parts", INTO_PARTS;
    UnprobedPlatform = "Balloon<Unprobed>::platform", NONE;
    UnprobedInterrupt = "Balloon<Unprobed>::interrupt", NONE;
    UnprobedAssumeReset = "Balloon<Unprobed>::assume_reset", NONE;
    Restore = "Balloon<Frozen>::restore", PROBE;
    FrozenIntoParts = "Balloon<Frozen>::into_parts", INTO_PARTS;
    FrozenPlatform = "Balloon<Frozen>::platform", NONE;
    FrozenInterrupt = "Balloon<Frozen>::interrupt", NONE;
    FrozenAssumeReset = "Balloon<Frozen>::assume_reset", NONE;
    Service = "Balloon::service", STEP;
    Retry = "Balloon::retry", STEP;
    Drain = "Balloon::drain", DRAIN;
    Target = "Balloon::target", READ;
    Size = "Balloon::size", NONE;
    Contains = "Balloon::contains", NONE;
    InFlight = "Balloon::in_flight", NONE;
    Progress = "Balloon::progress", NONE;
    Migrated = "Balloon::migrated", NONE;
    Accepted = "Balloon::accepted", NONE;
    Interrupt = "Balloon::interrupt", NONE;
    Platform = "Balloon::platform", NONE;
    BlockInflation = "Balloon::block_inflation", NONE;
    HeldInBlocks = "Balloon::held_in_blocks", NONE;
    NotifyAgain = "Balloon::notify_again", limit(5, 1, 0);
    Inflate = "Balloon::inflate", READ;
    InflateWith = "Balloon::inflate_with", STEP;
    Deflate = "Balloon::deflate", reading(129, 1, 1, 4);
    DeflateOnOom = "Balloon::deflate_on_oom", limit(0, 0, 1);
    Migrate = "Balloon::migrate", DRAIN;
    Frames = "PendingDeflation::frames", NONE;
    TellHost = "PendingDeflation::tell_host", NONE;
    ReleaseEarly = "PendingDeflation::release_early", DRAIN;
    PollStep = "Operation::poll", STEP;
    PollWithoutTarget = "Operation::poll", DRAIN;
    WaitStep = "Operation::wait", STEP;
    WaitWithoutTarget = "Operation::wait", DRAIN;
    FutureStep = "Operation::on", STEP;
    FutureWithoutTarget = "Operation::on", DRAIN;
    Abandon = "Balloon::abandon", RESET;
    PollAbandon = "Balloon::poll_abandon", limit(1, 1, 0);
    AssumeGone = "Balloon::assume_gone", limit(1, 0, 0);
    PowerOff = "Balloon::power_off", RESET;
    ServiceStatistics = "Balloon<Ready>::service_statistics", QUEUE;
    ServiceReporting = "Balloon<Ready>::service_reporting", QUEUE;
    ServiceHinting = "Balloon<Ready>::service_hinting", HINTING;
    ReclaimHinted = "Balloon<Ready>::reclaim_hinted", QUEUE;
    QueueNumbers = "Balloon<Ready>::queue_numbers", NONE;
    Freeze = "Balloon<Ready>::freeze", FREEZE;
    Reset = "Balloon<Ready>::reset", RESET;
    Remove = "Balloon<Ready>::remove", FREEZE;
    Split = "Balloon<Ready>::split", NONE;
    Join = "Handles::join", NONE;
    Unsplit = "Balloon<Split>::unsplit", NONE;
    // A second notification.
    ServiceWith = "Balloon<Split>::service_with", reading(132, 1, 1, 7);
    RetryWith = "Balloon<Split>::retry_with", reading(132, 1, 1, 7);
    StatisticsService = "StatisticsHandle::service", QUEUE;
    StatisticsInFlight = "StatisticsHandle::in_flight", NONE;
    StatisticsProgress = "StatisticsHandle::progress", NONE;
    StatisticsNotifyAgain = "StatisticsHandle::notify_again", QUEUE;
    ReportingService = "ReportingHandle::service", QUEUE;
    ReportingInFlight = "ReportingHandle::in_flight", NONE;
    ReportingProgress = "ReportingHandle::progress", NONE;
    ReportingNotifyAgain = "ReportingHandle::notify_again", QUEUE;
    HintingService = "HintingHandle::service", HINTING;
    HintingInFlight = "HintingHandle::in_flight", NONE;
    HintingProgress = "HintingHandle::progress", NONE;
    HintingNotifyAgain = "HintingHandle::notify_again", QUEUE;
    HintingReclaimHinted = "HintingHandle::reclaim_hinted", QUEUE;
    SignalNew = "Signal::new", NONE;
    SignalRaise = "Signal::raise", NONE;
    SignalTake = "Signal::take", NONE;
    SignalWait = "Signal::wait", NONE;
    SignalPoll = "Signal::poll", NONE;
    Connect = "the search for the registers", limit(20_000, 0, 0);
    Acknowledge = "the interrupt handler", limit(2, 0, 0);
    DropBalloon = "drop", limit(2, 1, 0);
}

/// How often a method was called, and the most register accesses of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) count: u64,
    /// Without reads of the status.
    pub(crate) accesses: u32,
    /// Reads of the status.
    pub(crate) status: u32,
}

impl Calls {
    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.accesses = self.accesses.max(other.accesses);
        self.status = self.status.max(other.status);
    }
}

/// The calls of all methods.
#[derive(Clone, Debug)]
pub(crate) struct AllCalls([Calls; Method::COUNT]);

impl Default for AllCalls {
    fn default() -> Self {
        Self([Calls::default(); Method::COUNT])
    }
}

impl AllCalls {
    pub(crate) fn of(&mut self, method: Method) -> &mut Calls {
        &mut self.0[method as usize]
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (calls, more) in self.0.iter_mut().zip(&other.0) {
            calls.add(*more);
        }
    }

    /// Returns how often each method was called.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Method::ALL.iter().map(|method| (method.path(), self.0[*method as usize].count))
    }

    /// Returns a table for users.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{:>14}  {:>9}  {:>9}  method\n", "calls", "accesses", "limit");
        for &method in Method::ALL {
            let (calls, limit) = (self.0[method as usize], method.limit());
            let most = calls.accesses + calls.status;
            let limit = limit.accesses + limit.status + limit.blocks;
            let _ = writeln!(text, "{:>14}  {most:>9}  {limit:>9}  {}", calls.count, method.path());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The folders and files of the balloon with the public operations of its states, operations, options and signal.
    const SOURCES: [&str; 4] = ["state", "ops", "options.rs", "signal.rs"];
    /// Types that a macro of the balloon implements methods for, by their name in the macro.
    const EXPANSIONS: [(&str, &[&str]); 2] = [
        ("$name", &["StatisticsHandle", "ReportingHandle", "HintingHandle"]),
        ("Balloon<$state>", &["Balloon<Unprobed>", "Balloon<Frozen>"]),
    ];
    /// What is called that is not a method of the balloon.
    const OTHER: [&str; 3] = ["the search for the registers", "the interrupt handler", "drop"];

    /// Returns the type of an `impl` line, with the state of a balloon.
    fn owner(line: &str) -> Option<String> {
        let mut rest = line.strip_prefix("impl")?;
        if rest.starts_with('<') {
            let mut depth = 0;
            let end = rest.find(|character| {
                depth += match character {
                    '<' => 1,
                    '>' => -1,
                    _ => 0,
                };
                depth == 0
            })?;
            rest = &rest[end + 1..];
        }
        let (name, arguments) = rest.trim_start().split_once(['<', ' '])?;
        let state = arguments.split(['<', '>', ',']).next().unwrap_or_default();
        Some(if name == "Balloon" && state != "S" { format!("Balloon<{state}>") } else { name.to_owned() })
    }

    /// Returns the paths of the public functions in a file.
    fn functions(text: &str) -> Vec<String> {
        let (mut found, mut owners) = (Vec::new(), Vec::new());
        for line in text.lines().map(str::trim).take_while(|line| *line != "mod tests {") {
            if let Some(owner) = owner(line) {
                let expansion = EXPANSIONS.iter().find(|(name, _)| *name == owner).map(|(_, types)| *types);
                owners = expansion.map_or_else(|| vec![owner], |types| types.iter().map(ToString::to_string).collect());
            }
            let name = ["pub fn ", "pub const fn ", "pub unsafe fn ", "pub async fn "]
                .iter()
                .find_map(|start| line.strip_prefix(start)?.split(['(', '<']).next());
            found.extend(name.into_iter().flat_map(|name| owners.iter().map(move |owner| format!("{owner}::{name}"))));
        }
        found
    }

    fn read(path: &Path, found: &mut BTreeSet<String>) {
        if path.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| read(&entry.unwrap().path(), found));
        } else {
            found.extend(functions(&fs::read_to_string(path).unwrap()));
        }
    }

    #[test]
    fn every_public_operation_of_the_balloon_is_listed() {
        let (mut found, balloon) = (BTreeSet::new(), Path::new(env!("CARGO_MANIFEST_DIR")).join("../balloon/src"));
        SOURCES.iter().for_each(|path| read(&balloon.join(path), &mut found));
        assert!(found.len() > 70, "{found:?}");
        let listed: BTreeSet<String> = Method::ALL.iter().map(|method| method.path().to_owned()).collect();
        let missing: Vec<_> = found.difference(&listed).collect();
        assert!(missing.is_empty(), "episodes do not call {missing:?}: add them to `methods.rs` and to `driver/`");
        let gone: Vec<_> = listed.difference(&found).filter(|path| !OTHER.contains(&path.as_str())).collect();
        assert!(gone.is_empty(), "the balloon has no {gone:?}");
    }

    #[test]
    fn functions_are_found_with_their_types() {
        let text = "
impl<T: Transport, P: Platform<F>, F: Set> Balloon<Ready<T, P, F>> {
    pub fn freeze(mut self) {}
    pub(crate) fn private(&self) {}
}
impl<S: LiveState> Balloon<S> {
    pub const fn size<X>(&self) {}
}
macro_rules! handle {
        impl<T> $name<T> {
            pub unsafe fn cut(&self) {}
        }
}
impl Signal {
    pub fn raise(&self) {}
}
mod tests {
    pub fn test() {}
}";
        assert_eq!(
            functions(text),
            [
                "Balloon<Ready>::freeze",
                "Balloon::size",
                "StatisticsHandle::cut",
                "ReportingHandle::cut",
                "HintingHandle::cut",
                "Signal::raise"
            ]
        );
    }
}
