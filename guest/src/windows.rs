//! Where the CPU reaches a PCI bus, and addresses on it for functions that firmware has given none.

use core::ops::Range;

use aerostat_transport::pci::{BarRange, Space};
use pci_types::{CommandRegister, ConfigRegionAccess, HeaderType, PciAddress, PciHeader};

/// Offsets of the BARs in configuration space.
const BARS: Range<u16> = 0x10..0x28;
/// Bit of a BAR: it is in I/O space.
const PORTS: u32 = 1;
/// Bits of a BAR in memory that say what kind it is, and the kind of those that go on in the next register.
const KIND: u32 = 3 << 1;
const KIND_64_BIT: u32 = 2 << 1;

/// A range of bus addresses that the CPU reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PciWindow {
    /// The first address, as the bus sees it.
    pub bus: u64,
    /// The physical address of it, as the CPU sees it.
    pub cpu: u64,
    /// Length in bytes.
    pub bytes: u64,
}

/// What the CPU reaches of a bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PciWindows {
    /// The window to memory below 4 GiB.
    pub memory: Option<PciWindow>,
    /// The window to I/O space.
    pub ports: Option<PciWindow>,
}

impl PciWindows {
    /// The physical addresses at which the CPU reaches `range` of a BAR.
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

/// Addresses on a bus that are nobody's yet.
#[derive(Clone, Debug)]
pub struct FreeAddresses {
    memory: Range<u64>,
    ports: Range<u64>,
}

impl FreeAddresses {
    /// All that the CPU reaches.
    pub fn new(windows: &PciWindows) -> Self {
        let all = |window: Option<PciWindow>| {
            window.map_or(0..0, |window| window.bus..window.bus.saturating_add(window.bytes))
        };
        Self { memory: all(windows.memory), ports: all(windows.ports) }
    }

    /// Gives every BAR of a function an address, whatever it had before. A BAR for which none is left gets none. Bridges
    /// are passed by.
    pub fn assign(&mut self, config: &impl ConfigRegionAccess, function: PciAddress) {
        let mut header = PciHeader::new(function);
        if header.header_type(config) != HeaderType::Endpoint {
            return;
        }
        // Nobody is to answer to what is written only to learn how long a BAR is.
        let decode = CommandRegister::IO_ENABLE | CommandRegister::MEMORY_ENABLE;
        header.update_command(config, |command| command.difference(decode));
        let mut bars = BARS.step_by(4).map(|offset| Bar { config, function, offset });
        while let Some(bar) = bars.next() {
            let low = bar.probe();
            if low & PORTS != 0 {
                // The upper half may not be there: a bus has 65536 ports at least.
                let mask = u64::from(low & !3 | 0xffff_0000) | u64::MAX << 32;
                bar.write(take(&mut self.ports, mask) as u32);
            } else if low & KIND == KIND_64_BIT {
                let Some(upper) = bars.next() else { return };
                let mask = u64::from(low & !0xf) | u64::from(upper.probe()) << 32;
                let address = take(&mut self.memory, mask);
                bar.write(address as u32);
                upper.write((address >> 32) as u32);
            } else {
                bar.write(take(&mut self.memory, u64::from(low & !0xf) | u64::MAX << 32) as u32);
            }
        }
    }
}

/// Takes addresses for a BAR of which the bits of `mask` can be written. Gives back the first one, or 0 where there are
/// none, or no such BAR.
fn take(free: &mut Range<u64>, mask: u64) -> u64 {
    let bytes = (!mask).wrapping_add(1);
    // Address 0 would say that there is none.
    let start = free.start.max(1).checked_next_multiple_of(bytes);
    let taken = start.and_then(|start| Some(start..start.checked_add(bytes)?));
    match taken {
        Some(taken) if taken.end <= free.end => {
            free.start = taken.end;
            taken.start
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
    /// Which bits can be written, and what the lowest ones say of the kind.
    fn probe(&self) -> u32 {
        self.write(u32::MAX);
        // SAFETY: a function that is no bridge has a BAR there.
        unsafe { self.config.read(self.function, self.offset) }
    }

    fn write(&self, value: u32) {
        // SAFETY: as above; the function does not decode its BARs.
        unsafe { self.config.write(self.function, self.offset, value) };
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::cell::RefCell;
    use std::vec::Vec;

    use super::*;

    /// The command register, the header and the BARs of a function, of which some bits can be written.
    struct Function {
        writable: [u32; 6],
        kinds: [u32; 6],
        bars: RefCell<[u32; 6]>,
        header: u32,
    }

    impl Function {
        fn new(bars: [(u32, u32); 6]) -> Self {
            let (writable, kinds) = (bars.map(|(writable, _)| writable), bars.map(|(_, kind)| kind));
            Self { writable, kinds, bars: RefCell::new(kinds), header: 0 }
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
                self.bars.borrow_mut()[index] = value & self.writable[index] | self.kinds[index];
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
    fn bars_of_every_kind_get_addresses_that_they_can_have() {
        let transitional = [(0xffff_ffe0, 1), (0xffff_f000, 0), NONE, NONE, (0xffff_c000, 0xc), (u32::MAX, 0)];
        let bars = assigned(&[Function::new(transitional), Function::new(transitional)]);
        assert_eq!(bars[0], [0x21, 0x1000_0000, 0, 0, 0x1000_400c, 0]);
        assert_eq!(bars[1], [0x41, 0x1000_8000, 0, 0, 0x1000_c00c, 0], "addresses are given once");
    }

    #[test]
    fn ports_may_have_only_the_lower_half_of_their_bar() {
        assert_eq!(assigned(&[Function::new([(0xff80, 1), NONE, NONE, NONE, NONE, NONE])])[0][0], 0x81);
    }

    #[test]
    fn what_does_not_fit_gets_no_address_and_takes_none() {
        let large = [(0xfff0_0000, 0), (0xffe0_0000, 0), (0x8000_0000, 0), (0, 4), (0x8000_0000, 0), (u32::MAX, 4)];
        assert_eq!(assigned(&[Function::new(large)])[0], [0x1000_0000, 0, 0, 4, 0, 4]);
    }

    #[test]
    fn a_bridge_is_passed_by() {
        let bridge = Function { header: 1, ..Function::new([(0xffff_f000, 0), NONE, NONE, NONE, NONE, NONE]) };
        assert_eq!(assigned(&[bridge])[0], [0; 6]);
    }

    #[test]
    fn the_cpu_reaches_only_what_is_in_a_window() {
        let physical = |space, address, len| WINDOWS.physical(BarRange { space, address, len });
        assert_eq!(physical(Space::Ports, 0x20, 0x20), Some(0x3eff_0020..0x3eff_0040));
        assert_eq!(physical(Space::Memory, 0x100f_f000, 0x1000), Some(0x100f_f000..0x1010_0000));
        for (address, len) in [(0x0fff_f000, 0x1000), (0x100f_f000, 0x1001), (u64::MAX, 1), (0x1000_0001, u64::MAX)] {
            assert_eq!(physical(Space::Memory, address, len), None, "{address:#x}");
        }
        assert_eq!(PciWindows::default().physical(BarRange { space: Space::Memory, address: 1, len: 1 }), None);
    }
}
