//! The matrix: guests of every architecture, over every transport, with every ring layout and notification suppression.

use std::{
    collections::HashMap,
    fmt, panic,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum as _;
use comfy_table::{Table, presets};
use xtask_common::{arch::Arch, process::interrupt};
use xtask_qemu::transport::Transport;

use super::{
    context::Context,
    count::Count,
    scenarios::{
        cell::{self, Ring, Suppression},
        guest::Environment,
    },
};

/// The number of guests that run at a time. Each has one CPU and mostly waits for statistics, which QEMU polls once a second.
const AT_ONCE: usize = 2;
/// The time limit of a cell, on a slow and busy host.
const LIMIT: Duration = Duration::from_secs(90);

/// The columns.
const RINGS: [(Ring, Suppression); 4] = [
    (Ring::Split, Suppression::Flags),
    (Ring::Split, Suppression::EventIndex),
    (Ring::Packed, Suppression::Flags),
    (Ring::Packed, Suppression::EventIndex),
];

/// A cell of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    arch: Arch,
    transport: Transport,
    ring: Ring,
    suppression: Suppression,
}

/// The result of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
enum CellResult {
    Passed(Duration),
    Failed(String),
    /// It was not run, for this reason.
    Impossible(&'static str),
}

impl Cell {
    /// Returns all cells, row by row.
    fn all() -> impl Iterator<Item = Self> {
        let rows = Arch::value_variants().iter().flat_map(|&arch| {
            let transports = Transport::value_variants().iter();
            transports.map(move |&transport| (arch, transport))
        });
        rows.flat_map(|(arch, transport)| RINGS.map(|(ring, suppression)| Self { arch, transport, ring, suppression }))
    }

    /// Returns why this machine cannot exist, or `None` if it can.
    fn impossible(self) -> Option<&'static str> {
        self.transport.no_packed_rings().filter(|_| self.ring == Ring::Packed)
    }

    fn run(self, images: &HashMap<Arch, PathBuf>) -> CellResult {
        let Self { arch, transport, ring, suppression } = self;
        if let Some(reason) = self.impossible() {
            return CellResult::Impossible(reason);
        }
        let start = Instant::now();
        let environment = Environment { arch, image: images[&arch].clone(), transport, deadline: start + LIMIT };
        let result = match cell::run(&environment, ring, suppression) {
            Ok(()) => CellResult::Passed(start.elapsed()),
            Err(error) => CellResult::Failed(format!("{error:#}")),
        };
        eprintln!("{self}: {result}");
        result
    }
}

/// Runs the matrix and stores its table in `context`. Each cell counts as one test.
pub(crate) fn run(context: &mut Context) -> anyhow::Result<(Count, Option<String>)> {
    let mut images = HashMap::new();
    for &arch in Arch::value_variants() {
        images.insert(arch, context.build_guest(arch)?);
    }
    let cells: Vec<_> = Cell::all().collect();
    let mut matrix = Vec::new();
    for group in cells.chunks(AT_ONCE) {
        let images = &images;
        let result: Vec<_> = thread::scope(|scope| {
            // Collected, so that all of them start before the first is joined.
            let running: Vec<_> = group.iter().map(|cell| scope.spawn(|| cell.run(images))).collect();
            running
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)))
                .collect()
        });
        interrupt::check()?;
        matrix.extend(group.iter().copied().zip(result));
    }
    context.matrix = Some(table(&matrix));
    Ok(conclude(&matrix))
}

/// Counts the cells that were run, and names the failed ones.
fn conclude(matrix: &[(Cell, CellResult)]) -> (Count, Option<String>) {
    let passed = matrix.iter().filter(|(_, result)| matches!(result, CellResult::Passed(_))).count();
    let failed: Vec<_> = matrix
        .iter()
        .filter_map(|(cell, result)| match result {
            // The first line: the output of guest and QEMU has been printed already.
            CellResult::Failed(reason) => Some(format!("{cell}: {}", reason.lines().next().unwrap_or_default())),
            _ => None,
        })
        .collect();
    (Count { passed, failed: failed.len(), ignored: 0 }, (!failed.is_empty()).then(|| failed.join("\n")))
}

/// Formats the matrix, with the reasons for its empty cells.
fn table(matrix: &[(Cell, CellResult)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let rings = RINGS.map(|(ring, suppression)| format!("{ring}, {suppression}"));
    table.set_header(["guest".to_owned(), "transport".to_owned()].into_iter().chain(rings));
    let mut reasons = Vec::new();
    for row in matrix.chunks(RINGS.len()) {
        let Some((Cell { arch, transport, .. }, _)) = row.first() else { continue };
        let result = row.iter().map(|(_, result)| match result {
            CellResult::Passed(_) => result.to_string(),
            CellResult::Failed(_) => "FAILED".to_owned(),
            CellResult::Impossible(reason) => {
                let number = reasons.iter().position(|known| known == reason).unwrap_or_else(|| {
                    reasons.push(*reason);
                    reasons.len() - 1
                });
                format!("none ({})", number + 1)
            }
        });
        table.add_row([arch.to_string(), transport.to_string()].into_iter().chain(result));
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

impl fmt::Display for CellResult {
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

    fn matrix(result: impl Fn(Cell) -> CellResult) -> Vec<(Cell, CellResult)> {
        Cell::all().map(|cell| (cell, result(cell))).collect()
    }

    fn success(cell: Cell) -> CellResult {
        cell.impossible().map_or(CellResult::Passed(Duration::from_millis(2500)), CellResult::Impossible)
    }

    #[test]
    fn all_cells_run_except_packed_rings_over_the_legacy_interface() {
        let matrix = matrix(success);
        assert_eq!(matrix.len(), 3 * 4 * 4);
        assert_eq!(conclude(&matrix), (Count { passed: 3 * (2 * 4 + 2 * 2), failed: 0, ignored: 0 }, None));
    }

    #[test]
    fn the_reason_of_empty_cells_is_printed_once() {
        let table = table(&matrix(success));
        assert_eq!((table.matches("none (1)").count(), table.matches("2.5 s").count()), (12, 36), "{table}");
        assert_eq!(table.matches("RING_PACKED").count(), 1, "{table}");
        assert!(table.contains("legacy MMIO") && table.contains("packed, event index"), "{table}");
    }

    #[test]
    fn a_failed_cell_is_named_with_its_reason() {
        let matrix = matrix(|cell| match success(cell) {
            CellResult::Passed(_) if cell.arch == Arch::Riscv64 && cell.transport == Transport::PciLegacy => {
                CellResult::Failed("the ring is broken\n  | panic".to_owned())
            }
            other => other,
        });
        let (count, failure) = conclude(&matrix);
        assert_eq!(count, Count { passed: 34, failed: 2, ignored: 0 });
        let failure = failure.unwrap();
        assert!(failure.starts_with("riscv64 over legacy PCI, split, flags: the ring is broken\nriscv64"), "{failure}");
        assert!(table(&matrix).contains("FAILED"));
    }
}
