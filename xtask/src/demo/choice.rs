//! Whose device the demo drives, and why.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::plan::Plan;
use crate::{
    build::{guest, probe, toolchain::Recipe},
    cli::{Arch, Bus, Device, Transport},
    process::interrupt,
    qemu::{
        features::Offer,
        program::{self, Program},
    },
};

/// What a run in QEMU needs.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) arch: Arch,
    pub(crate) qemu: Program,
    pub(crate) image: Image,
}

/// Where the guest's image comes from.
#[derive(Clone, Debug)]
pub(crate) enum Image {
    Given(PathBuf),
    ToBuild(Recipe),
}

impl Ground {
    /// Finds what a run in QEMU needs; builds and installs nothing yet.
    pub(crate) fn find(plan: &Plan) -> anyhow::Result<Self> {
        let arch = plan.arch.unwrap_or_default();
        let qemu = program::find(arch, plan.qemu.as_deref())?;
        let image = match &plan.image {
            Some(image) => Image::Given(guest::given(image)?),
            None => Image::ToBuild(probe::recipe(arch.target())?),
        };
        Ok(Self { arch, qemu, image })
    }

    /// The guest's image, built now where it was not given.
    pub(crate) fn image(&self) -> anyhow::Result<PathBuf> {
        match &self.image {
            Image::Given(image) => Ok(image.clone()),
            Image::ToBuild(recipe) => guest::build(self.arch, recipe),
        }
    }

    fn sentence(&self) -> String {
        let image = match &self.image {
            Image::Given(image) => format!("the guest image is {}", image.display()),
            Image::ToBuild(recipe) => recipe.why.clone(),
        };
        format!("{} is at {}, and {image}", self.qemu.version, self.qemu.path.display())
    }
}

/// Whose device it is.
#[derive(Clone, Debug)]
pub(crate) enum Chosen {
    Embedded { why: String, transport: Transport },
    Qemu { why: String, transport: Transport, ground: Ground },
}

impl Chosen {
    pub(crate) const fn device(&self) -> Device {
        match self {
            Self::Embedded { .. } => Device::Embedded,
            Self::Qemu { .. } => Device::Qemu,
        }
    }

    /// The guest's architecture, where it is a guest of its own.
    pub(crate) const fn arch(&self) -> Option<Arch> {
        match self {
            Self::Embedded { .. } => None,
            Self::Qemu { ground, .. } => Some(ground.arch),
        }
    }

    /// How the guest reaches the device.
    pub(crate) const fn transport(&self) -> Transport {
        match self {
            Self::Embedded { transport, .. } | Self::Qemu { transport, .. } => *transport,
        }
    }

    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Embedded { why, .. } | Self::Qemu { why, .. } => why,
        }
    }
}

/// Chooses: as `asked`, else QEMU where all that it needs is there.
pub(crate) fn choose(plan: &Plan, asked: Option<Device>) -> anyhow::Result<Chosen> {
    match wanted(asked, plan)? {
        Some(Device::Embedded) => Ok(embedded("asked for".to_owned(), plan)),
        Some(Device::Qemu) => in_qemu("asked for; ", plan, Ground::find(plan)),
        None => prefer_qemu(plan, Ground::find(plan)),
    }
}

/// The device that the user wants: who names a QEMU, a guest image, an architecture, PCI or features,
/// wants QEMU.
fn wanted(asked: Option<Device>, plan: &Plan) -> anyhow::Result<Option<Device>> {
    let names_qemu = plan.qemu.is_some() || plan.image.is_some();
    let names_features = plan.offer != Offer::Usual;
    let over_pci = plan.transport.is_some_and(|transport| transport.bus() == Bus::Pci);
    match asked {
        Some(Device::Embedded) if names_qemu => bail!("--qemu and --guest say nothing to the embedded device"),
        Some(Device::Embedded) if over_pci => bail!("--transport: the embedded device is on MMIO only"),
        Some(Device::Embedded) if plan.arch.is_some() => bail!("--arch says nothing to the embedded device"),
        Some(Device::Embedded) if names_features => bail!("--features says nothing to the embedded device"),
        None if names_qemu || plan.arch.is_some() || names_features || over_pci => Ok(Some(Device::Qemu)),
        asked => Ok(asked),
    }
}

