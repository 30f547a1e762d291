//! `cargo xtask decode`: shows the bytes of a queue as the fields of a description.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use aerostat_codegen::{Decoder, RequestPart, Source, parse_text};
use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};
use xtask_common::workspace;

#[derive(Clone, Debug, Args)]
pub(crate) struct DecodeArguments {
    /// The device, such as `gpu`, or the path of a description
    #[arg(value_name = "DEVICE")]
    device: String,
    /// The structure or the request [default: list all]
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The part of a request
    #[arg(long, value_name = "PART")]
    part: Option<Part>,
    /// A negotiated feature, such as `t10_pi`
    #[arg(long = "feature", value_name = "FEATURE")]
    features: Vec<String>,
    /// A field of the configuration space that a length depends on, such as `cdb_size=32`
    #[arg(long = "config", value_name = "FIELD=VALUE")]
    config: Vec<String>,
    /// The hexdump [default: the standard input]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    Readable,
    Writable,
}

pub(crate) fn command(arguments: &DecodeArguments) -> anyhow::Result<()> {
    let path = description(&arguments.device)?;
    let text = std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let source = Source { path: &path.display().to_string(), text: &text };
    let model = parse_text(&source).map_err(|messages| anyhow!(messages.join("\n\n")))?;
    let mut decoder = Decoder::new(&model);
    for feature in &arguments.features {
        decoder = decoder.feature(feature);
    }
    for field in &arguments.config {
        let (name, value) = field.split_once('=').with_context(|| format!("`{field}` is not FIELD=VALUE"))?;
        let value = value.parse().with_context(|| format!("the value of `{name}` is not a number"))?;
        decoder = decoder.config(name, value);
    }
    let Some(name) = &arguments.name else {
        decoder.names().for_each(|name| println!("{name}"));
        return Ok(());
    };
    let bytes = bytes(&input(arguments.input.as_deref())?)?;
    let decoded = match arguments.part {
        Some(Part::Readable) => decoder.request(name, RequestPart::Readable, &bytes)?,
        Some(Part::Writable) => decoder.request(name, RequestPart::Writable, &bytes)?,
        None => decoder.structure(name, &bytes).with_context(|| format!("`{name}` (a request needs --part)"))?,
    };
    print!("{decoded}");
    Ok(())
}

/// Returns the path of a description.
fn description(device: &str) -> anyhow::Result<PathBuf> {
    let root = workspace::root();
    let known = [root.join(format!("spec/vspec/{device}.vspec")), root.join(format!("{device}/{device}.vspec"))];
    let mut paths = [PathBuf::from(device)].into_iter().chain(known);
    paths.find(|path| path.is_file()).with_context(|| format!("there is no description of `{device}` in spec/vspec"))
}

fn input(file: Option<&Path>) -> anyhow::Result<String> {
    match file {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display())),
        None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("failed to read the standard input")?;
            Ok(text)
        }
    }
}

/// Reads the bytes of a hexdump. The offset before a colon (`xxd`) or of eight digits (`hexdump -C`) and the text behind two spaces
/// (`xxd`) or a bar (`hexdump -C`) are ignored.
fn bytes(dump: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for line in dump.lines() {
        let line = match line.split_once(": ") {
            // `xxd` separates the text by two spaces.
            Some((_, rest)) => rest.split("  ").next().unwrap_or(rest),
            None => line.split('|').next().unwrap_or(line),
        };
        let words = line.split_whitespace().enumerate();
        let is_offset = |(at, word): &(usize, &str)| *at == 0 && word.len() == 8 && line.contains("  ");
        for (_, word) in words.filter(|word| !is_offset(word)) {
            let digits = word.strip_prefix("0x").unwrap_or(word);
            if digits.len() % 2 != 0 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                bail!("`{word}` is not a number of whole bytes in hexadecimal");
            }
            let (pairs, _) = digits.as_bytes().as_chunks::<2>();
            let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
            bytes.extend(pairs.iter().map(|[high, low]| value(*high) << 4 | value(*low)));
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexdumps_of_common_tools_are_read() {
        let expected = vec![0x03, 0x01, 0x00, 0x00, 0x61, 0x62];
        for dump in [
            "03 01 00 00 61 62",
            "0301 0000 6162\n",
            "00000000: 0301 0000 6162                           ....ab\n",
            "00000000  03 01 00 00 61 62                                 |....ab|\n00000006\n"
                .replace("\n00000006", "")
                .as_str(),
            "0x03 0x01 0x00 0x00\n0x61 0x62",
        ] {
            assert_eq!(bytes(dump).expect("a hexdump"), expected, "{dump}");
        }
        assert!(bytes("0x123").is_err());
        assert!(bytes("zz").is_err());
    }

    #[test]
    fn descriptions_are_found_by_the_name_of_the_device() {
        for device in ["gpu", "balloon", "entropy", "ring"] {
            assert!(description(device).is_ok(), "{device}");
        }
        assert!(description("toaster").is_err());
    }
}
