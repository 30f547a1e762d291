//! Shows that no panic is in the drivers' code: a kernel that uses the drivers is linked, and searched for panics.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use addr2line::Loader;
use anyhow::{anyhow, ensure};

use xtask_build::guest;
use xtask_common::arch::Arch;

use super::{
    chapters::Part,
    context::{Baseline, Context},
    image::{calls, functions},
};

/// The kernel of `benches/size` that uses the balloon with all features, transports and frame sizes, and the entropy and persistent memory
/// drivers.
const KERNEL: &str = "everything";
/// The features of that kernel: the drivers write log messages.
const FEATURES: [&str; 1] = ["log"];
/// Its cargo profiles: optimised for size and for speed, with link-time optimisation, which removes every panic that cannot happen.
const PROFILES: [&str; 2] = ["size", "speed"];
/// A function that is in the kernel. Without it, the symbols were not read.
const CALLED: &str = "aerostat_balloon::";

/// The table in the book of the calls that were found.
const TABLE: Part = Part { chapter: "docs/src/testing.md", name: "panics" };

/// Fails with a list if a panic is in the drivers' code, or if the book has another number of calls.
pub(super) fn absent(context: &mut Context) -> anyhow::Result<()> {
    let recipe = context.recipe(Arch::X86_64)?;
    let mut table = "\n| profile | calls of a panic |\n|---|--:|\n".to_owned();
    for profile in PROFILES {
        let image = guest::build_size_kernel(&recipe, profile, KERNEL, &FEATURES)?;
        let found = search(&image)?;
        ensure!(found.functions > 0, "no function of the drivers is in {}: is it stripped?", image.display());
        let _ = writeln!(table, "| `{profile}` | {} |", found.panics.len());
        let list = found.panics.into_iter().collect::<Vec<_>>().join("\n");
        ensure!(list.is_empty(), "in the profile `{profile}` the drivers can panic:\n{list}");
        eprintln!("In the profile `{profile}`: {} functions of the drivers, and no panic.", found.functions);
    }
    table.push('\n');
    match context.baseline {
        Baseline::Write => TABLE.write(&table),
        Baseline::Compare => TABLE.check(&table, "the search for panics"),
    }
}

/// What a search found.
#[derive(Debug)]
struct Found {
    /// Number of functions that name a driver.
    functions: usize,
    /// Each call of a panic from code outside of `core`, with its place in the source.
    panics: BTreeSet<String>,
}

/// Searches an image for panics.
fn search(image: &Path) -> anyhow::Result<Found> {
    let lines = Loader::new(image).map_err(|error| anyhow!("failed to read the line tables: {error}"))?;
    let bytes = fs::read(image)?;
    let functions = functions(&bytes)?;
    let names: BTreeMap<u64, (u64, String)> = functions
        .iter()
        .map(|(range, name)| (range.start, (range.end, format!("{:#}", rustc_demangle::demangle(name)))))
        .collect();
    let caller = |address: u64| {
        let (&start, (end, name)) = names.range(..=address).next_back()?;
        (address < *end).then_some((start, name))
    };
    // The functions that panic, and then the functions of `core` that call them, such as `Option::unwrap`'s.
    let mut panicking: BTreeSet<u64> =
        names.iter().filter(|(_, (_, name))| is_panic(name)).map(|(&start, _)| start).collect();
    let calls = calls(&bytes, |to| names.contains_key(&to))?;
    let mut panics = BTreeSet::new();
    loop {
        let known = panicking.len();
        for call in &calls {
            match caller(call.from).filter(|_| panicking.contains(&call.to)) {
                Some((start, name)) if is_of_core(name) => {
                    panicking.insert(start);
                }
                Some((_, name)) => {
                    let place = place(&lines, call.from).unwrap_or_else(|| "an unknown place".to_owned());
                    panics.insert(format!("  {name}\n    at {place}"));
                }
                None => {}
            }
        }
        if panicking.len() == known {
            break;
        }
    }
    if panics.is_empty() {
        // A panic that nothing outside of `core` calls directly: through a table of functions.
        panics.extend(names.values().filter(|(_, name)| is_panic(name)).map(|(_, name)| format!("  {name}")));
    }
    let functions = names.values().filter(|(_, name)| name.contains(CALLED)).count();
    Ok(Found { functions, panics })
}

/// Returns the place of an instruction in the source of its function, not of a function that is inlined there.
fn place(lines: &Loader, address: u64) -> Option<String> {
    let mut frames = lines.find_frames(address).ok()?;
    let mut outermost = None;
    while let Some(frame) = frames.next().ok()? {
        outermost = frame.location.or(outermost);
    }
    let location = outermost?;
    Some(format!("{}:{}", location.file?, location.line?))
}

/// Returns whether a function is the end of a panic.
fn is_panic(name: &str) -> bool {
    name.starts_with("core::panicking::") || name.contains("rust_begin_unwind")
}

/// Returns whether a function belongs to `core`, for any types.
fn is_of_core(name: &str) -> bool {
    name.trim_start_matches('<').starts_with("core::")
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[inline(never)]
    fn divides(by: u32) -> u32 {
        1000 / by
    }

    #[inline(never)]
    fn unwraps(value: Option<u32>) -> u32 {
        value.unwrap()
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn panics_of_a_program_are_found_with_their_places() {
        assert_eq!(divides(black_box(10)) + unwraps(black_box(Some(1))), 101);
        let found = search(&std::env::current_exe().unwrap()).unwrap();
        for function in ["divides", "unwraps"] {
            let name = format!("panics::tests::{function}\n");
            let panic = found.panics.iter().find(|panic| panic.contains(&name));
            assert!(panic.is_some_and(|panic| panic.contains("src/test/panics.rs:")), "{function}: {panic:?}");
        }
    }
}
