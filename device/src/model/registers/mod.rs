//! The register file of the MMIO transport (4.2.2, legacy 4.2.4).

mod access;
mod config;
mod legacy;
mod negotiation;
mod notify;
mod queue_reset;
mod queue_setup;
mod register;
mod status;

pub(crate) use access::CONFIG;
