//! Mutated descriptions for the compiler of `codegen/`, and bytes for its decoder: they must not panic, and must end within a bounded time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use aerostat_codegen::model::Kind;
use aerostat_codegen::{Decoder, Exchange, RequestPart, Source, Spans, Target, compile_text, parse_text};
use quote::quote;

use crate::choices::Choices;

/// The descriptions that mutations start from: each form of the language is in several of them.
const BASES: &[&str] = &[
    include_str!("../../spec/vspec/balloon.vspec"),
    include_str!("../../spec/vspec/block.vspec"),
    include_str!("../../spec/vspec/can.vspec"),
    include_str!("../../spec/vspec/console.vspec"),
    include_str!("../../spec/vspec/crypto.vspec"),
    include_str!("../../spec/vspec/fs.vspec"),
    include_str!("../../spec/vspec/gpu.vspec"),
    include_str!("../../spec/vspec/i2c.vspec"),
    include_str!("../../spec/vspec/input.vspec"),
    include_str!("../../spec/vspec/iommu.vspec"),
    include_str!("../../spec/vspec/mem.vspec"),
    include_str!("../../spec/vspec/mmio.vspec"),
    include_str!("../../spec/vspec/net.vspec"),
    include_str!("../../spec/vspec/pci.vspec"),
    include_str!("../../spec/vspec/reserved.vspec"),
    include_str!("../../spec/vspec/ring.vspec"),
    include_str!("../../spec/vspec/rtc.vspec"),
    include_str!("../../spec/vspec/scsi.vspec"),
    include_str!("../../spec/vspec/sound.vspec"),
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
    "<<",
    "module",
    "registers",
    "enum",
    "const",
    "usize",
    "packed struct",
    "virtio32",
    "le16",
    "be64",
    "union",
    "union by",
    "union by type {",
    "by",
    "request",
    "request a on b { readable {",
    "readable",
    "writable",
    "on",
    "or",
    "config.",
    "[u8]",
    "[u8; config.num_pages]",
    "@",
    "read",
    "write",
    "setup",
    "as \"C\"",
    "count",
    "from",
    "2n + 1",
    "2..",
    "2 * ",
    "shared_memory",
    "shared_memory {",
    "-> ",
    "virtio 5 queue 0: ",
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

/// Decodes bytes and a log of exchanges with a description, if it is valid.
///
/// # Errors
///
/// What is wrong with the decoder.
pub fn decode(text: &str, choices: &mut Choices) -> Result<(), String> {
    let Ok(model) = parse_text(&Source { path: "fuzz.vspec", text }) else { return Ok(()) };
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut decoder = Decoder::new(&model);
        for field in LENGTHS.iter().copied().filter(|_| choices.chance(3, 4)).collect::<Vec<_>>() {
            decoder = decoder.config(field, choices.nasty(32).into());
        }
        for feature in FEATURES.iter().copied().filter(|_| choices.chance(1, 2)).collect::<Vec<_>>() {
            decoder = decoder.feature(feature);
        }
        let names: Vec<&str> = decoder.names().collect();
        for _ in 0..4 {
            let bytes = bytes(choices);
            if !names.is_empty() {
                let name = choices.pick(&names);
                // The request may be unknown, or a length: only a panic is a finding.
                let _ = decoder.structure(name, &bytes).map(|decoded| decoded.to_string());
                let _ = decoder.request(name, RequestPart::Readable, &bytes).map(|decoded| decoded.to_string());
                let _ = decoder.request(name, RequestPart::Writable, &bytes).map(|decoded| decoded.to_string());
            }
            let device = model.modules.iter().find_map(|module| match &module.kind {
                Kind::Device(device) => Some(device.id),
                _ => None,
            });
            let queue = if choices.chance(3, 4) { choices.below(6) } else { choices.nasty(0) } as u16;
            let exchange =
                Exchange { device: device.unwrap_or(0), queue, readable: bytes, written: self::bytes(choices) };
            let mut line = exchange.to_string();
            let is_same = line.parse() == Ok(exchange.clone());
            let _ = decoder.exchange(&exchange).map(|decoded| decoded.to_string());
            let mut characters: Vec<char> = line.chars().collect();
            mutate(&mut characters, choices);
            line = characters.into_iter().collect();
            let _ = line.parse::<Exchange>();
            if !is_same {
                return Err(format!("an exchange is read as another one: {exchange}"));
            }
        }
        Ok(())
    }));
    if start.elapsed() > LIMIT {
        return Err(format!("decoding took {:?}", start.elapsed()));
    }
    result.unwrap_or_else(|_| Err("the decoder panicked".to_owned()))
}

/// What lengths and fields of requests in the descriptions depend on.
const LENGTHS: &[&str] = &["cdb_size", "sense_size", "probe_size", "max_virtqueue_pairs", "num_queues"];
const FEATURES: &[&str] = &["t10_pi", "notification", "mrg_rxbuf", "hash_report"];

/// Returns bytes for the decoder: random ones, or small numbers, which are more often values of enums and lengths.
fn bytes(choices: &mut Choices) -> Vec<u8> {
    let (length, limit) = (choices.below(96), if choices.chance(1, 2) { 256 } else { 4 });
    (0..length).map(|_| choices.below(limit) as u8).collect()
}

/// Compiles the mutated description of a seed, and decodes bytes with it or with a description as it is.
///
/// # Errors
///
/// What is wrong, and the description.
pub fn check(mut choices: Choices) -> Result<bool, String> {
    let text = mutated(&mut choices);
    let is_valid = compile(&text).map_err(|error| format!("{error}\n{text}"))?;
    let decoded = if is_valid { &text } else { choices.pick(BASES) };
    if is_valid || choices.chance(1, 8) {
        decode(decoded, &mut choices).map_err(|error| format!("{error}\n{decoded}"))?;
    }
    Ok(is_valid)
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
    fn bases_decode_any_bytes() {
        for (seed, base) in (0..).zip(BASES) {
            assert_eq!(decode(base, &mut Choices::seeded(seed)), Ok(()));
        }
    }

    #[test]
    fn mutated_descriptions_do_not_break_the_compiler() {
        let compiled: Vec<bool> = (0..60).map(|seed| check(Choices::seeded(seed)).unwrap()).collect();
        assert!(compiled.contains(&false));
    }
}
