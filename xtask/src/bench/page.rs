//! The texts that the numbers are in: their page of the book, and the README.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use super::{
    plots,
    results::Results,
    summary::SUMMARY,
    tables::{PARTS, Part},
};
use crate::workspace;

/// The texts, and what in each of them is made of the numbers.
const TEXTS: [(&str, &[(&str, Part)]); 2] = [("docs/src/performance.md", &PARTS), ("README.md", &SUMMARY)];

/// Writes `results`, their page and its drawings into the book, and the README.
pub(super) fn publish(results: &Results) -> anyhow::Result<()> {
    let folder = folder();
    fs::create_dir_all(&folder)?;
    let mut files = vec![(kept(), json(results)?)];
    for (name, parts) in TEXTS {
        let file = workspace::root().join(name);
        let text = fill(&read(&file)?, parts, results).with_context(|| format!("{name} cannot be filled in"))?;
        files.push((file, text));
    }
    files.extend(plots::all(results)?.into_iter().map(|(name, drawing)| (folder.join(name), drawing)));
    for (file, text) in files {
        fs::write(&file, text).with_context(|| format!("{} could not be written", file.display()))?;
        eprintln!("Wrote {}.", file.display());
    }
    Ok(())
}

/// The results as they are kept.
pub(super) fn json(results: &Results) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(results)? + "\n")
}

fn folder() -> PathBuf {
    workspace::root().join("docs/src/performance")
}

fn kept() -> PathBuf {
    folder().join("results.json")
}

fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// The text with each of the parts made anew: what stands between `<!-- begin: name -->` and `<!-- end: name -->`.
fn fill(text: &str, parts: &[(&str, Part)], results: &Results) -> anyhow::Result<String> {
    let mut text = text.to_owned();
    for (name, part) in parts {
        let [begin, end] = ["begin", "end"].map(|edge| format!("<!-- {edge}: {name} -->\n"));
        let Some((before, (_, after))) =
            text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?)))
        else {
            bail!("it lacks the lines {begin:?} and {end:?}, one after the other");
        };
        text = format!("{before}{begin}\n{}\n{end}{after}", part(results));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_drawings_are_those_of_the_results_that_are_kept() {
        let results: Results = serde_json::from_str(&fs::read_to_string(kept()).unwrap()).unwrap();
        let again = "it is made by `cargo xtask bench --from docs/src/performance/results.json --publish`";
        for (name, parts) in TEXTS {
            let text = read(&workspace::root().join(name)).unwrap();
            assert_eq!(text, fill(&text, parts, &results).unwrap(), "{name}: {again}");
        }
        for (name, drawing) in plots::all(&results).unwrap() {
            assert!(fs::read_to_string(folder().join(name)).unwrap() == drawing, "{name}: {again}");
        }
    }

    #[test]
    fn what_stands_outside_the_marks_is_left_as_it_is() {
        let marks: String =
            PARTS.iter().map(|(name, _)| format!("<!-- begin: {name} -->\nold\n<!-- end: {name} -->\n")).collect();
        let page = fill(&format!("# Title\n{marks}the end\n"), &PARTS, &Results::default()).unwrap();
        assert!(page.starts_with("# Title\n<!-- begin: ") && page.ends_with("-->\nthe end\n"), "{page}");
        assert!(!page.contains("\nold\n"), "{page}");
        assert_eq!(fill(&page, &PARTS, &Results::default()).unwrap(), page);
    }

    #[test]
    fn a_mark_that_is_missing_is_named() {
        let error = fill("# Title\n", &PARTS, &Results::default()).unwrap_err().to_string();
        assert!(error.contains("begin: machine"), "{error}");
    }
}
