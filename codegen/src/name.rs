//! Names of a description and the names that are made from them.

use proc_macro2::Span;

/// A name as written in a description, in `snake_case`.
#[derive(Clone, Debug)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Where it is written.
    pub span: Span,
}

impl Name {
    /// The name of the Rust type: `free_page_hint` makes `FreePageHint`.
    pub fn camel(&self) -> String {
        let mut camel = String::with_capacity(self.text.len());
        for piece in self.text.split('_') {
            let mut letters = piece.chars();
            camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            camel.push_str(letters.as_str());
        }
        camel
    }

    /// The name of the Rust constant, and the last part of the C name: `stats_vq` makes `STATS_VQ`.
    pub fn upper(&self) -> String {
        self.text.to_ascii_uppercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name { text: text.into(), span: Span::call_site() }
    }

    #[test]
    fn camel_case_joins_the_pieces() {
        assert_eq!(name("free_page_hint_cmd_id").camel(), "FreePageHintCmdId");
        assert_eq!(name("version_1").camel(), "Version1");
        assert_eq!(name("mac").camel(), "Mac");
    }

    #[test]
    fn upper_case_keeps_the_underscores() {
        assert_eq!(name("stats_vq").upper(), "STATS_VQ");
    }
}
