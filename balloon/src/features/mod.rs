//! The features that a kernel uses, declared once as a type.

mod block_inflation;
pub mod feature;
mod platform;
mod set;
mod types;

pub use self::platform::Platform;
pub use self::set::{BalloonFeatureSet, NoFeatures};
pub(crate) use self::set::{declared, declared_mut, if_declared, if_negotiated, is_declared, result_of};
pub(crate) use self::types::{Chosen, ConfigOf, NotifierOf, SizeOf, Types};
