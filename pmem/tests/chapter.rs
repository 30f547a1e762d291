//! Compares the chapters "A driver with requests" and "Testing a driver" of the book with this crate.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use aerostat_device::soft::{SoftBuffer, SoftMmio, SoftQueue};
use aerostat_device::{Ledger, When};
use aerostat_pmem::transport::Wait;
use aerostat_test_support::chapter::{check_included, lines_of_code, read};
use aerostat_test_support::expected::ExpectedFiles;

/// The files of the driver. The last one has the driver itself.
const FILES: [&str; 3] = ["src/lib.rs", "src/error.rs", "src/driver.rs"];
/// Maximum number of lines of code of `src/driver.rs`.
const MAX_LINES: usize = 120;

/// `BLESS=1` updates the table of the chapter.
#[test]
fn the_chapter_has_the_correct_line_counts() {
    let (table, lines) = lines_of_code("pmem", &FILES);
    assert!(lines[2] < MAX_LINES, "the driver has {} lines of code", lines[2]);
    let mut expected = ExpectedFiles::default();
    expected.compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/requests-lines.md"), &table);
    expected.finish();
}

#[test]
fn all_included_anchors_exist() {
    for (chapter, least) in [("requests.md", 9), ("testing-a-driver.md", 8)] {
        assert!(check_included(chapter) >= least, "{chapter} includes the code");
    }
}

/// Compiles functions, and defines a constant with their text.
macro_rules! compiled {
    ($($function:item)*) => {
        $($function)*
        const COMPILED: &str = stringify!($($function)*);
    };
}

compiled! {
    /// Uses each name of the list in "Testing a driver".
    #[allow(dead_code, reason = "it only has to compile")]
    fn names(registers: &SoftMmio, queue: &mut SoftQueue, buffer: &SoftBuffer, ledger: &Ledger) {
        queue.answer(buffer, &[]);
        queue.write(buffer, &[]);
        let (id, length) = (0, 0);
        queue.complete(buffer, length);
        queue.write_used(id, length);
        queue.shift_used_index(5);
        let _: &dyn Wait = &|_attempt: u32| ControlFlow::Break(());
        registers.model().status_override = Some(Box::new(|status| status));
        registers.model().on_config_read = None;
        registers.model().len = 0;
        registers.model().queues[0].max = 0;
        registers.model().offered = 0;
        ledger.fail_dma(Some(When::At(0)));
        let _ = (ledger.all_returned(), ledger.allocated_dma());
        let _ = (registers.log(), registers.statuses(), registers.notified());
    }
}

#[test]
fn each_name_of_the_list_exists() {
    fn names(code: &str) -> impl Iterator<Item = &str> {
        let words = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.filter(|word| word.starts_with(char::is_alphabetic))
    }
    let chapter = read("docs/src/testing-a-driver.md");
    let (_, list) = chapter.split_once("<!-- begin: names -->").expect("the list begins");
    let (list, _) = list.split_once("<!-- end: names -->").expect("the list ends");
    let listed: BTreeSet<_> = list.split('`').skip(1).step_by(2).flat_map(names).collect();
    assert!(listed.contains("status_override") && listed.len() > 20, "{listed:?}");
    let existing: BTreeSet<_> = names(COMPILED).collect();
    let unknown: Vec<_> = listed.difference(&existing).collect();
    assert!(unknown.is_empty(), "the chapter has names that do not exist: {unknown:?}");
}
