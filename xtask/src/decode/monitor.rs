//! Buffers from the monitor of QEMU.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aerostat_codegen::{Decoded, Decoder, Exchange};
use anyhow::{anyhow, bail, ensure};

use super::{dump, message};

/// A buffer that `info virtio-queue-element` shows, and the memory that `xp` shows after it.
#[derive(Debug, Default)]
struct Element {
    /// In the order of QEMU, which starts with the last part.
    parts: Vec<Part>,
    memory: BTreeMap<u64, u8>,
}

/// A part of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    address: u64,
    len: u32,
    is_writable: bool,
}

/// Decodes the buffers in a session of QEMU's monitor: outputs of `info virtio-queue-element`, each with the outputs of `xp` for its parts
/// behind it. Other lines are left out.
pub(crate) fn decoded(decoder: &Decoder<'_>, device: u32, queue: u16, session: &str) -> anyhow::Result<String> {
    let elements = elements(session)?;
    ensure!(!elements.is_empty(), "the input has no output of `info virtio-queue-element`");
    let mut text = String::new();
    for element in elements {
        let (readable, written) = (element.readable()?, element.writable());
        let has_written = written.is_some();
        let exchange = Exchange { device, queue, readable, written: written.unwrap_or_default() };
        let mut decoded = decoder.exchange(&exchange).map_err(|error| anyhow!(message::of(&error)))?;
        if !has_written {
            decoded.written = Decoded::default();
        }
        let _ = write!(text, "{decoded}");
    }
    Ok(text)
}

/// Returns the commands for QEMU's monitor that show the bytes of the buffers.
pub(crate) fn commands(session: &str) -> anyhow::Result<Vec<String>> {
    Ok(elements(session)?.iter().flat_map(|element| element.parts.iter().map(|part| part.command())).collect())
}

fn elements(session: &str) -> anyhow::Result<Vec<Element>> {
    let mut elements: Vec<Element> = Vec::new();
    for line in session.lines().map(str::trim) {
        if line == "descs:" {
            elements.push(Element::default());
        }
        let Some(element) = elements.last_mut() else { continue };
        if let Some(part) = Part::read(line) {
            element.parts.push(part);
        } else if let Some(address) = dumped_address(line) {
            element.memory.extend((address..).zip(dump::bytes(line)?));
        }
    }
    Ok(elements)
}

/// Returns the address of a line such as `000000000001f000: 0x03 0x01`.
fn dumped_address(line: &str) -> Option<u64> {
    let (address, values) = line.split_once(':')?;
    let is_dump = address.len() >= 8 && values.trim_start().starts_with("0x");
    u64::from_str_radix(address, 16).ok().filter(|_| is_dump)
}

impl Part {
    /// Reads a line such as `addr 0x7c00 len 512 (write, next),`.
    fn read(line: &str) -> Option<Self> {
        let (address, rest) = line.strip_prefix("addr 0x")?.split_once(" len ")?;
        let (len, flags) = rest.trim_end_matches(',').split_once(' ').unwrap_or((rest.trim_end_matches(','), ""));
        Some(Self {
            address: u64::from_str_radix(address, 16).ok()?,
            len: len.parse().ok()?,
            is_writable: flags.contains("write"),
        })
    }

    /// Returns the command for QEMU's monitor that shows the bytes.
    fn command(self) -> String {
        format!("xp /{}xb {:#x}", self.len, self.address)
    }

    /// Returns the bytes, up to the first one that was not shown.
    fn bytes(self, memory: &BTreeMap<u64, u8>) -> Vec<u8> {
        let addresses = (0..u64::from(self.len)).map(|offset| self.address.wrapping_add(offset));
        addresses.map_while(|address| memory.get(&address).copied()).collect()
    }
}

impl Element {
    /// Returns the bytes of the device-readable parts.
    fn readable(&self) -> anyhow::Result<Vec<u8>> {
        let parts = || self.parts.iter().rev().filter(|part| !part.is_writable);
        let missing = parts().filter(|part| part.bytes(&self.memory).len() < part.len as usize);
        let missing: Vec<_> = missing.map(|part| format!("`{}`", part.command())).collect();
        if !missing.is_empty() {
            bail!("the input lacks bytes that the device reads: add the output of {}", missing.join(" and "));
        }
        Ok(parts().flat_map(|part| part.bytes(&self.memory)).collect())
    }

    /// Returns the bytes of the device-writable parts, if all were shown.
    fn writable(&self) -> Option<Vec<u8>> {
        let parts = self.parts.iter().rev().filter(|part| part.is_writable);
        let mut bytes = Vec::new();
        for part in parts {
            let shown = part.bytes(&self.memory);
            if shown.len() < part.len as usize {
                return None;
            }
            bytes.extend(shown);
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session with QEMU 7.2, from a read of the BIOS.
    const SESSION: &str = "\
/machine/peripheral/disk0/virtio-backend:
  device_name: virtio-blk
  index:   0
  desc:
    descs:
        addr 0xe9417 len 1 (write),
        addr 0x7c00 len 512 (write, next),
        addr 0xe9418 len 16 (next)
  avail:
    flags: 1
    idx:   1
    ring:  0
  used:
    flags: 0
    idx:   1
(qemu) xp /16xb 0xe9418
00000000000e9418: 0x00 0x00 0x00 0x00 0x00 0x00 0x00 0x00
00000000000e9420: 0x07 0x00 0x00 0x00 0x00 0x00 0x00 0x00
";

    fn decode(session: &str) -> anyhow::Result<String> {
        let path = super::super::description("block").expect("the description");
        let model = super::super::model(&path).expect("a valid description");
        decoded(&Decoder::new(&model), 2, 0, session)
    }

    #[test]
    fn parts_are_in_the_order_of_the_driver() {
        let first = "request: read\n  > 0x0000 type: read (0x0)\n  > 0x0004 reserved: 0x0\n  > 0x0008 sector: 0x7\n";
        let text = decode(SESSION).expect("a read");
        assert_eq!(text, first);
        let data: String = (0..64).map(|line| format!("{:016x}:{}\n", 0x7c00 + 8 * line, " 0x41".repeat(8))).collect();
        let with_answer = format!("{SESSION}(qemu) xp /512xb 0x7c00\r\n{data}00000000000e9417: 0x01\r\n");
        let text = decode(&with_answer).expect("a read and its answer");
        assert!(
            text.contains("  < 0x0000 data: 41 41 ") && text.ends_with("  < 0x0200 status: io_error (0x1)\n"),
            "{text}"
        );
    }

    #[test]
    fn missing_bytes_are_named_by_their_command() {
        let (element, _) = SESSION.split_once("(qemu)").expect("the element");
        let error = decode(element).expect_err("no bytes").to_string();
        assert!(error.ends_with("add the output of `xp /16xb 0xe9418`"), "{error}");
        assert_eq!(commands(element).expect("an element"), ["xp /1xb 0xe9417", "xp /512xb 0x7c00", "xp /16xb 0xe9418"]);
        assert!(decode("(qemu) info virtio\n").expect_err("nothing").to_string().contains("virtio-queue-element"));
    }
}
