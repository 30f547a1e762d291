//! The grammar in the book: the parser accepts every description that it produces, and it accepts every description of the workspace.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use aerostat_codegen::syntax::File;
use aerostat_codegen::{Diagnostics, Source, Spans, Target, compile_text};
use aerostat_test_support::expected::files;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use quote::quote;

/// The right side of a rule.
#[derive(Clone, Debug)]
enum Part {
    /// Text between quotes.
    Terminal(String),
    /// The name of a rule.
    Rule(String),
    /// `a b c`
    Sequence(Vec<Part>),
    /// `a | b | c`
    Choice(Vec<Part>),
    /// `[ a ]`
    Optional(Box<Part>),
    /// `{ a }`
    Repetition(Box<Part>),
    /// `a, …`
    List(Box<Part>),
}

type Grammar = HashMap<String, Part>;

/// Reads the grammar in the chapter on the language.
fn grammar() -> Grammar {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/spec-language.md");
    let chapter = std::fs::read_to_string(path).expect("the chapter");
    let (_, section) = chapter.split_once("## Grammar").expect("the section");
    let text = section.split("```").nth(1).and_then(|block| block.strip_prefix("text\n")).expect("the grammar");
    // A line that starts with a space continues the rule.
    let lines = text.replace("\n ", " ");
    lines
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, right)| (name.trim().to_owned(), rule(right)))
        .collect()
}

fn rule(text: &str) -> Part {
    let mut symbols = symbols(text);
    symbols.reverse();
    let part = choice(&mut symbols);
    assert_eq!(symbols, Vec::<String>::new(), "{text}");
    part
}

/// Splits the right side of a rule. A terminal keeps its first quote.
fn symbols(text: &str) -> Vec<String> {
    let mut symbols = Vec::new();
    for (at, piece) in text.split('"').enumerate() {
        match at % 2 {
            0 => symbols.extend(piece.replace(',', " , ").split_whitespace().map(str::to_owned)),
            _ => symbols.push(format!("\"{piece}")),
        }
    }
    symbols
}

/// Parses alternatives from a stack of symbols.
fn choice(symbols: &mut Vec<String>) -> Part {
    let mut alternatives = vec![sequence(symbols)];
    while symbols.pop_if(|symbol| symbol == "|").is_some() {
        alternatives.push(sequence(symbols));
    }
    if alternatives.len() == 1 { alternatives.remove(0) } else { Part::Choice(alternatives) }
}

fn sequence(symbols: &mut Vec<String>) -> Part {
    let mut parts = Vec::new();
    while let Some(symbol) = symbols.pop_if(|symbol| !["|", "]", "}", ")"].contains(&symbol.as_str())) {
        let part = match symbol.as_str() {
            "[" => Part::Optional(Box::new(choice(symbols))),
            "{" => Part::Repetition(Box::new(choice(symbols))),
            "(" => choice(symbols),
            "," => {
                assert_eq!(symbols.pop().as_deref(), Some("…"));
                let last = parts.pop().expect("an entry before the comma");
                parts.push(Part::List(Box::new(last)));
                continue;
            }
            _ => match symbol.strip_prefix('"') {
                Some(terminal) => Part::Terminal(terminal.to_owned()),
                None => Part::Rule(symbol.clone()),
            },
        };
        if let "[" | "{" | "(" = symbol.as_str() {
            symbols.pop().expect("a closing symbol");
        }
        parts.push(part);
    }
    Part::Sequence(parts)
}

/// Makes a text from the grammar. The choices come from outside; without more choices, the text ends soon.
struct Producer<'a> {
    grammar: &'a Grammar,
    choices: std::vec::IntoIter<u8>,
    names: usize,
    text: String,
}

impl Producer<'_> {
    fn choose(&mut self, count: usize) -> usize {
        usize::from(self.choices.next().unwrap_or(0)) % count
    }

    fn produce(&mut self, part: &Part) {
        match part {
            Part::Terminal(text) => self.text.push_str(&format!("{text} ")),
            Part::Rule(name) => self.rule(name),
            Part::Sequence(parts) => parts.iter().for_each(|part| self.produce(part)),
            Part::Choice(parts) => {
                let chosen = self.choose(parts.len());
                self.produce(&parts[chosen]);
            }
            Part::Optional(part) => {
                if self.choose(2) == 1 {
                    self.produce(part);
                }
            }
            // Each clause of an entry at most once.
            Part::Repetition(part) => match &**part {
                Part::Choice(parts) => {
                    let chosen: Vec<&Part> = parts.iter().filter(|_| self.choose(3) == 1).collect();
                    chosen.into_iter().for_each(|part| self.produce(part));
                }
                part => (0..self.choose(3)).for_each(|_| self.produce(part)),
            },
            Part::List(part) => {
                for _ in 0..self.choose(4) {
                    self.produce(part);
                    self.text.push_str(", ");
                }
                if self.choose(2) == 1 {
                    self.produce(part);
                }
            }
        }
    }

    fn rule(&mut self, name: &str) {
        match name {
            "name" => {
                self.names += 1;
                self.text.push_str(&format!("name_{} ", self.names));
            }
            "literal" => {
                let literal = ["0", "1", "0x1f", "0b101", "2_0"][self.choose(5)];
                self.text.push_str(&format!("{literal} "));
            }
            "string" => self.text.push_str("\"C_NAME\" "),
            "integer" => {
                let integer = ["u8", "le16", "u32", "virtio64", "be16"][self.choose(5)];
                self.text.push_str(&format!("{integer} "));
            }
            "docs" => {
                if self.choose(3) == 1 {
                    self.text.push_str("\n/// Text.\n");
                }
            }
            _ => {
                let part = self.grammar.get(name).unwrap_or_else(|| panic!("the grammar has no rule `{name}`")).clone();
                self.produce(&part);
            }
        }
    }
}

