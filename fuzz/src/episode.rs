//! An episode: a device, a kernel and a balloon, from the first register access to the end.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use aerostat_balloon::transport::pci::{
    BarRange, BarWindows, ConfigPorts, Ecam, Message, Msix, PciFunction, QueueVectors,
};
use aerostat_balloon::transport::pci::{MapBar, Routing, Space as BarSpace};
use aerostat_balloon::transport::{InDomain, LegacyMmio, LegacyPci, Mmio, Numbering, Pci, PortRegion, Transport};
use aerostat_balloon::{FrameSize, NoFeatures, Platform, Size4KiB, Size16KiB, Size64KiB};

use crate::bus::{Function, PORTS, Space};
use crate::choices::Choices;
use crate::coverage::{Coverage, Event};
use crate::declared::{Declared, Everything, Packed, Required, TellHost, options};
use crate::device::{Bus, Numbers, bit};
use crate::driver::Driver;
use crate::hostility::Hostility;
use crate::kernel::{Block, DOMAIN, FunctionSpace, Kernel, PortSpace, address, share};
use crate::methods::Method;
use crate::world::{Shared, World};

/// The result of an episode.
#[derive(Clone, Debug)]
pub struct Report {
    /// The violation that was found, with the step in which it happened.
    pub finding: Option<String>,
    /// Calls of the driver.
    pub steps: u64,
    /// What happened.
    pub coverage: Coverage,
}

thread_local! {
    /// Whether this thread prints the calls of the driver.
    static PRINTS: Cell<bool> = const { Cell::new(false) };
    /// The place of the last panic.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Notes the place of each panic of this program from now on, instead of printing it.
pub fn note_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, ToString::to_string);
        // A panic that cannot unwind ends the program, so it is printed at once.
        eprintln!("panic at {place}: {}", info.payload_as_str().unwrap_or_default());
        PLACE.set(Some(place));
    }));
}

/// Steps of an episode.
const STEPS: u32 = 400;

/// Runs an episode.
#[must_use]
pub fn run(choices: Choices) -> Report {
    run_printing(choices, false)
}

/// Runs an episode, and prints each call of the driver if `prints` is set.
#[must_use]
pub fn run_printing(mut choices: Choices, prints: bool) -> Report {
    PRINTS.set(prints);
    let which = choices.below(14);
    match which {
        0 => mmio::<Size4KiB, Everything>(choices),
        1 => mmio::<Size64KiB, Everything>(choices),
        2 => mmio::<Size16KiB, Packed>(choices),
        3 => legacy_mmio::<Size4KiB, Everything>(choices),
        4 => legacy_mmio::<Size64KiB, Required>(choices),
        5 => either_mmio::<Size4KiB, Everything>(choices),
        6 => pci::<Size4KiB, Everything>(choices),
        7 => pci::<Size16KiB, Required>(choices),
        8 => pci::<Size4KiB, TellHost>(choices),
        9 => pci_window::<Size4KiB, Everything>(choices),
        10 => legacy_pci::<Size4KiB, Everything>(choices),
        11 => legacy_pci::<Size16KiB, TellHost>(choices),
        12 => either_pci::<Size4KiB, Everything>(choices),
        _ => mmio::<Size4KiB, NoFeatures>(choices),
    }
}

