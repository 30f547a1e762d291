//! The page of the book that the numbers are on.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, bail};

use super::{plots, results::Results, tables::PARTS};
use crate::workspace;

/// Writes `results`, the page and its drawings into the book.
pub(super) fn publish(results: &Results) -> anyhow::Result<()> {
    let folder = folder();
    fs::create_dir_all(&folder)?;
    let mut files = vec![(page(), fill(&read()?, results)?), (kept(), json(results)?)];
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

fn page() -> PathBuf {
    workspace::root().join("docs/src/performance.md")
}

fn folder() -> PathBuf {
    workspace::root().join("docs/src/performance")
}

fn kept() -> PathBuf {
    folder().join("results.json")
}

fn read() -> anyhow::Result<String> {
    fs::read_to_string(page()).with_context(|| format!("{} cannot be read", page().display()))
}

/// The page with each part of it made anew: what stands between `<!-- begin: name -->` and `<!-- end: name -->`.
fn fill(page: &str, results: &Results) -> anyhow::Result<String> {
    let mut page = page.to_owned();
    for (name, part) in PARTS {
        let [begin, end] = ["begin", "end"].map(|edge| format!("<!-- {edge}: {name} -->\n"));
        let Some((before, (_, after))) =
            page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?)))
        else {
            bail!("the page lacks the lines {begin:?} and {end:?}, one after the other");
        };
        page = format!("{before}{begin}\n{}\n{end}{after}", part(results));
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_its_drawings_are_those_of_the_results_that_are_kept() {
        let results: Results = serde_json::from_str(&fs::read_to_string(kept()).unwrap()).unwrap();
        let again = "the page is made by `cargo xtask bench --from docs/src/performance/results.json --publish`";
        assert_eq!(read().unwrap(), fill(&read().unwrap(), &results).unwrap(), "{again}");
        for (name, drawing) in plots::all(&results).unwrap() {
            assert!(fs::read_to_string(folder().join(name)).unwrap() == drawing, "{name}: {again}");
        }
    }

    #[test]
    fn what_stands_outside_the_marks_is_left_as_it_is() {
        let marks: String =
            PARTS.iter().map(|(name, _)| format!("<!-- begin: {name} -->\nold\n<!-- end: {name} -->\n")).collect();
        let page = fill(&format!("# Title\n{marks}the end\n"), &Results::default()).unwrap();
        assert!(page.starts_with("# Title\n<!-- begin: ") && page.ends_with("-->\nthe end\n"), "{page}");
        assert!(!page.contains("\nold\n"), "{page}");
        assert_eq!(fill(&page, &Results::default()).unwrap(), page);
    }

    #[test]
    fn a_mark_that_is_missing_is_named() {
        let error = fill("# Title\n", &Results::default()).unwrap_err().to_string();
        assert!(error.contains("begin: machine"), "{error}");
    }
}
