//! What was measured, in the tables and lists of a page.

use std::fmt::Write as _;

use super::{
    markdown::{command, range, table},
    ratios,
    results::{Action, Machine, Operation, Report, Results, STATES, Spread, State, System, TimeKind},
};

/// A function that generates a part of the page.
pub(crate) type Part = fn(&Results) -> String;

/// The parts of the page with their names.
pub(crate) const PARTS: [(&str, Part); 14] = [
    ("picture", |results| command(results, "guests")),
    ("machine", machine),
    ("blocks", ratios::blocks),
    ("balloon", balloon),
    ("ratios", ratios::with_device),
    ("cpu", cpu),
    ("instructions", instructions),
    ("reporting", reporting),
    ("report-first", ratios::report_first),
    ("growth", growth),
    ("fragmented", ratios::fragmented),
    ("driver", driver),
    ("arrays", arrays),
    ("losses", losses),
];

fn machine(results: &Results) -> String {
    let (machine, setup) = (&results.machine, &results.setup);
    let linux = machine.linux.as_deref().unwrap_or("none");
    let rows = [
        ("command", format!("`{}`", setup.command)),
        ("date, revision", format!("{}, {}", machine.day, machine.revision)),
        ("CPU", format!("{} × {}", machine.cpus, machine.cpu)),
        ("memory", memory(machine)),
        ("host's kernel", format!("Linux {}, transparent huge pages: {}", machine.kernel, machine.huge_pages)),
        ("virtual machine", format!("{}, `-accel tcg`, one CPU, {} MiB", machine.qemu, setup.memory_mib)),
        ("Linux guest", linux.to_owned()),
        ("compiler", machine.rust.clone()),
    ];
    table(&["", ""], rows.map(|(name, value)| vec![name.to_owned(), value])).replacen("--:|", "---|", 1)
}

fn balloon(results: &Results) -> String {
    let mut text = costs("microseconds per page", results, TimeKind::Wall);
    let setup = &results.setup;
    let _ = write!(
        text,
        "\nMedian (minimum–maximum) of {} rounds of {} MiB, {} pages; **×** is the ratio of the median to that of QEMU's device.",
        setup.rounds,
        setup.memory_mib - setup.target_mib,
        setup.pages()
    );
    let discarded: Vec<_> = [System::HostPages, System::Device]
        .into_iter()
        .filter_map(|system| {
            let spread = results.cost(system, Action::Inflate, State::Discarded, TimeKind::Wall)?;
            Some(format!("{} {}", system.name(), micros(spread)))
        })
        .collect();
    if !discarded.is_empty() {
        let _ = write!(text, " Memory that the host has already discarded: {}.", discarded.join("; "));
    }
    text + "\n" + &command(results, "baseline,device,guests")
}

fn cpu(results: &Results) -> String {
    costs("microseconds of CPU per page", results, TimeKind::Cpu) + &command(results, "baseline,device,guests")
}

/// Returns a table of times.
fn costs(unit: &str, results: &Results, kind: TimeKind) -> String {
    let heading: Vec<&str> = [unit].into_iter().chain(STATES.map(|(_, _, heading)| heading)).collect();
    let cell = |system, action, state| match results.cost(system, action, state, kind) {
        None => String::new(),
        Some(spread) => {
            let device = results.cost(System::Device, action, state, kind).filter(|_| is_guest(system));
            let factor = device.map(|device| format!(" **× {:.2}**", spread.median / device.median));
            format!("{}{}", micros(spread), factor.unwrap_or_default())
        }
    };
    let row = |system: System| {
        let cells = STATES.map(|(action, state, _)| cell(system, action, state));
        let name = if system == System::Aerostat { format!("**{}**", system.name()) } else { system.name().to_owned() };
        (!cells.iter().all(String::is_empty)).then(|| [name].into_iter().chain(cells).collect())
    };
    table(&heading, System::ALL.into_iter().filter_map(row))
}

