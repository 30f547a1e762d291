//! Logs of exchanges.

use std::fmt::Write as _;

use aerostat_codegen::{DecodeError, Decoded, Decoder, Exchange};
use anyhow::bail;

use super::message;

/// The text before a buffer that the device had not used when it was reset.
const NOT_USED: &str = "not used: ";

/// Decodes the exchanges of the described device. Other lines are left out, so a log may have anything between. Lines that look like
/// exchanges of the device and cannot be read become a line of the output, and so does each exchange that needs another option.
pub(super) fn decoded(decoder: &Decoder<'_>, log: &str) -> anyhow::Result<String> {
    let lines = log.lines().zip(1_usize..);
    let exchanges =
        lines.filter_map(|(line, number)| Some((number, line.contains(NOT_USED), line.parse::<Exchange>().ok()?)));
    let (known, other): (Vec<_>, Vec<_>) = exchanges.partition(|(.., exchange)| decoder.has_device(exchange.device));
    if known.is_empty() {
        let devices = other.iter().map(|(.., exchange)| exchange.device);
        match devices.min() {
            Some(device) => bail!("the log has no exchange of this device, but of the device with id {device}"),
            None => {
                bail!("the log has no line `virtio <device id> queue <index>: <readable bytes> -> <written bytes>`")
            }
        }
    }
    let mut text = String::new();
    for (number, is_unused, exchange) in &known {
        let mut decoded = match decoder.exchange(exchange) {
            Ok(decoded) => decoded,
            // Other exchanges may not need the field.
            Err(error @ DecodeError::MissingConfig { .. }) => {
                let _ = writeln!(text, "line {number} is not decoded: {}", message::of(&error));
                continue;
            }
            Err(error) => bail!(message::of(&error)),
        };
        if *is_unused {
            decoded.written = Decoded::default();
            text += NOT_USED;
        }
        let _ = write!(text, "{decoded}");
    }
    let mut invalid = log.lines().zip(1..).filter(|(line, _)| is_invalid(decoder, line)).map(|(_, number)| number);
    if let Some(first) = invalid.next() {
        let others = invalid.count();
        let _ = writeln!(
            text,
            "lines that look like exchanges and cannot be read: {}, the first is line {first}",
            others + 1
        );
    }
    Ok(text)
}

/// Returns whether a line has the start of an exchange of the device and is none.
fn is_invalid(decoder: &Decoder<'_>, line: &str) -> bool {
    let is_start = |rest: &str| {
        let (device, rest) = rest.split_at(rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len()));
        if !device.parse().is_ok_and(|device| decoder.has_device(device)) {
            return false;
        }
        rest.strip_prefix(" queue ").is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()))
    };
    line.split("virtio ").skip(1).any(is_start) && line.parse::<Exchange>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(log: &str) -> anyhow::Result<String> {
        let path = super::super::description("balloon").expect("the description");
        let model = super::super::model(&path).expect("a valid description");
        decoded(&Decoder::new(&model), log)
    }

    #[test]
    fn exchanges_are_found_between_other_lines() {
        let log = "virtio mmio\n[0.1] virtio mmio 0: virtio 5 queue 0: 01000000 -> \nvirtio 4 queue 0:  -> 00\nbye\n";
        assert_eq!(decode(log).expect("one exchange"), "inflate: inflate\n  > 0x0000 pages[0]: 0x1\n");
    }

    #[test]
    fn unused_buffers_have_no_answer() {
        let path = super::super::description("block").expect("the description");
        let model = super::super::model(&path).expect("a valid description");
        let line = "not used: virtio 2 queue 0: 00000000000000000700000000000000 -> ";
        let text = super::decoded(&Decoder::new(&model), line).expect("one exchange");
        assert!(text.starts_with("not used: request: read\n") && text.ends_with("sector: 0x7\n"), "{text}");
    }

    #[test]
    fn lines_that_cannot_be_read_are_counted() {
        let log = "virtio 5 queue 0: 01 00 00 00 -> \nvirtio 4 queue 0: zz\nvirtio 50 queue 0:\nvirtio 5 queue 1: 0x01000000 -> \nvirtio 5 queue 1: 01000000\nvirtio 5 queue 65536:  -> \n";
        let text = decode(log).expect("one exchange");
        assert!(text.contains("pages[0]: 0x1\n"), "{text}");
        assert!(
            text.ends_with("lines that look like exchanges and cannot be read: 3, the first is line 4\n"),
            "{text}"
        );
        assert!(
            !decode("virtio mmio: virtio 5 has 3 queues\nvirtio 5 queue 0: 01000000 -> \n")
                .expect("one")
                .contains("cannot")
        );
    }

    #[test]
    fn exchanges_without_a_field_of_the_configuration_are_listed() {
        let path = super::super::description("gpio").expect("the description");
        let model = super::super::model(&path).expect("a valid description");
        let log = "virtio 41 queue 0: 0200050000000000 -> 0001\nbye\nvirtio 41 queue 0: 0100000000000000 -> 006100\n\
                   virtio 41 queue 0: 0300060001000000 -> 0000\n";
        let text = super::decoded(&Decoder::new(&model), log).expect("three exchanges");
        assert_eq!(text.matches("request: line\n").count(), 2, "{text}");
        let missing = "\nline 3 is not decoded: the layout depends on the configuration field `gpio_names_size`; add \
                       `--config gpio_names_size=…`\n";
        assert!(text.contains(missing), "{text}");
        let text = super::decoded(&Decoder::new(&model).config("gpio_names_size", 2), log).expect("three exchanges");
        assert!(text.contains("request: names\n") && !text.contains("not decoded"), "{text}");
    }

    #[test]
    fn log_without_exchanges_is_an_error() {
        assert!(decode("booting\n").expect_err("no exchange").to_string().contains("has no line"));
        let other = decode("virtio 4 queue 0:  -> 00").expect_err("another device").to_string();
        assert!(other.ends_with("but of the device with id 4"), "{other}");
    }
}
