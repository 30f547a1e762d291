//! Errors in a description, with the place and advice.

use std::collections::BTreeSet;

use proc_macro2::{Span, TokenStream};

use crate::name::Name;

/// An error in a description.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The place of the error.
    pub span: Span,
    /// What is wrong, in one sentence.
    pub message: String,
    /// A related place, with a text about it.
    pub label: Option<(Span, String)>,
    /// How to fix the error.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Creates an error at `span`.
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), label: None, help: None }
    }

    /// Adds a related place.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.label = Some((span, text.into()));
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The message with the label and the help, for a place that only carries one text.
    fn full_message(&self) -> String {
        let mut message = self.message.clone();
        if let Some((_, label)) = &self.label {
            message.push_str(&format!("\nnote: {label}"));
        }
        if let Some(help) = &self.help {
            message.push_str(&format!("\nhelp: {help}"));
        }
        message
    }
}

/// The errors in a description. All of them are reported together.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
    /// The names that parts of the description may define which are missing from the syntax tree.
    skipped: BTreeSet<String>,
    /// The types of the other devices and modules.
    elsewhere: Vec<String>,
    /// The fields whose type is unknown. Their parts have names that start with that of the field.
    unresolved: Vec<String>,
}

impl Diagnostics {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty list for a part of a description, from whose syntax tree the definitions of these names may be missing.
    pub(crate) fn without<'a>(skipped: impl Iterator<Item = &'a str>) -> Self {
        Self { skipped: skipped.map(str::to_owned).collect(), ..Self::default() }
    }

    /// Sets the types of the other devices and modules, whose use is reported as such.
    pub(crate) fn with_types_elsewhere<'a>(self, types: impl Iterator<Item = &'a Name>) -> Self {
        Self { elsewhere: types.map(|name| name.text.clone()).collect(), ..self }
    }

    /// Returns whether another device or module defines the type.
    pub(crate) fn is_elsewhere(&self, name: &Name) -> bool {
        self.elsewhere.contains(&name.text)
    }

    /// Adds an error.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.all.push(diagnostic);
    }

    /// Adds a syntax error from `syn`.
    pub fn push_syntax(&mut self, error: syn::Error) {
        self.all.extend(error.into_iter().map(|error| Diagnostic::new(error.span(), error.to_string())));
    }

    /// Adds an error about an unknown name, unless a part of the description that was skipped may define the name, or a field whose type is
    /// unknown.
    pub(crate) fn push_unknown(&mut self, name: &Name, diagnostic: Diagnostic) {
        let is_part = |field: &String| name.text.strip_prefix(field).is_some_and(|part| part.starts_with('_'));
        if !self.skipped.contains(&name.text) && !self.unresolved.iter().any(is_part) {
            self.all.push(diagnostic);
        }
    }

    /// Adds a field whose type is unknown, so that the names of its parts are not reported.
    pub(crate) fn add_unresolved(&mut self, field: &Name) {
        self.unresolved.push(field.text.clone());
    }

    /// Returns whether a definition may be missing from the syntax tree.
    pub(crate) fn has_skipped(&self) -> bool {
        !self.skipped.is_empty()
    }

    /// Returns the number of errors.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Adds the errors of another list.
    pub(crate) fn append(&mut self, other: Self) {
        self.all.extend(other.all);
    }

    /// Returns whether there are no errors.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the errors in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.all.iter()
    }

    /// Returns compile errors at the tokens, for a description that is part of Rust source code.
    pub fn to_compile_errors(&self) -> TokenStream {
        let errors = self.all.iter().map(|error| syn::Error::new(error.span, error.full_message()));
        errors.map(syn::Error::into_compile_error).collect()
    }
}
