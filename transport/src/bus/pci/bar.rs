//! Base address registers.

/// Offset of the first BAR in configuration space.
const BARS: u16 = 0x10;

/// End of the addresses that a BAR can have: no CPU has more than 56 bits of physical addresses.
const ADDRESS_LIMIT: u64 = 1 << 56;

/// One of the six base address registers of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BarIndex(u8);

impl BarIndex {
    /// Returns the register with this number, if there is one.
    pub const fn new(index: u8) -> Option<Self> {
        if index < 6 { Some(Self(index)) } else { None }
    }

    /// The first register.
    pub const FIRST: Self = Self(0);

    /// Returns the number of the register, 0 to 5.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Returns the registers before this one.
    pub(super) fn before(self) -> impl Iterator<Item = Self> {
        (0..self.0).map(Self)
    }

    pub(super) const fn offset(self) -> u16 {
        BARS + 4 * self.0 as u16
    }
}

/// The address space of a BAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// Memory space.
    Memory,
    /// I/O space.
    Ports,
}

/// A range of addresses that a function decodes, below 2^56. The device reports it, so it may lie anywhere, see
/// [`MapBar::map`](crate::pci::MapBar::map).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BarRange {
    /// The address space.
    pub space: Space,
    /// The first address on the bus.
    pub address: u64,
    /// Length in bytes.
    pub len: u64,
}

impl BarRange {
    /// Returns the `len` bytes of the range from `offset`; `None` if it is shorter.
    pub const fn part(self, offset: u64, len: u64) -> Option<Self> {
        match (offset.checked_add(len), self.address.checked_add(offset)) {
            (Some(end), Some(address)) if end <= self.len => Some(Self { space: self.space, address, len }),
            _ => None,
        }
    }

    /// Returns the range of a BAR with this address whose writable bits are `mask`. `None` if that is not valid: the read-only
    /// bits must be the lowest ones, and the address a multiple of the length that is not 0.
    pub(super) fn of_bar(space: Space, address: u64, mask: u64) -> Option<Self> {
        let len = (!mask).checked_add(1)?;
        let is_valid = len.is_power_of_two() && address.is_multiple_of(len) && address != 0;
        let is_below_limit = address.checked_add(len).is_some_and(|end| end <= ADDRESS_LIMIT);
        (is_valid && is_below_limit).then_some(Self { space, address, len })
    }
}
