//! The kernel, from its first function to its idle loop.
//!
//! Modules form layers. A module uses only modules to its left:
//!
//! ```text
//! memory, pci, boot <- arch <- idle, exit <- alarm, executor <- wait, console <- platform, exchange <- virtio
//!     <- entropy, balloon <- adapters, stack, scenario
//! ```

#[cfg(feature = "adapters")]
mod adapters;
mod alarm;
mod arch;
mod balloon;
mod boot;
mod console;
#[cfg(not(feature = "lean"))]
mod entropy;
#[cfg(feature = "exchanges")]
mod exchange;
mod executor;
mod exit;
mod idle;
mod memory;
mod pci;
mod platform;
mod scenario;
#[cfg(feature = "stack")]
mod stack;
mod virtio;
mod wait;

#[cfg(all(feature = "exchanges", feature = "stack"))]
compile_error!(
    "the Cargo features `exchanges` and `stack` cannot be combined: with `exchanges` a driver sees used buffers only after the kernel has \
     slept, and with `stack` it spins; enable one of them"
);

use aerostat_guest::{BlockInflation, Drive, Options, Then};
use log::{LevelFilter, warn};

use self::balloon::Balloon;
use self::boot::Boot;
use self::scenario::{Scenario, features};

/// The kernel, see [`boot::enter`].
#[unsafe(no_mangle)]
extern "Rust" fn kernel_main(boot: Boot) -> ! {
    console::start();
    let options = Options::parse(boot.command_line, |word| warn!("unknown word on the command line: {word}"));
    if options.quiet {
        log::set_max_level(LevelFilter::Error);
    }
    memory::start(&boot.memory, arch::BOOT_MAPPED, arch::map);
    arch::start();
    #[cfg(not(feature = "lean"))]
    entropy::seed(&options);
    #[cfg(feature = "stack")]
    if options.then == Then::MeasureStack {
        stack::run(&options);
    }
    #[cfg(feature = "adapters")]
    if options.then == Then::RunAdapters {
        adapters::run(&options);
    }
    serve(&options)
}

/// Starts the balloon and services it forever.
fn serve(options: &Options) -> ! {
    let mut scenario = Scenario::start(options);
    let mmio = options.virtio_mmio.iter().copied().chain(arch::virtio_mmio());
    let reports = matches!(options.blocks, BlockInflation::Unused | BlockInflation::Used);
    let mut balloon = Balloon::start(mmio, features::options(options), reports);
    balloon.iter().for_each(features::log);
    let (total, free) = memory::mebibytes();
    console::print(format_args!("ready: {total} MiB, {free} MiB free\n"));
    act(options.then);

    loop {
        // Before the balloon, which reports the memory that this frees.
        scenario.use_memory();
        if let Some(balloon) = &mut balloon {
            drive(balloon, &mut scenario, options.drive);
        }
        idle::wait();
    }
}

/// Handles what happened since the last call. With futures it returns only when the balloon has failed.
fn drive(balloon: &mut Balloon, scenario: &mut Scenario, drive: Drive) {
    match drive {
        Drive::Loop => {
            scenario.disturb(balloon);
            balloon.poll();
        }
        Drive::Futures => balloon.run(|| scenario.use_memory()),
    }
}

/// Does what the command line says once the kernel is ready.
fn act(then: Then) {
    match then {
        Then::Idle => {}
        Then::Exit => exit::exit(exit::Code::Success),
        Then::Panic => panic!("requested on the command line"),
        Then::Fault => fault(),
        Then::Hang => exit::hang(),
        Then::MeasureStack => panic!("`then=stack` needs the cargo feature `stack`"),
        Then::RunAdapters => panic!("`then=adapters` needs the cargo feature `adapters`"),
    }
}

/// Reads from an address that is not mapped.
fn fault() {
    let unmapped: *const u8 = core::ptr::without_provenance(0x5555_0000_0000);
    // SAFETY: none. The read ends the kernel, as requested.
    unsafe { unmapped.read_volatile() };
}
