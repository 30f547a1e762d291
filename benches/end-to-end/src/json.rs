//! Readable JSON files.

use serde::Serialize;

/// Formats a value with each list of numbers on one line.
pub(crate) fn pretty(value: &impl Serialize) -> serde_json::Result<String> {
    // Twice, for lists of pairs.
    Ok(with_short_lists(&with_short_lists(&serde_json::to_string_pretty(value)?)) + "\n")
}

/// Joins the lines of lists whose elements are numbers, or lists that are on one line.
fn with_short_lists(json: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in json.lines() {
        let closes = line.trim_start().starts_with(']');
        let start = lines.iter().rposition(|line| line.ends_with('[')).filter(|_| closes);
        let is_short =
            |line: &String| line.trim_start().starts_with(|first: char| first == '[' || first.is_ascii_digit());
        match start {
            Some(start) if lines[start + 1..].iter().all(is_short) => {
                let elements: Vec<String> = lines.drain(start + 1..).map(|line| line.trim_start().to_owned()).collect();
                lines[start] += &(elements.join(" ") + line.trim_start());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_numbers_is_one_line() {
        let value = serde_json::json!({ "a": [1.5, 2.0], "b": [[1, 2], [3, 4]], "c": [{ "d": [] }, { "e": [5] }] });
        let text = pretty(&value).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        let expected = [
            "{",
            "\"a\": [1.5, 2.0],",
            "\"b\": [[1, 2], [3, 4]],",
            "\"c\": [",
            "{",
            "\"d\": []",
            "},",
            "{",
            "\"e\": [5]",
        ];
        assert_eq!(lines[..expected.len()], expected);
    }
}
