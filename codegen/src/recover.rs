//! Recovery from delimiters that do not match, which the lexer cannot get past.
//!
//! The repaired text has every token at its place in the original, so the errors in the rest of the description can be reported
//! too.

/// A delimiter without its partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unmatched {
    /// The number of the line, from 1.
    pub(crate) line: usize,
    /// The number of the character in the line, from 0.
    pub(crate) column: usize,
    /// The delimiter.
    pub(crate) delimiter: char,
}

/// A text with matching delimiters.
#[derive(Debug)]
pub(crate) struct Repaired {
    pub(crate) text: String,
    /// The opening delimiters that were closed.
    pub(crate) unclosed: Vec<Unmatched>,
}

/// The words that start an item on a line of their own. An item inside a list means that the list was not closed.
const ITEMS: [&str; 14] = [
    "device",
    "module",
    "features",
    "queues",
    "config",
    "shared_memory",
    "registers",
    "packed",
    "struct",
    "enum",
    "bits",
    "const",
    "request",
    "union",
];

/// Closes the delimiters that were not closed: before a line that starts an item and is not indented more than the line of the
/// opening delimiter, before a line that starts with the closing delimiter of a group around it, or at the end of the text. Returns
/// `None` if a closing delimiter has no partner, or if there is no place for the closing delimiter.
pub(crate) fn close(text: &str) -> Option<Repaired> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut open: Vec<(Unmatched, usize)> = Vec::new();
    let mut unclosed = Vec::new();
    for number in 0..lines.len() {
        let line = lines.get(number)?.clone();
        let indent = line.len() - line.trim_start().len();
        let first: String = line.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if ITEMS.contains(&first.as_str()) && !is_entry(&line, &first) {
            let mut closing = String::new();
            while let Some((unmatched, _)) = open.pop_if(|(_, opened)| *opened >= indent) {
                closing.push(partner(unmatched.delimiter)?);
                unclosed.push(unmatched);
            }
            insert(&mut lines, number, &closing)?;
        }
        let code = code(&line);
        for (column, character) in code.chars().enumerate() {
            match character {
                '{' | '[' | '(' => {
                    open.push((Unmatched { line: number + 1, column, delimiter: character }, indent));
                }
                '}' | ']' | ')' => {
                    let (mut unmatched, _) = open.pop()?;
                    let mut closing = String::new();
                    while partner(unmatched.delimiter) != Some(character) {
                        closing.push(partner(unmatched.delimiter)?);
                        unclosed.push(unmatched);
                        (unmatched, _) = open.pop()?;
                    }
                    if !closing.is_empty() && column != indent {
                        return None;
                    }
                    insert(&mut lines, number, &closing)?;
                }
                _ => {}
            }
        }
    }
    let mut text = lines.join("\n");
    text.push('\n');
    while let Some((unmatched, _)) = open.pop() {
        text.push(partner(unmatched.delimiter)?);
        unclosed.push(unmatched);
    }
    Some(Repaired { text, unclosed })
}

/// Returns whether the word at the start of the line is the name of an entry, such as `config: u8`, `queues = 0` or `const,`.
fn is_entry(line: &str, word: &str) -> bool {
    let rest = line.trim_start().strip_prefix(word).unwrap_or("").trim_start();
    rest.is_empty() || rest.starts_with([':', '=', ',', '}'])
}

/// Puts closing delimiters before a line: at the end of the last line with code, on an empty line behind it, or in the indentation of
/// the line.
fn insert(lines: &mut [String], number: usize, closing: &str) -> Option<()> {
    if closing.is_empty() {
        return Some(());
    }
    let before = lines.get_mut(..number)?;
    let last = before.iter().rposition(|line| !code(line).trim().is_empty())?;
    let has_no_comment = |line: &&mut String| code(line).chars().count() == line.chars().count();
    if let Some(line) = before.iter_mut().skip(last).find(has_no_comment) {
        line.push_str(closing);
        return Some(());
    }
    let line = lines.get_mut(number)?;
    let indent = line.len() - line.trim_start().len();
    (indent >= closing.len()).then(|| line.replace_range(..closing.len(), closing))
}

/// Returns the line with spaces in place of strings, characters and the comment at its end.
fn code(line: &str) -> String {
    let mut code = String::new();
    let mut characters = line.chars().peekable();
    let mut is_string = false;
    while let Some(character) = characters.next() {
        match character {
            '/' if !is_string && characters.peek() == Some(&'/') => break,
            '\\' if is_string => {
                code.push(' ');
                code.extend(characters.next().map(|_| ' '));
            }
            '"' => {
                is_string = !is_string;
                code.push(' ');
            }
            _ if is_string => code.push(' '),
            _ => code.push(character),
        }
    }
    code
}

fn partner(delimiter: char) -> Option<char> {
    Some(match delimiter {
        '{' => '}',
        '[' => ']',
        '(' => ')',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<(usize, usize)> {
        let repaired = close(text).expect("the text can be repaired");
        repaired.unclosed.iter().map(|unmatched| (unmatched.line, unmatched.column)).collect()
    }

    #[test]
    fn list_is_closed_before_the_next_item() {
        let text = "device lamp = 63 {\n    queues {\n        a = 0,\n    config { b: u8 read }\n}\n";
        assert_eq!(places(text), [(2, 11)]);
        assert_eq!(
            close(text).map(|repaired| repaired.text.lines().nth(2).map(str::to_owned)),
            Some(Some("        a = 0,}".into()))
        );
    }

    #[test]
    fn delimiters_in_comments_and_strings_do_not_count() {
        let text = "device lamp = 63 as \"{\\\"{\" { // {\n    queues { a = 0 } /// [\n";
        assert_eq!(places(text), [(1, 27)]);
    }

    #[test]
    fn entries_with_the_names_of_items_do_not_count() {
        let text =
            "module lamp {\n struct s {\n config: u8,\n enum: u8\n }\n enum e: u8 {\n const,\n struct = 2,\n }\n}\n";
        assert_eq!(places(text), []);
    }

    #[test]
    fn delimiter_that_does_not_match_cannot_be_repaired() {
        assert!(close("device lamp = 63 { ]\n").is_none());
        assert!(close("}\n").is_none());
    }
}
