//! `cargo xtask book`: builds the book.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, ensure};
use clap::Args;
use xtask_common::{process::run, workspace};

/// The time limit of mdBook.
const LIMIT: Duration = Duration::from_secs(120);

#[derive(Clone, Debug, Args)]
pub(crate) struct BookArguments {
    /// The folder for the HTML files [default: target/book]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(crate) fn command(arguments: &BookArguments) -> anyhow::Result<()> {
    let mdbook = workspace::which("mdbook").context("mdbook is not in PATH\nhelp: cargo install mdbook")?;
    let out = match &arguments.out {
        // mdBook resolves a relative path against the folder of the book.
        Some(out) => std::path::absolute(out)?,
        None => workspace::target_dir().join("book"),
    };
    let mut command = Command::new(mdbook);
    command.arg("build").arg(workspace::root().join("docs")).arg("--dest-dir").arg(&out);
    let status = run::lines(&mut command, LIMIT, |line| eprintln!("{line}"))?;
    ensure!(status.success(), "failed to build the book: mdbook ended with {status}");
    println!("{}", out.join("index.html").display());
    Ok(())
}
