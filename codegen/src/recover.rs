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
    /// The closing delimiters that were replaced or removed.
    pub(crate) mismatched: Vec<Unmatched>,
    /// The opening braces that were inserted behind the words of an item.
    pub(crate) unopened: Vec<Unmatched>,
}

/// What a group in braces contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Content {
    /// Items: the group belongs to a device or a module.
    Items,
    /// The parts of a request.
    Parts,
    /// Entries.
    Entries,
}

/// The words that start items, what the items contain, and what they are a part of. `None` is the top level.
const ITEMS: [(&str, Content, Option<Content>); 15] = [
    ("device", Content::Items, None),
    ("module", Content::Items, None),
    ("features", Content::Entries, Some(Content::Items)),
    ("queues", Content::Entries, Some(Content::Items)),
    ("config", Content::Entries, Some(Content::Items)),
    ("shared_memory", Content::Entries, Some(Content::Items)),
    ("registers", Content::Entries, Some(Content::Items)),
    ("packed", Content::Entries, Some(Content::Items)),
    ("struct", Content::Entries, Some(Content::Items)),
    ("enum", Content::Entries, Some(Content::Items)),
    ("bits", Content::Entries, Some(Content::Items)),
    ("const", Content::Entries, Some(Content::Items)),
    ("request", Content::Parts, Some(Content::Items)),
    ("readable", Content::Entries, Some(Content::Parts)),
    ("writable", Content::Entries, Some(Content::Parts)),
];

/// A group that is not closed yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    opening: Unmatched,
    content: Content,
    /// The indentation of the line.
    indent: usize,
    /// Whether a semicolon came after the opening delimiter: in brackets, the length follows.
    has_length: bool,
}

/// The words before the braces of an item.
#[derive(Clone, Copy, Debug)]
struct Header {
    keyword: &'static str,
    content: Content,
    /// The index of the line.
    line: usize,
    /// The number of words behind the keyword.
    words: usize,
}

/// How closing delimiters without a partner are repaired.
#[derive(Clone, Copy, Debug, Default)]
struct Policy {
    /// A delimiter at the start of a line that is indented more than the opening one is removed.
    trusts_indentation: bool,
    /// A delimiter that closes none of the open groups is removed. Otherwise it becomes that of the innermost one.
    removes: bool,
}

/// Repairs the delimiters. A group that was not closed is closed before an item that cannot be in it, before the closing delimiter of a
/// group around it, or at the end of the text. A closing delimiter without a partner becomes the right one, or is removed. A missing
/// opening brace is inserted behind the words of an item. Of several repairs, the one with the fewest changes is taken. Returns `None` if
/// a delimiter cannot be inserted.
pub(crate) fn close(text: &str) -> Option<Repaired> {
    let policies = [(true, false), (false, false), (true, true), (false, true)];
    let policies = policies.map(|(trusts_indentation, removes)| Policy { trusts_indentation, removes });
    let repairs = policies.into_iter().filter_map(|policy| Repair { policy, ..Repair::default() }.run(text));
    repairs.min_by_key(|repair| repair.unclosed.len() + repair.mismatched.len() + repair.unopened.len())
}

/// The state of a repair.
#[derive(Default)]
struct Repair {
    policy: Policy,
    lines: Vec<Vec<char>>,
    open: Vec<Open>,
    unclosed: Vec<Unmatched>,
    mismatched: Vec<Unmatched>,
    unopened: Vec<Unmatched>,
    /// The item that has started and whose braces have not come yet.
    next: Option<Header>,
}

impl Repair {
    fn run(mut self, text: &str) -> Option<Repaired> {
        self.lines = text.lines().map(|line| line.chars().collect()).collect();
        for number in 0..self.lines.len() {
            let code: Vec<char> = code(&self.lines.get(number)?.iter().collect::<String>()).chars().collect();
            let indent = code.iter().take_while(|character| character.is_whitespace()).count();
            let mut was_word = false;
            for (column, character) in code.iter().enumerate() {
                let is_part = is_word(*character);
                if is_part && !was_word {
                    let before = code.get(..column).unwrap_or_default();
                    let mut before = before.iter().rev().skip_while(|character| character.is_whitespace());
                    // A word after the length is a clause of the field.
                    let is_clause = column > indent && character.is_alphabetic();
                    if is_clause && before.next().is_some_and(|last| is_word(*last)) && !is_closed(code.get(column..)) {
                        self.close_length(number, column);
                    }
                    self.word(number, column, indent, &code)?;
                }
                was_word = is_part;
                let delimiter = Unmatched { line: number + 1, column, delimiter: *character };
                match character {
                    '{' | '[' | '(' => {
                        // An unknown word at the top level can only start a device or a module.
                        let unknown = if self.open.is_empty() { Content::Items } else { Content::Entries };
                        let content = self.next.take().map_or(unknown, |header| header.content);
                        self.open.push(Open { opening: delimiter, content, indent, has_length: false });
                    }
                    '}' | ']' | ')' => self.closing(number, indent, delimiter)?,
                    ':' | '=' => self.first_entry(number, column, indent, &code),
                    ',' if !is_closed(code.get(column + 1..)) => self.close_array(number, column),
                    ';' => {
                        self.next = None;
                        if let Some(open) = self.open.last_mut() {
                            open.has_length = true;
                        }
                    }
                    _ => {}
                }
            }
            self.end_of_header(number, indent);
        }
        let lines: Vec<String> = self.lines.iter().map(|line| line.iter().collect()).collect();
        let mut text = lines.join("\n");
        text.push('\n');
        while let Some(open) = self.open.pop() {
            text.push(partner(open.opening.delimiter)?);
            self.unclosed.push(open.opening);
        }
        Some(Repaired { text, unclosed: self.unclosed, mismatched: self.mismatched, unopened: self.unopened })
    }

