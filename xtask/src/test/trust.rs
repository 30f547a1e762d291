//! The table about trust in the README, whose numbers come from the chapters of the book that record them.

use std::{env, fs};

use xtask_common::workspace;

const README: &str = "README.md";
const BEGIN: &str = "<!-- begin: trust -->\n";
const END: &str = "<!-- end: trust -->";

fn read(file: &str) -> String {
    fs::read_to_string(workspace::root().join(file)).unwrap()
}

/// Returns the cells of the row of a table that begins with `first`.
fn row(text: &str, first: &str) -> Vec<String> {
    let line = text.lines().find(|line| line.starts_with(&format!("| {first} |")));
    let line = line.unwrap_or_else(|| panic!("no row `{first}`"));
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// Returns the number that a text begins with, with its separators.
fn leading_number(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_ascii_digit() && character != ',');
    let number = text[..end.unwrap_or(text.len())].trim_end_matches(',');
    assert!(!number.is_empty(), "no number: {text}");
    number
}

fn table() -> String {
    let (testing, interleavings) = (read("docs/src/testing.md"), read("docs/src/interleavings.md"));
    let (_, campaign) = testing.split_once("### Campaign\n").unwrap();
    let (calls, findings) = (row(campaign, "calls of the driver").remove(1), row(campaign, "findings").remove(1));
    let (calls, findings) = (leading_number(&calls), leading_number(&findings));
    let (_, panics) = testing.split_once("<!-- begin: panics -->").unwrap();
    let calls_of_panics: u32 =
        ["`size`", "`speed`"].iter().map(|profile| row(panics, profile)[1].parse::<u32>().unwrap()).sum();
    let mutations = fs::read_dir(workspace::root().join("fuzz/mutations")).unwrap().count();
    // The rows of the two tables of weaker orderings.
    let orderings: Vec<_> =
        interleavings.lines().filter(|line| line.starts_with("| `") && line.contains(".rs`, `")).collect();
    let count = |text| orderings.iter().filter(|line| line.contains(text)).count();
    let (unneeded, pairs, tried) = (count("| no test: "), count("| a test, if "), orderings.len());
    assert!(unneeded > 0 && pairs > 0 && unneeded + pairs < tried, "{unneeded} {pairs}");
    let found = tried - unneeded - pairs;
    let (_, mutants) = testing.split_once("<!-- begin: mutants -->").unwrap();
    let [caught, judged, unjudged] = ["caught", "judged", "not judged"].map(|name| row(mutants, name).remove(1));
    let totals = row(&read("docs/src/conformance.md"), "all");
    let [_, tested, constructed, deviations, gaps, not_applicable, all] = totals.as_slice() else {
        panic!("another table: {totals:?}")
    };
    format!(
        "
| | what the tests of each change check | in numbers |
|---|---|---|
| no panic | a kernel with [every feature, transport and frame size, futures and log messages](docs/src/testing.md#panics), linked for size and for speed, contains no call of a panic | {calls_of_panics} calls |
| no frame is lost, returned twice or used early; each call does a bounded number of register accesses | [a hostile device](docs/src/testing.md#fuzzing), for a minute | a longer run: {calls} calls of the driver, {findings} findings; {mutations} deliberate bugs are found within a minute each, with `--all` |
| contexts that run at the same time | [the orders that the memory orderings allow](docs/src/interleavings.md), in small models with a limit of preemptions | of {tried} weaker orderings, {found} make a test fail alone and {pairs} together with another one; the others have a reason |
| no undefined behaviour | [unit tests in Miri](docs/src/testing.md#miri), where it is installed; with `--all` also balloons in several threads | |
| the tests themselves | not by the tests of each change: [mutants](docs/src/testing.md#mutants), changes of single expressions and functions | {caught} of {judged} are caught, {unjudged} are not judged |
| the requirements of VIRTIO 1.4 | [each has evidence at a test or at the code](docs/src/conformance.md), or a reason | of {all}: {tested} by tests or types, {constructed} by construction, {deviations} deviations, {gaps} not shown, {not_applicable} not applicable |

"
    )
}

/// `BLESS=1` writes the table.
#[test]
fn the_readme_states_the_numbers_of_the_book() {
    let readme = read(README);
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    let table = table();
    if env::var_os("BLESS").is_some() {
        fs::write(workspace::root().join(README), format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(found, table, "set BLESS=1 to write the table");
    }
}

#[test]
fn a_number_ends_at_the_first_other_character() {
    assert_eq!(leading_number("289,188,590, or 973,000 in a second"), "289,188,590");
    assert_eq!(leading_number("0"), "0");
    assert_eq!(
        row("| a | b |\n|---|---|\n| findings | 2, all of one kind |", "findings"),
        ["findings", "2, all of one kind"]
    );
}
