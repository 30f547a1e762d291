//! The paths that the items of a module refer to.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, ImplItemFn, Item, ItemUse, Macro, Path, Visibility,
    visit::{self, Visit},
};

use super::modules::{Import, attributes, imports, is_test};

/// A path in the source code.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// Returns the paths with at least two segments in `items`, and the paths of `use` declarations.
pub(crate) fn references(items: &[Item]) -> Vec<Reference> {
    let mut collector = Collector::default();
    items.iter().for_each(|item| collector.visit_item(item));
    collector.found
}

#[derive(Default)]
struct Collector {
    found: Vec<Reference>,
}

impl Collector {
    fn add(&mut self, path: Vec<String>, line: usize) {
        self.found.push(Reference { path, line });
    }

    /// Finds paths in the arguments of a macro. These have no syntax tree, so only paths from `crate`, `self` and `super` are
    /// recognized. A path from `$crate` belongs to the crate that uses the macro's output, so it does not count.
    fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Punct(dollar) if dollar.as_char() == '$' => {
                    at += usize::from(matches!(tokens.get(at), Some(TokenTree::Ident(_))));
                }
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Ident(ident) if ["crate", "self", "super"].contains(&ident.to_string().as_str()) => {
                    let mut path = vec![ident.to_string()];
                    while let [TokenTree::Punct(first), TokenTree::Punct(second), TokenTree::Ident(next), ..] =
                        &tokens[at..]
                        && (first.as_char(), second.as_char()) == (':', ':')
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.add(path, ident.span().start().line);
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let line = item.use_token.span.start().line;
        for import in imports(&item.tree) {
            let (Import::Name(path, _) | Import::Glob(path)) = import;
            self.add(path, line);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let line = path.segments[0].ident.span().start().line;
            self.add(path.segments.iter().map(|segment| segment.ident.to_string()).collect(), line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        visit::visit_macro(self, invocation);
        self.scan(invocation.tokens.clone());
    }

    // The paths of `pub(in path)` and of attributes are not imports.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}