#[test]
fn grammar_has_all_keywords() {
    let grammar = format!("{:?}", grammar());
    for word in [
        "device",
        "module",
        "features",
        "reserved",
        "requires",
        "or",
        "queues",
        "from",
        "count",
        "readable",
        "writable",
        "config",
        "shared_memory",
        "registers",
        "packed",
        "struct",
        "request",
        "on",
        "enum",
        "bits",
        "const",
        "read",
        "write",
        "setup",
        "if",
        "union",
        "by",
        "as",
        "_",
        "..",
        "@",
        "<<",
        "n",
    ] {
        assert!(grammar.contains(&format!("Terminal({word:?})")), "{word}");
    }
}

/// Makes a text from rules of the grammar.
fn produced(grammar: &Grammar, rules: &[&str], choices: Vec<u8>) -> String {
    let mut producer = Producer { grammar, choices: choices.into_iter(), names: 0, text: String::new() };
    rules.iter().for_each(|rule| producer.rule(rule));
    producer.text
}

/// The grammar says nothing of meaning, so most descriptions are invalid. The compiler reports that, and it emits Rust items for the others.
#[test]
fn parser_accepts_what_the_grammar_produces() {
    let grammar = grammar();
    let target = Target { krate: quote!(::aerostat_spec), spans: Spans::CallSite, path: None };
    let mut valid = 0;
    let mut check = |text: String| {
        let mut diagnostics = Diagnostics::new();
        File::parse(text.parse().expect("tokens"), &mut diagnostics);
        let messages: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        prop_assert!(messages.is_empty(), "{messages:?}: {text}");
        match compile_text(&Source { path: "random.vspec", text: &text }, &target) {
            Ok(items) => {
                valid += 1;
                prop_assert!(syn::parse2::<syn::File>(items).is_ok(), "{text}");
            }
            Err(messages) => {
                let with_place = messages.iter().filter(|message| message.contains(" --> random.vspec:")).count();
                prop_assert!(with_place == messages.len() && with_place > 0, "{messages:?}: {text}");
            }
        }
        Ok(())
    };
    let check = std::cell::RefCell::new(&mut check);
    let run = |rules: &[&str], lengths: std::ops::Range<usize>| {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) };
        let choices = prop::collection::vec(any::<u8>(), lengths);
        let outcome =
            TestRunner::new(config).run(&choices, |choices| (check.borrow_mut())(produced(&grammar, rules, choices)));
        outcome.unwrap_or_else(|error| panic!("{error}"));
    };
    run(&["description", "device", "module", "reserved"], 0..1500);
    // Small descriptions are valid more often.
    run(&["device"], 0..60);
    run(&["module"], 1..60);
    assert!(valid > 20, "only {valid} descriptions were valid");
}

/// The tokens of a description. Documentation of an item is the token `///`.
fn tokens(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    flatten(text.parse().expect("tokens"), &mut all);
    all
}

fn flatten(stream: TokenStream, all: &mut Vec<String>) {
    let mut stream = stream.into_iter().peekable();
    while let Some(token) = stream.next() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                let is_inner = stream.next_if(|next| next.to_string() == "!").is_some();
                let doc = stream.next().map(|doc| doc.to_string()).unwrap_or_default();
                assert!(doc.starts_with("[doc"), "{doc}");
                if !is_inner {
                    all.push("///".to_owned());
                }
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    _ => ("(", ")"),
                };
                all.push(open.to_owned());
                flatten(group.stream(), all);
                all.push(close.to_owned());
            }
            // `2n` is short for `2 * n`.
            TokenTree::Literal(literal) if literal.to_string().ends_with('n') => {
                let number = literal.to_string().trim_end_matches('n').to_owned();
                all.extend([number, "*".to_owned(), "n".to_owned()]);
            }
            token => all.push(token.to_string()),
        }
    }
}

/// Finds out whether the grammar accepts a list of tokens.
struct Recognizer<'a> {
    grammar: &'a Grammar,
    tokens: &'a [String],
    /// The positions behind a rule, by the rule and the position before it.
    known: HashMap<(&'a str, usize), BTreeSet<usize>>,
    /// The furthest token that was accepted.
    furthest: usize,
}

