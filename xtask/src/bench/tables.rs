//! What was measured, in the tables and lists of a page.

use std::fmt::Write as _;

use super::results::{Action, By, Grows, Report, Results, Spread, State, Who};

/// What is compared, and the heading over it.
pub(super) const STATES: [(Action, State, &str); 4] = [
    (Action::Inflate, State::Untouched, "inflate, untouched"),
    (Action::Inflate, State::Touched, "inflate, touched"),
    (Action::Deflate, State::Untouched, "deflate, untouched before"),
    (Action::Deflate, State::Touched, "deflate, touched before"),
];
/// The goal: so many times what the device takes alone.
pub(super) const GOAL: f64 = 1.25;

/// What a part of the page says.
pub(super) type Part = fn(&Results) -> String;

/// The parts of the page, by name.
pub(super) const PARTS: [(&str, Part); 9] = [
    ("machine", machine),
    ("balloon", balloon),
    ("cpu", cpu),
    ("instructions", instructions),
    ("reporting", reporting),
    ("growth", growth),
    ("driver", driver),
    ("arrays", arrays),
    ("losses", losses),
];

pub(super) fn table(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&heading.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>());
    text += &format!("|---|{}\n", "--:|".repeat(heading.len().saturating_sub(1)));
    text.extend(rows.into_iter().map(|row| line(&row)));
    text
}

fn machine(results: &Results) -> String {
    let (machine, setup) = (&results.machine, &results.setup);
    let linux = machine.linux.as_deref().unwrap_or("none");
    let rows = [
        ("command", format!("`{}`", setup.command)),
        ("day, revision", format!("{}, {}", machine.day, machine.revision)),
        ("CPU", format!("{} × {}", machine.cpus, machine.cpu)),
        ("memory", format!("{} MiB", machine.memory_mib)),
        ("host's kernel", format!("Linux {}, transparent huge pages: {}", machine.kernel, machine.huge_pages)),
        ("virtual machine", format!("{}, `-accel tcg`, one CPU, {} MiB", machine.qemu, setup.memory_mib)),
        ("Linux guest", linux.to_owned()),
        ("compiler", machine.rust.clone()),
    ];
    table(&["", ""], rows.map(|(name, value)| vec![name.to_owned(), value])).replacen("--:|", "---|", 1)
}

fn balloon(results: &Results) -> String {
    let mut text = costs("microseconds a page", results, By::Wall);
    let setup = &results.setup;
    let _ = write!(
        text,
        "\nMedian (least–most) of {} rounds of {} MiB, {} pages; **×** is the median in terms of the device's own.",
        setup.rounds,
        setup.memory_mib - setup.target_mib,
        setup.pages()
    );
    let dropped: Vec<_> = [Who::FloorPages, Who::Device]
        .into_iter()
        .filter_map(|who| {
            let spread = results.cost(who, Action::Inflate, State::Dropped, By::Wall)?;
            Some(format!("{} {}", who.name(), micros(spread)))
        })
        .collect();
    if !dropped.is_empty() {
        let _ = write!(text, " Of memory that the host has dropped already: {}.", dropped.join("; "));
    }
    text + "\n"
}

fn cpu(results: &Results) -> String {
    costs("microseconds of CPU a page", results, By::Cpu)
}

/// A table of who takes how long.
fn costs(unit: &str, results: &Results, by: By) -> String {
    let heading: Vec<&str> = [unit].into_iter().chain(STATES.map(|(_, _, heading)| heading)).collect();
    let cell = |who, action, state| match results.cost(who, action, state, by) {
        None => String::new(),
        Some(spread) => {
            let device = results.cost(Who::Device, action, state, by).filter(|_| is_guest(who));
            let factor = device.map(|device| format!(" **× {:.2}**", spread.median / device.median));
            format!("{}{}", micros(spread), factor.unwrap_or_default())
        }
    };
    let row = |who: Who| {
        let cells = STATES.map(|(action, state, _)| cell(who, action, state));
        let name = if who == Who::Aerostat { format!("**{}**", who.name()) } else { who.name().to_owned() };
        (!cells.iter().all(String::is_empty)).then(|| [name].into_iter().chain(cells).collect())
    };
    table(&heading, Who::ALL.into_iter().filter_map(row))
}

