//! Compares the generated layouts, constants and bits with the C headers of Linux, as compiled by the C compiler of the host.

mod balloon;
mod block;
mod cc;
mod console;
mod described;
mod mmio;
mod net;
mod pci;
mod random;
mod ring;

use aerostat_spec::{Block, Feature, Field};

/// A C expression, and its expected value from the bindings.
type Claim = (&'static str, u64);

/// The offset of a field.
fn offset<F: Field>(expression: &'static str, _field: F) -> Claim {
    (expression, to_u64(F::OFFSET))
}

/// The offset of a field that depends on a feature, so the test has no value of its type.
fn at<F: Field>(expression: &'static str) -> Claim {
    (expression, to_u64(F::OFFSET))
}

/// The length of a block.
fn len<B: Block>(expression: &'static str) -> Claim {
    (expression, to_u64(B::LEN))
}

/// The bit of a feature whose name is the same in C.
fn feature<F: Feature>(_feature: F) -> Claim {
    (F::NAME, F::BIT.into())
}

/// The bit of a feature with another name in C.
fn feature_as<F: Feature>(name: &'static str, _feature: F) -> Claim {
    (name, F::BIT.into())
}

fn to_u64(value: usize) -> u64 {
    u64::try_from(value).expect("a size fits into 64 bits")
}
