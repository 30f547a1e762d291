//! Pages of completed reports that a driver with block inflation keeps.

use super::super::page_set::PageSet;

/// The pages that were reported and did not go back to the kernel since.
pub(crate) struct Held {
    pub(crate) pages: PageSet,
    /// The pages among them whose memory the device has discarded and not touched.
    pub(crate) discarded: PageSet,
}

impl Held {
    pub(super) fn new(pages: impl Fn() -> PageSet) -> Self {
        Self { pages: pages(), discarded: pages() }
    }

    pub(super) fn clear(&mut self) {
        self.pages.clear();
        self.discarded.clear();
    }

    /// Removes a page that is deflated or inflated. Returns whether it was held.
    pub(crate) fn remove(&mut self, page: u64) -> bool {
        self.discarded.remove(page);
        self.pages.remove(page)
    }
}
