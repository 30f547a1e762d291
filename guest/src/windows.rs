//! The windows of the CPU to a PCI bus, and the assignment of bus addresses to functions, for machines without firmware.

use core::ops::Range;

use aerostat_transport::pci::{BarRange, Space};
use pci_types::{CommandRegister, ConfigRegionAccess, HeaderType, PciAddress, PciHeader};

/// Offsets of the BARs in configuration space.
const BARS: Range<u16> = 0x10..0x28;
/// Bit of a BAR: the registers are in I/O space.
const PORTS: u32 = 1;
/// The type bits of a BAR in memory, and the type that uses the next register for the upper half of the address.
const TYPE: u32 = 3 << 1;
const TYPE_64_BIT: u32 = 2 << 1;

/// A range of bus addresses that the CPU can access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PciWindow {
    /// The first bus address.
    pub bus: u64,
    /// The physical address of the same location, for the CPU.
    pub cpu: u64,
    /// Length in bytes.
    pub bytes: u64,
}

/// The windows of the CPU to a bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PciWindows {
    /// The window to memory below 4 GiB.
    pub memory: Option<PciWindow>,
    /// The window to I/O space.
    pub ports: Option<PciWindow>,
}

impl PciWindows {
    /// Returns the physical addresses of a range of a BAR. `None` if it is not in a window.
    pub fn physical(&self, range: BarRange) -> Option<Range<u64>> {
        let window = match range.space {
            Space::Memory => self.memory,
            Space::Ports => self.ports,
        }?;
        let start = range.address.checked_sub(window.bus)?;
        let end = start.checked_add(range.len).filter(|end| *end <= window.bytes)?;
        Some(window.cpu.checked_add(start)?..window.cpu.checked_add(end)?)
    }
}

/// Bus addresses that are not assigned.
#[derive(Clone, Debug)]
pub struct FreeAddresses {
    memory: Range<u64>,
    ports: Range<u64>,
}

impl FreeAddresses {
    /// Returns all addresses in the windows.
    pub fn new(windows: &PciWindows) -> Self {
        let all = |window: Option<PciWindow>| {
            window.map_or(0..0, |window| window.bus..window.bus.saturating_add(window.bytes))
        };
        Self { memory: all(windows.memory), ports: all(windows.ports) }
    }

    /// Assigns an address to every BAR of a function, in place of any that it has. If no address is left, the BAR gets the
    /// address 0. Bridges are skipped.
    pub fn assign(&mut self, config: &impl ConfigRegionAccess, function: PciAddress) {
        let mut header = PciHeader::new(function);
        if header.header_type(config) != HeaderType::Endpoint {
            return;
        }
        // The function must not respond to the values that are written to learn the size of a BAR.
        let decode = CommandRegister::IO_ENABLE | CommandRegister::MEMORY_ENABLE;
        header.update_command(config, |command| command.difference(decode));
        let mut bars = BARS.step_by(4).map(|offset| Bar { config, function, offset });
        while let Some(bar) = bars.next() {
            let low = bar.probe();
            if low & PORTS != 0 {
                // The upper half may not be implemented: I/O space has at least 65536 ports.
                let mask = u64::from(low & !3 | 0xffff_0000) | u64::MAX << 32;
                bar.write(allocate(&mut self.ports, mask) as u32);
            } else if low & TYPE == TYPE_64_BIT {
                let Some(upper) = bars.next() else { return };
                let mask = u64::from(low & !0xf) | u64::from(upper.probe()) << 32;
                let address = allocate(&mut self.memory, mask);
                bar.write(address as u32);
                upper.write((address >> 32) as u32);
            } else {
                bar.write(allocate(&mut self.memory, u64::from(low & !0xf) | u64::MAX << 32) as u32);
            }
        }
    }
}

/// Allocates addresses for a BAR in which the bits of `mask` are writable. Returns the first address, or 0 if too few are left
/// or the BAR is not implemented.
fn allocate(free: &mut Range<u64>, mask: u64) -> u64 {
    let bytes = (!mask).wrapping_add(1);
    // The address 0 means that a BAR has no address.
    let start = free.start.max(1).checked_next_multiple_of(bytes);
    let range = start.and_then(|start| Some(start..start.checked_add(bytes)?));
    match range {
        Some(range) if range.end <= free.end => {
            free.start = range.end;
            range.start
        }
        _ => 0,
    }
}

/// A base address register.
struct Bar<'a, C> {
    config: &'a C,
    function: PciAddress,
    offset: u16,
}