fn instructions(results: &Results) -> String {
    let rows = results.instructions.iter().map(|count| {
        vec![count.who.name().to_owned(), format!("{:.0}", count.inflate), format!("{:.0}", count.deflate)]
    });
    table(&["guest instructions a page", "inflate", "deflate"], rows)
}

fn reporting(results: &Results) -> String {
    let rows = results.reporting.iter().map(|reporting| {
        let spread = |value: fn(&Report) -> f64| Spread::of(&reporting.runs.iter().map(value).collect::<Vec<_>>());
        let text = |value, digits| spread(value).map_or_else(String::new, |spread| range(spread, digits));
        let begins = if reporting.who == Who::Device { "–".to_owned() } else { text(|report| report.begins, 2) };
        vec![
            reporting.who.name().to_owned(),
            begins,
            text(|report| report.lasts, 3),
            text(Report::speed, 1),
            text(|report| report.lasts * 1e6 / (report.left_mib << 8) as f64, 3),
            text(|report| report.left_mib as f64, 0),
        ]
    });
    table(&["", "begins after s", "lasts s", "GiB/s", "µs a page", "MiB that left"], rows)
}

fn growth(results: &Results) -> String {
    let mut sizes: Vec<u64> = results.growth.iter().map(|growth| growth.gib).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let cell = |what, gib| {
        let growth = results.growth.iter().find(|growth| (growth.what, growth.gib) == (what, gib));
        growth.and_then(|growth| Spread::of(&growth.seconds)).map_or_else(String::new, |spread| {
            let spread = spread.times(1e3);
            range(spread, if spread.median < 10.0 { 3 } else { 0 })
        })
    };
    let rows = sizes.into_iter().map(|gib| {
        let cells = [Grows::Inflate, Grows::Deflate, Grows::Probe, Grows::Follow].map(|what| cell(what, gib));
        [size(gib)].into_iter().chain(cells).collect()
    });
    table(&["milliseconds, guest of", "inflate by ¾", "deflate again", "bring up", "follow by 1 GiB and back"], rows)
}

/// Groups of benchmarks, and the heading over each.
const ROUND_TRIPS: [(&str, &str); 4] = [
    ("round_trip/runs", "runs, same thread"),
    ("round_trip/scattered", "scattered, same thread"),
    ("round_trip/thread/runs", "runs, own thread"),
    ("round_trip/thread/scattered", "scattered, own thread"),
];
/// The other crate, which has one array with the device.
const PEER: &str = "virtio-drivers/1";
/// The rings and arrays of this driver that are compared with it. The first is the one that one gets.
const OURS: [(&str, &str); 4] = [
    ("split/16", "**Aerostat**, 16 arrays"),
    ("packed/16", "Aerostat, packed rings, 16 arrays"),
    ("split/4", "Aerostat, 4 arrays"),
    ("split/1", "Aerostat, 1 array"),
];

/// The driver beside another crate.
fn driver(results: &Results) -> String {
    let cell = |group: &str, name: &str| {
        let Some(spread) = results.benchmark(&format!("{group}/{name}")) else { return String::new() };
        let peer = results.benchmark(&format!("{group}/{PEER}")).filter(|_| name != PEER);
        let factor = peer.map(|peer| format!(" **× {:.2}**", spread.median / peer.median));
        range(spread, 2) + &factor.unwrap_or_default()
    };
    let row = |(name, who): (&str, &str)| {
        let cells = ROUND_TRIPS.map(|(group, _)| cell(group, name));
        (!cells.iter().all(String::is_empty)).then(|| [who.to_owned()].into_iter().chain(cells).collect())
    };
    let heading: Vec<&str> =
        ["nanoseconds a page"].into_iter().chain(ROUND_TRIPS.map(|(_, heading)| heading)).collect();
    table(&heading, [(PEER, "`virtio-drivers`, 1 array")].into_iter().chain(OURS).filter_map(row))
}

