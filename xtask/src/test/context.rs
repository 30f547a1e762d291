//! What the steps share.

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    path::PathBuf,
};

use xtask_build::{guest, probe, toolchain::Recipe};
use xtask_common::arch::Arch;

use super::{scope::Scope, skipped::Skipped};

/// What to do with the numbers that are kept in the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Baseline {
    /// Compare new numbers with them.
    Compare,
    /// Replace them with new numbers.
    Write,
}

/// A test that the harness did not run, because its source says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ignored {
    pub(crate) name: String,
    pub(crate) reason: Option<String>,
}

/// What the steps share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) scope: Scope,
    pub(crate) baseline: Baseline,
    /// The architecture of the guests, except in the matrix.
    pub(crate) arch: Arch,
    recipes: HashMap<Arch, Recipe>,
    images: HashMap<Arch, PathBuf>,
    /// Tests that were skipped.
    pub(crate) skipped: Skipped,
    /// Tests that the harness did not run, because their source says so.
    pub(crate) ignored: Vec<Ignored>,
    /// The table of the matrix, once it has run.
    pub(crate) matrix: Option<String>,
}

impl Context {
    /// Creates a context in which nothing is built yet, except the guest for `arch` if its image is given.
    ///
    /// # Errors
    ///
    /// If a temporary folder cannot be created.
    pub(crate) fn new(scope: Scope, arch: Arch, image: Option<PathBuf>, baseline: Baseline) -> io::Result<Self> {
        let images = image.map(|image| (arch, image)).into_iter().collect();
        let skipped = Skipped::new()?;
        Ok(Self { scope, baseline, arch, recipes: HashMap::new(), images, skipped, ignored: Vec::new(), matrix: None })
    }

    /// Returns how to build for bare metal. The result is cached.
    pub(crate) fn recipe(&mut self, arch: Arch) -> anyhow::Result<Recipe> {
        Ok(match self.recipes.entry(arch) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(entry) => entry.insert(probe::recipe(arch.target())?).clone(),
        })
    }

    /// Returns the guest's image. It is built once.
    pub(crate) fn build_guest(&mut self, arch: Arch) -> anyhow::Result<PathBuf> {
        if let Some(image) = self.images.get(&arch) {
            return Ok(image.clone());
        }
        let image = guest::build(&self.recipe(arch)?, guest::RELEASE)?;
        self.images.insert(arch, image.clone());
        Ok(image)
    }
}