    /// Opens the braces of an item whose first entry has come without them: before the name that is in front of a colon or an equals sign.
    fn first_entry(&mut self, number: usize, column: usize, indent: usize, code: &[char]) {
        let Some(header) = self.next.filter(|header| header.line == number) else { return };
        let has_name =
            !["features", "queues", "config", "shared_memory", "readable", "writable"].contains(&header.keyword);
        if header.words <= usize::from(has_name) {
            return;
        }
        let before = code.get(..column).unwrap_or_default();
        let end = before.iter().rposition(|character| is_word(*character)).map_or(0, |last| last + 1);
        let start = before.get(..end).and_then(|name| name.iter().rposition(|character| !is_word(*character)));
        if let Some(space) = start {
            self.open_braces(header, number, space, indent);
        }
    }

    /// Opens the braces of an item that has only its words in a line, if the next line does not continue them.
    fn end_of_header(&mut self, number: usize, indent: usize) {
        let Some(header) = self.next.filter(|header| header.line == number) else { return };
        let text = |line: &Vec<char>| code(&line.iter().collect::<String>()).trim().to_owned();
        let next = self.lines.iter().skip(number + 1).map(text).find(|line| !line.is_empty()).unwrap_or_default();
        if next.starts_with(['{', ' ']) || ["as ", "on ", "or "].iter().any(|word| next.starts_with(word)) {
            return;
        }
        let Some(line) = self.lines.get_mut(number) else { return };
        let end = code(&line.iter().collect::<String>()).trim_end().chars().count();
        if line.len() == end {
            line.push(' ');
        }
        self.open_braces(header, number, end, indent);
    }

    /// Replaces a space with the opening brace of an item.
    fn open_braces(&mut self, header: Header, number: usize, column: usize, indent: usize) {
        let place = self.lines.get_mut(number).and_then(|line| line.get_mut(column));
        let Some(place) = place.filter(|character| character.is_whitespace()) else { return };
        *place = '{';
        self.next = None;
        let opening = Unmatched { line: number + 1, column, delimiter: '{' };
        self.unopened.push(opening);
        self.open.push(Open { opening, content: header.content, indent, has_length: false });
    }

    /// Closes the groups that the item which starts with a word cannot be in.
    fn word(&mut self, number: usize, column: usize, indent: usize, code: &[char]) -> Option<()> {
        let word: String = code.iter().skip(column).take_while(|character| is_word(**character)).collect();
        let rest: String = code.iter().skip(column + word.len()).collect();
        if let Some(header) = &mut self.next {
            header.words += 1;
        }
        if word == "union" && self.next.is_none() && !is_entry(&rest) {
            self.next = Some(Header { keyword: "union", content: Content::Entries, line: number, words: 0 });
            return Some(());
        }
        let found = ITEMS.into_iter().find(|(item, ..)| *item == word);
        let Some((keyword, content, parent)) = found else { return Some(()) };
        let before: String = code.iter().take(column).collect();
        let can_start = starts_item(&word, &rest) && !before.trim_end().ends_with([':', '=', '.']);
        let pending = self.next.filter(|header| can_start && parent == Some(header.content));
        if let (Some(header), Some(space)) = (pending, column.checked_sub(1)) {
            self.open_braces(header, number, space, indent);
        }
        // In a list, an entry can have the name of an item. In the words of an item, a queue can.
        let is_between = self.next.is_none() && parent.is_some();
        let is_part = is_between && self.open.last().map(|open| open.content) == parent;
        let entries = self.open.last().filter(|open| open.content == Content::Entries);
        let is_item = match column == indent && entries.is_none_or(|open| open.indent >= indent) {
            _ if is_part => true,
            true => !is_entry(&rest),
            false => can_start,
        };
        if !is_item || parent == Some(Content::Parts) && self.open.iter().all(|open| open.content != Content::Parts) {
            return Some(());
        }
        let parent = if rest.trim_start().starts_with("reserved") { None } else { parent };
        let mut closing = String::new();
        while let Some(open) = self.open.pop_if(|open| parent.is_none_or(|parent| open.content > parent)) {
            closing.push(partner(open.opening.delimiter)?);
            self.unclosed.push(open.opening);
        }
        // `struct` after `packed` belongs to the same item. A constant has no braces.
        self.next = (keyword != "const").then_some(Header { keyword, content, line: number, words: 0 });
        self.insert(number, column, indent, &closing)
    }

