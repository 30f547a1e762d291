//! The regions of DMA memory that an allocator has returned and not yet got back.

use aerostat_balloon::transport::DmaRegion;

/// Number of regions at a time. The balloon with all features has fewer than 16.
const MAX_REGIONS: usize = 32;

/// A list of regions. `Dma::free` is safe to call with any region, so an allocator has to know its own.
///
/// A region is known by its address: it owns its memory, so no other region starts there, except an empty one. A region that is leaked
/// keeps its place. The list is small, because a platform is
/// moved into the balloon.
#[derive(Debug)]
pub(crate) struct Regions {
    /// The address of each region, and 0 in a free slot.
    addresses: [usize; MAX_REGIONS],
}

impl Regions {
    pub(crate) const fn new() -> Self {
        Self { addresses: [0; MAX_REGIONS] }
    }

    /// Returns whether another region can be added.
    pub(crate) fn has_room(&self) -> bool {
        self.addresses.contains(&0)
    }

    /// Adds a region. There is room for it.
    pub(crate) fn add(&mut self, region: &DmaRegion) {
        self.replace(0, address(region));
    }

    /// Removes a region. Returns whether it was in the list. An empty one never is.
    pub(crate) fn remove(&mut self, region: &DmaRegion) -> bool {
        region.layout().size() != 0 && self.replace(address(region), 0)
    }

    fn replace(&mut self, old: usize, new: usize) -> bool {
        let slot = self.addresses.iter_mut().find(|slot| **slot == old);
        slot.map(|slot| *slot = new).is_some()
    }
}

/// Returns the address of a region, which is not 0.
fn address(region: &DmaRegion) -> usize {
    region.as_ptr().as_ptr().addr()
}
