//! Mistakes in a description: what is wrong, where, and what to do.

use proc_macro2::{Span, TokenStream};

use crate::source::Source;

/// One mistake in a description.
#[derive(Clone, Debug)]
pub struct Mistake {
    /// Where it is.
    pub span: Span,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Another place that explains the mistake, with what is there.
    pub other: Option<(Span, String)>,
    /// What to do.
    pub help: Option<String>,
}

impl Mistake {
    /// A mistake at `span`.
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), other: None, help: None }
    }

    /// The same mistake, with another place that explains it.
    #[must_use]
    pub fn see(mut self, span: Span, label: impl Into<String>) -> Self {
        self.other = Some((span, label.into()));
        self
    }

    /// The same mistake, with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The mistakes of a description, collected so that all are reported in one go.
#[derive(Clone, Debug, Default)]
pub struct Mistakes {
    all: Vec<Mistake>,
    unread: bool,
}

impl Mistakes {
    /// No mistakes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, mistake: Mistake) {
        self.all.push(mistake);
    }

    /// Adds what `syn` found wrong.
    pub fn push_syntax(&mut self, error: syn::Error) {
        self.unread = true;
        self.all.extend(error.into_iter().map(|error| Mistake::new(error.span(), error.to_string())));
    }

    /// Whether something could not be read, so that what was read is not all that is there.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.unread
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The mistakes in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.all.iter()
    }

    /// Compile errors at the tokens themselves, for a description that is part of the Rust source.
    pub fn to_compile_errors(&self) -> TokenStream {
        self.all
            .iter()
            .map(|mistake| {
                let mut message = mistake.message.clone();
                if let Some((_, label)) = &mistake.other {
                    message.push_str(&format!("\nnote: {label}"));
                }
                if let Some(help) = &mistake.help {
                    message.push_str(&format!("\nhelp: {help}"));
                }
                syn::Error::new(mistake.span, message).to_compile_error()
            })
            .collect()
    }

    /// One text for each mistake, in the order of the file, each with its place and the line it is in.
    pub fn render(&self, source: &Source) -> Vec<String> {
        let mut sorted: Vec<&Mistake> = self.all.iter().collect();
        sorted.sort_by_key(|mistake| {
            let start = mistake.span.start();
            (start.line, start.column)
        });
        sorted.into_iter().map(|mistake| source.render(mistake)).collect()
    }
}