/// What is encoded, and what it is compared with.
const ARRAYS: [(&str, &str); 6] = [
    ("copy", "copy, `memcpy`"),
    ("copy/16 bytes at a time", "copy, 16 bytes at a time"),
    ("scattered/4 KiB", "frames of 4 KiB"),
    ("scattered/4 KiB by 64-bit numbers", "frames of 4 KiB, by 64-bit numbers"),
    ("scattered/64 KiB", "frames of 64 KiB"),
    ("run", "a run"),
];

/// Encoding beside copying.
fn arrays(results: &Results) -> String {
    let found = |name| results.benchmark(&format!("pfn_array/{name}"));
    let rows = ARRAYS.into_iter().filter_map(|(name, what)| {
        let entry = found(name)?;
        // Twice as fast is half as long.
        let speed = |of| found(of).map_or_else(String::new, |of| format!("{:.2}", of.median / entry.median));
        let row = [what.to_owned(), range(entry.times(256.0), 1), format!("{:.1}", 1.0 / entry.median)];
        Some(row.into_iter().chain(ARRAYS[..2].iter().map(|(copy, _)| speed(copy))).collect())
    });
    let heading = ["", "nanoseconds an array", "10⁹ entries a second", "speed of `memcpy`", "of 16 bytes at a time"];
    table(&heading, rows)
}

/// Where others are better, or the goal is missed, as the numbers say.
fn losses(results: &Results) -> String {
    let mut text = String::new();
    for (action, state, what) in STATES {
        let Some(ours) = results.cost(Who::Aerostat, action, state, By::Wall) else { continue };
        for who in [Who::Device, Who::Linux, Who::LinuxUnzeroed, Who::FloorPages] {
            let Some(theirs) = results.cost(who, action, state, By::Wall) else { continue };
            let factor = ours.median / theirs.median;
            if factor > if who == Who::Device { GOAL } else { 1.0 } {
                let _ = writeln!(text, "* {what}: {factor:.2} times what it is with “{}”.", who.name());
            }
        }
    }
    let report = |who| {
        let runs = &results.reporting.iter().find(|reporting| reporting.who == who)?.runs;
        let median = |value: fn(&Report) -> f64| Spread::of(&runs.iter().map(value).collect::<Vec<_>>());
        Some((median(|report| report.begins)?.median, median(Report::speed)?.median))
    };
    if let Some((begins, speed)) = report(Who::Aerostat) {
        for who in [Who::Device, Who::Linux, Who::LinuxUnzeroed] {
            let Some(theirs) = report(who) else { continue };
            if speed < theirs.1 {
                let _ =
                    writeln!(text, "* reporting: {speed:.1} GiB/s, and {:.1} GiB/s with “{}”.", theirs.1, who.name());
            }
            if who != Who::Device && begins > theirs.0 {
                let _ = writeln!(
                    text,
                    "* reporting begins {begins:.2} s after the order to free, and {:.2} s with “{}”.",
                    theirs.0,
                    who.name()
                );
            }
        }
    }
    for (group, what) in ROUND_TRIPS {
        let [ours, peer] = [OURS[0].0, PEER].map(|name| results.benchmark(&format!("{group}/{name}")));
        if let Some((ours, peer)) = ours.zip(peer).filter(|(ours, peer)| ours.median > peer.median) {
            let factor = ours.median / peer.median;
            let _ =
                writeln!(text, "* the driver by itself, {what}: {factor:.2} times what it is with `virtio-drivers`.");
        }
    }
    if text.is_empty() { "* In none of these numbers.\n".to_owned() } else { text }
}

