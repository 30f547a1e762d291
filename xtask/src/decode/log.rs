//! Logs of exchanges.

use std::fmt::Write as _;

use aerostat_codegen::{Decoder, Exchange};
use anyhow::bail;

/// Decodes the exchanges of the described device. Other lines are left out, so a log may have anything between.
pub(super) fn decoded(decoder: &Decoder<'_>, log: &str) -> anyhow::Result<String> {
    let exchanges = log.lines().filter_map(|line| line.parse::<Exchange>().ok());
    let (known, other): (Vec<_>, Vec<_>) = exchanges.partition(|exchange| decoder.has_device(exchange.device));
    if known.is_empty() {
        let devices = other.iter().map(|exchange| exchange.device);
        match devices.min() {
            Some(device) => bail!("the log has no exchange of this device, but of the device with id {device}"),
            None => {
                bail!("the log has no line `virtio <device id> queue <index>: <readable bytes> -> <written bytes>`")
            }
        }
    }
    let mut text = String::new();
    for exchange in &known {
        let _ = write!(text, "{}", decoder.exchange(exchange)?);
    }
    Ok(text)
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
    fn log_without_exchanges_is_an_error() {
        assert!(decode("booting\n").expect_err("no exchange").to_string().contains("has no line"));
        let other = decode("virtio 4 queue 0:  -> 00").expect_err("another device").to_string();
        assert!(other.ends_with("but of the device with id 4"), "{other}");
    }
}
