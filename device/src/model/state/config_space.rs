//! The fields of the configuration space (5.5.4).

/// The fields of the configuration space.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConfigSpace {
    pub(crate) num_pages: u32,
    pub(crate) actual: u32,
    pub(crate) free_page_hint_cmd_id: u32,
    /// `None` until the driver writes it.
    pub(crate) poison_val: Option<u32>,
    /// The driver has written `poison_val`, but the device has not taken the value.
    pub(crate) is_poison_refused: bool,
    /// The configuration generation.
    pub(crate) generation: u32,
}

impl ConfigSpace {
    /// Clears the fields that a device reset clears: all except `num_pages`, which belongs to the host.
    pub(crate) fn reset(&mut self) {
        *self = Self { num_pages: self.num_pages, generation: self.generation, ..Self::default() };
    }

    pub(crate) fn advance_generation(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }
}
