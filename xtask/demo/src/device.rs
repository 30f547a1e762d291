//! Chooses the device of the demo, and states why.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use xtask_build::{guest, probe, toolchain::Recipe};
use xtask_common::{arch::Arch, process::interrupt};
use xtask_qemu::{
    features::Offer,
    program::{self, Program},
    transport::{Bus, Transport},
};

use super::{arguments::Device, plan::Plan};

/// What a run in QEMU needs.
#[derive(Clone, Debug)]
pub struct QemuSetup {
    pub(crate) arch: Arch,
    pub(crate) qemu: Program,
    pub(crate) image: Image,
}

/// The origin of the guest's image.
#[derive(Clone, Debug)]
pub(crate) enum Image {
    /// The user named it.
    Given(PathBuf),
    /// It is built like this.
    ToBuild(Recipe),
}

impl QemuSetup {
    /// Finds QEMU and the image or a toolchain, without building or installing anything.
    fn find(plan: &Plan) -> anyhow::Result<Self> {
        let arch = plan.arch.unwrap_or_default();
        let qemu = program::find(arch, plan.qemu.as_deref())?;
        let image = match &plan.image {
            Some(image) => Image::Given(guest::check_image(image)?),
            None => Image::ToBuild(probe::recipe(arch.target())?),
        };
        Ok(Self { arch, qemu, image })
    }

    /// Returns the guest's image. Builds it unless the user named one.
    pub(crate) fn image(&self) -> anyhow::Result<PathBuf> {
        match &self.image {
            Image::Given(image) => Ok(image.clone()),
            Image::ToBuild(recipe) => guest::build(recipe, guest::TOOLS),
        }
    }

    fn description(&self) -> String {
        let image = match &self.image {
            Image::Given(image) => format!("the guest image is {}", image.display()),
            Image::ToBuild(recipe) => recipe.why.clone(),
        };
        format!("{} is at {}, and {image}", self.qemu.version, self.qemu.path.display())
    }
}

/// The device and its setup.
#[derive(Clone, Debug)]
pub enum Setup {
    /// The device in this program.
    Embedded {
        /// Why it was chosen.
        reason: String,
        /// How the driver reaches it.
        transport: Transport,
    },
    /// QEMU's device.
    Qemu {
        /// Why it was chosen.
        reason: String,
        /// How the guest reaches it.
        transport: Transport,
        /// What the run needs.
        qemu: QemuSetup,
    },
}

impl Setup {
    pub(crate) const fn device(&self) -> Device {
        match self {
            Self::Embedded { .. } => Device::Embedded,
            Self::Qemu { .. } => Device::Qemu,
        }
    }

    /// Returns the guest's architecture, if the guest is a virtual machine.
    pub(crate) const fn arch(&self) -> Option<Arch> {
        match self {
            Self::Embedded { .. } => None,
            Self::Qemu { qemu, .. } => Some(qemu.arch),
        }
    }

    pub(crate) const fn transport(&self) -> Transport {
        match self {
            Self::Embedded { transport, .. } | Self::Qemu { transport, .. } => *transport,
        }
    }

    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Embedded { reason, .. } | Self::Qemu { reason, .. } => reason,
        }
    }
}

/// Chooses the `requested` device, or QEMU's if everything that it needs is available, or the embedded one.
///
/// # Errors
///
/// If options contradict each other, or something that was requested is missing.
pub fn choose(plan: &Plan, requested: Option<Device>) -> anyhow::Result<Setup> {
    match required(requested, plan)? {
        Some(Device::Embedded) => Ok(embedded("requested".to_owned(), plan)),
        Some(Device::Qemu) => in_qemu("requested; ", plan, QemuSetup::find(plan)),
        None => prefer_qemu(plan, QemuSetup::find(plan)),
    }
}

