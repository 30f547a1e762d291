//! Compares the chapter "Porting to a kernel" with the code: which types can be used in several contexts, the `unsafe` that a kernel
//! writes, and the included code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aerostat_balloon::error::{FreezeFailed, NewFailed, ProbeFailed};
use aerostat_balloon::handles::{HintingHandle, Progress, ReportingHandle, StatisticsHandle, StatsRequest};
use aerostat_balloon::ops::{Deflation, Inflation, Migration, Pause, PendingDeflation};
use aerostat_balloon::transport::{Mmio, MmioRegion};
use aerostat_balloon::{
    Balloon, BalloonError, FrameRun, Frozen, Handles, Options, PrivateMemory, ProbeError, Ready, Signal, Size4KiB,
    Split, Step, Unprobed, features,
};
use aerostat_device::TestPlatform;
use aerostat_test_support::chapter::{check_included, read, table};
use aerostat_test_support::send_and_sync;

const CHAPTER: &str = "porting.md";

features! {
    /// The features of these balloons.
    struct Declared { StatsVq: Optional, FreePageHint: Optional, PageReporting: Optional }
}

type Transport = Mmio<MmioRegion>;
type Platform = TestPlatform<Size4KiB>;
type Live = Ready<Transport, Platform, Declared>;

#[test]
fn the_chapter_shows_which_types_are_send_and_sync() {
    let found = send_and_sync! {
        "Balloon<Unprobed>": Balloon<Unprobed<Transport, Platform, Declared>>,
        "Balloon<Ready>": Balloon<Live>,
        "Balloon<Split>": Balloon<Split<Transport, Platform, Declared>>,
        "Balloon<Frozen>": Balloon<Frozen<Transport, Platform, Declared>>,
        "Handles": Handles<Transport, Platform, Declared>,
        "StatisticsHandle": StatisticsHandle<Transport, Platform, Declared>,
        "ReportingHandle": ReportingHandle<Transport, Platform, Declared>,
        "HintingHandle": HintingHandle<Transport, Platform, Declared>,
        "Signal": Signal,
        "PendingDeflation": PendingDeflation<'static, Live>,
        "Inflation": Inflation<'static, Live>,
        "Deflation": Deflation<'static, Live>,
        "Migration": Migration<'static, Live>,
        "FrameRun": FrameRun<Size4KiB>,
        "PrivateMemory": PrivateMemory,
        "Options": Options<Declared>,
        "Step, Pause, Progress, StatsRequest": (Step, Pause, Progress, StatsRequest),
        "BalloonError, ProbeError": (BalloonError, ProbeError),
        "NewFailed": NewFailed<Transport, Platform>,
        "ProbeFailed, FreezeFailed": (ProbeFailed<Balloon<Live>>, FreezeFailed<Balloon<Live>>),
    };
    assert_eq!(found.as_slice(), table(CHAPTER, "send and sync of the balloon"));
}

/// Returns the Rust files of a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|it| it == "rs"))
        .collect()
}

/// Returns the identifier at the start of `text`.
fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Returns the type that an `impl` block is for.
fn implementing(line: &str) -> Option<&str> {
    let mut rest = line.strip_prefix("impl")?;
    if rest.starts_with('<') {
        let (mut depth, mut before) = (0, ' ');
        let is_end = |c: char| {
            // The end of `->` closes nothing.
            depth += i32::from(c == '<') - i32::from(c == '>' && before != '-');
            before = c;
            depth == 0
        };
        rest = &rest[rest.find(is_end)? + 1..];
    }
    let of_type = rest.split_once(" for ").map_or(rest, |(_, it)| it);
    Some(identifier(of_type.trim_start()))
}

/// Returns the `unsafe` traits and functions of the public API in a file. A public trait whose `unsafe` methods are hidden cannot be
/// implemented by a kernel.
fn asked(text: &str) -> Vec<String> {
    let (mut found, mut owner, mut in_trait, mut is_hidden) = (Vec::new(), "", false, false);
    for line in text.lines() {
        let code = line.trim_start();
        let of_trait = code.strip_prefix("pub unsafe trait ").or_else(|| code.strip_prefix("pub trait "));
        if let Some(rest) = of_trait {
            (owner, in_trait) = (identifier(rest), true);
            if code.starts_with("pub unsafe") {
                found.push(owner.to_owned());
            }
        } else if line == "}" {
            in_trait = false;
        } else if let Some(name) = implementing(code) {
            owner = name;
        }
        let public = ["pub unsafe fn ", "pub const unsafe fn "].iter().find_map(|start| code.strip_prefix(start));
        let of_trait = code.strip_prefix("unsafe fn ").filter(|_| in_trait && !is_hidden);
        if let Some(rest) = public.or(of_trait) {
            found.push(format!("{owner}::{}", identifier(rest)));
        }
        is_hidden = code == "#[doc(hidden)]" || is_hidden && code.starts_with("///");
    }
    found
}

#[test]
fn the_chapter_lists_the_unsafe_code_that_is_asked_of_users() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["balloon/src", "transport/src", "adapters/src"];
    let files = folders.into_iter().flat_map(|folder| sources(&root.join(folder)));
    let files = files.filter(|path| !path.components().any(|part| part.as_os_str() == "interleavings"));
    let found: BTreeSet<String> = files.flat_map(|path| asked(&std::fs::read_to_string(path).unwrap())).collect();
    let tables = ["unsafe of a kernel", "unsafe of adapters", "unsafe of others"].map(|name| table(CHAPTER, name));
    let count = format!("There are {} without adapters and {} of adapters,", tables[0].len(), tables[1].len());
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words(&read(&format!("docs/src/{CHAPTER}"))).contains(&words(&count)),
        "the chapter has another count: {count}"
    );
    let rows = tables.into_iter().flatten();
    let listed: Vec<String> = rows.map(|(name, _)| name.trim_matches('`').to_owned()).collect();
    let unique: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(unique.len(), listed.len(), "each is listed once");
    assert_eq!(found, unique, "left: the code; right: the chapter");
}

#[test]
fn unsafe_items_are_found_in_source_text() {
    let text = "pub unsafe trait A {\n    unsafe fn b();\n    #[doc(hidden)]\n    unsafe fn c();\n}\nimpl<T: X<U>> A for D<T> {\n    \
                unsafe fn b() {}\n}\nimpl<C: Fn() -> u64> E<C> {\n    pub const unsafe fn f() {}\n    pub(crate) unsafe fn g() {}\n}\n";
    assert_eq!(asked(text), ["A", "A::b", "E::f"]);
}

#[test]
fn all_included_anchors_exist() {
    assert!(check_included(CHAPTER) >= 4, "the chapter includes the code");
}
