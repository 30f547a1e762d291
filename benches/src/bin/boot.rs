//! What a kernel does for the balloon at boot, from the registers to a live balloon. `boot facts` prints metrics as JSON.
//! `boot mmio|pci minimal|all` starts a balloon once, for callgrind.
//!
//! This is a program of its own: balloons with other features in the program `count` would change what the compiler inlines there.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Debug;
use std::process::ExitCode;

use aerostat_balloon::{Balloon, BalloonFeatureSet, Platform, Ready, features};
use aerostat_benches::{Accesses, AckBar, AckDevice, AckFunction, All, FrameOrder, GIB, Kernel, memory, probe};
use aerostat_transport::pci::Routing;
use aerostat_transport::{Mmio, Pci};

features! {
    /// One feature.
    struct Minimal { MustTellHost: Required }
}

type Live<T, F> = Balloon<Ready<T, Kernel, F>>;

/// The buses and the features of the configurations: arguments of the program, and their names.
const BUSES: [(&str, &str); 2] = [("mmio", "MMIO"), ("pci", "modern PCI")];
const FEATURES: [(&str, &str); 2] = [("minimal", "MUST_TELL_HOST"), ("all", "every feature")];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["facts"] => println!("{}", serde_json::to_string(&facts()).expect("numbers can be serialized")),
        [bus, features] if Boot::once(bus, features).is_some() => {}
        _ => {
            eprintln!("usage: boot facts | boot mmio|pci minimal|all");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Returns the memory of a balloon with one feature, and the accesses of each configuration, by name.
fn facts() -> BTreeMap<String, f64> {
    let mut facts = BTreeMap::new();
    memory(&mut facts, "bytes of memory with MUST_TELL_HOST", Minimal, &[]);
    for (bus, bus_name) in BUSES {
        for (features, features_name) in FEATURES {
            let accesses = Boot::once(bus, features).expect("the configuration exists");
            let mut add = |what, count: u64| facts.insert(format!("{what}/{bus_name}, {features_name}"), count as f64);
            add("register accesses at boot", accesses.registers);
            add("accesses to PCI configuration space at boot", accesses.configuration);
        }
    }
    facts
}

/// The start of a balloon. The instruction counts include its functions by name.
struct Boot;

impl Boot {
    #[inline(never)]
    fn start_on_mmio<F: BalloonFeatureSet>(device: &AckDevice, kernel: Kernel, features: F) -> Live<Mmio<AckDevice>, F>
    where
        Kernel: Platform<F>,
    {
        probe(Mmio::new(device.clone()).map_err(|(_, error)| error).expect("the registers are valid"), kernel, features)
    }

    #[inline(never)]
    fn start_on_pci<F: BalloonFeatureSet>(
        function: &AckFunction,
        kernel: Kernel,
        features: F,
    ) -> Live<Pci<AckBar, AckFunction>, F>
    where
        Kernel: Platform<F>,
    {
        let bus = Pci::new(&function.function(), &mut |range| function.map(range), Routing::Line);
        probe(bus.expect("the function is valid"), kernel, features)
    }

    /// Starts the balloon of a configuration once. Returns the accesses, or `None` if there is no such configuration.
    fn once(bus: &str, features: &str) -> Option<Accesses> {
        match features {
            "minimal" => Self::once_with(bus, Minimal),
            "all" => Self::once_with(bus, All),
            _ => None,
        }
    }

    fn once_with<F: BalloonFeatureSet>(bus: &str, features: F) -> Option<Accesses>
    where
        Kernel: Platform<F>,
    {
        let (device, kernel) = (AckDevice::new(), Kernel::new(GIB, FrameOrder::Runs));
        let _balloon: Box<dyn Debug> = match bus {
            "mmio" => Box::new(Self::start_on_mmio(&device, kernel, features)),
            "pci" => Box::new(Self::start_on_pci(&AckFunction::new(device.clone()), kernel, features)),
            _ => return None,
        };
        // Before the balloon is dropped, which resets the device.
        Some(device.accesses())
    }
}
