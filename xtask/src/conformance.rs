//! `cargo xtask conformance`: generates the conformance page of the book.

use xtask_common::workspace;
use xtask_conformance::{PAGE, Repository};

pub(crate) fn command() -> anyhow::Result<()> {
    Repository::read(&workspace::root())?.write_page()?;
    println!("{}", workspace::root().join(PAGE).display());
    Ok(())
}
