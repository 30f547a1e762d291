//! Mutated descriptions for the compiler of `codegen/`: it must not panic, and must end within a bounded time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use aerostat_codegen::{Source, Spans, Target, compile_text};
use quote::quote;

use crate::choices::Choices;

/// The descriptions that mutations start from.
const BASES: &[&str] = &[
    include_str!("../../spec/vspec/balloon.vspec"),
    include_str!("../../spec/vspec/ring.vspec"),
    include_str!("../../spec/vspec/mmio.vspec"),
    include_str!("../../spec/vspec/pci.vspec"),
    include_str!("../../spec/vspec/net.vspec"),
    include_str!("../../spec/vspec/block.vspec"),
    include_str!("../../spec/vspec/reserved.vspec"),
    include_str!("../../spec/vspec/status.vspec"),
];

/// Tokens and pieces that mutations insert.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ",",
    ":",
    "=",
    "..",
    "if",
    "0",
    "1",
    "-1",
    "4294967295",
    "18446744073709551615",
    "340282366920938463463374607431768211456",
    "0x",
    "1e9",
    "\"",
    "'",
    "/*",
    "*/",
    "//",
    "///",
    "#",
    "\\",
    "\n",
    "\u{0}",
    "\u{202e}",
    "é",
    "u8",
    "u16",
    "u32",
    "u64",
    "bits",
    "struct",
    "device",
    "queues",
    "features",
    "config",
    "r#struct",
    "self",
    "Self",
    "crate",
    "true",
    "_",
    "requires",
    "'a",
    "b\"x\"",
    "1 << 63",
    "device x = 5 {",
];

/// The longest description, in bytes.
const LONGEST: usize = 32 << 10;
/// The time that the compiler may take for it, in a build with all checks and on a loaded machine.
const LIMIT: Duration = Duration::from_secs(10);

/// Returns a mutated description.
#[must_use]
pub fn mutated(choices: &mut Choices) -> String {
    let mut text: Vec<char> = choices.pick(BASES).chars().collect();
    // Small descriptions reach the passes behind the parser more often.
    if choices.chance(1, 2) {
        let from = choices.below(text.len() as u32) as usize;
        let length = choices.below(2000) as usize;
        text = text.into_iter().skip(from).take(length).collect();
    }
    for _ in 0..=choices.below(8) {
        mutate(&mut text, choices);
        text.truncate(LONGEST);
    }
    text.into_iter().collect()
}

fn mutate(text: &mut Vec<char>, choices: &mut Choices) {
    let length = text.len() as u32;
    let at = choices.below(length + 1) as usize;
    let end = (at + choices.below(60) as usize).min(text.len());
    match choices.below(8) {
        0 => drop(text.drain(at..end)),
        1 => {
            let part = text[at..end].to_vec();
            let to = choices.below(length + 1) as usize;
            text.splice(to..to, part);
        }
        2 | 3 => {
            let piece = choices.pick(PIECES);
            text.splice(at..at, piece.chars());
        }
        4 => {
            // Replaces a number.
            if let Some(start) = (at..text.len()).find(|&at| text[at].is_ascii_digit()) {
                let end = (start..text.len()).find(|&at| !text[at].is_ascii_alphanumeric()).unwrap_or(text.len());
                let number = choices.nasty(8).to_string();
                text.splice(start..end, number.chars());
            }
        }
        5 => {
            let other: Vec<char> = choices.pick(BASES).chars().collect();
            let from = choices.below(other.len() as u32) as usize;
            let part: Vec<char> = other.into_iter().skip(from).take(200).collect();
            text.splice(at..at, part);
        }
        6 => {
            let piece = choices.pick(PIECES).repeat(1 << choices.below(10));
            text.splice(at..at, piece.chars());
        }
        _ => {
            if let Some(character) = text.get_mut(at) {
                *character = char::from_u32(choices.below(0x250)).unwrap_or('x');
            }
        }
    }
}

/// Compiles a description.
///
/// # Errors
///
/// What is wrong with the compiler.
pub fn compile(text: &str) -> Result<bool, String> {
    let start = Instant::now();
    let target = Target { krate: quote!(::aerostat_spec), spans: Spans::CallSite, path: None };
    let result = catch_unwind(AssertUnwindSafe(|| compile_text(&Source { path: "fuzz.vspec", text }, &target)));
    if start.elapsed() > LIMIT {
        return Err(format!("{} bytes took {:?}", text.len(), start.elapsed()));
    }
    match result {
        Err(_) => Err("the compiler panicked".to_owned()),
        Ok(Ok(_)) => Ok(true),
        Ok(Err(messages)) if messages.is_empty() => Err("failed without a message".to_owned()),
        Ok(Err(messages)) => match messages.iter().find(|message| !has_place(message)) {
            Some(message) => Err(format!("a message without a place: {message}")),
            None => Ok(false),
        },
    }
}

fn has_place(message: &str) -> bool {
    message.lines().any(|line| line.trim_start().starts_with("--> fuzz.vspec:"))
}

/// Compiles the mutated description of a seed, and returns it if the compiler is wrong.
///
/// # Errors
///
/// What is wrong, and the description.
pub fn check(mut choices: Choices) -> Result<bool, String> {
    let text = mutated(&mut choices);
    compile(&text).map_err(|error| format!("{error}\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bases_compile_alone_or_with_messages() {
        for base in BASES {
            assert!(compile(base).is_ok());
        }
    }

    #[test]
    fn mutated_descriptions_do_not_break_the_compiler() {
        let compiled: Vec<bool> = (0..60).map(|seed| check(Choices::seeded(seed)).unwrap()).collect();
        assert!(compiled.contains(&false));
    }
}
