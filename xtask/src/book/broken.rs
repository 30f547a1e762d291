//! Checks that the checks of the book find mistakes: each is made in a small repository that has none otherwise.

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};

use super::{
    build::{Tools, build},
    links::Scope,
};

/// The repository without a mistake.
const FILES: [(&str, &str); 8] = [
    ("README.md", "# Readme\n\n[book](docs/src/one.md#first-part), [licence](LICENSE)\n"),
    ("LICENSE", "\n"),
    ("docs/book.toml", "[book]\ntitle = \"A book\"\n"),
    ("docs/src/SUMMARY.md", "# Summary\n\n- [One](one.md)\n- [Two](two.md)\n"),
    (
        "docs/src/one.md",
        "# One\n\n## First part\n\n[two](two.md#the-end) ![picture](picture.svg)\n\n```rs\n{{#include ../../code.rs:part}}\n```\n",
    ),
    ("docs/src/two.md", "# Two\n\n## The end\n\n[here](#the-end)\n"),
    ("docs/src/picture.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n"),
    ("code.rs", "// ANCHOR: part\nfn part() {}\n// ANCHOR_END: part\n"),
];

/// A mistake: a text of a file that is replaced.
struct Mistake {
    what: &'static str,
    file: &'static str,
    text: &'static str,
    replacement: &'static str,
    /// A part of the error.
    named: &'static str,
}

const MISTAKES: [Mistake; 9] = [
    Mistake {
        what: "a link to a missing chapter",
        file: "docs/src/one.md",
        text: "two.md#the-end",
        replacement: "three.md",
        named: "three.html",
    },
    Mistake {
        what: "a link to a missing heading of another chapter",
        file: "docs/src/one.md",
        text: "#the-end",
        replacement: "#the-middle",
        named: "two.html#the-middle",
    },
    Mistake {
        what: "a link to a missing heading of the same chapter",
        file: "docs/src/two.md",
        text: "(#the-end)",
        replacement: "(#the-start)",
        named: "#the-start",
    },
    Mistake {
        what: "a missing image",
        file: "docs/src/one.md",
        text: "picture.svg",
        replacement: "photo.svg",
        named: "photo.svg",
    },
    Mistake {
        what: "a missing file of an include",
        file: "docs/src/one.md",
        text: "code.rs:part",
        replacement: "none.rs:part",
        named: "none.rs",
    },
    Mistake {
        what: "a missing anchor of an include",
        file: "docs/src/one.md",
        text: "code.rs:part",
        replacement: "code.rs:whole",
        named: "no anchor `whole`",
    },
    Mistake {
        what: "a chapter that is missing in the summary",
        file: "docs/src/SUMMARY.md",
        text: "- [Two](two.md)\n",
        replacement: "",
        named: "two.html",
    },
    Mistake {
        what: "a link of the README to a missing file",
        file: "README.md",
        text: "(LICENSE)",
        replacement: "(LICENCE)",
        named: "LICENCE",
    },
    Mistake {
        what: "a link of the README to a missing heading",
        file: "README.md",
        text: "#first-part",
        replacement: "#second-part",
        named: "one.md#second-part",
    },
];

pub(super) fn check(tools: &Tools) -> anyhow::Result<()> {
    errors(tools, None)?.map_or(Ok(()), |error| Err(error).context("a book without a mistake is rejected"))?;
    for mistake in &MISTAKES {
        let what = mistake.what;
        let error = errors(tools, Some(mistake))?.with_context(|| format!("{what} is not found"))?;
        ensure!(error.to_string().contains(mistake.named), "{what} is not named in the error: {error}");
    }
    Ok(())
}

/// Builds the book with a mistake, and returns the error.
fn errors(tools: &Tools, mistake: Option<&Mistake>) -> anyhow::Result<Option<anyhow::Error>> {
    let folder = tempfile::tempdir()?;
    for (file, text) in FILES {
        let text = match mistake {
            Some(mistake) if mistake.file == file => text.replace(mistake.text, mistake.replacement),
            _ => text.to_owned(),
        };
        write(&folder.path().join(file), &text)?;
    }
    let out = tempfile::tempdir()?;
    Ok(build(tools, folder.path(), out.path(), Scope::Local).err())
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(file, text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_changes_its_file() {
        for Mistake { what, file, text, .. } in MISTAKES {
            assert!(FILES.iter().any(|(name, content)| *name == file && content.contains(text)), "{what}");
        }
    }
}
