//! Builds the book and collects what is broken.

use std::path::{Path, PathBuf};

use anyhow::bail;

use super::{
    includes,
    links::{self, Scope},
    mdbook,
};
use crate::tools::{LYCHEE, MDBOOK};

/// The programs that build and check the book.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    mdbook: PathBuf,
    lychee: PathBuf,
}

impl Tools {
    pub(super) fn find_or_install() -> anyhow::Result<Self> {
        Ok(Self { mdbook: MDBOOK.find_or_install()?, lychee: LYCHEE.find_or_install()? })
    }
}

/// Builds the book of the repository in `root` into the folder `out`, and checks it and the other Markdown files.
///
/// # Errors
///
/// With everything that is broken.
pub(super) fn build(tools: &Tools, root: &Path, out: &Path, scope: Scope) -> anyhow::Result<()> {
    let mut problems = includes::problems(&root.join("docs/src"))?;
    problems.extend(mdbook::build(&tools.mdbook, &root.join("docs"), out)?);
    problems.extend(links::problems(&tools.lychee, root, out, scope)?);
    if !problems.is_empty() {
        bail!("the book is broken:\n  {}", problems.join("\n  "));
    }
    Ok(())
}
