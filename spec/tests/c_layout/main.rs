//! The generated layouts, numbers and bits are those of the C headers of Linux, as the C compiler of the machine sees
//! them.

mod balloon;
mod block;
mod cc;
mod console;
mod entropy;
mod mmio;
mod net;
mod pci;
mod ring;

use aerostat_spec::{Block, Feature, Field};

/// A C expression, and what the bindings have for it.
type Claim = (&'static str, u64);

/// Claims that the bindings of a block or structure are where C has them.
fn offset<F: Field>(expression: &'static str, _field: F) -> Claim {
    (expression, to_u64(F::OFFSET))
}

/// Claims the place of a field that cannot be made without a feature; where it is can be named.
fn at<F: Field>(expression: &'static str) -> Claim {
    (expression, to_u64(F::OFFSET))
}

/// Claims the length of a block.
fn len<B: Block>(expression: &'static str) -> Claim {
    (expression, to_u64(B::LEN))
}

/// Claims the bit of a feature, whose name in the bindings is the C name.
fn feature<F: Feature>(_feature: F) -> Claim {
    (F::NAME, F::BIT.into())
}

/// Claims the bit of a feature that C has under another name.
fn feature_as<F: Feature>(name: &'static str, _feature: F) -> Claim {
    (name, F::BIT.into())
}

fn to_u64(value: usize) -> u64 {
    u64::try_from(value).expect("64 bits hold a size")
}
