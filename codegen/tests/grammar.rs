//! The parser accepts every description that the grammar in the book produces.

use std::collections::HashMap;
use std::path::Path;

use aerostat_codegen::Diagnostics;
use aerostat_codegen::syntax::File;
use proptest::prelude::*;

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

proptest! {
    #[test]
    fn parser_accepts_what_the_grammar_produces(choices in prop::collection::vec(any::<u8>(), 0..1500)) {
        let grammar = grammar();
        let choices = choices.into_iter();
        let mut producer = Producer { grammar: &grammar, choices, names: 0, text: String::new() };
        for item in ["description", "device", "module", "reserved"] {
            producer.rule(item);
        }
        let text = producer.text;
        let mut diagnostics = Diagnostics::new();
        File::parse(text.parse().expect("tokens"), &mut diagnostics);
        let messages: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        prop_assert!(messages.is_empty(), "{messages:?}: {text}");
    }
}
