//! Devices: life cycle, feature negotiation, set-up of queues, and configuration space ("Device Initialization", 3.1).

mod answer;
mod config;
mod enable;
mod error;
mod fail_on_drop;
mod lifecycle;
mod negotiation;
mod numbering;
mod parked;
mod queue_reset;
mod queues;
mod reset;
mod wait;

pub use self::config::{Config, InUse, Setup, Snapshot};
pub use self::error::{Offer, ProbeFailed, SetupError, SetupFailed};
pub use self::lifecycle::{Acknowledged, Device, Ending, FeaturesOk, Live, Negotiating, Reset, Resetting};
pub use self::numbering::Numbering;
pub use self::parked::ParkedQueues;
pub use self::wait::{Spin, Wait};