/// Creates the world of an episode.
fn world<S: FrameSize, F: Declared>(mut choices: Choices, bus: Bus) -> Shared {
    let hostility = Hostility::choose(&mut choices);
    let frames = choices.pick(&[16, 100, 300, 300, 600, 1500]);
    let last = (1_u64 << 44) / S::BYTES;
    let base = match choices.below(8) {
        0 => 0,
        1 => last - u64::from(frames),
        // Page numbers have 32 bits: the second half of these frames has none.
        2 if !hostility.is_conforming => last - u64::from(frames / 2),
        _ => (1 << 20) + 64 * u64::from(choices.below(1000)) + u64::from(choices.below(3)),
    };
    let mut world = World::new(choices, bus, hostility, S::BYTES, base, frames);
    world.prints = PRINTS.get();
    let World { choices, device, .. } = &mut world;
    let all = bit::ALL.iter().fold(bit::VERSION_1, |all, bit| all | 1 << bit);
    device.offered = match choices.below(4) {
        0 => all,
        1 => all & choices.bits() | bit::VERSION_1 | F::NEEDS,
        2 => all & !(1 << choices.pick(&bit::ALL)) | F::NEEDS,
        _ => all & !(choices.bits() & choices.bits() & choices.bits()) | bit::VERSION_1 | F::NEEDS,
    };
    if bus.is_legacy() {
        device.offered &= 0xffff_ffff;
    }
    if choices.chance(1, 3) {
        device.numbers = Numbers::DenseOverOffered;
    }
    let size = match bus {
        // The device decides.
        Bus::LegacyPci => choices.pick(&[2, 8, 16, 64, 128, 256]),
        _ => choices.pick(&[1, 2, 3, 4, 7, 8, 16, 33, 64, 128, 1024]),
    };
    for queue in &mut device.queues {
        (queue.size_max, queue.size) = (size, size);
    }
    if !hostility.is_conforming && choices.chance(1, 8) {
        device.config_len = choices.pick(&[0, 4, 7, 8, 12, 15, 17, 20]);
    }
    // Some drivers need notifications at multiples of 4.
    let multiplier = choices.pick(if hostility.is_conforming { &[4, 0, 512] } else { &[4, 2, 0, 512] });
    world.has_vectors = bus.is_pci() && world.choices.chance(1, 2);
    world.function = Function::new(bus, world.device.config_len, multiplier);
    if hostility.bends_function > 0 && world.choices.chance(1, 2) {
        const CAPABILITIES: [u32; 6] = [0x40, 0x50, 0x60, 0x70, 0x84, 0x98];
        let (word, mask) = (4 * world.choices.below(42), world.choices.below(32));
        let (capability, next) = (world.choices.pick(&CAPABILITIES), world.choices.pick(&CAPABILITIES));
        let kind = world.choices.below(3);
        let offset = if kind == 0 { capability } else { word } as usize;
        let honest = world.function.read(offset);
        let value = match kind {
            // A list in another order, shorter or cyclic.
            0 => honest & !0xff00 | next << 8,
            1 => honest ^ 1 << mask,
            _ => world.choices.nasty(honest),
        };
        (world.is_bent, world.is_forged, world.is_bar_bent) = (true, true, (0x10..0x28).contains(&offset));
        world.function.forge(offset, value);
    }
    Rc::new(RefCell::new(world))
}

/// Runs the driver over a transport that `connect` makes.
fn drive<S: FrameSize, F: Declared, T: Transport>(world: Shared, connect: impl FnOnce(&Shared) -> Option<T>) -> Report
where
    Kernel<S>: Platform<F>,
{
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // The capability list may be searched several times.
        world.borrow_mut().begin(Method::Connect, false, &[]);
        world.borrow_mut().is_connecting = true;
        let transport = connect(&world);
        world.borrow_mut().is_connecting = false;
        world.borrow_mut().end(false);
        let Some(transport) = transport else {
            return world.borrow_mut().coverage.count(Event::BusFailed);
        };
        let options = {
            let world = &mut *world.borrow_mut();
            let numbering = match world.device.numbers {
                Numbers::DenseOverOffered => Numbering::DenseOverOffered,
                // The driver cannot find out in every case.
                Numbers::Specified if world.hostility.is_conforming => Numbering::Specification,
                Numbers::Specified => world.choices.pick(&[Numbering::Automatic, Numbering::Specification]),
            };
            let is_wrong = !world.hostility.is_conforming && world.choices.chance(1, 4);
            world.hostility.uses_numbers = !is_wrong;
            let numbering = if is_wrong { world.choices.pick(&NUMBERINGS) } else { numbering };
            options::<F>(world, numbering)
        };
        let Some(mut driver) = Driver::<T, S, F>::new(share(&world), transport, options) else { return };
        let limit = 20 + world.borrow_mut().choices.below(STEPS);
        while world.borrow().steps < u64::from(limit) && driver.step() {
            let mut world = world.borrow_mut();
            world.turn();
            if world.finding.is_some() || world.choices.is_exhausted() {
                break;
            }
        }
        let end = driver.finish();
        world.borrow_mut().check_end(end);
    }));
    conclude(&world, outcome.err())
}

