//! One annotation: the comment line that starts with `conformance:`.

use anyhow::{bail, ensure};

use crate::requirement::is_id;

/// The start of an annotation.
const START: &str = "// conformance:";

/// The word before the ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Construct,
    Deviation,
}

/// An annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Annotation {
    pub(crate) word: Option<Word>,
    pub(crate) ids: Vec<String>,
    /// The text after the ids.
    pub(crate) note: Option<String>,
}

impl Annotation {
    /// Parses a line of code. Returns `None` if it is not an annotation.
    ///
    /// # Errors
    ///
    /// If the word or an id does not have the right form, or a deviation has no reason.
    pub(crate) fn parse(line: &str) -> anyhow::Result<Option<Self>> {
        let Some(text) = line.trim().strip_prefix(START) else { return Ok(None) };
        let (names, note) = match text.split_once(": ") {
            Some((names, note)) => (names.trim(), Some(note.trim().to_owned())),
            None => (text.trim(), None),
        };
        let (word, ids) = match names.split_once(' ') {
            Some(("construct", ids)) => (Some(Word::Construct), ids),
            Some(("deviation", ids)) => (Some(Word::Deviation), ids),
            _ => (None, names),
        };
        let ids: Vec<String> = ids.split(',').map(|id| id.trim().to_owned()).collect();
        for id in &ids {
            ensure!(is_id(id), "`{id}` is not an id such as `balloon.op.2`");
        }
        if word == Some(Word::Deviation) && note.is_none() {
            bail!("a deviation needs a reason: `// conformance: deviation {}: REASON`", ids.join(", "));
        }
        Ok(Some(Self { word, ids, note }))
    }

    /// Appends the text of a comment line below to the note. Returns `false` if there is no note to continue.
    pub(crate) fn continue_with(&mut self, comment: &str) -> bool {
        match &mut self.note {
            Some(note) => {
                *note = format!("{note} {}", comment.trim());
                true
            }
            None => false,
        }
    }
}

/// Returns whether a line is an annotation.
pub(crate) fn is_annotation(line: &str) -> bool {
    line.trim().starts_with(START)
}

/// Returns whether a line misspells the start of an annotation, for instance as a documentation comment.
pub(crate) fn is_misspelt(line: &str) -> bool {
    let Some(comment) = line.trim().strip_prefix("//") else { return false };
    let text = comment.trim_start_matches(['/', '!', ' ']);
    let start = text.get(..START.len() - 3).is_some_and(|start| start.eq_ignore_ascii_case(&START[3..]));
    start && !is_annotation(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Annotation {
        Annotation::parse(line).unwrap().unwrap()
    }

    #[test]
    fn an_annotation_has_a_word_ids_and_a_note() {
        let test = parse("    // conformance: a.b.1, a.c-d.20");
        assert_eq!((test.word, test.ids, test.note), (None, vec!["a.b.1".into(), "a.c-d.20".into()], None));
        let construct = parse("// conformance: construct a.b.1: only here: `x`");
        assert_eq!((construct.word, construct.ids.len()), (Some(Word::Construct), 1));
        assert_eq!(construct.note.as_deref(), Some("only here: `x`"));
        assert_eq!(Annotation::parse("// a comment about conformance: none").unwrap(), None);
    }

    #[test]
    fn a_note_continues_below() {
        let mut annotation = parse("// conformance: construct a.b.1: only");
        assert!(annotation.continue_with(" here"));
        assert_eq!(annotation.note.as_deref(), Some("only here"));
        assert!(!parse("// conformance: a.b.1").continue_with("more"));
    }

    #[test]
    fn malformed_annotations_are_errors() {
        for (line, expected) in [
            ("// conformance:", "`` is not an id"),
            ("// conformance: a.b.1 a.b.2", "`a.b.1 a.b.2` is not an id"),
            ("// conformance: proof a.b.1", "`proof a.b.1` is not an id"),
            ("// conformance: deviation a.b.1", "a deviation needs a reason"),
        ] {
            let message = Annotation::parse(line).unwrap_err().to_string();
            assert!(message.contains(expected), "{line}: {message}");
        }
    }

    #[test]
    fn other_comments_with_the_word_are_misspelt() {
        for line in ["/// conformance: a.b.1", "//! Conformance: a.b.1", "//conformance: a.b.1"] {
            assert!(is_misspelt(line), "{line}");
        }
        for line in ["// conformance: a.b.1", "// of conformance: none", "let conformance: u8 = 0;"] {
            assert!(!is_misspelt(line), "{line}");
        }
    }
}
