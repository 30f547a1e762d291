//! A second driver beside the balloon's: what the guest got from its entropy device is what the host gave.

use std::{fs::File, io::Read, io::Write};

use super::guest::{Setup, Stage};
use crate::units::Bytes;

const SETUP: Setup = Setup { memory: Bytes::from_mib(128), words: "", features: &[] };
/// What the host has to give, in bytes: more than the guest asks for.
const SOURCE: u64 = 4096;
/// What one request brings at the most, in bytes; the guest asks for more.
const REQUEST: usize = 256;

pub(crate) fn show(stage: &Stage) -> anyhow::Result<()> {
    let mut given = Vec::new();
    File::open("/dev/urandom")?.take(SOURCE).read_to_end(&mut given)?;
    let mut source = tempfile::NamedTempFile::new()?;
    source.write_all(&given)?;
    let mut guest = stage.start_with_entropy(SETUP, source.path())?;
    let mut got = Vec::new();
    while got.len() <= REQUEST {
        got.extend(guest.line("the guest's line `entropy: …`", bytes)?);
    }
    guest.ensure(given.starts_with(&got), || format!("the guest got {got:02x?}, but the host gave {given:02x?}"))?;
    // The balloon has its own interrupt, and is none the worse for the other device.
    guest.reach(Bytes::from_mib(96))?;
    println!("The guest got {} bytes, the very ones that the host gave.", got.len());
    Ok(guest.end()?)
}

/// The bytes in a line like `entropy: 00c0ff`.
fn bytes(line: &str) -> Option<Vec<u8>> {
    let digits = line.strip_prefix("entropy: ")?.trim_end();
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn the_guests_bytes_are_read() {
        assert_eq!(bytes("entropy: 00c0ff\r"), Some(vec![0, 0xc0, 0xff]));
        for line in ["entropy: 0", "entropy: 0g", "entropy: the device has no more", "ready"] {
            assert_eq!(bytes(line), None, "{line}");
        }
    }
}
