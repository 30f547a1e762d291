//! `cargo xtask decode`: shows the bytes of a queue as the fields of a description.

#[cfg(test)]
mod chapter;
mod dump;
mod log;
mod message;
pub(crate) mod monitor;

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use aerostat_codegen::model::{Kind, Member, Model};
use aerostat_codegen::{Decoded, Decoder, RequestPart, Source, parse_text};
use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use xtask_common::workspace;

/// The end of the help.
const EXAMPLES: &str = "\
Examples:
  cargo xtask decode gpu                                           The names of the structures and requests
  cargo xtask decode gpu ctrl_hdr --input header.txt               A structure
  cargo xtask decode block read --part writable --input answer.txt The answer to a request
  cargo xtask decode balloon --log --input guest.log               What a driver and its device exchanged
  cargo xtask decode balloon --monitor 2 --input session.txt       A buffer that a device of QEMU has

A hexdump may be from xxd, hexdump -C, gdb or QEMU's monitor. Numbers have the byte order of the modern interface.
The section \"Decoding\" of docs/src/spec-language.md says more.";

#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DecodeArguments {
    /// The device, such as `gpu`, or the path of a description
    #[arg(value_name = "DEVICE")]
    device: String,
    /// The structure, or the request with --part [default: list all]
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The part of a request: what the device reads, or what it writes
    #[arg(long, value_name = "PART", requires = "name")]
    part: Option<Part>,
    /// A negotiated feature, such as `t10_pi`
    #[arg(long = "feature", value_name = "FEATURE")]
    features: Vec<String>,
    /// A field of the configuration space that a length depends on, such as `cdb_size=32`
    #[arg(long = "config", value_name = "FIELD=VALUE")]
    config: Vec<String>,
    /// The input is a log: lines `virtio <device id> queue <index>: <readable bytes> -> <written bytes>`, among others
    #[arg(long, group = "exchanges", conflicts_with_all = ["name", "part"])]
    log: bool,
    /// The input is a session of QEMU's monitor: `info virtio-queue-element` for this queue, and then `xp` for each part of the buffer
    #[arg(long, value_name = "QUEUE", group = "exchanges", conflicts_with_all = ["name", "part"])]
    monitor: Option<u16>,
    /// The element type of a queue of arrays that the description has no request for, such as `receive=u8`, for --log and --monitor
    #[arg(long = "elements", value_name = "QUEUE=TYPE", requires = "exchanges")]
    elements: Vec<String>,
    /// The hexdump, the log or the session [default: the standard input]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    Readable,
    Writable,
}

pub(crate) fn command(arguments: &DecodeArguments) -> anyhow::Result<()> {
    print!("{}", output(arguments, || input(arguments.input.as_deref()))?);
    Ok(())
}

/// Returns what the command prints for an input.
fn output(arguments: &DecodeArguments, input: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<String> {
    let model = model(&description(&arguments.device)?)?;
    let decoder = decoder(&model, arguments)?;
    if arguments.log {
        return log::decoded(&decoder, &input()?);
    }
    if let Some(queue) = arguments.monitor {
        return monitor::decoded(&decoder, device_id(&model)?, queue, &input()?);
    }
    let Some(name) = &arguments.name else { return Ok(names(&model)) };
    // An unknown name is reported without reading the input.
    decode(&decoder, name, arguments.part, &[])?;
    let bytes = dump::bytes(&input()?)?;
    Ok(decode(&decoder, name, arguments.part, &bytes)?.to_string())
}

/// Decodes a structure, or a part of a request.
fn decode(decoder: &Decoder<'_>, name: &str, part: Option<Part>, bytes: &[u8]) -> anyhow::Result<Decoded> {
    let decoded = match part {
        Some(Part::Readable) => decoder.request(name, RequestPart::Readable, bytes),
        Some(Part::Writable) => decoder.request(name, RequestPart::Writable, bytes),
        None => decoder.structure(name, bytes),
    };
    decoded.map_err(|error| anyhow!(message::of(&error)))
}

/// Returns the names of all structures and requests, one in a line.
fn names(model: &Model) -> String {
    model.modules.iter().flat_map(|module| &module.members).fold(String::new(), |mut text, member| {
        let _ = match member {
            Member::Struct(structure) => writeln!(text, "struct {}", structure.name.text),
            Member::Request(request) => writeln!(text, "request {}", request.name.text),
            _ => Ok(()),
        };
        text
    })
}

/// Reads a description.
pub(crate) fn model(path: &Path) -> anyhow::Result<Model> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    let source = Source { path: &path.display().to_string(), text: &text };
    parse_text(&source).map_err(|messages| anyhow!(messages.join("\n\n")))
}