impl<C: ConfigRegionAccess> Bar<'_, C> {
    /// Returns the writable bits, with the type in the lowest bits.
    fn probe(&self) -> u32 {
        self.write(u32::MAX);
        // SAFETY: an endpoint function has a BAR at this offset.
        unsafe { self.config.read(self.function, self.offset) }
    }

    fn write(&self, value: u32) {
        // SAFETY: as above. The function does not decode its BARs.
        unsafe { self.config.write(self.function, self.offset, value) };
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::cell::RefCell;
    use std::vec::Vec;

    use super::*;

    /// The header and the BARs of a function.
    struct Function {
        writable: [u32; 6],
        types: [u32; 6],
        bars: RefCell<[u32; 6]>,
        header: u32,
    }

    impl Function {
        fn new(bars: [(u32, u32); 6]) -> Self {
            let (writable, types) = (bars.map(|(writable, _)| writable), bars.map(|(_, kind)| kind));
            Self { writable, types, bars: RefCell::new(types), header: 0 }
        }
    }

    impl ConfigRegionAccess for Function {
        unsafe fn read(&self, _: PciAddress, offset: u16) -> u32 {
            match offset {
                0x0c => self.header << 16,
                offset if BARS.contains(&offset) => self.bars.borrow()[usize::from(offset - BARS.start) / 4],
                _ => 0,
            }
        }

        unsafe fn write(&self, _: PciAddress, offset: u16, value: u32) {
            if BARS.contains(&offset) {
                let index = usize::from(offset - BARS.start) / 4;
                self.bars.borrow_mut()[index] = value & self.writable[index] | self.types[index];
            }
        }
    }

    const WINDOWS: PciWindows = PciWindows {
        memory: Some(PciWindow { bus: 0x1000_0000, cpu: 0x1000_0000, bytes: 0x10_0000 }),
        ports: Some(PciWindow { bus: 0, cpu: 0x3eff_0000, bytes: 0x1_0000 }),
    };
    const NONE: (u32, u32) = (0, 0);

    fn assigned(functions: &[Function]) -> Vec<[u32; 6]> {
        let mut free = FreeAddresses::new(&WINDOWS);
        let address = PciAddress::new(0, 0, 1, 0);
        functions.iter().for_each(|function| free.assign(function, address));
        functions.iter().map(|function| *function.bars.borrow()).collect()
    }

    #[test]
    fn bars_of_every_type_get_aligned_addresses() {
        let transitional = [(0xffff_ffe0, 1), (0xffff_f000, 0), NONE, NONE, (0xffff_c000, 0xc), (u32::MAX, 0)];
        let bars = assigned(&[Function::new(transitional), Function::new(transitional)]);
        assert_eq!(bars[0], [0x21, 0x1000_0000, 0, 0, 0x1000_400c, 0]);
        assert_eq!(bars[1], [0x41, 0x1000_8000, 0, 0, 0x1000_c00c, 0], "addresses are assigned once");
    }

    #[test]
    fn the_upper_half_of_a_bar_in_io_space_may_be_missing() {
        assert_eq!(assigned(&[Function::new([(0xff80, 1), NONE, NONE, NONE, NONE, NONE])])[0][0], 0x81);
    }

    #[test]
    fn a_bar_that_does_not_fit_gets_no_address_and_uses_none() {
        let large = [(0xfff0_0000, 0), (0xffe0_0000, 0), (0x8000_0000, 0), (0, 4), (0x8000_0000, 0), (u32::MAX, 4)];
        assert_eq!(assigned(&[Function::new(large)])[0], [0x1000_0000, 0, 0, 4, 0, 4]);
    }

    #[test]
    fn a_bridge_is_skipped() {
        let bridge = Function { header: 1, ..Function::new([(0xffff_f000, 0), NONE, NONE, NONE, NONE, NONE]) };
        assert_eq!(assigned(&[bridge])[0], [0; 6]);
    }

    #[test]
    fn only_addresses_in_a_window_have_a_physical_address() {
        let physical = |space, address, len| WINDOWS.physical(BarRange { space, address, len });
        assert_eq!(physical(Space::Ports, 0x20, 0x20), Some(0x3eff_0020..0x3eff_0040));
        assert_eq!(physical(Space::Memory, 0x100f_f000, 0x1000), Some(0x100f_f000..0x1010_0000));
        for (address, len) in [(0x0fff_f000, 0x1000), (0x100f_f000, 0x1001), (u64::MAX, 1), (0x1000_0001, u64::MAX)] {
            assert_eq!(physical(Space::Memory, address, len), None, "{address:#x}");
        }
        assert_eq!(PciWindows::default().physical(BarRange { space: Space::Memory, address: 1, len: 1 }), None);
    }
}
