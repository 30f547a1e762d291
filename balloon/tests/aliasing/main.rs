//! Split balloons on a device and a kernel in plain memory, for Miri: the contexts of a split balloon must not alias, in every
//! order in which balloon and handles are used and dropped.
//!
//! `MIRIFLAGS="-Zmiri-strict-provenance -Zmiri-ignore-leaks" cargo +nightly miri test -p aerostat-balloon --test aliasing`
//!
//! `cargo xtask test` runs a part of it, `cargo xtask test --all` all of it.
//!
//! The leaks that Miri would report are the platforms of balloons that were dropped before their handles.

mod blocks;
mod device;
mod handles;
mod kernel;
mod memory;

use aerostat_balloon::transport::{Mmio, Spin};
use aerostat_balloon::{Balloon, BalloonFeatureSet, Options, Platform, Ready};

use crate::device::Registers;
use crate::kernel::Kernel;

fn start_with<F: BalloonFeatureSet>(
    options: Options<F>,
) -> (Balloon<Ready<Mmio<Registers>, Kernel, F>>, Registers, Kernel)
where
    Kernel: Platform<F>,
{
    let (device, kernel) = (Registers::default(), Kernel::default());
    let transport = Mmio::new(device.clone()).map_err(|(_, error)| error).unwrap();
    let balloon = Balloon::new(transport, kernel.clone(), options).map_err(|failed| failed.error).unwrap();
    (balloon.probe(&mut Spin::default()).map_err(|failed| failed.error).unwrap(), device, kernel)
}