    /// Closes brackets before a comma, which they cannot contain. The comma moves to the next place.
    fn close_array(&mut self, number: usize, column: usize) {
        let Some(open) = self.open.pop_if(|open| open.opening.delimiter == '[') else { return };
        self.unclosed.push(open.opening);
        if let Some(line) = self.lines.get_mut(number) {
            let is_space = line.get(column + 1).is_none_or(|next| next.is_whitespace());
            let end = if is_space { (column + 2).min(line.len()) } else { column + 1 };
            line.splice(column..end, "],".chars());
        }
    }

    /// Closes brackets with a length before a word, in place of the space before it.
    fn close_length(&mut self, number: usize, column: usize) {
        let Some(open) = self.open.pop_if(|open| open.opening.delimiter == '[' && open.has_length) else { return };
        self.unclosed.push(open.opening);
        let space = column.checked_sub(1).and_then(|at| self.lines.get_mut(number)?.get_mut(at));
        if let Some(space) = space {
            *space = ']';
        }
    }

    /// Closes the groups inside of the one that a closing delimiter closes.
    fn closing(&mut self, number: usize, indent: usize, closing: Unmatched) -> Option<()> {
        self.next = None;
        let column = closing.column;
        let is_partner = |open: &Open| partner(open.opening.delimiter) == Some(closing.delimiter);
        let Policy { trusts_indentation, removes } = self.policy;
        let is_indented = |open: &Open| trusts_indentation && column == indent && open.indent < indent;
        let has_partner = self.open.iter().any(is_partner);
        if self.open.last().is_none_or(is_indented) || removes && !has_partner {
            *self.lines.get_mut(number)?.get_mut(column)? = ' ';
            self.mismatched.push(closing);
            return Some(());
        }
        if !has_partner {
            let open = self.open.pop()?;
            *self.lines.get_mut(number)?.get_mut(column)? = partner(open.opening.delimiter)?;
            self.mismatched.push(closing);
            return Some(());
        }
        let mut inner = String::new();
        while let Some(open) = self.open.pop() {
            if is_partner(&open) {
                break;
            }
            inner.push(partner(open.opening.delimiter)?);
            self.unclosed.push(open.opening);
        }
        self.insert(number, column, indent, &inner)
    }

    /// Puts closing delimiters before a token. If it is the first of its line: at the end of the last line with code, on an empty line
    /// behind it, or in the indentation of the line. Otherwise, in place of the spaces before the token.
    fn insert(&mut self, number: usize, column: usize, indent: usize, closing: &str) -> Option<()> {
        if closing.is_empty() {
            return Some(());
        }
        if column == indent {
            let before = self.lines.get_mut(..number)?;
            let code = |line: &[char]| code(&line.iter().collect::<String>());
            let last = before.iter().rposition(|line| !code(line).trim().is_empty())?;
            let has_no_comment = |line: &&mut Vec<char>| code(line).chars().count() == line.len();
            if let Some(line) = before.iter_mut().skip(last).find(has_no_comment) {
                line.extend(closing.chars());
                return Some(());
            }
        }
        let line = self.lines.get_mut(number)?;
        let spaces = line.get_mut(column.checked_sub(closing.len())?..column)?;
        if spaces.iter().any(|character| !character.is_whitespace()) {
            return None;
        }
        for (space, delimiter) in spaces.iter_mut().zip(closing.chars()) {
            *space = delimiter;
        }
        Some(())
    }
}

/// Returns whether the rest of a line starts with the end of brackets.
fn is_closed(rest: Option<&[char]>) -> bool {
    rest.unwrap_or_default().iter().find(|character| "[]{},;".contains(**character)) == Some(&']')
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns whether what follows the word at the start of a line makes the word the name of an entry, such as `config: u8`,
/// `queues = 0` or `const,`.
fn is_entry(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with([':', '=', ',', '}', ';'])
}

/// Returns whether what follows a word can only be the rest of an item.
fn starts_item(word: &str, rest: &str) -> bool {
    let rest = rest.trim_start();
    let name: String = rest.chars().take_while(|character| is_word(*character)).collect();
    let after = rest.trim_start_matches(is_word).trim_start();
    match word {
        "features" => rest.starts_with('{') || name == "reserved",
        "queues" | "shared_memory" => rest.starts_with('{'),
        "config" | "readable" | "writable" => rest.starts_with('{') || rest.starts_with("as "),
        "packed" => name == "struct",
        "device" => !name.is_empty() && after.starts_with('='),
        "enum" | "bits" | "const" => !name.is_empty() && after.starts_with(':'),
        _ => !name.is_empty() && (after.starts_with('{') || after.starts_with("as ") || after.starts_with("on ")),
    }
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
mod tests;
