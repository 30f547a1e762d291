//! How much of the guest's code is the driver.

use std::fs;

use anyhow::ensure;
use object::{Object as _, ObjectSymbol as _, SymbolKind};

use crate::{
    build::{guest, toolchain::Recipe},
    cli::Arch,
};

/// The driver's crates, from the balloon down.
const DRIVER: [&str; 3] = ["aerostat_balloon", "aerostat_transport", "aerostat_spec"];
/// The guest's crate: what it implements for the driver is its own.
const GUEST: &str = "aerostat_guest";

/// Bytes of the driver's functions in the guest, built for size: all that its crates define, with every instance of what is
/// generic and what was inlined into them. What was inlined into the guest's own functions is not counted.
pub(crate) fn driver(recipe: &Recipe) -> anyhow::Result<f64> {
    let image = fs::read(guest::build_as(Arch::X86_64, recipe, "size")?)?;
    let file = object::File::parse(&*image)?;
    let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
    let bytes: u64 = functions.filter(|symbol| symbol.name().is_ok_and(is_driver)).map(|symbol| symbol.size()).sum();
    ensure!(bytes > 0, "the guest has no symbols: is it stripped?");
    Ok(bytes as f64)
}

/// Whether a function is the driver's.
fn is_driver(symbol: &str) -> bool {
    let name = rustc_demangle::demangle(symbol).to_string();
    DRIVER.iter().any(|krate| name.contains(krate)) && !name.contains(GUEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_guest_implements_for_the_driver_is_not_the_drivers() {
        assert!(is_driver("_ZN16aerostat_balloon5start5start17h0123456789abcdefE"));
        assert!(!is_driver("_ZN14aerostat_guest4main17h0123456789abcdefE"));
        let implementation = "_ZN70_$LT$aerostat_guest..Platform$u20$as$u20$aerostat_balloon..platform..Frames$GT$4give17h0123456789abcdefE";
        assert!(!is_driver(implementation));
        assert!(!is_driver("memcpy"));
    }
}
