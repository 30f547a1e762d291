//! `cargo xtask book`: builds the book, and checks links and includes.

mod broken;
mod build;
#[cfg(test)]
mod highlight;
mod includes;
mod links;
mod mdbook;

use std::path::PathBuf;

use clap::Args;
use xtask_common::workspace;

use self::{
    build::{Tools, build},
    links::Scope,
};

#[derive(Clone, Debug, Args)]
pub(crate) struct BookArguments {
    /// The folder for the HTML files [default: target/book]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Also check the links to other sites, which needs a network
    #[arg(long)]
    external: bool,
}

pub(crate) fn command(arguments: &BookArguments) -> anyhow::Result<()> {
    let out = match &arguments.out {
        // mdBook resolves a relative path against the folder of the book.
        Some(out) => std::path::absolute(out)?,
        None => default_out(),
    };
    let scope = if arguments.external { Scope::Everywhere } else { Scope::Local };
    let built = build(&Tools::find_or_install()?, &workspace::root(), &out, scope);
    println!("{}", out.join("index.html").display());
    built
}

/// Builds the book and checks it, as a step of the tests.
pub(crate) fn check() -> anyhow::Result<()> {
    build(&Tools::find_or_install()?, &workspace::root(), &default_out(), Scope::Local)
}

/// Checks that each kind of mistake in a book is found.
pub(crate) fn check_broken_books() -> anyhow::Result<()> {
    broken::check(&Tools::find_or_install()?)
}

fn default_out() -> PathBuf {
    workspace::target_dir().join("book")
}
