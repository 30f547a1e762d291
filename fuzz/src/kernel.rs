//! The kernel's side: registers, memory, frames and the traits of the features, all in the shared world.

use std::alloc::Layout;
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::ops::Range;
use std::ptr::NonNull;
use std::rc::Rc;

use aerostat_balloon::platform::{
    BlockFrames, FillFrames, HintFrames, ManagedChange, ReportFrames, Sample, StatTag, Statistics,
};
use aerostat_balloon::transport::{DeviceAddress, Dma, DmaDomain, DmaRegion, Io, Ports};
use aerostat_balloon::{FrameRun, FrameSize, Frames, PrivateMemory};
use pci_types::{ConfigRegionAccess, PciAddress};

use crate::bus::{PORTS, Space};
use crate::world::{Shared, World, stop_if_needed};

/// The IOMMU domain of the device.
pub(crate) const DOMAIN: DmaDomain = DmaDomain::new(NonZeroU64::MIN);

/// Runs a register access, and ends the call of the driver if that was one too many.
fn access<R>(world: &Shared, access: impl FnOnce(&mut World) -> R) -> R {
    let (was_stopped, result, is_stopped) = {
        let mut world = world.borrow_mut();
        let was_stopped = world.is_stopped();
        let result = access(&mut world);
        (was_stopped, result, world.is_stopped())
    };
    stop_if_needed(was_stopped, is_stopped);
    result
}

/// A block of registers.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    world: Shared,
    space: Space,
    start: usize,
    length: usize,
}

impl Block {
    pub(crate) const fn new(world: Shared, space: Space, start: usize, length: usize) -> Self {
        Self { world, space, start, length }
    }

    fn read(&self, offset: usize, width: u32) -> u32 {
        access(&self.world, |world| match self.place(world, offset, width) {
            Some(at) => world.read(self.space, at, width),
            None => u32::MAX,
        })
    }

    fn write(&self, offset: usize, width: u32, value: u32) {
        access(&self.world, |world| {
            if let Some(at) = self.place(world, offset, width) {
                world.write(self.space, at, value);
            }
        });
    }

    /// Returns the offset of an access inside the block. The driver may make accesses outside, but only aligned ones.
    fn place(&self, world: &mut World, offset: usize, width: u32) -> Option<usize> {
        if !offset.is_multiple_of(width as usize) {
            world.fail(format!("an access of {width} bytes at offset {offset:#x}"));
        }
        let end = offset.checked_add(width as usize)?;
        (end <= self.length).then(|| self.start + offset)
    }
}

// SAFETY: every access is made on the registers of the world, in program order. The device is hostile on purpose: the oracle
// of the world knows when a reset has ended.
unsafe impl Io for Block {
    fn domain(&self) -> DmaDomain {
        DOMAIN
    }

    fn len(&self) -> usize {
        self.length
    }

    fn read8(&self, offset: usize) -> u8 {
        self.read(offset, 1) as u8
    }

    fn read16(&self, offset: usize) -> u16 {
        self.read(offset, 2) as u16
    }

    fn read32(&self, offset: usize) -> u32 {
        self.read(offset, 4)
    }

    fn write8(&self, offset: usize, value: u8) {
        self.write(offset, 1, value.into());
    }

    fn write16(&self, offset: usize, value: u16) {
        self.write(offset, 2, value.into());
    }

    fn write32(&self, offset: usize, value: u32) {
        self.write(offset, 4, value);
    }
}

/// The port space: the ports of the PCI configuration mechanism, and the I/O BAR.
#[derive(Clone, Debug)]
pub(crate) struct PortSpace(pub(crate) Shared);

impl PortSpace {
    fn read(&self, port: u16, width: u32) -> u32 {
        access(&self.0, |world| match port {
            0xcf8 => world.function.selected,
            0xcfc => {
                let offset = (world.function.selected & 0xfc) as usize;
                match world.function.selected & 0x00ff_ff00 {
                    ADDRESS_BITS => world.read(Space::Function, offset, 4),
                    _ => u32::MAX,
                }
            }
            _ => match u64::from(port).checked_sub(PORTS.0) {
                Some(offset) if offset < PORTS.1 => world.read(Space::Ports, offset as usize, width),
                _ => u32::MAX,
            },
        })
    }

