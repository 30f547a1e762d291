//! `cargo xtask decode`: shows the bytes of a queue as the fields of a description.

mod dump;
mod log;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use aerostat_codegen::model::Model;
use aerostat_codegen::{Decoder, RequestPart, Source, parse_text};
use anyhow::{Context as _, anyhow};
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
    /// The input is a log of exchanges: lines `virtio <device id> queue <index>: <readable bytes> -> <written bytes>`
    #[arg(long, conflicts_with_all = ["name", "part"])]
    log: bool,
    /// The element type of a queue in a log that has arrays, such as `inflate=le32`
    #[arg(long = "elements", value_name = "QUEUE=TYPE", requires = "log")]
    elements: Vec<String>,
    /// The hexdump or the log [default: the standard input]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    Readable,
    Writable,
}

pub(crate) fn command(arguments: &DecodeArguments) -> anyhow::Result<()> {
    let model = model(&description(&arguments.device)?)?;
    let decoder = decoder(&model, arguments)?;
    if arguments.log {
        print!("{}", log::decoded(&decoder, &input(arguments.input.as_deref())?)?);
        return Ok(());
    }
    let Some(name) = &arguments.name else {
        decoder.names().for_each(|name| println!("{name}"));
        return Ok(());
    };
    let bytes = dump::bytes(&input(arguments.input.as_deref())?)?;
    let decoded = match arguments.part {
        Some(Part::Readable) => decoder.request(name, RequestPart::Readable, &bytes)?,
        Some(Part::Writable) => decoder.request(name, RequestPart::Writable, &bytes)?,
        None => decoder.structure(name, &bytes).with_context(|| format!("`{name}` (a request needs --part)"))?,
    };
    print!("{decoded}");
    Ok(())
}

/// Reads a description.
pub(crate) fn model(path: &Path) -> anyhow::Result<Model> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    let source = Source { path: &path.display().to_string(), text: &text };
    parse_text(&source).map_err(|messages| anyhow!(messages.join("\n\n")))
}

/// Returns a decoder with the options of the command line.
fn decoder<'a>(model: &'a Model, arguments: &DecodeArguments) -> anyhow::Result<Decoder<'a>> {
    let mut decoder = Decoder::new(model);
    for feature in &arguments.features {
        decoder = decoder.feature(feature);
    }
    for field in &arguments.config {
        let (name, value) = field.split_once('=').with_context(|| format!("`{field}` is not FIELD=VALUE"))?;
        let value = value.parse().with_context(|| format!("the value of `{name}` is not a number"))?;
        decoder = decoder.config(name, value);
    }
    for queue in &arguments.elements {
        let (name, ty) = queue.split_once('=').with_context(|| format!("`{queue}` is not QUEUE=TYPE"))?;
        decoder = decoder.elements(name, ty);
    }
    Ok(decoder)
}

/// Returns the path of a description.
pub(crate) fn description(device: &str) -> anyhow::Result<PathBuf> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_found_by_the_name_of_the_device() {
        for device in ["gpu", "balloon", "entropy", "ring"] {
            assert!(description(device).is_ok(), "{device}");
        }
        assert!(description("toaster").is_err());
    }
}
