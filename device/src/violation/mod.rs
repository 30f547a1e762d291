//! The rules that the device model checks, and the violations that it records.

mod config;
mod free_pages;
mod legacy;
mod pages;
mod queues;
mod registers;
mod rings;
mod statistics;
mod status;

pub use config::ConfigViolation;
pub use free_pages::FreePageViolation;
pub use legacy::LegacyViolation;
pub use pages::PageViolation;
pub use queues::QueueViolation;
pub use registers::{Access, RegisterViolation};
pub use rings::RingViolation;
pub use statistics::StatisticsViolation;
pub use status::StatusViolation;

/// A rule that the driver broke: a requirement of the specification, or a decision of this project that its driver keeps.
///
/// The device records the violation, ignores the invalid part and processes the rest. A test of a correct driver asserts
/// that there are no violations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// An access to the register file (4.2.2).
    #[error(transparent)]
    Register(#[from] RegisterViolation),
    /// Device status and feature negotiation (2.1, 2.2, 3.1).
    #[error(transparent)]
    Status(#[from] StatusViolation),
    /// Queue set-up, queue reset and notifications (4.2.3, 2.6.1, 2.9).
    #[error(transparent)]
    Queue(#[from] QueueViolation),
    /// The configuration space (5.5.4).
    #[error(transparent)]
    Config(#[from] ConfigViolation),
    /// Rings and descriptor chains (2.7, 2.8).
    #[error(transparent)]
    Ring(#[from] RingViolation),
    /// The inflate and deflate queues (5.5.6).
    #[error(transparent)]
    Pages(#[from] PageViolation),
    /// The statistics queue (5.5.6.3).
    #[error(transparent)]
    Statistics(#[from] StatisticsViolation),
    /// Free page reporting and hinting (5.5.6.5, 5.5.6.7).
    #[error(transparent)]
    FreePages(#[from] FreePageViolation),
    /// The legacy interface (4.2.4).
    #[error(transparent)]
    Legacy(#[from] LegacyViolation),
}
