//! Rewrites a source file so that it contains its mutants, each enabled by `__mutant(number)` at run time.

use std::collections::{BTreeSet, HashMap};

use proc_macro2::{LineColumn, Span};
use syn::{
    BinOp, Block, Expr, Pat, PatGuard, Signature, UnOp,
    spanned::Spanned as _,
    visit::{self, Visit},
};

use crate::list::{Genre, Mutant, Position};

/// A rewritten file.
#[derive(Debug, Default)]
pub(crate) struct Rewritten {
    pub(crate) text: String,
    /// What was inserted: the bytes of `text`, and the mutants that they belong to.
    pub(crate) pieces: Vec<Part>,
    /// The expressions whose operators have mutants, as `pieces`.
    pub(crate) expressions: Vec<Part>,
    /// The mutants that the file contains.
    pub(crate) mutants: BTreeSet<usize>,
    /// Mutants that are not valid Rust: `||` in a chain of `let`.
    pub(crate) unviable: Vec<usize>,
}

/// Bytes of a rewritten file that belong to mutants.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) mutants: Vec<usize>,
}

/// Rewrites a file.
///
/// Functions are no longer `const`, except those whose names are in `kept`: constants use them, and constants cannot depend on what is
/// chosen at run time. These functions have no mutants.
///
/// # Errors
///
/// If the file cannot be parsed.
pub(crate) fn rewrite(
    source: &str,
    mutants: &[(usize, &Mutant)],
    switch: &str,
    kept: &BTreeSet<String>,
) -> syn::Result<Rewritten> {
    let lines: Vec<usize> = std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let mut visitor = Visitor {
        source,
        lines,
        wanted: HashMap::new(),
        edits: Vec::new(),
        expressions: Vec::new(),
        unviable: Vec::new(),
        switch,
        kept,
        order: 0,
        in_constant: false,
    };
    for &(number, mutant) in mutants {
        let at = |position: Position| visitor.offset(position.line, position.column - 1);
        let place = (at(mutant.span.start), at(mutant.span.end), mutant.genre);
        visitor.wanted.entry(place).or_default().push((number, mutant.replacement.clone()));
    }
    visitor.visit_file(&syn::parse_file(source)?);
    Ok(visitor.finish())
}

/// A change of the text.
struct Edit {
    start: usize,
    end: usize,
    kind: Kind,
    /// Order among insertions of the same kind at the same place.
    order: i64,
    text: String,
    mutants: Vec<usize>,
}

/// In the order in which they are applied at the same place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Inserted after an expression; after an inner one first.
    After,
    /// Inserted before an expression; before an outer one first.
    Before,
    Replace,
}

struct Visitor<'a> {
    source: &'a str,
    /// The start of each line.
    lines: Vec<usize>,
    /// The mutants of each place, and what they replace it by.
    wanted: HashMap<(usize, usize, Genre), Vec<(usize, String)>>,
    edits: Vec<Edit>,
    expressions: Vec<(usize, usize, Vec<usize>)>,
    unviable: Vec<usize>,
    /// The path of the function that tells whether a mutant is enabled.
    switch: &'a str,
    kept: &'a BTreeSet<String>,
    order: i64,
    in_constant: bool,
}

