//! `cargo xtask guest`: builds the guest. Only the path of the image goes to standard output.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use xtask_build::{guest, probe};
use xtask_common::arch::Arch;

#[derive(Clone, Debug, Args)]
pub(crate) struct GuestArguments {
    /// Architecture of the guest
    #[arg(long, value_enum, default_value_t)]
    arch: Arch,
    /// Where to put a copy of the image
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn command(arguments: &GuestArguments) -> anyhow::Result<()> {
    let recipe = probe::recipe(arguments.arch.target())?;
    let mut image = guest::build(&recipe, guest::RELEASE)?;
    if let Some(out) = &arguments.out {
        fs::copy(&image, out).with_context(|| format!("failed to copy the image to {}", out.display()))?;
        image = out.clone();
    }
    println!("{}", std::path::absolute(&image)?.display());
    Ok(())
}
