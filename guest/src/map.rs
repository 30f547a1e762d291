//! The memory map: the physical memory of the machine, and the part that the kernel may use.

use core::ops::Range;

use heapless::Vec;

/// The kind of a region of physical memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionKind {
    /// RAM.
    Ram,
    /// Not RAM, or RAM that is in use.
    Reserved,
}

/// The error of a [`MemoryMap`] that is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRegions;

/// The regions of physical memory, in any order. They may overlap. An address is usable if it is in a region of RAM and in
/// no reserved region.
#[derive(Clone, Debug, Default)]
pub struct MemoryMap {
    regions: Vec<(Range<u64>, RegionKind), 128>,
}

impl MemoryMap {
    /// Returns an empty map.
    pub const fn new() -> Self {
        Self { regions: Vec::new() }
    }

    /// Adds a region by its physical addresses, in bytes. Empty regions are ignored.
    ///
    /// # Errors
    ///
    /// [`TooManyRegions`] if the map is full. A kernel must not ignore this, because the region may be reserved.
    pub fn add(&mut self, addresses: Range<u64>, kind: RegionKind) -> Result<(), TooManyRegions> {
        if addresses.is_empty() {
            return Ok(());
        }
        self.regions.push((addresses, kind)).map_err(|_| TooManyRegions)
    }

    /// Returns the end of the highest region of RAM, in bytes.
    pub fn end(&self) -> u64 {
        self.regions_of(RegionKind::Ram).map(|ram| ram.end).max().unwrap_or(0)
    }

    /// Returns whether there is RAM at any of these addresses, in use or not.
    pub fn has_ram(&self, addresses: &Range<u64>) -> bool {
        self.regions_of(RegionKind::Ram).any(|ram| ram.start < addresses.end && addresses.start < ram.end)
    }

    /// Returns the ranges of usable memory, from low to high addresses, without overlaps.
    pub fn usable(&self) -> impl Iterator<Item = Range<u64>> {
        // No region starts or ends between two consecutive edges, so the range between them is usable entirely or not at all.
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
        .filter(|range| self.contains(range, RegionKind::Ram) && !self.contains(range, RegionKind::Reserved))
    }

    fn contains(&self, range: &Range<u64>, kind: RegionKind) -> bool {
        self.regions_of(kind).any(|region| region.contains(&range.start))
    }

    fn regions_of(&self, kind: RegionKind) -> impl Iterator<Item = &Range<u64>> {
        self.regions.iter().filter_map(move |(addresses, region)| (*region == kind).then_some(addresses))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable(regions: &[(Range<u64>, RegionKind)]) -> Vec<Range<u64>, 16> {
        let mut map = MemoryMap::new();
        for (addresses, kind) in regions {
            map.add(addresses.clone(), *kind).unwrap();
        }
        map.usable().collect()
    }

    #[test]
    fn reserved_regions_are_removed_in_any_order() {
        let ranges = usable(&[
            (0x9000..0xa000, RegionKind::Reserved),
            (0x1000..0x8000, RegionKind::Ram),
            (0x3000..0x4000, RegionKind::Reserved),
            (0x7800..0x9800, RegionKind::Reserved),
            (0xa000..0xb000, RegionKind::Ram),
        ]);
        assert_eq!(ranges, [0x1000..0x3000, 0x4000..0x7800, 0xa000..0xb000]);
    }

    #[test]
    fn overlapping_memory_is_returned_once() {
        let ranges = usable(&[(0..0x3000, RegionKind::Ram), (0x2000..0x5000, RegionKind::Ram)]);
        assert_eq!(ranges, [0..0x2000, 0x2000..0x3000, 0x3000..0x5000]);
    }

    #[test]
    fn addresses_outside_of_regions_are_not_memory() {
        assert!(usable(&[]).is_empty());
        assert!(usable(&[(0x1000..0x2000, RegionKind::Reserved)]).is_empty());
    }

    #[test]
    fn the_end_is_that_of_the_highest_ram() {
        let mut map = MemoryMap::new();
        map.add(0x10_0000..0x20_0000, RegionKind::Ram).unwrap();
        map.add(0xfec0_0000..0xfec0_1000, RegionKind::Reserved).unwrap();
        assert_eq!(map.end(), 0x20_0000);
    }

    #[test]
    fn reserved_ram_is_ram() {
        let mut map = MemoryMap::new();
        map.add(0x1000..0x3000, RegionKind::Ram).unwrap();
        map.add(0x2000..0x5000, RegionKind::Reserved).unwrap();
        for (addresses, has) in [(0..0x1000, false), (0..0x1001, true), (0x2fff..0x9000, true), (0x3000..0x4000, false)]
        {
            assert_eq!(map.has_ram(&addresses), has, "{addresses:#x?}");
        }
    }

    #[test]
    fn a_full_map_returns_an_error() {
        let mut map = MemoryMap::new();
        for index in 0..128 {
            map.add(index..index + 1, RegionKind::Ram).unwrap();
        }
        assert_eq!(map.add(7..7, RegionKind::Reserved), Ok(()), "an empty region is ignored");
        assert_eq!(map.add(7..8, RegionKind::Reserved), Err(TooManyRegions));
    }
}