/// Its registers are those of virtio over MMIO.
fn embedded(why: String, plan: &Plan) -> Chosen {
    Chosen::Embedded { why, transport: plan.transport.unwrap_or(Transport::Mmio) }
}

fn in_qemu(asked: &str, plan: &Plan, ground: anyhow::Result<Ground>) -> anyhow::Result<Chosen> {
    let ground = ground.context("a guest in QEMU cannot be had")?;
    let why = format!("{asked}{}", ground.sentence());
    Ok(Chosen::Qemu { why, transport: plan.transport.unwrap_or(Transport::Pci), ground })
}

/// Nobody has to have QEMU who does not ask for it.
fn prefer_qemu(plan: &Plan, ground: anyhow::Result<Ground>) -> anyhow::Result<Chosen> {
    match in_qemu("", plan, ground) {
        Err(error) if interrupt::check().is_ok() => Ok(embedded(format!("{error:#}"), plan)),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::DemoArguments;

    fn ground() -> Ground {
        let qemu = Program { path: "/bin/qemu".into(), version: "QEMU emulator version 7.2".to_owned() };
        Ground { arch: Arch::X86_64, qemu, image: Image::Given("/guest".into()) }
    }

    fn plan(words: &[&str]) -> Plan {
        let words: Vec<_> = ["--memory", "128", "--target", "64"].iter().chain(words).copied().collect();
        Plan::new(&DemoArguments::from_words(&words).unwrap()).unwrap()
    }

    #[test]
    fn qemu_is_taken_where_it_can_be_had_and_the_reason_is_said() {
        let chosen = prefer_qemu(&plan(&[]), Ok(ground())).unwrap();
        assert_eq!((chosen.device(), chosen.transport()), (Device::Qemu, Transport::Pci));
        assert_eq!(chosen.why(), "QEMU emulator version 7.2 is at /bin/qemu, and the guest image is /guest");
    }

    #[test]
    fn without_qemu_the_embedded_device_flies_and_the_reason_is_said() {
        let chosen = prefer_qemu(&plan(&[]), Err(anyhow::anyhow!("QEMU was not found"))).unwrap();
        assert_eq!((chosen.device(), chosen.transport()), (Device::Embedded, Transport::Mmio));
        assert_eq!(chosen.why(), "a guest in QEMU cannot be had: QEMU was not found");
    }

    #[test]
    fn who_asks_for_qemu_gets_it_or_an_error() {
        let mmio = plan(&["--transport", "mmio"]);
        assert_eq!(in_qemu("asked for; ", &mmio, Ok(ground())).unwrap().transport(), Transport::Mmio);
        let error = in_qemu("asked for; ", &mmio, Err(anyhow::anyhow!("QEMU was not found"))).unwrap_err();
        assert_eq!(format!("{error:#}"), "a guest in QEMU cannot be had: QEMU was not found");
    }

    #[test]
    fn what_only_qemu_has_asks_for_it() {
        for words in [
            ["--qemu", "/bin/qemu"],
            ["--guest", "/guest"],
            ["--arch", "riscv64"],
            ["--transport", "pci"],
            ["--transport", "pci-legacy"],
            ["--features", "stats"],
        ] {
            assert_eq!(wanted(None, &plan(&words)).unwrap(), Some(Device::Qemu));
            assert!(wanted(Some(Device::Embedded), &plan(&words)).is_err());
        }
        for transport in ["mmio", "mmio-legacy"] {
            let plan = plan(&["--transport", transport]);
            assert_eq!(wanted(None, &plan).unwrap(), None);
            let chosen = prefer_qemu(&plan, Err(anyhow::anyhow!("QEMU was not found"))).unwrap();
            assert_eq!((chosen.device(), Some(chosen.transport())), (Device::Embedded, plan.transport));
        }
    }
}
