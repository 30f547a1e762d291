//! How much of the guest's code is the driver.

use std::fs;

use anyhow::ensure;
use object::{Object as _, ObjectSymbol as _, SymbolKind};

use crate::{
    build::{guest, toolchain::Recipe},
    cli::Arch,
};

/// The driver's crates, from the balloon down.
const DRIVER: [&str; 3] = ["aerostat_balloon::", "aerostat_transport::", "aerostat_spec::"];
/// What a declaration of the balloon's features is called in symbols.
const DECLARATION: &str = "aerostat_spec::balloon::Features<";

/// Bytes of the driver's functions in the guest, built for size: all that its crates define, with every instance of what is
/// generic and what was inlined into them. What was inlined into the guest's own functions is not counted, nor are the
/// instances for the guest's second declaration, which refuses a feature: a kernel has one.
pub(crate) fn driver(recipe: &Recipe) -> anyhow::Result<f64> {
    let image = fs::read(guest::build_to_count(Arch::X86_64, recipe)?)?;
    let file = object::File::parse(&*image)?;
    let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
    let bytes: u64 = functions.filter(|symbol| symbol.name().is_ok_and(is_driver)).map(|symbol| symbol.size()).sum();
    ensure!(bytes > 0, "the guest has no symbols: is it stripped?");
    Ok(bytes as f64)
}

/// Whether a function is the driver's, for no declaration that refuses a feature.
fn is_driver(symbol: &str) -> bool {
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    // What drops a type belongs to it, and so does what implements a trait for it.
    let path = name.strip_prefix("core::ptr::drop_in_place::<").unwrap_or(&name);
    let owner = path.trim_start_matches(['<', '&', '[']);
    DRIVER.iter().any(|krate| owner.starts_with(krate)) && !refuses(&name)
}

fn refuses(name: &str) -> bool {
    name.match_indices(DECLARATION).any(|(at, _)| {
        let levels = name.get(at + DECLARATION.len()..).and_then(|rest| rest.split_once('>'));
        levels.is_some_and(|(levels, _)| levels.contains("Refused"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_guest_implements_for_the_driver_is_not_the_drivers() {
        assert!(is_driver("_RNvNtCs1_16aerostat_balloon5start5start"));
        assert!(!is_driver("_RNvCs1_14aerostat_guest4main"));
        assert!(!is_driver("memcpy"));
        let implementation = "_RNvXCs1_14aerostat_guestNtB2_8PlatformNtNtCs2_16aerostat_balloon8platform6Frames4give";
        assert_eq!(
            format!("{:#}", rustc_demangle::demangle(implementation)),
            "<aerostat_guest::Platform as aerostat_balloon::platform::Frames>::give"
        );
        assert!(!is_driver(implementation));
    }

    #[test]
    fn only_declarations_that_refuse_something_are_left_out() {
        let wanted = "aerostat_spec::level::Wanted";
        let with = |levels: &str| format!("f::<Levels<{DECLARATION}{wanted}, {levels}>, Features<Refused>>>");
        assert!(!refuses(&with(wanted)));
        assert!(refuses(&with("aerostat_spec::level::Refused")));
    }
}
