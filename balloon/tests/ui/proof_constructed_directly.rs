//! Proofs cannot be constructed directly.

use aerostat_balloon::spec::Negotiated;
use aerostat_balloon::spec::balloon::feature::PagePoison;
use aerostat_balloon::transport::ResetProof;

fn proof() -> Negotiated<PagePoison> {
    Negotiated(std::marker::PhantomData)
}

fn reset() -> ResetProof {
    ResetProof(0)
}

fn main() {}