impl Visitor<'_> {
    fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.lines[line - 1];
        self.source[start..].char_indices().nth(column).map_or(self.source.len(), |(at, _)| start + at)
    }

    fn at(&self, position: LineColumn) -> usize {
        self.offset(position.line, position.column)
    }

    fn place(&self, span: Span) -> (usize, usize) {
        (self.at(span.start()), self.at(span.end()))
    }

    fn mutants(&self, (start, end): (usize, usize), genre: Genre) -> Vec<(usize, String)> {
        let found = self.wanted.get(&(start, end, genre)).filter(|_| !self.in_constant);
        found.cloned().unwrap_or_default()
    }

    fn is_enabled(&self, mutant: usize) -> String {
        format!("{}::__mutant({mutant})", self.switch)
    }

    fn next(&mut self) -> i64 {
        self.order += 1;
        self.order
    }

    fn edit(&mut self, kind: Kind, place: (usize, usize), order: i64, text: impl Into<String>, mutants: &[usize]) {
        let (start, end) = place;
        self.edits.push(Edit { start, end, kind, order, text: text.into(), mutants: mutants.to_vec() });
    }

    /// Replaces the body of a function by each value. Returns whether the outer function is a constant.
    fn function(&mut self, signature: &Signature, block: &Block) -> bool {
        let outer = self.in_constant;
        self.in_constant = signature.constness.is_some() && self.kept.contains(&signature.ident.to_string());
        if let Some(constness) = signature.constness.filter(|_| !self.in_constant) {
            let order = self.next();
            self.edit(Kind::Replace, self.place(constness.span), order, "", &[]);
        }
        if let (Some(first), Some(last)) = (block.stmts.first(), block.stmts.last()) {
            let body = (self.at(first.span().start()), self.at(last.span().end()));
            let open = self.at(block.brace_token.span.open().end());
            for (mutant, value) in self.mutants(body, Genre::FnValue) {
                let (order, is_enabled) = (self.next(), self.is_enabled(mutant));
                let text = format!(" if {is_enabled} {{ return {value}; }} ");
                self.edit(Kind::Before, (open, open), order, text, &[mutant]);
            }
        }
        outer
    }

    /// Wraps an expression: `before`, the operator replaced by `between`, and `after`.
    fn wrap(
        &mut self,
        whole: (usize, usize),
        operator: (usize, usize),
        mutants: &[usize],
        [before, between, after]: [&str; 3],
    ) {
        let order = self.next();
        if !before.is_empty() {
            self.edit(Kind::Before, (whole.0, whole.0), order, before, mutants);
        }
        self.edit(Kind::Replace, operator, order, between, mutants);
        self.edit(Kind::After, (whole.1, whole.1), -order, after, mutants);
        self.expressions.push((whole.0, whole.1, mutants.to_vec()));
    }

    /// Returns a chain of `if` that applies the operator of the enabled mutant, or the one of the source.
    fn choose(&self, mutants: &[(usize, String)], left: &str, operator: &str, right: &str) -> String {
        let mutated = mutants.iter().map(|(mutant, replacement)| {
            format!("if {} {{ {left} {replacement} {right} }} else ", self.is_enabled(*mutant))
        });
        mutated.collect::<String>() + &format!("{{ {left} {operator} {right} }}")
    }

    fn finish(mut self) -> Rewritten {
        self.edits.sort_by_key(|edit| (edit.start, edit.kind, edit.order));
        let mut rewritten = Rewritten { unviable: self.unviable, ..Rewritten::default() };
        // Where in the text the source continues: its position, and that in the text.
        let mut moved = Vec::new();
        let mut at = 0;
        for edit in self.edits {
            moved.push((at, rewritten.text.len()));
            rewritten.text += &self.source[at..edit.start];
            let start = rewritten.text.len();
            rewritten.text += &edit.text;
            rewritten.mutants.extend(&edit.mutants);
            rewritten.pieces.push(Part { start, end: rewritten.text.len(), mutants: edit.mutants });
            at = edit.end;
        }
        moved.push((at, rewritten.text.len()));
        rewritten.text += &self.source[at..];
        let place = |source: usize| {
            let (from, to) = moved[moved.partition_point(|&(from, _)| from <= source) - 1];
            to + (source - from)
        };
        rewritten.expressions = self
            .expressions
            .into_iter()
            .map(|(start, end, mutants)| Part { start: place(start), end: place(end), mutants })
            .collect();
        rewritten
    }
}