/// Returns the device that the options require, if they do. Some options require QEMU.
fn required(requested: Option<Device>, plan: &Plan) -> anyhow::Result<Option<Device>> {
    let names_qemu = plan.qemu.is_some() || plan.image.is_some();
    let names_features = plan.offer != Offer::Default;
    let over_pci = plan.transport.is_some_and(|transport| transport.bus() == Bus::Pci);
    match requested {
        Some(Device::Embedded) if names_qemu => bail!("--qemu and --guest do not apply to the embedded device"),
        Some(Device::Embedded) if over_pci => bail!("--transport: the embedded device supports only MMIO"),
        Some(Device::Embedded) if plan.arch.is_some() => bail!("--arch does not apply to the embedded device"),
        Some(Device::Embedded) if names_features => bail!("--features does not apply to the embedded device"),
        None if names_qemu || plan.arch.is_some() || names_features || over_pci => Ok(Some(Device::Qemu)),
        requested => Ok(requested),
    }
}

fn embedded(reason: String, plan: &Plan) -> Setup {
    Setup::Embedded { reason, transport: plan.transport.unwrap_or(Transport::Mmio) }
}

fn in_qemu(prefix: &str, plan: &Plan, qemu: anyhow::Result<QemuSetup>) -> anyhow::Result<Setup> {
    let qemu = qemu.context("cannot run a guest in QEMU")?;
    let reason = format!("{prefix}{}", qemu.description());
    Ok(Setup::Qemu { reason, transport: plan.transport.unwrap_or(Transport::Pci), qemu })
}

/// Chooses QEMU, or the embedded device if something is missing.
fn prefer_qemu(plan: &Plan, qemu: anyhow::Result<QemuSetup>) -> anyhow::Result<Setup> {
    match in_qemu("", plan, qemu) {
        Err(error) if interrupt::check().is_ok() => Ok(embedded(format!("{error:#}"), plan)),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::DemoArguments;

    fn qemu_setup() -> QemuSetup {
        let qemu = Program { path: "/bin/qemu".into(), version: "QEMU emulator version 7.2".to_owned() };
        QemuSetup { arch: Arch::X86_64, qemu, image: Image::Given("/guest".into()) }
    }

    fn plan(words: &[&str]) -> Plan {
        let words: Vec<_> = ["--memory", "128", "--target", "64"].iter().chain(words).copied().collect();
        Plan::new(&DemoArguments::parse_words(&words).unwrap()).unwrap()
    }

    #[test]
    fn qemu_is_preferred_and_the_reason_is_stated() {
        let setup = prefer_qemu(&plan(&[]), Ok(qemu_setup())).unwrap();
        assert_eq!((setup.device(), setup.transport()), (Device::Qemu, Transport::Pci));
        assert_eq!(setup.reason(), "QEMU emulator version 7.2 is at /bin/qemu, and the guest image is /guest");
    }

    #[test]
    fn without_qemu_the_embedded_device_is_used_and_the_reason_is_stated() {
        let setup = prefer_qemu(&plan(&[]), Err(anyhow::anyhow!("QEMU was not found"))).unwrap();
        assert_eq!((setup.device(), setup.transport()), (Device::Embedded, Transport::Mmio));
        assert_eq!(setup.reason(), "cannot run a guest in QEMU: QEMU was not found");
    }

    #[test]
    fn a_request_for_qemu_succeeds_or_fails() {
        let mmio = plan(&["--transport", "mmio"]);
        assert_eq!(in_qemu("requested; ", &mmio, Ok(qemu_setup())).unwrap().transport(), Transport::Mmio);
        let error = in_qemu("requested; ", &mmio, Err(anyhow::anyhow!("QEMU was not found"))).unwrap_err();
        assert_eq!(format!("{error:#}"), "cannot run a guest in QEMU: QEMU was not found");
    }

    #[test]
    fn options_that_only_qemu_supports_require_it() {
        for words in [
            ["--qemu", "/bin/qemu"],
            ["--guest", "/guest"],
            ["--arch", "riscv64"],
            ["--transport", "pci"],
            ["--transport", "pci-legacy"],
            ["--features", "stats"],
        ] {
            assert_eq!(required(None, &plan(&words)).unwrap(), Some(Device::Qemu));
            assert!(required(Some(Device::Embedded), &plan(&words)).is_err());
        }
        for transport in ["mmio", "mmio-legacy"] {
            let plan = plan(&["--transport", transport]);
            assert_eq!(required(None, &plan).unwrap(), None);
            let setup = prefer_qemu(&plan, Err(anyhow::anyhow!("QEMU was not found"))).unwrap();
            assert_eq!((setup.device(), Some(setup.transport())), (Device::Embedded, plan.transport));
        }
    }
}
