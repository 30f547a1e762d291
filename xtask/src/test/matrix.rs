//! The matrix: guests of every architecture over every transport, ring and way to suppress notifications.

use std::{
    collections::HashMap,
    fmt, panic,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum as _;
use comfy_table::{Table, presets};

use super::{
    count::Count,
    proofs::{
        cell::{self, Ring, Suppression},
        guest::Stage,
    },
    runner::Context,
};
use crate::{
    cli::{Arch, Transport},
    process::interrupt,
};

/// Guests that run at a time: each keeps one processor busy, and mostly waits for the seconds of QEMU's statistics.
const AT_ONCE: usize = 2;
/// How long a cell may take, on a slow machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(90);

/// The columns.
const RINGS: [(Ring, Suppression); 4] = [
    (Ring::Split, Suppression::Flags),
    (Ring::Split, Suppression::EventIndex),
    (Ring::Packed, Suppression::Flags),
    (Ring::Packed, Suppression::EventIndex),
];

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    arch: Arch,
    transport: Transport,
    ring: Ring,
    suppression: Suppression,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    Passed(Duration),
    Failed(String),
    /// Not tried, and why.
    Impossible(&'static str),
}

impl Cell {
    /// All cells, row by row.
    fn all() -> impl Iterator<Item = Self> {
        let rows = Arch::value_variants().iter().flat_map(|&arch| {
            let transports = Transport::value_variants().iter();
            transports.map(move |&transport| (arch, transport))
        });
        rows.flat_map(|(arch, transport)| RINGS.map(|(ring, suppression)| Self { arch, transport, ring, suppression }))
    }

    /// Why there is no such machine, where there is none.
    fn impossible(self) -> Option<&'static str> {
        self.transport.no_packed_rings().filter(|_| self.ring == Ring::Packed)
    }

    fn run(self, images: &HashMap<Arch, PathBuf>) -> Ended {
        let Self { arch, transport, ring, suppression } = self;
        if let Some(reason) = self.impossible() {
            return Ended::Impossible(reason);
        }
        let start = Instant::now();
        let stage = Stage { arch, image: images[&arch].clone(), transport, deadline: start + LIMIT };
        let ended = match cell::show(&stage, ring, suppression) {
            Ok(()) => Ended::Passed(start.elapsed()),
            Err(error) => Ended::Failed(format!("{error:#}")),
        };
        eprintln!("{self}: {ended}");
        ended
    }
}

/// Fills in the matrix and keeps its table. A cell counts as one test.
pub(crate) fn run(context: &mut Context) -> anyhow::Result<(Count, Option<String>)> {
    let mut images = HashMap::new();
    for &arch in Arch::value_variants() {
        images.insert(arch, context.build_guest(arch)?);
    }
    let cells: Vec<_> = Cell::all().collect();
    let mut matrix = Vec::new();
    for some in cells.chunks(AT_ONCE) {
        let images = &images;
        let ended: Vec<_> = thread::scope(|scope| {
            // All of them start before the first is waited for.
            let running: Vec<_> = some.iter().map(|cell| scope.spawn(|| cell.run(images))).collect();
            running
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)))
                .collect()
        });
        interrupt::check()?;
        matrix.extend(some.iter().copied().zip(ended));
    }
    context.matrix = Some(table(&matrix));
    Ok(conclude(&matrix))
}

/// The count of cells that were tried, and which of them failed.
fn conclude(matrix: &[(Cell, Ended)]) -> (Count, Option<String>) {
    let passed = matrix.iter().filter(|(_, ended)| matches!(ended, Ended::Passed(_))).count();
    let failed: Vec<_> = matrix
        .iter()
        .filter_map(|(cell, ended)| match ended {
            // What guest and QEMU said has been printed.
            Ended::Failed(reason) => Some(format!("{cell}: {}", reason.lines().next().unwrap_or_default())),
            _ => None,
        })
        .collect();
    (Count { passed, failed: failed.len() }, (!failed.is_empty()).then(|| failed.join("\n")))
}

/// The matrix for people, and what keeps its empty cells empty.
fn table(matrix: &[(Cell, Ended)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let rings = RINGS.map(|(ring, suppression)| format!("{ring}, {suppression}"));
    table.set_header(["guest".to_owned(), "transport".to_owned()].into_iter().chain(rings));
    let mut reasons = Vec::new();
    for row in matrix.chunks(RINGS.len()) {
        let Some((Cell { arch, transport, .. }, _)) = row.first() else { continue };
        let ended = row.iter().map(|(_, ended)| match ended {
            Ended::Passed(_) => ended.to_string(),
            Ended::Failed(_) => "FAILED".to_owned(),
            Ended::Impossible(reason) => {
                let number = reasons.iter().position(|known| known == reason).unwrap_or_else(|| {
                    reasons.push(*reason);
                    reasons.len() - 1
                });
                format!("none ({})", number + 1)
            }
        });
        table.add_row([arch.to_string(), transport.to_string()].into_iter().chain(ended));
    }
    let notes = reasons.iter().enumerate().map(|(number, reason)| format!("\n({}) {reason}", number + 1));
    table.to_string() + &notes.collect::<String>()
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arch, transport, ring, suppression } = self;
        write!(f, "{arch} over {transport}, {ring}, {suppression}")
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(elapsed) => write!(f, "{:.1} s", elapsed.as_secs_f64()),
            Self::Failed(reason) => f.write_str(reason),
            Self::Impossible(reason) => f.write_str(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(ended: impl Fn(Cell) -> Ended) -> Vec<(Cell, Ended)> {
        Cell::all().map(|cell| (cell, ended(cell))).collect()
    }

    fn usual(cell: Cell) -> Ended {
        cell.impossible().map_or(Ended::Passed(Duration::from_millis(2500)), Ended::Impossible)
    }

    #[test]
    fn everything_is_tried_but_packed_rings_over_the_legacy_interface() {
        let matrix = matrix(usual);
        assert_eq!(matrix.len(), 3 * 4 * 4);
        assert_eq!(conclude(&matrix), (Count { passed: 3 * (2 * 4 + 2 * 2), failed: 0 }, None));
    }

    #[test]
    fn the_reason_of_empty_cells_stands_once_below_the_table() {
        let table = table(&matrix(usual));
        assert_eq!((table.matches("none (1)").count(), table.matches("2.5 s").count()), (12, 36), "{table}");
        assert_eq!(table.matches("RING_PACKED").count(), 1, "{table}");
        assert!(table.contains("legacy MMIO") && table.contains("packed, event index"), "{table}");
    }

    #[test]
    fn a_cell_that_fails_is_named_with_its_reason() {
        let matrix = matrix(|cell| match usual(cell) {
            Ended::Passed(_) if cell.arch == Arch::Riscv64 && cell.transport == Transport::PciLegacy => {
                Ended::Failed("the ring is broken\n  | panic".to_owned())
            }
            other => other,
        });
        let (count, failure) = conclude(&matrix);
        assert_eq!(count, Count { passed: 34, failed: 2 });
        let failure = failure.unwrap();
        assert!(failure.starts_with("riscv64 over legacy PCI, split, flags: the ring is broken\nriscv64"), "{failure}");
        assert!(table(&matrix).contains("FAILED"));
    }
}