/// Returns the device id of a description.
pub(crate) fn device_id(model: &Model) -> anyhow::Result<u32> {
    let mut ids = model.modules.iter().filter_map(|module| match &module.kind {
        Kind::Device(device) => Some(device.id),
        _ => None,
    });
    ids.next().context("the description has no device")
}

/// Returns a decoder with the options of the command line.
fn decoder<'a>(model: &'a Model, arguments: &DecodeArguments) -> anyhow::Result<Decoder<'a>> {
    let mut decoder = Decoder::new(model);
    for feature in &arguments.features {
        decoder = decoder.feature(feature);
    }
    for field in &arguments.config {
        let (name, value) = field.split_once('=').with_context(|| format!("`{field}` is not FIELD=VALUE"))?;
        let number = match value.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => value.parse(),
        };
        let value = number.with_context(|| format!("the value of `{name}` is not a number"))?;
        decoder = decoder.config(name, value);
    }
    for queue in &arguments.elements {
        let (name, ty) = queue.split_once('=').with_context(|| format!("`{queue}` is not QUEUE=TYPE"))?;
        decoder = decoder.elements(name, ty);
    }
    decoder.check_names()?;
    Ok(decoder)
}

/// Returns the path of a description.
pub(crate) fn description(device: &str) -> anyhow::Result<PathBuf> {
    let root = workspace::root();
    let mut paths = [PathBuf::from(device), root.join(format!("spec/vspec/{device}.vspec"))].into_iter();
    paths.find(|path| path.is_file()).with_context(|| {
        format!("failed to find a description of `{device}`; the known ones are {}", described().join(", "))
    })
}

/// Returns the names of the descriptions in `spec/vspec`.
fn described() -> Vec<String> {
    let files = std::fs::read_dir(workspace::root().join("spec/vspec")).into_iter().flatten().flatten();
    let stems = files.filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<_> = stems.collect();
    names.sort_unstable();
    names
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

    /// Returns the error of a command, without the input.
    fn error(words: &[&str]) -> String {
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(flatten)]
            arguments: DecodeArguments,
        }

        let line = <Line as clap::Parser>::try_parse_from([&["decode"], words].concat()).expect("a valid command");
        output(&line.arguments, || panic!("the input is not needed")).expect_err("an error").to_string()
    }

    #[test]
    fn errors_name_the_option_to_give() {
        for (words, expected) in [
            (
                &["rtc", "read"][..],
                "`read` is a request, and not a structure; add `--part readable` or `--part writable`",
            ),
            (
                &["gpu", "ctrl_hdr", "--part", "readable"],
                "`ctrl_hdr` is a structure, and not a request; leave out `--part`",
            ),
            (&["gpu", "ctrl_hdd"], "the description has no `ctrl_hdd`; did you mean `ctrl_hdr`?"),
            (
                &["gpio", "names", "--part", "writable"],
                "the layout depends on the configuration field `gpio_names_size`; add `--config gpio_names_size=…`",
            ),
        ] {
            assert_eq!(error(words), expected);
        }
    }

    #[test]
    fn descriptions_are_found_by_the_name_of_the_device() {
        for device in ["gpu", "balloon", "entropy", "ring"] {
            assert!(description(device).is_ok(), "{device}");
        }
        let error = description("toaster").expect_err("no such device").to_string();
        assert!(error.contains("the known ones are balloon, block, "), "{error}");
    }
}
