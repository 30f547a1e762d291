//! The text of a description file.

/// A description file.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The path of the file, for messages.
    pub path: &'a str,
    /// The text of the file.
    pub text: &'a str,
}

impl Source<'_> {
    /// Returns a line of the text. Lines are numbered from 1.
    pub(crate) fn line(&self, number: usize) -> &str {
        self.text.lines().nth(number.saturating_sub(1)).unwrap_or("")
    }
}
