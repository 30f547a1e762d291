//! Fuzzing of the balloon driver and of the description compiler.
//!
//! An [episode](run_episode) is a driver, a kernel and a device that shares no code with `device/`. The device may return wrong
//! values from any register and write anything to shared memory at any time. An oracle watches:
//!
//! * each frame is owned by the kernel or by the balloon, comes back once, and not while the device may use it;
//! * no frame, DMA memory or private memory is lost, except where the documentation says so;
//! * DMA memory is not freed while the device may use it, and the device is given no address outside of it;
//! * each call makes at most the documented number of register accesses;
//! * a device that breaks the protocol is noticed at the next look, and one that keeps the protocol is never accused and
//!   always makes progress;
//! * nothing panics.
//!
//! The same engine runs from a seed ([`campaign`]) and from the bytes of libFuzzer (`fuzz_targets/`).

mod access;
mod bus;
pub mod campaign;
mod choices;
mod coverage;
mod declared;
pub mod descriptions;
mod device;
mod driver;
mod episode;
mod hostility;
mod kernel;
mod ledger;
mod memory;
mod methods;
mod oracle;
mod oversee;
mod ring;
mod turn;
mod world;

pub use self::choices::Choices;
pub use self::coverage::{Coverage, Event};
pub use self::episode::{Report, note_panics, run as run_episode, run_printing};