fn memory(machine: &Machine) -> String {
    let free = machine.free_in_blocks_mib.map(|free| format!(", {free} MiB free in blocks of 2 MiB at the start"));
    format!("{} MiB{}", machine.memory_mib, free.unwrap_or_default())
}

fn instructions(results: &Results) -> String {
    let text = |count: f64| if count < 10.0 { format!("{count:.1}") } else { format!("{count:.0}") };
    let rows = results.instructions.iter();
    let rows = rows.map(|count| vec![count.system.name().to_owned(), text(count.inflate), text(count.deflate)]);
    table(&["guest instructions per page", "inflate", "deflate"], rows) + &command(results, "instructions")
}

fn reporting(results: &Results) -> String {
    let rows = results.reporting.iter().map(|reporting| {
        let spread = |value: fn(&Report) -> f64| Spread::of(&reporting.runs.iter().map(value).collect::<Vec<_>>());
        let text = |value, digits| spread(value).map_or_else(String::new, |spread| range(spread, digits));
        let delay = if reporting.system == System::Device { "–".to_owned() } else { text(|report| report.delay, 2) };
        vec![
            reporting.system.name().to_owned(),
            delay,
            text(|report| report.duration, 3),
            text(Report::speed, 1),
            text(|report| report.duration * 1e6 / (report.released_mib << 8) as f64, 3),
            text(|report| report.released_mib as f64, 0),
        ]
    });
    table(&["", "delay, s", "duration, s", "GiB/s", "µs per page", "MiB released"], rows)
        + &command(results, "reporting")
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
    let columns = [
        (Operation::Inflate, "inflate by ¾"),
        (Operation::Deflate, "deflate again"),
        (Operation::Probe, "probe"),
        (Operation::Follow, "follow by 1 GiB and back"),
        (Operation::FollowBlocks, "the same by whole blocks"),
    ];
    let has_results = |what| results.growth.iter().any(|growth| growth.what == what);
    let columns: Vec<_> = columns.into_iter().filter(|(what, _)| has_results(*what)).collect();
    let rows = sizes.into_iter().map(|gib| {
        let cells = columns.iter().map(|(what, _)| cell(*what, gib));
        [size(gib)].into_iter().chain(cells).collect()
    });
    let heading: Vec<&str> =
        ["milliseconds, guest of"].into_iter().chain(columns.iter().map(|(_, heading)| *heading)).collect();
    table(&heading, rows) + &command(results, "growth")
}

/// The groups of benchmarks with their headings.
const ROUND_TRIPS: [(&str, &str); 4] = [
    ("round_trip/runs", "runs, same thread"),
    ("round_trip/scattered", "scattered, same thread"),
    ("round_trip/thread/runs", "runs, own thread"),
    ("round_trip/thread/scattered", "scattered, own thread"),
];
/// The other crate, with one array in flight.
const PEER: &str = "virtio-drivers/1";
/// The variants of this driver that are compared with it. The first one is the default.
const OURS: [(&str, &str); 4] = [
    ("split/16", "**Aerostat**, 16 arrays"),
    ("packed/16", "Aerostat, packed rings, 16 arrays"),
    ("split/4", "Aerostat, 4 arrays"),
    ("split/1", "Aerostat, 1 array"),
];

/// Returns the table of this driver and another crate.
fn driver(results: &Results) -> String {
    let cell = |group: &str, name: &str| {
        let Some(spread) = results.benchmark(&format!("{group}/{name}")) else { return String::new() };
        let peer = results.benchmark(&format!("{group}/{PEER}")).filter(|_| name != PEER);
        let factor = peer.map(|peer| format!(" **× {:.2}**", spread.median / peer.median));
        range(spread, 2) + &factor.unwrap_or_default()
    };
    let row = |(name, system): (&str, &str)| {
        let cells = ROUND_TRIPS.map(|(group, _)| cell(group, name));
        (!cells.iter().all(String::is_empty)).then(|| [system.to_owned()].into_iter().chain(cells).collect())
    };
    let heading: Vec<&str> =
        ["nanoseconds per page"].into_iter().chain(ROUND_TRIPS.map(|(_, heading)| heading)).collect();
    table(&heading, [(PEER, "`virtio-drivers`, 1 array")].into_iter().chain(OURS).filter_map(row))
        + &command(results, "driver")
}

