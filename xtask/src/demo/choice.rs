//! Whose device the demo drives, and why.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::plan::Plan;
use crate::{
    build::{guest, probe, toolchain::Recipe},
    cli::{Arch, Device},
    process::interrupt,
    qemu::program::{self, Program},
};

/// The architecture that is demonstrated.
const ARCH: Arch = Arch::X86_64;

/// What a run in QEMU needs.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
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
        let qemu = program::find(ARCH, plan.qemu.as_deref())?;
        let image = match &plan.image {
            Some(image) => Image::Given(guest::given(image)?),
            None => Image::ToBuild(probe::recipe(ARCH.target())?),
        };
        Ok(Self { qemu, image })
    }

    /// The guest's image, built now where it was not given.
    pub(crate) fn image(&self) -> anyhow::Result<PathBuf> {
        match &self.image {
            Image::Given(image) => Ok(image.clone()),
            Image::ToBuild(recipe) => guest::build(ARCH, recipe),
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
    Embedded { why: String },
    Qemu { why: String, ground: Ground },
}

impl Chosen {
    pub(crate) const fn device(&self) -> Device {
        match self {
            Self::Embedded { .. } => Device::Embedded,
            Self::Qemu { .. } => Device::Qemu,
        }
    }

    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Embedded { why } | Self::Qemu { why, .. } => why,
        }
    }
}

/// Chooses: as `asked`, else QEMU where all that it needs is there.
pub(crate) fn choose(plan: &Plan, asked: Option<Device>) -> anyhow::Result<Chosen> {
    match wanted(asked, plan)? {
        Some(Device::Embedded) => Ok(Chosen::Embedded { why: "asked for".to_owned() }),
        asked => decide(asked, Ground::find(plan)),
    }
}

/// The device that the user wants: who names a QEMU or a guest image, wants QEMU.
fn wanted(asked: Option<Device>, plan: &Plan) -> anyhow::Result<Option<Device>> {
    let names_qemu = plan.qemu.is_some() || plan.image.is_some();
    match asked {
        Some(Device::Embedded) if names_qemu => bail!("--qemu and --guest say nothing to the embedded device"),
        None if names_qemu => Ok(Some(Device::Qemu)),
        asked => Ok(asked),
    }
}

/// Who asks for QEMU gets it or an error; nobody else has to have it.
fn decide(asked: Option<Device>, ground: anyhow::Result<Ground>) -> anyhow::Result<Chosen> {
    match (asked, ground) {
        (Some(_), ground) => {
            let ground = ground.context("a guest in QEMU cannot be had")?;
            Ok(Chosen::Qemu { why: format!("asked for; {}", ground.sentence()), ground })
        }
        (None, Ok(ground)) => Ok(Chosen::Qemu { why: ground.sentence(), ground }),
        (None, Err(error)) if interrupt::check().is_err() => Err(error),
        (None, Err(error)) => Ok(Chosen::Embedded { why: format!("a guest in QEMU cannot be had ({error:#})") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground() -> Ground {
        let qemu = Program { path: "/bin/qemu".into(), version: "QEMU emulator version 7.2".to_owned() };
        Ground { qemu, image: Image::Given("/guest".into()) }
    }

    #[test]
    fn qemu_is_taken_where_it_can_be_had_and_the_reason_is_said() {
        let chosen = decide(None, Ok(ground())).unwrap();
        assert_eq!(chosen.device(), Device::Qemu);
        assert_eq!(chosen.why(), "QEMU emulator version 7.2 is at /bin/qemu, and the guest image is /guest");
    }

    #[test]
    fn without_qemu_the_embedded_device_flies_and_the_reason_is_said() {
        let chosen = decide(None, Err(anyhow::anyhow!("QEMU was not found"))).unwrap();
        assert_eq!(chosen.device(), Device::Embedded);
        assert_eq!(chosen.why(), "a guest in QEMU cannot be had (QEMU was not found)");
    }

    #[test]
    fn who_names_a_qemu_wants_it() {
        let words =
            crate::cli::DemoArguments::from_words(&["--memory", "128", "--target", "64", "--qemu", "/bin/qemu"])
                .unwrap();
        let plan = Plan::new(&words).unwrap();
        assert_eq!(wanted(None, &plan).unwrap(), Some(Device::Qemu));
        assert!(wanted(Some(Device::Embedded), &plan).is_err());
        assert_eq!(wanted(Some(Device::Embedded), &Plan { qemu: None, ..plan }).unwrap(), Some(Device::Embedded));
    }

    #[test]
    fn who_asks_for_qemu_gets_it_or_an_error() {
        assert_eq!(decide(Some(Device::Qemu), Ok(ground())).unwrap().device(), Device::Qemu);
        let error = decide(Some(Device::Qemu), Err(anyhow::anyhow!("QEMU was not found"))).unwrap_err();
        assert_eq!(format!("{error:#}"), "a guest in QEMU cannot be had: QEMU was not found");
    }
}
