//! How much of the guest's code is the driver.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use addr2line::Loader;
use anyhow::{anyhow, ensure};
use object::{Object as _, ObjectSymbol as _, SymbolKind};

use crate::{
    build::{guest, toolchain::Recipe},
    cli::Arch,
};

/// The driver's crates, from the balloon down.
const DRIVER: [&str; 3] = ["aerostat_balloon::", "aerostat_transport::", "aerostat_spec::"];
/// What a declaration of the balloon's features is called in symbols.
const DECLARATION: &str = "aerostat_spec::balloon::Features<";
/// What belongs to the guest's second driver, and the instances for it, have this in their names.
const SECOND_DRIVER: &str = "aerostat_entropy::";

/// Bytes of the driver's code in the guest, built for size: of all that its crates define, with every instance of what is
/// generic, wherever that was inlined, and with what was inlined into it. The line tables say which instruction is whose, so
/// that code which the compiler moves into the guest's own functions is counted all the same.
///
/// Left out are the instances for the guest's second declaration, which refuses a feature, and for its second driver, which
/// shares the transports: a kernel that has only a balloon has neither.
pub(crate) fn driver(recipe: &Recipe) -> anyhow::Result<f64> {
    let image = guest::build_to_count(Arch::X86_64, recipe)?;
    let lines = Loader::new(&image).map_err(|error| anyhow!("the guest's line tables cannot be read: {error}"))?;
    let mut names = Names::default();
    let mut bytes = 0;
    for ((start, end), symbols) in functions(&fs::read(&image)?)? {
        let symbols: Vec<Name> = symbols.iter().map(|symbol| names.look_at(symbol)).collect();
        for address in start..end {
            let mut frames = lines.find_frames(address).map_err(|error| anyhow!("{address:#x}: {error}"))?;
            let mut inlined = Vec::new();
            while let Some(frame) = frames.next()? {
                if let Some(function) = frame.function {
                    inlined.push(names.look_at(&function.raw_name()?));
                }
            }
            bytes += u32::from(is_counted(&symbols, &inlined));
        }
    }
    ensure!(bytes > 0, "the guest has no symbols: is it stripped?");
    Ok(bytes.into())
}

/// Start and end of every function of an image, with all its symbols: the linker gives two that are alike one place.
fn functions(image: &[u8]) -> anyhow::Result<BTreeMap<(u64, u64), Vec<String>>> {
    let mut functions = BTreeMap::<_, Vec<_>>::new();
    for symbol in object::File::parse(image)?.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
        let place = (symbol.address(), symbol.address() + symbol.size());
        functions.entry(place).or_default().push(symbol.name()?.to_owned());
    }
    Ok(functions)
}

/// Whether an instruction counts that lies in the function with these symbols and came there from these inlined ones.
fn is_counted(symbols: &[Name], inlined: &[Name]) -> bool {
    let is_spare = match symbols {
        // Alike for several instances, and inlined is what just one of them called.
        [_, _, ..] => symbols.iter().all(|symbol| symbol.is_spare),
        _ => symbols.iter().chain(inlined).any(|name| name.is_spare),
    };
    !is_spare && symbols.iter().chain(inlined).any(|name| name.is_driver)
}

/// What the name of a function tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    /// It is the driver's.
    is_driver: bool,
    /// It is there for something that a kernel with a balloon only does not have.
    is_spare: bool,
}

impl Name {
    fn of(symbol: &str) -> Self {
        let name = format!("{:#}", rustc_demangle::demangle(symbol));
        // What drops a type belongs to it, and so does what implements a trait for it.
        let path = name.strip_prefix("core::ptr::drop_in_place::<").unwrap_or(&name);
        let owner = path.trim_start_matches(['<', '&', '[']);
        let is_driver = DRIVER.iter().any(|krate| owner.starts_with(krate));
        Self { is_driver, is_spare: refuses(&name) || name.contains(SECOND_DRIVER) }
    }
}

fn refuses(name: &str) -> bool {
    name.match_indices(DECLARATION).any(|(at, _)| {
        let levels = name.get(at + DECLARATION.len()..).and_then(|rest| rest.split_once('>'));
        levels.is_some_and(|(levels, _)| levels.contains("Refused"))
    })
}

/// Names that were looked at already: there are few, for many instructions.
#[derive(Debug, Default)]
struct Names(HashMap<String, Name>);

impl Names {
    fn look_at(&mut self, symbol: &str) -> Name {
        if let Some(&name) = self.0.get(symbol) {
            return name;
        }
        *self.0.entry(symbol.to_owned()).or_insert(Name::of(symbol))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRIVERS: Name = Name { is_driver: true, is_spare: false };
    const GUESTS: Name = Name { is_driver: false, is_spare: false };
    const SPARE: Name = Name { is_driver: true, is_spare: true };

    #[test]
    fn what_the_guest_implements_for_the_driver_is_not_the_drivers() {
        assert_eq!(Name::of("_RNvNtCs1_16aerostat_balloon5start5start"), DRIVERS);
        assert_eq!(Name::of("_RNvCs1_14aerostat_guest4main"), GUESTS);
        assert_eq!(Name::of("memcpy"), GUESTS);
        let implementation = "_RNvXCs1_14aerostat_guestNtB2_8PlatformNtNtCs2_16aerostat_balloon8platform6Frames4give";
        assert_eq!(
            format!("{:#}", rustc_demangle::demangle(implementation)),
            "<aerostat_guest::Platform as aerostat_balloon::platform::Frames>::give"
        );
        assert_eq!(Name::of(implementation), GUESTS);
    }

    #[test]
    fn what_is_there_for_the_second_driver_is_spare() {
        let method_for_it = "_RINvNtCs1_18aerostat_transport5queue3addNtNtCs2_16aerostat_entropy7entropy6DeviceE";
        assert_eq!(Name::of(method_for_it), SPARE);
    }

    #[test]
    fn only_declarations_that_refuse_something_are_left_out() {
        let wanted = "aerostat_spec::level::Wanted";
        let with = |levels: &str| format!("f::<Levels<{DECLARATION}{wanted}, {levels}>, Features<Refused>>>");
        assert!(!refuses(&with(wanted)));
        assert!(refuses(&with("aerostat_spec::level::Refused")));
    }

    #[test]
    fn the_drivers_code_counts_wherever_it_is_inlined() {
        assert!(is_counted(&[DRIVERS], &[GUESTS]));
        assert!(is_counted(&[GUESTS], &[DRIVERS, GUESTS]));
        assert!(!is_counted(&[GUESTS], &[GUESTS]));
        assert!(!is_counted(&[GUESTS], &[SPARE]));
        assert!(!is_counted(&[SPARE], &[DRIVERS]));
    }

    #[test]
    fn a_function_that_is_needed_too_counts_whatever_else_it_is_for() {
        assert!(is_counted(&[SPARE, DRIVERS], &[SPARE]));
        assert!(!is_counted(&[SPARE, SPARE], &[DRIVERS]));
    }
}
