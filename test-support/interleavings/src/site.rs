//! The places in the code that name an ordering, and the one that is weakened.

use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::panic::Location;
use std::str::FromStr;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Set to print the sites that a test has reached.
pub(crate) const PRINT: &str = "AEROSTAT_INTERLEAVINGS_SITES";
/// The sites to weaken, each with the weaker ordering, with semicolons between.
pub(crate) const WEAKEN: &str = "AEROSTAT_INTERLEAVINGS_WEAKEN";
/// Stands before a site in the output of a test.
pub(crate) const PREFIX: &str = "site: ";

/// An operation that names an ordering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Load,
    Store,
    /// A read-modify-write operation.
    Update(&'static str),
    Fence,
}

impl Operation {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Store => "store",
            Self::Update(name) => name,
            Self::Fence => "fence",
        }
    }
}

/// A place in the code that names an ordering.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Site {
    pub(crate) file: String,
    pub(crate) line: u32,
    column: u32,
    pub(crate) operation: String,
    pub(crate) ordering: String,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{},{},{}", self.file, self.line, self.column, self.operation, self.ordering)
    }
}

impl FromStr for Site {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(',');
        let mut next = || parts.next().map(str::to_owned).ok_or(());
        let number = |text: String| text.parse().map_err(drop);
        let (file, line, column) = (next()?, number(next()?)?, number(next()?)?);
        Ok(Self { file, line, column, operation: next()?, ordering: next()? })
    }
}

impl Site {
    /// Returns the weaker orderings to try.
    pub(crate) fn weaker(&self) -> &'static [&'static str] {
        match (self.operation.as_str(), self.ordering.as_str()) {
            (_, "Relaxed") => &[],
            ("fence", "SeqCst") => &["AcqRel", "none"],
            (_, "AcqRel") => &["Acquire", "Release"],
            _ => &["Relaxed"],
        }
    }
}

static REACHED: Mutex<BTreeSet<Site>> = Mutex::new(BTreeSet::new());

fn weakened() -> &'static [(Site, String)] {
    static WEAKENED: OnceLock<Vec<(Site, String)>> = OnceLock::new();
    let parse = |text: &str| {
        let (site, weaker) = text.split_once('=')?;
        Some((site.parse().ok()?, weaker.to_owned()))
    };
    WEAKENED.get_or_init(|| env::var(WEAKEN).unwrap_or_default().split(';').filter_map(parse).collect())
}

/// Returns the ordering to use at a site: the weaker one if this site is weakened. `None` leaves a fence out.
pub(crate) fn ordering(operation: Operation, ordering: Ordering, at: &Location<'_>) -> Option<Ordering> {
    static PRINTS: OnceLock<bool> = OnceLock::new();
    let is_site = |site: &Site| (site.file.as_str(), site.line, site.column) == (at.file(), at.line(), at.column());
    if *PRINTS.get_or_init(|| env::var_os(PRINT).is_some()) {
        let (file, operation) = (at.file().to_owned(), operation.name().to_owned());
        let site = Site { file, line: at.line(), column: at.column(), operation, ordering: format!("{ordering:?}") };
        REACHED.lock().unwrap_or_else(PoisonError::into_inner).insert(site);
    }
    match weakened().iter().find(|(site, _)| is_site(site) && site.operation == operation.name()) {
        Some((_, weaker)) => match weaker.as_str() {
            "Relaxed" => Some(Ordering::Relaxed),
            "Acquire" => Some(Ordering::Acquire),
            "Release" => Some(Ordering::Release),
            "AcqRel" => Some(Ordering::AcqRel),
            _ => None,
        },
        None => Some(ordering),
    }
}

/// Prints the sites that were reached, if they are wanted.
pub(crate) fn print() {
    for site in REACHED.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        println!("{PREFIX}{site}");
    }
}
