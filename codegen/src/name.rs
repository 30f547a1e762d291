//! Names in a description, and the Rust and C names made from them.

use proc_macro2::Span;

/// A name in a description, in `snake_case`.
#[derive(Clone, Debug)]
pub struct Name {
    /// The text of the name.
    pub text: String,
    /// The place of the name.
    pub span: Span,
}

impl Name {
    /// The name of an item without a valid name. It is not compared with other names.
    pub(crate) fn missing(span: Span) -> Self {
        Self { text: String::new(), span }
    }

    /// Returns whether the item has no valid name.
    pub(crate) fn is_missing(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns the name of the Rust type: `free_page_hint` becomes `FreePageHint`.
    pub fn camel(&self) -> String {
        let mut camel = String::with_capacity(self.text.len());
        for word in self.text.split('_') {
            let mut letters = word.chars();
            camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            camel.push_str(letters.as_str());
        }
        camel
    }

    /// Returns the name of the Rust constant, which is also the last part of the C name: `stats_vq` becomes `STATS_VQ`.
    pub fn upper(&self) -> String {
        self.text.to_ascii_uppercase()
    }
}

/// The names that an item has in C, for instance in Linux's headers and in the text of the specification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CNames(pub Vec<String>);

impl CNames {
    /// A single name.
    pub(crate) fn one(name: String) -> Self {
        Self(vec![name])
    }

    /// Returns the first name.
    pub fn first(&self) -> Option<&str> {
        self.0.first().map(String::as_str)
    }

    /// Returns all names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns the names behind another one.
    pub(crate) fn with_first(&self, first: &str) -> Self {
        Self([first].into_iter().chain(self.iter()).map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name { text: text.into(), span: Span::call_site() }
    }

    #[test]
    fn camel_case_joins_words() {
        assert_eq!(name("free_page_hint_cmd_id").camel(), "FreePageHintCmdId");
        assert_eq!(name("version_1").camel(), "Version1");
        assert_eq!(name("mac").camel(), "Mac");
    }

    #[test]
    fn upper_case_keeps_underscores() {
        assert_eq!(name("stats_vq").upper(), "STATS_VQ");
    }
}
