//! The other side of a transport, in software: registers that keep a record of what the driver did, and memory.
#![allow(dead_code, unused_imports, reason = "each test binary uses its part of this module")]

mod common_cfg;
mod flight;
pub(crate) mod function;
mod memory;
#[macro_use]
mod soft;
// By the macro of `soft`.
pub(crate) mod legacy_ports;

pub(crate) use self::common_cfg::{CommonCfg, PciQueue, field};
pub(crate) use self::flight::{Flown, Plain, Tail, flown, kite, live, started};
pub(crate) use self::function::{Bar, Behind, Function};
pub(crate) use self::memory::{LEN, Memory, START};
pub(crate) use self::soft::{Resets, Soft, Touch, reg};
