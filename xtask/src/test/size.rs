//! The size of the driver's code in the guest.

use std::collections::{BTreeMap, HashMap};
use std::{fs, path::Path};

use addr2line::Loader;
use anyhow::{anyhow, ensure};

use xtask_build::{guest, toolchain::Recipe};

use super::image::functions;

/// The driver's crates, from the balloon down.
const DRIVER: [&str; 3] = ["aerostat_balloon::", "aerostat_transport::", "aerostat_spec::"];

/// The kernels of `benches/size`, by what they have.
const KERNELS: [(&str, &str); 4] = [
    ("MMIO, MUST_TELL_HOST", "mmio-minimal"),
    ("MMIO, every feature", "mmio-all"),
    ("modern PCI, MUST_TELL_HOST", "pci-minimal"),
    ("modern PCI, every feature", "pci-all"),
];
/// The cargo profiles, and the kind of number.
const PROFILES: [(&str, &str); 2] = [("size", "bytes of code"), ("speed", "bytes of code at opt-level 3")];

/// Returns the bytes of the driver's code in the guest, built for size, and in the kernels that have a balloon and nothing else, built for
/// size and for speed.
pub(crate) fn numbers(recipe: &Recipe) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut numbers = BTreeMap::new();
    numbers.insert("bytes of code/guest at opt-level s".to_owned(), driver(&guest::build_for_size(recipe)?)?);
    for (profile, number) in PROFILES {
        let images = guest::build_size_kernels(recipe, profile, KERNELS.map(|(_, kernel)| kernel))?;
        for ((what, _), image) in KERNELS.iter().zip(images) {
            numbers.insert(format!("{number}/{what}"), driver(&image)?);
        }
    }
    Ok(numbers)
}

/// Returns the bytes of the driver's code in an image.
///
/// Counted is all code that the driver's crates define, including generic instances and code inlined in either direction. The line
/// tables assign each instruction, so driver code that is inlined into the guest's functions counts too.
fn driver(image: &Path) -> anyhow::Result<f64> {
    let lines = Loader::new(image).map_err(|error| anyhow!("failed to read the guest's line tables: {error}"))?;
    let mut known = HashMap::new();
    let mut bytes = 0;
    for (range, symbol) in functions(&fs::read(image)?)? {
        for address in range {
            let mut is_counted = is_driver_function(&mut known, &symbol);
            let mut frames = lines.find_frames(address).map_err(|error| anyhow!("{address:#x}: {error}"))?;
            while let Some(frame) = frames.next()? {
                if let Some(function) = frame.function {
                    is_counted |= is_driver_function(&mut known, &function.raw_name()?);
                }
            }
            bytes += u32::from(is_counted);
        }
    }
    ensure!(bytes > 0, "the image has no symbols: is it stripped?");
    Ok(bytes.into())
}

/// Returns whether a function belongs to the driver. The results are cached, because there are many instructions for each function.
fn is_driver_function(known: &mut HashMap<String, bool>, symbol: &str) -> bool {
    if let Some(&is) = known.get(symbol) {
        return is;
    }
    *known.entry(symbol.to_owned()).or_insert_with(|| is_driver_symbol(symbol))
}

fn is_driver_symbol(symbol: &str) -> bool {
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    // The drop glue of a type and its trait implementations belong to the type.
    let path = name.strip_prefix("core::ptr::drop_in_place::<").unwrap_or(&name);
    let owner = path.trim_start_matches(['<', '&', '[']);
    DRIVER.iter().any(|krate| owner.starts_with(krate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guests_trait_implementations_are_not_counted() {
        assert!(is_driver_symbol("_RNvNtNtCs1_16aerostat_balloon3ops7service11step_toward"));
        assert!(!is_driver_symbol("_RNvCs1_14aerostat_guest4main"));
        assert!(!is_driver_symbol("memcpy"));
        let implementation =
            "_RNvXCs1_14aerostat_guestNtB2_8PlatformNtNtCs2_16aerostat_balloon8platform6Frames8allocate";
        assert_eq!(
            format!("{:#}", rustc_demangle::demangle(implementation)),
            "<aerostat_guest::Platform as aerostat_balloon::platform::Frames>::allocate"
        );
        assert!(!is_driver_symbol(implementation));
    }

    #[test]
    fn drop_glue_of_driver_types_is_counted() {
        let dropped =
            "_RINvNtCs1_4core3ptr13drop_in_placeINtNtNtCs2_18aerostat_transport6device12fail_on_drop10FailOnDropuEE";
        assert_eq!(
            format!("{:#}", rustc_demangle::demangle(dropped)),
            "core::ptr::drop_in_place::<aerostat_transport::device::fail_on_drop::FailOnDrop<()>>"
        );
        assert!(is_driver_symbol(dropped));
    }
}