const NUMBERINGS: [Numbering; 4] =
    [Numbering::Automatic, Numbering::Specification, Numbering::DenseOverOffered, Numbering::DenseOverNegotiated];

fn conclude(world: &Shared, panic: Option<Box<dyn std::any::Any + Send>>) -> Report {
    let world = &mut *world.borrow_mut();
    if let Some(payload) = panic {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        // Otherwise the world has stopped the call and noted why.
        if let Some(text) = text {
            let place = PLACE.take().unwrap_or_default();
            world.fail(format!("panic at {place}: {text}"));
        }
    }
    world.coverage.count(Event::Episode);
    if world.hostility.is_conforming {
        world.coverage.count(Event::Conforming);
    }
    world.clear();
    Report { finding: world.finding.take(), steps: world.steps, coverage: std::mem::take(&mut world.coverage) }
}

fn mmio_block(world: &Shared) -> Block {
    let length = 0x100 + world.borrow().device.config_len;
    Block::new(share(world), Space::Mmio, 0, length)
}

fn mmio<S: FrameSize, F: Declared>(choices: Choices) -> Report
where
    Kernel<S>: Platform<F>,
{
    drive::<S, F, _>(world::<S, F>(choices, Bus::Mmio), |world| Mmio::new(mmio_block(world)).ok())
}

fn legacy_mmio<S: FrameSize, F: Declared>(choices: Choices) -> Report
where
    Kernel<S>: Platform<F>,
{
    drive::<S, F, _>(world::<S, F>(choices, Bus::LegacyMmio), |world| LegacyMmio::new(mmio_block(world)).ok())
}

fn either_mmio<S: FrameSize, F: Declared>(mut choices: Choices) -> Report
where
    Kernel<S>: Platform<F>,
{
    let bus = choices.pick(&[Bus::Mmio, Bus::LegacyMmio]);
    drive::<S, F, _>(world::<S, F>(choices, bus), |world| Mmio::either(mmio_block(world)).ok())
}

/// Maps a range of a BAR.
fn map(world: &Shared) -> impl FnMut(BarRange) -> Option<Block> + use<> {
    let world = share(world);
    move |range| {
        let is_ports = range.space == BarSpace::Ports;
        let (space, start) = world.borrow_mut().map_bar(range.address, range.len, is_ports)?;
        Some(Block::new(share(&world), space, start, usize::try_from(range.len).ok()?))
    }
}

/// Chooses the interrupts of a PCI function.
fn routing<C>(world: &Shared, function: &PciFunction<C>) -> Option<Routing>
where
    C: pci_types::ConfigRegionAccess,
{
    if !world.borrow().has_vectors {
        return Some(Routing::Line);
    }
    let mut msix = Msix::enable(function, &mut map(world)).ok()??;
    // SAFETY: the write is never made.
    let message = unsafe { Message::new(0xfee0_0000, 0x40) };
    let configuration = msix.add(message)?;
    let is_shared = world.borrow_mut().choices.chance(1, 2);
    let queues = if is_shared { QueueVectors::shared(configuration) } else { msix.add_each([message; 5])? };
    Some(Routing::Messages { configuration, queues })
}

fn function(world: &Shared) -> PciFunction<FunctionSpace> {
    PciFunction::new(FunctionSpace(share(world)), address())
}

