//! The glue of each example is at most 60 lines, with at most two `unsafe` expressions.

use std::fs;
use std::path::Path;

/// Returns the lines of code between the marks, without comments and empty lines.
fn glue(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim).skip_while(|line| *line != "// glue: begin");
    let lines = lines.take_while(|line| *line != "// glue: end");
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).collect()
}

#[test]
fn an_example_takes_at_most_60_lines_of_glue_and_two_promises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut examples = 0;
    for file in files.filter(|file| file.extension().is_some_and(|it| it == "rs")) {
        let text = fs::read_to_string(&file).unwrap();
        let glue = glue(&text);
        let (lines, promises) = (glue.len(), glue.iter().filter(|line| line.contains("unsafe")).count());
        println!("{}: {lines}, {promises} unsafe", file.display());
        assert!((10..=60).contains(&lines), "{}: {lines} lines", file.display());
        assert!((1..=2).contains(&promises), "{}: {promises} unsafe", file.display());
        examples += 1;
    }
    assert_eq!(examples, 5);
}
