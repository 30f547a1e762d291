//! The demo on the in-process device.

use anyhow::bail;

use super::{flight::Aircraft, plan::Plan};

/// Starts a driver and its device in this program.
pub(crate) fn launch(_plan: &Plan) -> anyhow::Result<Box<dyn Aircraft>> {
    bail!("the embedded device is not built in yet; use --device qemu")
}
