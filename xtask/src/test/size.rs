//! How much of the guest's code is the driver.

use std::collections::{BTreeMap, HashMap};
use std::{fs, ops::Range};

use addr2line::Loader;
use anyhow::{anyhow, ensure};
use object::{Object as _, ObjectSymbol as _, SymbolKind};

use crate::{
    build::{guest, toolchain::Recipe},
    cli::Arch,
};

/// The driver's crates, from the balloon down.
const DRIVER: [&str; 3] = ["aerostat_balloon::", "aerostat_transport::", "aerostat_spec::"];

/// Bytes of the driver's code in the guest, built for size: of all that its crates define, with every instance of what is
/// generic, wherever that was inlined, and with what was inlined into it. The line tables say which instruction is whose, so
/// that code which the compiler moves into the guest's own functions is counted all the same.
///
/// The guest is the lean one, without its second declaration of features and its second driver, which shares the transports:
/// a kernel that has only a balloon has neither.
pub(crate) fn driver(recipe: &Recipe) -> anyhow::Result<f64> {
    let image = guest::build_to_count(Arch::X86_64, recipe)?;
    let lines = Loader::new(&image).map_err(|error| anyhow!("the guest's line tables cannot be read: {error}"))?;
    let mut known = HashMap::new();
    let mut bytes = 0;
    for (place, symbol) in functions(&fs::read(&image)?)? {
        for address in place {
            let mut is_counted = is_drivers(&mut known, &symbol);
            let mut frames = lines.find_frames(address).map_err(|error| anyhow!("{address:#x}: {error}"))?;
            while let Some(frame) = frames.next()? {
                if let Some(function) = frame.function {
                    is_counted |= is_drivers(&mut known, &function.raw_name()?);
                }
            }
            bytes += u32::from(is_counted);
        }
    }
    ensure!(bytes > 0, "the guest has no symbols: is it stripped?");
    Ok(bytes.into())
}

/// Where every function of an image lies, with a name of it: functions with the same instructions may be one with several.
fn functions(image: &[u8]) -> anyhow::Result<Vec<(Range<u64>, String)>> {
    let file = object::File::parse(image)?;
    let mut functions = BTreeMap::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
        functions
            .insert(symbol.address(), (symbol.address()..symbol.address() + symbol.size(), symbol.name()?.to_owned()));
    }
    Ok(functions.into_values().collect())
}

/// Whether a function is the driver's. There are few functions for many instructions, so that what is known of one is kept.
fn is_drivers(known: &mut HashMap<String, bool>, symbol: &str) -> bool {
    if let Some(&is) = known.get(symbol) {
        return is;
    }
    *known.entry(symbol.to_owned()).or_insert_with(|| is_of_driver(symbol))
}

fn is_of_driver(symbol: &str) -> bool {
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    // What drops a type belongs to it, and so does what implements a trait for it.
    let path = name.strip_prefix("core::ptr::drop_in_place::<").unwrap_or(&name);
    let owner = path.trim_start_matches(['<', '&', '[']);
    DRIVER.iter().any(|krate| owner.starts_with(krate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_guest_implements_for_the_driver_is_not_the_drivers() {
        assert!(is_of_driver("_RNvNtCs1_16aerostat_balloon5start5start"));
        assert!(!is_of_driver("_RNvCs1_14aerostat_guest4main"));
        assert!(!is_of_driver("memcpy"));
        let implementation = "_RNvXCs1_14aerostat_guestNtB2_8PlatformNtNtCs2_16aerostat_balloon8platform6Frames4give";
        assert_eq!(
            format!("{:#}", rustc_demangle::demangle(implementation)),
            "<aerostat_guest::Platform as aerostat_balloon::platform::Frames>::give"
        );
        assert!(!is_of_driver(implementation));
    }

    #[test]
    fn what_drops_a_type_of_the_driver_is_the_drivers() {
        let dropped = "_RINvNtCs1_4core3ptr13drop_in_placeINtNtCs2_18aerostat_transport5guard5GuarduEE";
        assert_eq!(
            format!("{:#}", rustc_demangle::demangle(dropped)),
            "core::ptr::drop_in_place::<aerostat_transport::guard::Guard<()>>"
        );
        assert!(is_of_driver(dropped));
    }
}
