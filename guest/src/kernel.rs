//! What the kernel does, from its first line to its idle loop.

mod alarm;
mod arch;
mod balloon;
mod console;
#[cfg(not(feature = "lean"))]
mod entropy;
mod executor;
mod exit;
mod idle;
mod memory;
mod pci;
mod platform;
mod spare;
mod virtio;

use aerostat_guest::{Drive, MemoryMap, Options, Then, Touch};
use log::{LevelFilter, info, warn};

use self::balloon::Balloon;
use self::spare::Spare;

/// What the boot code of every architecture finds out before it calls [`run`].
pub(crate) struct Boot {
    /// Physical memory, without what the kernel and its loader occupy.
    pub(crate) memory: MemoryMap,
    /// The kernel command line.
    pub(crate) command_line: &'static str,
}

/// The kernel. Interrupts are off, memory below [`arch::BOOT_MAPPED`] is mapped one to one.
pub(crate) fn run(boot: Boot) -> ! {
    console::start();
    let options = Options::parse(boot.command_line, |word| warn!("ignored on the command line: {word}"));
    if options.quiet {
        log::set_max_level(LevelFilter::Error);
    }

    memory::start(&boot.memory);
    arch::start();
    if options.touch != Touch::Never {
        let started = arch::now();
        memory::touch();
        info!("touched all free memory in {} ms", (arch::now() - started).as_millis());
    }

    #[cfg(not(feature = "lean"))]
    entropy::seed(&options);
    let mut spare = Spare::new(&options);
    let mut balloon = Balloon::start(&options);
    let (total, free) = memory::mebibytes();
    console::print(format_args!("ready: {total} MiB, {free} MiB free\n"));
    if let Some(balloon) = &mut balloon {
        balloon.introduce();
    }
    act(options.then);

    if options.drive == Drive::Futures {
        balloon.iter_mut().for_each(|balloon| balloon.run(&mut spare));
    }
    loop {
        spare.look();
        balloon.iter_mut().for_each(Balloon::look);
        idle::wait();
    }
}

/// Does what the command line asks for once the kernel is ready.
fn act(then: Then) {
    match then {
        Then::Idle => {}
        Then::Exit => exit::exit(exit::Code::Success),
        Then::Panic => panic!("asked for on the command line"),
        Then::Fault => fault(),
        Then::Hang => exit::hang(),
    }
}

/// Reads from an address where nothing is, and nothing is mapped.
fn fault() {
    let nowhere: *const u8 = core::ptr::without_provenance(0x5555_0000_0000);
    // SAFETY: none: this ends the kernel, on request.
    unsafe { nowhere.read_volatile() };
}