    fn write(&self, port: u16, value: u32) {
        access(&self.0, |world| match port {
            0xcf8 => world.function.selected = value,
            0xcfc => {
                let offset = (world.function.selected & 0xfc) as usize;
                if world.function.selected & 0x00ff_ff00 == ADDRESS_BITS {
                    world.write(Space::Function, offset, value);
                }
            }
            _ => {
                if let Some(offset) = u64::from(port).checked_sub(PORTS.0).filter(|&offset| offset < PORTS.1) {
                    world.write(Space::Ports, offset as usize, value);
                }
            }
        });
    }
}

/// The place of the function: bus 0, device 3, function 0.
pub(crate) fn address() -> PciAddress {
    PciAddress::new(0, 0, 3, 0)
}

/// The same place in the port 0xCF8.
const ADDRESS_BITS: u32 = 3 << 11;

// SAFETY: every access is made on the ports of the world, in program order.
unsafe impl Ports for PortSpace {
    fn read8(&self, port: u16) -> u8 {
        self.read(port, 1) as u8
    }

    fn read16(&self, port: u16) -> u16 {
        self.read(port, 2) as u16
    }

    fn read32(&self, port: u16) -> u32 {
        self.read(port, 4)
    }

    fn write8(&self, port: u16, value: u8) {
        self.write(port, value.into());
    }

    fn write16(&self, port: u16, value: u16) {
        self.write(port, value.into());
    }

    fn write32(&self, port: u16, value: u32) {
        self.write(port, value);
    }
}

/// The configuration space of the function, as a kernel with its own access has it.
#[derive(Clone, Debug)]
pub(crate) struct FunctionSpace(pub(crate) Shared);

impl ConfigRegionAccess for FunctionSpace {
    unsafe fn read(&self, address: PciAddress, offset: u16) -> u32 {
        access(&self.0, |world| match address == self::address() {
            true => world.read(Space::Function, offset.into(), 4),
            false => u32::MAX,
        })
    }

    unsafe fn write(&self, address: PciAddress, offset: u16, value: u32) {
        access(&self.0, |world| {
            if address == self::address() {
                world.write(Space::Function, offset.into(), value);
            }
        });
    }
}

/// The kernel.
#[derive(Debug)]
pub(crate) struct Kernel<S> {
    pub(crate) world: Shared,
    size: PhantomData<S>,
}

impl<S: FrameSize> Kernel<S> {
    pub(crate) const fn new(world: Shared) -> Self {
        Self { world, size: PhantomData }
    }
}

/// Makes the run that the ledger has just taken from the kernel.
pub(crate) fn run<S: FrameSize>((first, count): (u64, u32)) -> FrameRun<S> {
    // SAFETY: the ledger handed out each of these frames once. They are numbers here; no memory is used.
    unsafe { FrameRun::from_raw(first, count) }
}

impl<S: FrameSize> Frames for Kernel<S> {
    type Size = S;

    fn range(&self) -> Range<u64> {
        let ledger = &self.world.borrow().ledger;
        ledger.base..ledger.base + u64::from(ledger.len())
    }

    fn allocate(&mut self, max: u32) -> Option<FrameRun<S>> {
        let World { ledger, choices, hostility, .. } = &mut *self.world.borrow_mut();
        if choices.chance(hostility.no_memory, 256) {
            return None;
        }
        let most = match choices.below(8) {
            0..=3 => max,
            4 => 1,
            _ => choices.below(max.min(40)) + 1,
        };
        ledger.take(most.min(max), choices).map(run)
    }

    fn deallocate(&mut self, run: FrameRun<S>) {
        self.world.borrow_mut().give_back(run.first(), run.count());
    }

    fn free_frames(&self) -> u64 {
        self.world.borrow().ledger.free().into()
    }

    fn adjust_managed(&mut self, change: ManagedChange) {
        let ledger = &mut self.world.borrow_mut().ledger;
        match change {
            ManagedChange::Removed(frames) => ledger.managed += i64::from(frames),
            ManagedChange::Added(frames) => ledger.managed -= i64::from(frames),
        }
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        let world = &mut *self.world.borrow_mut();
        if world.choices.chance(world.hostility.no_memory, 256) {
            return None;
        }
        let memory = Box::leak(vec![0x5a5a_5a5a_5a5a_5a5a_u64; words].into_boxed_slice());
        let memory = NonNull::from(memory);
        world.private.push(memory);
        // SAFETY: the memory was just leaked, and is freed when the driver returns it or no longer exists.
        Some(unsafe { &mut *memory.as_ptr() })
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        let world = &mut *self.world.borrow_mut();
        let memory = memory.into_raw();
        match world.private.iter().position(|known| std::ptr::eq(known.as_ptr(), memory.as_ptr())) {
            Some(at) => {
                world.private.swap_remove(at);
                // SAFETY: `allocate_private` leaked it as a box, and it is freed once, because it was in the list.
                drop(unsafe { Box::from_raw(memory.as_ptr()) });
            }
            None => world.fail("private memory was returned twice or is not what was allocated"),
        }
    }
}

