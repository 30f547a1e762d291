//! Publishes results: in a page of the book and in the README.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use xtask_common::workspace;

use super::{
    json, plots,
    results::Results,
    summary::SUMMARY,
    tables::{PARTS, Part},
};

/// The texts, and the parts of each that are generated from results.
const TEXTS: [(&str, &[(&str, Part)]); 2] = [("docs/src/performance.md", &PARTS), ("README.md", &SUMMARY)];

/// Writes `results` with their page and plots to the book, and a summary to the README.
pub(crate) fn publish(results: &Results) -> anyhow::Result<()> {
    let folder = folder();
    fs::create_dir_all(&folder)?;
    let kept_text = json::pretty(results)?;
    // The file has fewer digits, and texts and plots are compared with it.
    let results: &Results = &serde_json::from_str(&kept_text)?;
    let mut files = vec![(kept(), kept_text)];
    for (name, parts) in TEXTS {
        let file = workspace::root().join(name);
        let text = fill(&read(&file)?, parts, results).with_context(|| format!("failed to update {name}"))?;
        files.push((file, text));
    }
    files.extend(plots::all(results)?.into_iter().map(|(name, plot)| (folder.join(name), plot)));
    for (file, text) in files {
        fs::write(&file, text).with_context(|| format!("failed to write {}", file.display()))?;
        eprintln!("Wrote {}.", file.display());
    }
    Ok(())
}

fn folder() -> PathBuf {
    workspace::root().join("docs/src/performance")
}

fn kept() -> PathBuf {
    folder().join("results.json")
}

fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))
}

/// Replaces each part of the text between `<!-- begin: name -->` and `<!-- end: name -->`.
fn fill(text: &str, parts: &[(&str, Part)], results: &Results) -> anyhow::Result<String> {
    let mut text = text.to_owned();
    for (name, part) in parts {
        let [begin, end] = ["begin", "end"].map(|edge| format!("<!-- {edge}: {name} -->\n"));
        let Some((before, (_, after))) =
            text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?)))
        else {
            bail!("the lines {begin:?} and {end:?} are missing");
        };
        text = format!("{before}{begin}\n{}\n{end}{after}", part(results));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_texts_and_plots_match_the_kept_results() {
        let results: Results = serde_json::from_str(&fs::read_to_string(kept()).unwrap()).unwrap();
        let again = "regenerate it with `cargo xtask bench --from docs/src/performance/results.json --publish`";
        for (name, parts) in TEXTS {
            let text = read(&workspace::root().join(name)).unwrap();
            assert_eq!(text, fill(&text, parts, &results).unwrap(), "{name}: {again}");
        }
        for (name, plot) in plots::all(&results).unwrap() {
            assert!(fs::read_to_string(folder().join(name)).unwrap() == plot, "{name}: {again}");
        }
    }

    #[test]
    fn text_outside_the_marks_is_not_changed() {
        let marks: String =
            PARTS.iter().map(|(name, _)| format!("<!-- begin: {name} -->\nold\n<!-- end: {name} -->\n")).collect();
        let page = fill(&format!("# Title\n{marks}the end\n"), &PARTS, &Results::default()).unwrap();
        assert!(page.starts_with("# Title\n<!-- begin: ") && page.ends_with("-->\nthe end\n"), "{page}");
        assert!(!page.contains("\nold\n"), "{page}");
        assert_eq!(fill(&page, &PARTS, &Results::default()).unwrap(), page);
    }

    #[test]
    fn a_missing_mark_is_named() {
        let error = fill("# Title\n", &PARTS, &Results::default()).unwrap_err().to_string();
        assert!(error.contains("begin: picture"), "{error}");
    }
}
