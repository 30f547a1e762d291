//! A buffer that the device owns.

use std::ops::Range;

use super::super::ring::Element;
use crate::fault::{QueueFault, Scribble};

/// An available buffer that the device is reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewBuffer<'a> {
    pub(crate) queue: u16,
    /// The number of the buffer on its queue, modulo 2^16.
    pub(crate) number: u16,
    pub(crate) head: u16,
    pub(crate) elements: &'a [Element],
    pub(crate) faults: &'a [QueueFault],
}

impl NewBuffer<'_> {
    pub(crate) fn has_readable(&self) -> bool {
        self.elements.iter().any(|element| !element.writable)
    }

    pub(crate) fn has_writable(&self) -> bool {
        self.elements.iter().any(|element| element.writable)
    }

    /// Returns the total length in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.elements.iter().map(|element| u64::from(element.length)).sum()
    }

    /// Returns the length in bytes of the device-readable part.
    pub(crate) fn readable_bytes(&self) -> u64 {
        self.elements.iter().filter(|element| !element.writable).map(|element| u64::from(element.length)).sum()
    }

    /// Returns whether the device overwrites the memory of the buffer.
    pub(crate) fn is_scribbled(&self) -> bool {
        self.faults.contains(&QueueFault::Scribbles(Scribble::Buffer))
    }
}

/// A buffer that the device has taken and not completed.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) queue: u16,
    pub(crate) head: u16,
    /// Number of ring descriptors.
    pub(crate) descriptors: u16,
    pub(crate) elements: Vec<Element>,
    pub(crate) payload: Payload,
    pub(crate) complete: CompleteWhen,
    pub(crate) faults: Vec<QueueFault>,
}

/// The contents of a buffer.
#[derive(Debug)]
pub(crate) enum Payload {
    /// The page numbers of an array.
    Pages(Vec<u32>),
    /// Statistics, which the device has read already.
    Statistics,
    Report(Report),
    /// A command id or hinted pages.
    Hint(Hint),
    /// The device did not read the buffer, or its chain is broken.
    Unread,
}

/// When the device completes a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompleteWhen {
    Now,
    /// After this many ticks.
    After(u32),
    /// When the host requests it.
    Requested,
    Never,
}

impl CompleteWhen {
    /// Returns when a buffer with these faults is completed, once the device has processed it.
    pub(crate) fn processed(faults: &[QueueFault]) -> Self {
        faults.iter().fold(Self::Now, |when, fault| match fault {
            QueueFault::NeverCompletes => Self::Never,
            QueueFault::DelaysCompletion(ticks @ 1..) if when == Self::Now => Self::After(*ticks),
            _ => when,
        })
    }
}

/// A report of free pages.
#[derive(Debug)]
pub(crate) struct Report {
    /// The ranges that the driver named.
    pub(crate) ranges: Vec<Range<u64>>,
    /// The pages of `ranges` that can be free.
    pub(crate) free: Vec<Range<u64>>,
    /// The pages of `free` that were not filled with the poison value.
    pub(crate) unpoisoned: Vec<u64>,
    pub(crate) memory: ReportMemory,
}

/// The memory of a report, which tells how to detect that the driver touched it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportMemory {
    /// The device discarded it: it must not become resident.
    Discarded,
    /// The device kept it, because the guest relies on the poison value: it must stay filled.
    Kept,
    /// The device does not check it.
    Unchecked,
}

/// Hinted pages.
#[derive(Debug)]
pub(crate) struct Hint {
    /// The pages that can be free.
    pub(crate) free: Vec<Range<u64>>,
    /// How many times the driver had read DONE when it made the buffer available.
    pub(crate) dones: u64,
}
