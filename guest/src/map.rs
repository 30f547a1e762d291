//! The memory map: what the loader says about physical memory, and what of it the kernel may hand out.

use core::ops::Range;

use heapless::Vec;

/// What a region of physical memory is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ordinary memory.
    Ram,
    /// Anything else, and memory that is in use already.
    Reserved,
}

/// There are more regions than a [`MemoryMap`] has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRegions;

/// The regions of physical memory, in any order. They may overlap: what is reserved once is reserved.
#[derive(Clone, Debug, Default)]
pub struct MemoryMap {
    regions: Vec<(Range<u64>, Kind), 128>,
}

impl MemoryMap {
    /// A map without memory.
    pub const fn new() -> Self {
        Self { regions: Vec::new() }
    }

    /// Adds a region by its physical addresses, in bytes. An empty one says nothing and is left out.
    ///
    /// # Errors
    ///
    /// [`TooManyRegions`] when the map is full. A kernel must not go on then: the region may be a reserved one.
    pub fn add(&mut self, addresses: Range<u64>, kind: Kind) -> Result<(), TooManyRegions> {
        if addresses.is_empty() {
            return Ok(());
        }
        self.regions.push((addresses, kind)).map_err(|_| TooManyRegions)
    }

    /// The end of the highest memory, in bytes.
    pub fn end(&self) -> u64 {
        self.of(Kind::Ram).map(|ram| ram.end).max().unwrap_or(0)
    }

    /// Whether any of these addresses is ordinary memory, in use or not.
    pub fn has_ram(&self, addresses: &Range<u64>) -> bool {
        self.of(Kind::Ram).any(|ram| ram.start < addresses.end && addresses.start < ram.end)
    }

    /// Pieces of memory that nobody uses, from low to high addresses, none overlapping another.
    pub fn usable(&self) -> impl Iterator<Item = Range<u64>> {
        // Between two neighbouring edges nothing changes, so a piece is usable as a whole or not at all.
        let next_edge = |after: u64| {
            let edges = self.regions.iter().flat_map(|(addresses, _)| [addresses.start, addresses.end]);
            edges.filter(|&edge| edge > after).min()
        };
        let mut edge = Some(0);
        core::iter::from_fn(move || {
            let start = edge?;
            edge = next_edge(start);
            Some(start..edge?)
        })
        .filter(|piece| self.is(piece, Kind::Ram) && !self.is(piece, Kind::Reserved))
    }

    fn is(&self, piece: &Range<u64>, kind: Kind) -> bool {
        self.of(kind).any(|region| region.contains(&piece.start))
    }

    fn of(&self, wanted: Kind) -> impl Iterator<Item = &Range<u64>> {
        self.regions.iter().filter_map(move |(addresses, kind)| (*kind == wanted).then_some(addresses))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable(regions: &[(Range<u64>, Kind)]) -> Vec<Range<u64>, 16> {
        let mut map = MemoryMap::new();
        for (addresses, kind) in regions {
            map.add(addresses.clone(), *kind).unwrap();
        }
        map.usable().collect()
    }

    #[test]
    fn reserved_regions_are_cut_out_of_memory_in_whatever_order_they_come() {
        let pieces = usable(&[
            (0x9000..0xa000, Kind::Reserved),
            (0x1000..0x8000, Kind::Ram),
            (0x3000..0x4000, Kind::Reserved),
            (0x7800..0x9800, Kind::Reserved),
            (0xa000..0xb000, Kind::Ram),
        ]);
        assert_eq!(pieces, [0x1000..0x3000, 0x4000..0x7800, 0xa000..0xb000]);
    }

    #[test]
    fn overlapping_memory_is_counted_once() {
        let pieces = usable(&[(0..0x3000, Kind::Ram), (0x2000..0x5000, Kind::Ram)]);
        assert_eq!(pieces, [0..0x2000, 0x2000..0x3000, 0x3000..0x5000]);
    }

    #[test]
    fn what_no_region_speaks_of_is_not_memory() {
        assert!(usable(&[]).is_empty());
        assert!(usable(&[(0x1000..0x2000, Kind::Reserved)]).is_empty());
    }

    #[test]
    fn the_end_is_that_of_the_highest_memory_not_of_the_highest_region() {
        let mut map = MemoryMap::new();
        map.add(0x10_0000..0x20_0000, Kind::Ram).unwrap();
        map.add(0xfec0_0000..0xfec0_1000, Kind::Reserved).unwrap();
        assert_eq!(map.end(), 0x20_0000);
    }

    #[test]
    fn memory_in_use_is_memory_all_the_same() {
        let mut map = MemoryMap::new();
        map.add(0x1000..0x3000, Kind::Ram).unwrap();
        map.add(0x2000..0x5000, Kind::Reserved).unwrap();
        for (addresses, has) in [(0..0x1000, false), (0..0x1001, true), (0x2fff..0x9000, true), (0x3000..0x4000, false)]
        {
            assert_eq!(map.has_ram(&addresses), has, "{addresses:#x?}");
        }
    }

    #[test]
    fn a_full_map_says_so() {
        let mut map = MemoryMap::new();
        for index in 0..128 {
            map.add(index..index + 1, Kind::Ram).unwrap();
        }
        assert_eq!(map.add(7..7, Kind::Reserved), Ok(()), "an empty region needs no room");
        assert_eq!(map.add(7..8, Kind::Reserved), Err(TooManyRegions));
    }
}
