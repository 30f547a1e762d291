//! Errors in a description, with the place and advice.

use proc_macro2::{Span, TokenStream};

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
    has_syntax_errors: bool,
}

impl Diagnostics {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.all.push(diagnostic);
    }

    /// Adds errors.
    pub(crate) fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.all.extend(diagnostics);
    }

    /// Adds a syntax error from `syn`.
    pub fn push_syntax(&mut self, error: syn::Error) {
        self.has_syntax_errors = true;
        self.all.extend(error.into_iter().map(|error| Diagnostic::new(error.span(), error.to_string())));
    }

    /// Says that parts of the description may be missing from the syntax tree.
    pub(crate) fn set_incomplete(&mut self) {
        self.has_syntax_errors = true;
    }

    /// Returns whether parts of the description are missing from the syntax tree because of syntax errors.
    pub(crate) fn has_syntax_errors(&self) -> bool {
        self.has_syntax_errors
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