fn pci<S: FrameSize, F: Declared>(choices: Choices) -> Report
where
    Kernel<S>: Platform<F>,
{
    drive::<S, F, _>(world::<S, F>(choices, Bus::Pci), |world| {
        // The function is device 3 of the only bus.
        let ecam = Ecam::new(EcamBlock(share(world)), 0, 0);
        let function = PciFunction::new(ecam, address());
        let routing = routing(world, &function)?;
        Pci::new(&function, &mut map(world), routing).ok()
    })
}

fn pci_window<S: FrameSize, F: Declared>(choices: Choices) -> Report
where
    Kernel<S>: Platform<F>,
{
    drive::<S, F, _>(world::<S, F>(choices, Bus::Pci), |world| {
        world.borrow_mut().has_vectors = false;
        let function = PciFunction::new(ConfigPorts::new(PortSpace(share(world))), address());
        // SAFETY: one thread uses the capability.
        let mut windows = unsafe { BarWindows::new(function.clone()) }.ok()?;
        // SAFETY: the kernel's domain is that of the device.
        let mut map = |range: BarRange| windows.map(range).map(|window| unsafe { InDomain::new(window, DOMAIN) });
        Pci::new(&function, &mut map, Routing::Line).ok()
    })
}

fn legacy_pci<S: FrameSize, F: Declared>(choices: Choices) -> Report
where
    Kernel<S>: Platform<F>,
{
    drive::<S, F, _>(world::<S, F>(choices, Bus::LegacyPci), |world| {
        let function = function(world);
        let routing = routing(world, &function)?;
        let shared = share(world);
        let mut ports = |range: BarRange| {
            shared.borrow_mut().map_bar(range.address, range.len, true)?;
            Some(PortRegion::new(PortSpace(share(&shared)), range.address as u16, PORTS.1 as u16))
        };
        LegacyPci::new(&function, &mut ports, routing).ok()
    })
}

fn either_pci<S: FrameSize, F: Declared>(mut choices: Choices) -> Report
where
    Kernel<S>: Platform<F>,
{
    let bus = choices.pick(&[Bus::Pci, Bus::LegacyPci]);
    drive::<S, F, _>(world::<S, F>(choices, bus), |world| {
        let function = function(world);
        let routing = routing(world, &function)?;
        Pci::either(&function, &mut map(world), routing).ok()
    })
}

use self::ecam::EcamBlock;

mod ecam {
    //! The configuration space of the bus as memory.

    use aerostat_balloon::transport::Io;
    use pci_types::ConfigRegionAccess as _;

    use crate::kernel::{FunctionSpace, address, share};
    use crate::world::Shared;

    /// The first bus as memory. Only the function of the balloon exists.
    #[derive(Clone, Debug)]
    pub(super) struct EcamBlock(pub(super) Shared);

    // SAFETY: every access is made on the configuration space of the world.
    unsafe impl Io for EcamBlock {
        fn len(&self) -> usize {
            1 << 20
        }

        fn read8(&self, offset: usize) -> u8 {
            self.read32(offset & !3) as u8
        }

        fn read16(&self, offset: usize) -> u16 {
            self.read32(offset & !3) as u16
        }

        fn read32(&self, offset: usize) -> u32 {
            let space = FunctionSpace(share(&self.0));
            match offset >> 12 {
                // SAFETY: a register of the function.
                FUNCTION => unsafe { space.read(address(), (offset & 0xfff) as u16) },
                _ => u32::MAX,
            }
        }

        fn write8(&self, _offset: usize, _value: u8) {}

        fn write16(&self, _offset: usize, _value: u16) {}

        fn write32(&self, offset: usize, value: u32) {
            let space = FunctionSpace(share(&self.0));
            if offset >> 12 == FUNCTION {
                // SAFETY: a register of the function.
                unsafe { space.write(address(), (offset & 0xfff) as u16, value) }
            }
        }
    }

    /// Device 3, function 0.
    const FUNCTION: usize = 3 << 3;
}