// SAFETY: each region is an allocation of its own, and the device reaches it through the world at the physical address.
unsafe impl<S: FrameSize> Dma for Kernel<S> {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let world = &mut *self.world.borrow_mut();
        if world.choices.chance(world.hostility.no_memory, 256) {
            return None;
        }
        let (start, physical): (NonNull<u8>, u64) = world.memory.allocate(layout)?;
        // SAFETY: a new allocation with this layout.
        Some(unsafe { DmaRegion::new(start, physical, layout) })
    }

    fn free(&mut self, region: DmaRegion) {
        let world = &mut *self.world.borrow_mut();
        world.observe();
        world.check_may_return("DMA memory");
        let freed = world.memory.free(region.physical(), region.len());
        world.check(freed);
    }

    fn map(&mut self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        self.world.borrow_mut().map(physical, bytes).map(DeviceAddress)
    }

    unsafe fn unmap(&mut self, physical: u64, bytes: usize) {
        let world = &mut *self.world.borrow_mut();
        let unmapped = world.memory.unmap(physical, bytes);
        world.check(unmapped);
    }

    fn domain(&self) -> DmaDomain {
        DOMAIN
    }
}

impl<S: FrameSize> Statistics for Kernel<S> {
    fn sample(&mut self, sample: &mut Sample) {
        let world = &mut *self.world.borrow_mut();
        for tag in StatTag::ALL {
            // Without any statistics, the probe fails.
            let is_needed = world.hostility.is_conforming && *tag == StatTag::FreeMemory;
            if is_needed || world.choices.chance(3, 4) {
                sample.set(*tag, world.choices.bits());
            }
        }
    }
}

impl<S: FrameSize> FillFrames for Kernel<S> {
    fn fill(&mut self, run: &FrameRun<S>, _value: u32) {
        let world = &mut *self.world.borrow_mut();
        world.check_may_return("a frame");
        let owned = world.ledger.check_owned(run.first(), run.count());
        world.check(owned);
    }
}

impl<S: FrameSize> Kernel<S> {
    fn block(&mut self, frames: u32) -> Option<FrameRun<S>> {
        self.blocks(frames, frames)
    }

    fn blocks(&mut self, frames: u32, max: u32) -> Option<FrameRun<S>> {
        let World { ledger, choices, hostility, .. } = &mut *self.world.borrow_mut();
        if choices.chance(1, 6) {
            return None;
        }
        // A kernel with a mistake: a run that is not a block.
        if !hostility.is_conforming && choices.chance(1, 64) {
            let count = choices.below(max.saturating_mul(2)) + 1;
            return ledger.take(count, choices).map(run);
        }
        ledger.take_blocks(frames, max, choices).map(run)
    }
}

impl<S: FrameSize> ReportFrames for Kernel<S> {
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<S>> {
        self.block(frames)
    }

    fn deallocate_reported(&mut self, run: FrameRun<S>) {
        self.deallocate(run);
    }
}

impl<S: FrameSize> BlockFrames for Kernel<S> {
    fn allocate_blocks(&mut self, frames: u32, max: u32) -> Option<FrameRun<S>> {
        self.blocks(frames, max)
    }
}

impl<S: FrameSize> HintFrames for Kernel<S> {
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<S>> {
        self.block(frames)
    }

    fn initialize(&mut self, run: &FrameRun<S>) {
        let world = &mut *self.world.borrow_mut();
        let owned = world.ledger.check_owned(run.first(), run.count());
        world.check(owned);
    }
}

/// Returns a run that the balloon did not take to the kernel.
pub(crate) fn give_back<S: FrameSize>(world: &Shared, run: Option<&FrameRun<S>>) {
    if let Some(run) = run {
        world.borrow_mut().give_back(run.first(), run.count());
    }
}

/// Returns a new reference to the world.
pub(crate) fn share(world: &Shared) -> Shared {
    Rc::clone(world)
}
