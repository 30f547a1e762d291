//! The device by itself, driven by hand: it has to be right before it can judge a driver.

mod by_hand;
mod driver;
mod hinting;
mod honest;
mod lending;
mod misbehaviour;
mod modes;
mod numbering;
mod platform;
mod poison;
mod qemu;
mod reporting;
mod statistics;
mod violations;