/// Returns whether a condition has a `let`. Its `&&` cannot be in a function or a `match`.
fn has_let(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let outer = self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
        self.in_constant = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        let outer = self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
        self.in_constant = outer;
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            let outer = self.function(&item.sig, block);
            visit::visit_trait_item_fn(self, item);
            self.in_constant = outer;
        }
    }

    // Constants are not chosen at run time.
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_trait_item_const(&mut self, _: &'ast syn::TraitItemConst) {}
    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    fn visit_type(&mut self, _: &'ast syn::Type) {}
    fn visit_pat(&mut self, _: &'ast syn::Pat) {}

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let operator = self.place(binary.op.span());
        let mutants = self.mutants(operator, Genre::BinaryOperator);
        let numbers: Vec<usize> = mutants.iter().map(|(number, _)| *number).collect();
        let left = self.place(binary.left.span());
        let whole = (left.0, self.at(binary.right.span().end()));
        let symbol = &self.source[operator.0..operator.1];
        match binary.op {
            _ if mutants.is_empty() => {}
            // The right side is evaluated only if it decides.
            BinOp::And(_) | BinOp::Or(_) if has_let(&binary.left) || has_let(&binary.right) => {
                self.unviable.extend(numbers)
            }
            BinOp::And(_) | BinOp::Or(_) => {
                let decides = match binary.op {
                    BinOp::And(_) => "(true, false) | (false, true)",
                    _ => "(false, false) | (true, true)",
                };
                let between = format!(", {}) {{ {decides} => ", self.is_enabled(numbers[0]));
                self.wrap(whole, operator, &numbers, ["(match (", &between, ", (__left, _) => __left })"]);
            }
            BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) => {
                let chosen = self.choose(&mutants, "*__left", symbol, "*__right");
                let after = format!(")) {{ (__left, __right) => {chosen} }})");
                self.wrap(whole, operator, &numbers, ["(match (&(", "), &(", &after]);
            }
            _ if symbol.ends_with('=') => {
                // The left side is repeated, so it must not have mutants itself.
                if !self.wanted.keys().any(|&(start, end, _)| left.0 <= start && end <= left.1) {
                    let chosen = self.choose(&mutants, &self.source[left.0..left.1], symbol, "__right");
                    let after = format!(") {{ __right => {chosen} }})");
                    self.wrap(whole, (left.0, operator.1), &numbers, ["", "(match (", &after]);
                }
            }
            _ => {
                let chosen = self.choose(&mutants, "__left", symbol, "__right");
                let after = format!(") {{ (__left, __right) => {chosen} }})");
                self.wrap(whole, operator, &numbers, ["(match (", ", ", &after]);
            }
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        if let UnOp::Not(_) | UnOp::Neg(_) = unary.op {
            let operator = self.place(unary.op.span());
            if let Some(&(number, _)) = self.mutants(operator, Genre::UnaryOperator).first() {
                let (symbol, is_enabled) = (&self.source[operator.0..operator.1], self.is_enabled(number));
                let after = format!(") {{ __value => if {is_enabled} {{ __value }} else {{ {symbol} __value }} }})");
                let whole = (operator.0, self.at(unary.expr.span().end()));
                self.wrap(whole, operator, &[number], ["(match (", "", &after]);
            }
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_struct(&mut self, structure: &'ast syn::ExprStruct) {
        if let Some(base) = &structure.rest {
            let base = self.place(base.span());
            for pair in structure.fields.pairs() {
                // The comma belongs to the mutant.
                let (field, whole) = (pair.value(), self.place(pair.span()));
                if let Some(&(number, _)) = self.mutants(whole, Genre::StructField).first() {
                    let (place, is_enabled) = (self.place(field.expr.span()), self.is_enabled(number));
                    let name = &self.source[self.at(field.member.span().start())..self.at(field.member.span().end())];
                    let colon = if field.colon_token.is_some() { String::new() } else { format!("{name}: ") };
                    let base = &self.source[base.0..base.1];
                    let before = format!("{colon}if {is_enabled} {{ ({base}).{name} }} else {{ ");
                    let order = self.next();
                    self.edit(Kind::Before, (place.0, place.0), order, before, &[number]);
                    self.edit(Kind::After, (place.1, place.1), -order, " }", &[number]);
                    self.expressions.push((place.0, place.1, vec![number]));
                }
            }
        }
        visit::visit_expr_struct(self, structure);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if let Pat::Guard(PatGuard { guard, .. }) = &arm.pat {
            let place = self.place(guard.span());
            let mutants = self.mutants(place, Genre::MatchArmGuard);
            if !mutants.is_empty() && !has_let(guard) {
                let mut before = "(".to_owned();
                for (mutant, value) in &mutants {
                    before += &format!("if {} {{ {value} }} else ", self.is_enabled(*mutant));
                }
                let numbers: Vec<usize> = mutants.iter().map(|(number, _)| *number).collect();
                let order = self.next();
                self.edit(Kind::Before, (place.0, place.0), order, before + "{ ", &numbers);
                self.edit(Kind::After, (place.1, place.1), -order, " })", &numbers);
                self.expressions.push((place.0, place.1, numbers));
            }
            self.visit_expr(guard);
        } else if let Some(&(number, _)) = self.mutants(self.place(arm.span()), Genre::MatchArm).first() {
            let (order, end) = (self.next(), self.at(arm.pat.span().end()));
            let text = format!(" if !{}", self.is_enabled(number));
            self.edit(Kind::After, (end, end), -order, text, &[number]);
        }
        self.visit_expr(&arm.body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::Range;

    fn mutant(genre: Genre, line: usize, columns: [usize; 2], replacement: &str) -> Mutant {
        let [start, end] = columns.map(|column| Position { line, column });
        Mutant {
            name: String::new(),
            file: String::new(),
            genre,
            replacement: replacement.to_owned(),
            span: Range { start, end },
        }
    }

    fn rewritten(source: &str, mutants: &[Mutant], kept: &[&str]) -> String {
        let mutants: Vec<_> = mutants.iter().enumerate().collect();
        let kept = kept.iter().map(|name| (*name).to_owned()).collect();
        let rewritten = rewrite(source, &mutants, "s", &kept).unwrap();
        syn::parse_file(&rewritten.text).unwrap();
        rewritten.text
    }

    #[test]
    fn operators_choose_at_run_time_and_evaluate_each_side_once() {
        let source = "fn f() {\n    a < b && !g();\n    c += 1;\n}\n";
        let mutants = [
            mutant(Genre::BinaryOperator, 2, [7, 8], ">"),
            mutant(Genre::BinaryOperator, 2, [11, 13], "||"),
            mutant(Genre::UnaryOperator, 2, [14, 15], ""),
            mutant(Genre::BinaryOperator, 3, [7, 9], "-="),
        ];
        let expected = "fn f() {\n    (match ((match (&(a ), &( b)) { (__left, __right) => if s::__mutant(0) { *__left > *__right } else \
                        { *__left < *__right } }) , s::__mutant(1)) { (true, false) | (false, true) =>  (match (g()) { __value => if \
                        s::__mutant(2) { __value } else { ! __value } }), (__left, _) => __left });\n    (match ( 1) { __right => if \
                        s::__mutant(3) { c -= __right } else { c += __right } });\n}\n";
        assert_eq!(rewritten(source, &mutants, &[]), expected);
    }

    #[test]
    fn functions_return_early_and_are_not_constant_unless_constants_need_them() {
        let source = "const fn f() -> u8 {\n    1\n}\n";
        let mutants = [mutant(Genre::FnValue, 2, [5, 6], "0")];
        let expected = " fn f() -> u8 { if s::__mutant(0) { return 0; } \n    1\n}\n";
        assert_eq!(rewritten(source, &mutants, &[]), expected);
        assert_eq!(rewritten(source, &mutants, &["f"]), source);
    }

    #[test]
    fn fields_are_taken_from_the_base_of_the_expression() {
        let source = "fn f() {\n    S { a, b: c(d), ..*e }\n}\n";
        let mutants = [mutant(Genre::StructField, 2, [9, 11], ""), mutant(Genre::StructField, 2, [12, 20], "")];
        let expected = "fn f() {\n    S { a: if s::__mutant(0) { (*e).a } else { a }, b: if s::__mutant(1) { (*e).b } else { c(d) }, \
                        ..*e }\n}\n";
        assert_eq!(rewritten(source, &mutants, &[]), expected);
    }

    #[test]
    fn a_chain_of_let_has_no_or() {
        let source = "fn f() {\n    if a && let b = c {}\n}\n";
        let mutants = [mutant(Genre::BinaryOperator, 2, [10, 12], "||")];
        let rewritten = rewrite(source, &[(7, &mutants[0])], "s", &BTreeSet::new()).unwrap();
        assert_eq!((rewritten.text.as_str(), rewritten.unviable), (source, vec![7]));
    }

    #[test]
    fn guards_are_replaced_and_arms_without_one_get_it() {
        let source = "fn f() {\n    match a {\n        0 => b(),\n        c if d => e(),\n        _ => {}\n    }\n}\n";
        let mutants = [
            mutant(Genre::MatchArm, 3, [9, 18], ""),
            mutant(Genre::MatchArmGuard, 4, [14, 15], "true"),
            mutant(Genre::MatchArmGuard, 4, [14, 15], "false"),
        ];
        let expected = "fn f() {\n    match a {\n        0 if !s::__mutant(0) => b(),\n        c if (if s::__mutant(1) { true } else if \
                        s::__mutant(2) { false } else { d }) => e(),\n        _ => {}\n    }\n}\n";
        assert_eq!(rewritten(source, &mutants, &[]), expected);
    }
}
