//! The device by itself, driven by hand: it has to be right before it can judge a driver.

mod by_hand;
mod driver;
mod honest;
mod misbehaviour;
mod modes;
mod platform;
mod qemu;
mod violations;