impl<'a> Recognizer<'a> {
    /// Returns the positions behind the part, if it starts at one of these.
    fn accept(&mut self, part: &'a Part, from: &BTreeSet<usize>) -> BTreeSet<usize> {
        match part {
            Part::Terminal(text) => from.iter().filter_map(|at| self.terminal(text, *at)).collect(),
            Part::Rule(name) => from.iter().flat_map(|at| self.rule(name, *at)).collect(),
            Part::Sequence(parts) => parts.iter().fold(from.clone(), |from, part| self.accept(part, &from)),
            Part::Choice(parts) => parts.iter().flat_map(|part| self.accept(part, from)).collect(),
            Part::Optional(part) => self.accept(part, from).union(from).copied().collect(),
            Part::Repetition(part) => {
                let (mut all, mut next) = (from.clone(), from.clone());
                while !next.is_empty() {
                    next = self.accept(part, &next).difference(&all).copied().collect();
                    all.extend(&next);
                }
                all
            }
            Part::List(part) => {
                let (mut all, mut next) = (from.clone(), from.clone());
                while !next.is_empty() {
                    let entries = self.accept(part, &next);
                    next = entries.iter().filter_map(|at| self.terminal(",", *at)).collect();
                    next = next.difference(&all).copied().collect();
                    all.extend(entries);
                    all.extend(&next);
                }
                all
            }
        }
    }

    /// Accepts a terminal. A mark such as `..` is several tokens.
    fn terminal(&mut self, text: &str, at: usize) -> Option<usize> {
        let is_mark = text != "///" && text.chars().all(|mark| mark.is_ascii_punctuation() && mark != '_');
        let parts: Vec<String> = if is_mark { text.chars().map(String::from).collect() } else { vec![text.to_owned()] };
        let end = at + parts.len();
        let accepted = self.tokens.get(at..end).is_some_and(|tokens| tokens == parts);
        accepted.then(|| {
            self.furthest = self.furthest.max(end);
            end
        })
    }

    fn rule(&mut self, name: &'a str, at: usize) -> BTreeSet<usize> {
        let first = |token: Option<&String>, fits: fn(char) -> bool| token.is_some_and(|text| text.starts_with(fits));
        let token = self.tokens.get(at);
        let fits = match name {
            "name" => first(token, |first| first.is_ascii_alphabetic()),
            "literal" => first(token, |first| first.is_ascii_digit()),
            "string" => first(token, |first| first == '"'),
            "integer" => token.is_some_and(|text| {
                ["u", "le", "be", "virtio"].iter().any(|order| {
                    text.strip_prefix(order).is_some_and(|width| ["8", "16", "32", "64", "size"].contains(&width))
                })
            }),
            "docs" => {
                let end = self.tokens.iter().skip(at).take_while(|token| *token == "///").count() + at;
                return BTreeSet::from([end]);
            }
            _ => {
                if let Some(known) = self.known.get(&(name, at)) {
                    return known.clone();
                }
                let grammar = self.grammar;
                let part = grammar.get(name).unwrap_or_else(|| panic!("the grammar has no rule `{name}`"));
                let ends = self.accept(part, &BTreeSet::from([at]));
                self.known.insert((name, at), ends.clone());
                return ends;
            }
        };
        let end = at + usize::from(fits);
        self.furthest = self.furthest.max(end);
        if fits { BTreeSet::from([end]) } else { BTreeSet::new() }
    }
}

/// Returns the token that the grammar does not accept, with those before it.
fn first_error(grammar: &Grammar, text: &str) -> Option<String> {
    let tokens = tokens(text);
    let mut recognizer = Recognizer { grammar, tokens: &tokens, known: HashMap::new(), furthest: 0 };
    let ends = recognizer.rule("description", 0);
    let furthest = recognizer.furthest;
    (!ends.contains(&tokens.len()))
        .then(|| tokens[furthest.saturating_sub(8)..tokens.len().min(furthest + 1)].join(" "))
}

#[test]
fn grammar_accepts_all_descriptions() {
    let (grammar, root) = (grammar(), Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let folders = ["spec/vspec", "entropy", "codegen/tests/snapshots"];
    let paths: Vec<_> = folders.iter().flat_map(|folder| files(&root.join(folder), "vspec")).collect();
    assert!(paths.len() > 30, "{paths:?}");
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a readable description");
        assert_eq!(first_error(&grammar, &text), None, "{}", path.display());
    }
}

#[test]
fn grammar_does_not_accept_what_the_parser_rejects() {
    let grammar = grammar();
    for (text, error) in [
        ("device lamp = { }", "device lamp = {"),
        ("module lamp { struct a { b } }", "module lamp { struct a { b }"),
        ("module lamp { const a: u8 = 1 }", "lamp { const a : u8 = 1 }"),
        ("device lamp = 63 { queues { a = 0 if } }", "63 { queues { a = 0 if }"),
    ] {
        assert_eq!(first_error(&grammar, text), Some(error.to_owned()));
        let mut diagnostics = Diagnostics::new();
        File::parse(text.parse().expect("tokens"), &mut diagnostics);
        assert!(!diagnostics.is_empty(), "{text}");
    }
}
