//! Which part of a driver takes how many of the counted instructions.

use std::{collections::BTreeMap, fmt::Write as _, mem::take, ops::Add as _};

use super::kept::Numbers;

/// The name of the numbers.
const NAME: &str = "instructions per array";
/// Entries in an array.
const ENTRIES: f64 = 256.0;
/// The parts. Each has functions with one of these texts in their names. The first part that fits counts. A function that was inlined
/// counts for its caller.
const PARTS: [(&str, &[&str]); 5] = [
    ("device", &["aerostat_benches::device"]),
    ("page numbers", &["queue::buffer::Writer", "aerostat_benches::peer"]),
    ("frame bitmap", &["aerostat_balloon::frames", "::name_frames", "::return_frames", "::return_found", "memset"]),
    ("rings", &["aerostat_transport", "aerostat_spec", "virtio_drivers"]),
    ("balloon", &[""]),
];
/// What the parts do, in the order of the table.
const MEANINGS: [(&str, &str); 5] = [
    ("page numbers", "page numbers; in the other driver with its list of frames and the kernel's part"),
    ("frame bitmap", "frame bitmap: double allocations, the search in address order, the return of runs to the kernel"),
    ("balloon", "balloon: target, `actual`, reserve, panics of the kernel, arrays in flight"),
    ("rings", "rings: shadow of the descriptors, checks of what the device writes, notifications"),
    ("device", "the part of the device that is counted too, for each notification"),
];
/// The columns of the table: driver and direction.
const COLUMNS: [(&str, &str); 4] =
    [("split", "inflate"), ("split", "deflate"), ("virtio-drivers", "inflate"), ("virtio-drivers", "deflate")];

/// Returns whether the parts of a driver are counted.
pub(crate) fn are_counted(driver: &str, order: &str) -> bool {
    order == "runs" && COLUMNS.iter().any(|(name, _)| *name == driver)
}

/// Returns the table of the parts.
pub(crate) fn table(numbers: &Numbers) -> String {
    let mut text =
        "\n| instructions per array | inflate | deflate | `virtio-drivers`, inflate | `virtio-drivers`, deflate |\n\
                    |---|--:|--:|--:|--:|\n"
            .to_owned();
    let number = |(driver, way), part| numbers.get(&format!("{NAME}/{driver}/{way}/{part}")).copied();
    let mut row = |name: &str, cells: [Option<f64>; 4]| {
        let cells = cells.map(|cell| cell.map_or_else(String::new, |number| number.to_string()));
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    };
    for (part, meaning) in MEANINGS {
        row(meaning, COLUMNS.map(|column| number(column, part)));
    }
    row("sum", COLUMNS.map(|column| MEANINGS.iter().filter_map(|(part, _)| number(column, part)).reduce(f64::add)));
    text + "\n"
}

/// Returns the instructions of each part for an array, from callgrind's output for `pages` pages.
pub(crate) fn numbers(callgrind: &str, driver: &str, way: &str, pages: f64) -> Numbers {
    let mut numbers = Numbers::new();
    for (function, count) in of_functions(callgrind) {
        let is_part = |(_, texts): &&(&str, &[&str])| texts.iter().any(|text| function.contains(text));
        let Some((part, _)) = PARTS.iter().find(is_part) else { continue };
        *numbers.entry(format!("{NAME}/{driver}/{way}/{part}")).or_default() += count * ENTRIES / pages;
    }
    numbers.values_mut().for_each(|number| *number = number.round());
    numbers
}

/// Parses the instructions of each function, without those that it calls. Names must not be compressed.
fn of_functions(callgrind: &str) -> BTreeMap<&str, f64> {
    let mut counts = BTreeMap::new();
    let (mut function, mut is_call) = ("", false);
    for line in callgrind.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = name;
        } else if line.starts_with("calls=") {
            // The next line counts the instructions of the called function.
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit())
            && let Some(count) = line.split(' ').nth(1).and_then(|count| count.parse::<f64>().ok())
            && !take(&mut is_call)
        {
            *counts.entry(function).or_default() += count;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "version: 1\nevents: Ir\nsummary: 60\n\nfl=???\nfn=a::inflate\n0 512\ncfn=aerostat_transport::b\n\
                          calls=2 0\n0 1024\n0 256\n\nfn=aerostat_transport::b\n0 1024\n";

    #[test]
    fn every_part_has_a_meaning() {
        let mut names = [PARTS.map(|(name, _)| name), MEANINGS.map(|(name, _)| name)];
        names.iter_mut().for_each(|names| names.sort_unstable());
        assert_eq!(names[0], names[1]);
    }

    #[test]
    fn calls_count_for_the_called_function() {
        assert_eq!(of_functions(OUTPUT), BTreeMap::from([("a::inflate", 768.0), ("aerostat_transport::b", 1024.0)]));
    }

    #[test]
    fn functions_are_added_to_their_parts() {
        let numbers = numbers(OUTPUT, "split", "inflate", 512.0);
        let expected = [("balloon", 384.0), ("rings", 512.0)];
        let name = |part| format!("instructions per array/split/inflate/{part}");
        assert_eq!(numbers, expected.map(|(part, count)| (name(part), count)).into());
        let table = table(&numbers);
        assert!(
            table.contains("notifications | 512 |  |  |  |\n") && table.contains("| sum | 896 |  |  |  |\n"),
            "{table}"
        );
    }
}