/// Whether it is a driver in a guest.
pub(super) const fn is_guest(who: Who) -> bool {
    matches!(who, Who::Aerostat | Who::Linux | Who::LinuxUnzeroed)
}

/// A guest's memory.
pub(super) fn size(gib: u64) -> String {
    if gib >= 1024 { format!("{} TiB", gib / 1024) } else { format!("{gib} GiB") }
}

/// Microseconds, with as many digits as say something.
fn micros(spread: Spread) -> String {
    range(spread, if spread.median < 0.1 { 4 } else { 2 })
}

fn range(spread: Spread, digits: usize) -> String {
    let Spread { least, median, most } = spread;
    format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::{
        clock::Took,
        results::{Benchmark, Reporting, Setup},
    };

    fn results() -> Results {
        let mut results =
            Results { setup: Setup { memory_mib: 1024, target_mib: 256, ..Setup::default() }, ..Results::default() };
        for (who, micros) in [(Who::Device, 1.0), (Who::Aerostat, 1.5), (Who::Linux, 3.0), (Who::FloorPages, 0.5)] {
            let wall = Duration::from_secs_f64(micros * 1e-6 * 196_608.0);
            results.note(who, Action::Inflate, State::Untouched, Took { wall, cpu: wall });
        }
        results
    }

    #[test]
    fn a_guest_stands_beside_the_device() {
        let text = balloon(&results());
        assert!(text.contains("| **Aerostat** | 1.50 (1.50–1.50) **× 1.50** |"), "{text}");
        assert!(text.contains("| QEMU's device alone | 1.00 (1.00–1.00) |"), "{text}");
        assert!(!text.contains(Who::LinuxUnzeroed.name()), "nothing was measured of it: {text}");
    }

    #[test]
    fn losses_are_found_in_the_numbers() {
        let text = losses(&results());
        assert!(text.contains("inflate, untouched: 1.50 times what it is with “QEMU's device alone”"), "{text}");
        assert!(text.contains("3.00 times what it is with “host, page by page”"), "{text}");
        assert!(!text.contains("Linux"), "{text}");
    }

    #[test]
    fn the_driver_stands_beside_another_crate() {
        let benchmark = |name: &str, nanoseconds| Benchmark { name: name.to_owned(), nanoseconds: vec![nanoseconds] };
        let benchmarks = vec![
            benchmark("round_trip/runs/split/16", 0.5),
            benchmark("round_trip/runs/virtio-drivers/1", 0.25),
            benchmark("round_trip/thread/runs/split/16", 4.0),
            benchmark("round_trip/thread/runs/virtio-drivers/1", 40.0),
            benchmark("pfn_array/copy", 0.02),
            benchmark("pfn_array/run", 0.04),
        ];
        let results = Results { benchmarks, ..Results::default() };
        let text = driver(&results);
        assert!(text.contains("| 0.50 (0.50–0.50) **× 2.00** |  | 4.00 (4.00–4.00) **× 0.10** |"), "{text}");
        assert!(arrays(&results).contains("| a run | 10.2 (10.2–10.2) | 25.0 | 0.50 |  |"), "{}", arrays(&results));
        let text = losses(&results);
        assert!(text.contains("runs, same thread: 2.00 times") && !text.contains("own thread"), "{text}");
    }

    #[test]
    fn slower_reporting_is_a_loss() {
        let mut results = results();
        let run = |begins, lasts| vec![Report { begins, lasts, left_mib: 1024 }];
        let reporting = |who, runs| Reporting { who, freed_mib: 1024, runs };
        results.reporting = vec![reporting(Who::Aerostat, run(0.5, 1.0)), reporting(Who::Linux, run(0.1, 0.5))];
        let text = losses(&results);
        assert!(text.contains("reporting: 1.0 GiB/s, and 2.0 GiB/s with “Linux”"), "{text}");
        assert!(text.contains("begins 0.50 s after the order to free, and 0.10 s with “Linux”"), "{text}");
    }
}