/// The benchmarks of encoding, after those of copying.
const ARRAYS: [(&str, &str); 6] = [
    ("copy", "copy, `memcpy`"),
    ("copy/16 bytes at a time", "copy, 16 bytes at a time"),
    ("scattered/4 KiB", "frames of 4 KiB"),
    ("scattered/4 KiB by 64-bit numbers", "frames of 4 KiB, by 64-bit numbers"),
    ("scattered/64 KiB", "frames of 64 KiB"),
    ("run", "a run"),
];

/// Returns the table of encoding and copying.
fn arrays(results: &Results) -> String {
    let found = |name| results.benchmark(&format!("pfn_array/{name}"));
    let rows = ARRAYS.into_iter().filter_map(|(name, what)| {
        let entry = found(name)?;
        // Speed is the inverse of time.
        let speed = |of| found(of).map_or_else(String::new, |of| format!("{:.2}", of.median / entry.median));
        let row = [what.to_owned(), range(entry.times(256.0), 1), format!("{:.1}", 1.0 / entry.median)];
        Some(row.into_iter().chain(ARRAYS[..2].iter().map(|(copy, _)| speed(copy))).collect())
    });
    let heading = [
        "",
        "nanoseconds per array",
        "10⁹ entries per second",
        "speed relative to `memcpy`",
        "relative to 16 bytes at a time",
    ];
    table(&heading, rows) + &command(results, "driver")
}

/// Lists where others are faster or the goal is missed.
fn losses(results: &Results) -> String {
    let all = [resizing_losses, ratios::losses, reporting_losses, driver_losses, array_losses];
    let text = all.map(|losses| losses(results)).concat();
    if text.is_empty() { "* Nowhere in these numbers.\n".to_owned() } else { text }
}

fn resizing_losses(results: &Results) -> String {
    let mut text = String::new();
    for (action, state, what) in STATES {
        let Some(ours) = results.cost(System::Aerostat, action, state, TimeKind::Wall) else { continue };
        for system in [System::Linux, System::LinuxUnzeroed, System::Device, System::HostPages] {
            let Some(theirs) = results.cost(system, action, state, TimeKind::Wall) else { continue };
            let factor = ours.median / theirs.median;
            if factor > 1.005 {
                let _ = writeln!(text, "* {what}: {factor:.2} times the time of “{}”.", system.name());
            }
        }
    }
    text
}

fn reporting_losses(results: &Results) -> String {
    let mut text = String::new();
    // The median of delay and speed.
    let report = |system| {
        let runs = &results.reporting.iter().find(|reporting| reporting.system == system)?.runs;
        let median = |value: fn(&Report) -> f64| Spread::of(&runs.iter().map(value).collect::<Vec<_>>());
        Some((median(|report| report.delay)?.median, median(Report::speed)?.median))
    };
    let Some((delay, speed)) = report(System::Aerostat) else { return text };
    for system in [System::Device, System::Linux, System::LinuxUnzeroed] {
        let Some((their_delay, their_speed)) = report(system) else { continue };
        let name = system.name();
        if speed < their_speed {
            let _ = writeln!(text, "* reporting: {speed:.1} GiB/s, compared with {their_speed:.1} GiB/s for “{name}”.");
        }
        if system != System::Device && delay > their_delay {
            let _ = writeln!(
                text,
                "* reporting starts {delay:.2} s after the request to free memory, compared with {their_delay:.2} s for \
                 “{name}”."
            );
        }
    }
    text
}

