//! Shadow rings: the device gets a ring of its own instead of that of the driver, and buffers are copied from one to the other.
//!
//! So each buffer that the device has used can be logged before the driver knows of it, while its memory is unchanged. Both rings must
//! have as many descriptors. The one for the device starts with zeros.
//!
//! area, kept <- buffer <- split, packed

mod area;
mod buffer;
mod kept;
mod packed;
mod split;
#[cfg(test)]
mod tests;

pub use self::area::Area;
pub use self::buffer::Buffer;
use self::kept::{Kept, MOST_DESCRIPTORS};
use self::packed::Packed;
use self::split::{Areas, Split};

/// A ring of the driver and the ring that the device uses in its place. It has more than 20 KiB, so it is started in place.
#[derive(Debug)]
pub struct ShadowRing {
    /// `None` if the ring is stopped.
    format: Option<Format>,
    kept: Kept,
}

#[derive(Debug)]
enum Format {
    Split(Split),
    Packed(Packed),
}

/// The format of rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingFormat {
    /// Split.
    Split,
    /// Packed.
    Packed,
}

impl RingFormat {
    /// Returns the lengths of the parts of a ring in bytes: the descriptors, the area of the driver, and the area of the device.
    pub const fn lengths(self, size: u16) -> [usize; 3] {
        match self {
            Self::Split => Areas::lengths(size),
            Self::Packed => Packed::lengths(size),
        }
    }
}

impl ShadowRing {
    /// Returns a shadow that is not started.
    pub const fn new() -> Self {
        Self { format: None, kept: Kept::new() }
    }

    /// Starts the shadow. `driver` and `device` are the parts of the rings, with the lengths of [`RingFormat::lengths`]. Both are new.
    /// Returns false if the rings are too long.
    ///
    /// # Safety
    ///
    /// Until [`ShadowRing::stop`] is called,
    ///
    /// * each descriptor that the driver makes available names memory at its physical address that is mapped and valid for reads, from
    ///   [`ShadowRing::send`] until the driver's ring says that the buffer was used. Rust code writes to it through raw pointers only, and
    ///   not in another thread meanwhile. This also holds for each descriptor in an indirect table.
    /// * the device does not change the driver's ring, and does not change an indirect table before `send` has read it. `send` reads
    ///   descriptors and tables once, and the shadow does not read them again.
    #[must_use]
    pub unsafe fn start(&mut self, format: RingFormat, size: u16, driver: [Area; 3], device: [Area; 3]) -> bool {
        self.kept.clear();
        let is_short = usize::from(size) <= MOST_DESCRIPTORS;
        self.format = is_short.then(|| match format {
            RingFormat::Split => Format::Split(Split::new(size, Areas::of(driver), Areas::of(device))),
            RingFormat::Packed => Format::Packed(Packed::new(size, driver[0], device[0])),
        });
        is_short
    }

    /// Stops the shadow. Logs the buffers that the device has. No call accesses the rings or buffers afterwards, unless it is started again.
    pub fn stop(&mut self, log: impl FnMut(Buffer<'_>)) {
        if self.format.is_some() {
            self.log_in_flight(log);
        }
        self.format = None;
    }

    /// Gives the device the buffers that the driver has made available.
    pub fn send(&mut self) {
        match &mut self.format {
            Some(Format::Split(ring)) => ring.send(&mut self.kept),
            Some(Format::Packed(ring)) => ring.send(&mut self.kept),
            None => {}
        }
    }

    /// Logs the buffers that the device has used, and then gives them back to the driver. Returns whether there are any.
    pub fn receive(&mut self, log: impl FnMut(Buffer<'_>)) -> bool {
        match &mut self.format {
            Some(Format::Split(ring)) => ring.receive(&mut self.kept, log),
            Some(Format::Packed(ring)) => ring.receive(&mut self.kept, log),
            None => false,
        }
    }

    /// Logs the buffers that the device has.
    fn log_in_flight(&self, mut log: impl FnMut(Buffer<'_>)) {
        self.kept.in_flight().for_each(|parts| log(Buffer { parts, written: 0 }));
    }
}

impl Default for ShadowRing {
    fn default() -> Self {
        Self::new()
    }
}
