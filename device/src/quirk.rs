//! Quirks: permanent properties of deployed devices that a driver has to cope with.

use std::fmt;

/// A property of deployed devices that deviates from the specification, or that drivers tend not to expect.
///
/// A quirk holds for the whole life of a device, in contrast to a [`Fault`](crate::Fault), which a test injects and removes.
/// Violations of the driver are recorded with quirks too. Pass quirks to [`Builder::quirk`](crate::Builder::quirk) or
/// [`Builder::quirks`](crate::Builder::quirks).
///
/// Other properties of deployed devices have options of their own:
///
/// | property | option |
/// |---|---|
/// | queue numbers, and queues behind those of the balloon | [`Numbering`](crate::Numbering), [`Builder::further_queues`](crate::Builder::further_queues) |
/// | `free_page_hint_cmd_id` reads STOP once the driver has opened the round | [`HintCommand`](crate::HintCommand) |
/// | a reset that takes time, hangs or is refused | [`RegisterFault`](crate::RegisterFault)`::{DelaysReset, SlowReset, RefusesReset}` |
/// | notifications and interrupts that are lost | [`RegisterFault::LosesNotifications`](crate::RegisterFault::LosesNotifications), [`QueueFault::LosesInterrupt`](crate::QueueFault::LosesInterrupt) |
/// | buffers that are returned late or never | [`QueueFault`](crate::QueueFault)`::{DelaysCompletion, NeverCompletes}` |
/// | a device that stops answering for a time | [`BalloonDevice::pause`](crate::BalloonDevice::pause) |
/// | a reset by the host or by firmware | [`BalloonDevice::host_reset`](crate::BalloonDevice::host_reset) |
/// | removal without notice | [`BalloonDevice::remove`](crate::BalloonDevice::remove) |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Quirk {
    /// The device activates only if every queue that it has is ready at DRIVER_OK, also those of features that are not
    /// negotiated. Otherwise it sets DEVICE_NEEDS_RESET immediately, and ignores notifications. Firecracker, Dragonball.
    ///
    /// With this quirk, making a queue ready without its feature is not a violation; notifying it still is.
    NeedsAllQueues,
    /// The device activates only if no other queues are ready at DRIVER_OK than those of negotiated features. Otherwise it
    /// sets DEVICE_NEEDS_RESET immediately. crosvm.
    ///
    /// No device can have this quirk and [`Quirk::NeedsAllQueues`]; that one has priority.
    RejectsUnusedQueues,
    /// A device that does not activate sets FAILED instead of DEVICE_NEEDS_RESET. Dragonball.
    FailsActivation,
    /// The device always has the five queue numbers of the specification, whatever it offers and whatever is negotiated. The
    /// surplus is without purpose. Alioth, crosvm before April 2025.
    ///
    /// If the device numbers without gaps, a driver cannot read which features its numbers count.
    KeepsQueueCount,
    /// The device ignores QueueReset although it offers RING_RESET: the register reads 0, and the queue continues to work.
    /// QEMU over MMIO.
    IgnoresQueueReset,
    /// `poison_val` stays 0, whatever the driver writes, and reported pages are discarded. Alioth. To read another value than 0,
    /// also inject [`RegisterFault::PoisonVal`](crate::RegisterFault::PoisonVal).
    RefusesPoison,
    /// Used entries have the total length of the buffer, although the device wrote nothing. StratoVirt for all buffers, Cloud
    /// Hypervisor and Dragonball for reports. kvmtool reports other lengths that are not 0.
    ReportsUnwrittenBytes,
    /// Used descriptors of a packed ring lack the flag WRITE also if their length is not 0. QEMU.
    OmitsWriteFlag,
    /// The device takes arrays of more than 256 page numbers and never returns them. Firecracker. (Cloud Hypervisor returns
    /// them, but ignores their contents.)
    KeepsLongArrays,
    /// A live device cannot be reset: it sets FAILED, the status never reads 0, and the queues continue to work. libkrun. For a
    /// device that refuses only some resets, inject [`RegisterFault::RefusesReset`](crate::RegisterFault::RefusesReset).
    CannotResetLive,
    /// Like [`Quirk::CannotResetLive`], but the device can also not be reset during initialization: only while the status is 0.
    /// Dragonball.
    CannotReset,
    /// At start, the device is in the state in which a firmware driver left it: live, with two queues ready and an interrupt
    /// pending. The rings are in the first 64 KiB of guest memory. Boot loaders and kernels that start another kernel.
    UsedByFirmware,
}

impl Quirk {
    /// All quirks.
    pub const ALL: [Self; 12] = [
        Self::NeedsAllQueues,
        Self::RejectsUnusedQueues,
        Self::FailsActivation,
        Self::KeepsQueueCount,
        Self::IgnoresQueueReset,
        Self::RefusesPoison,
        Self::ReportsUnwrittenBytes,
        Self::OmitsWriteFlag,
        Self::KeepsLongArrays,
        Self::CannotResetLive,
        Self::CannotReset,
        Self::UsedByFirmware,
    ];

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of [`Quirk`]s.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Quirks {
    bits: u16,
}

impl Quirks {
    /// No quirks.
    pub const NONE: Self = Self { bits: 0 };

    /// Draws a set from a random number: each of the low bits selects one quirk of [`Quirk::ALL`], higher bits are ignored.
    ///
    /// This is for property tests. With proptest, `any::<u16>().prop_map(Quirks::draw)` is a strategy that shrinks to fewer
    /// quirks. Use [`Quirks::without`] for quirks that a driver does not support.
    pub fn draw(random: u16) -> Self {
        Quirk::ALL.into_iter().filter(|quirk| random & quirk.bit() != 0).collect()
    }

    /// Returns the set with one more quirk.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> Self {
        Self { bits: self.bits | quirk.bit() }
    }

    /// Returns the set without a quirk.
    #[must_use]
    pub const fn without(self, quirk: Quirk) -> Self {
        Self { bits: self.bits & !quirk.bit() }
    }

    /// Returns whether the set has a quirk.
    pub const fn has(self, quirk: Quirk) -> bool {
        self.bits & quirk.bit() != 0
    }

    /// Returns the quirks of the set.
    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.into_iter().filter(move |quirk| self.has(*quirk))
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        quirks.into_iter().fold(Self::NONE, Self::with)
    }
}

impl From<Quirk> for Quirks {
    fn from(quirk: Quirk) -> Self {
        Self::NONE.with(quirk)
    }
}

impl fmt::Debug for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_quirk_has_a_bit_of_its_own() {
        for (index, quirk) in Quirk::ALL.into_iter().enumerate() {
            assert_eq!(Quirks::draw(1 << index), quirk.into(), "{quirk:?}");
            assert_eq!(Quirks::NONE.with(quirk).iter().collect::<Vec<_>>(), [quirk]);
            assert!(!Quirks::draw(u16::MAX).without(quirk).has(quirk));
        }
        let all: Quirks = Quirk::ALL.into_iter().collect();
        assert_eq!(Quirks::draw(u16::MAX), all);
        assert_eq!(format!("{:?}", Quirks::draw(0b11)), "{NeedsAllQueues, RejectsUnusedQueues}");
    }
}