fn driver_losses(results: &Results) -> String {
    let mut text = String::new();
    for (group, what) in ROUND_TRIPS {
        let [ours, peer] = [OURS[0].0, PEER].map(|name| results.benchmark(&format!("{group}/{name}")));
        if let Some((ours, peer)) = ours.zip(peer).filter(|(ours, peer)| ours.median > peer.median) {
            let factor = ours.median / peer.median;
            let _ = writeln!(
                text,
                "* the driver without a virtual machine, {what}: {factor:.2} times the time of `virtio-drivers`."
            );
        }
    }
    text
}

fn array_losses(results: &Results) -> String {
    let mut text = String::new();
    let found = |name| results.benchmark(&format!("pfn_array/{name}"));
    let Some(copy) = found(ARRAYS[0].0) else { return text };
    for (name, what) in &ARRAYS[2..] {
        if let Some(entry) = found(name).filter(|entry| copy.median / entry.median < 0.8) {
            let speed = copy.median / entry.median;
            let _ = writeln!(text, "* page numbers of {what}: {speed:.2} of the speed of `memcpy`, the goal is 0.8.");
        }
    }
    text
}

/// Returns whether it is a driver in a guest.
pub(crate) const fn is_guest(system: System) -> bool {
    matches!(
        system,
        System::Aerostat
            | System::AerostatBlocks
            | System::AerostatDeflateEntries
            | System::Linux
            | System::LinuxUnzeroed
    )
}

/// Formats a guest's memory.
pub(crate) fn size(gib: u64) -> String {
    if gib >= 1024 { format!("{} TiB", gib / 1024) } else { format!("{gib} GiB") }
}

/// Formats microseconds with the significant digits.
fn micros(spread: Spread) -> String {
    range(spread, if spread.median < 0.1 { 4 } else { 2 })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        clock::Elapsed,
        results::{Benchmark, Reporting, Setup},
    };

    fn results() -> Results {
        let mut results =
            Results { setup: Setup { memory_mib: 1024, target_mib: 256, ..Setup::default() }, ..Results::default() };
        for (system, micros) in
            [(System::Device, 1.0), (System::Aerostat, 1.5), (System::Linux, 3.0), (System::HostPages, 0.5)]
        {
            let wall = Duration::from_secs_f64(micros * 1e-6 * 196_608.0);
            results.note(system, Action::Inflate, State::Untouched, Elapsed { wall, cpu: wall });
        }
        results
    }

    #[test]
    fn guests_are_compared_with_the_device() {
        let text = balloon(&results());
        assert!(text.contains("| **Aerostat** | 1.50 (1.50–1.50) **× 1.50** |"), "{text}");
        assert!(text.contains("| QEMU's device, no driver | 1.00 (1.00–1.00) |"), "{text}");
        assert!(!text.contains(System::LinuxUnzeroed.name()), "it was not measured: {text}");
    }

    #[test]
    fn losses_are_found() {
        let text = losses(&results());
        assert!(text.contains("1.50 times the time of “QEMU's device"), "{text}");
        assert!(text.contains("3.00 times the time of “host, page by page”"), "{text}");
        assert!(!text.contains("Linux"), "{text}");
    }

    #[test]
    fn the_driver_is_compared_with_another_crate() {
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
        assert!(text.contains("page numbers of a run: 0.50 of the speed of `memcpy`"), "{text}");
    }

    #[test]
    fn slower_reporting_is_a_loss() {
        let mut results = results();
        let run = |delay, duration| vec![Report { delay, duration, released_mib: 1024 }];
        let reporting = |system, runs| Reporting { system, freed_mib: 1024, runs };
        results.reporting = vec![reporting(System::Aerostat, run(0.5, 1.0)), reporting(System::Linux, run(0.1, 0.5))];
        let text = losses(&results);
        assert!(text.contains("reporting: 1.0 GiB/s, compared with 2.0 GiB/s for “Linux”"), "{text}");
        assert!(
            text.contains("reporting starts 0.50 s after the request to free memory, compared with 0.10 s for “Linux”"),
            "{text}"
        );
    }
}
