//! The bytes that the guest gets from its entropy device are the bytes of the host.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
};

use xtask_qemu::error::QemuError;

use super::guest::Guest;

/// The bytes of the host: more than the guest reads.
const SOURCE: u64 = 4096;
/// The most bytes of one request. The guest reads more.
const REQUEST: usize = 256;

/// Random bytes for an entropy device.
#[derive(Debug)]
pub(crate) struct Source {
    bytes: Vec<u8>,
    file: tempfile::NamedTempFile,
}

impl Source {
    pub(crate) fn new() -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::open("/dev/urandom")?.take(SOURCE).read_to_end(&mut bytes)?;
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(&bytes)?;
        Ok(Self { bytes, file })
    }

    /// Returns the file with the bytes.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns whether these are the first bytes.
    pub(crate) fn starts_with(&self, bytes: &[u8]) -> bool {
        self.bytes.starts_with(bytes)
    }

    /// Checks that the bytes that the guest prints next are from this source.
    pub(crate) fn compare(&self, guest: &mut Guest) -> Result<(), QemuError> {
        let mut got = Vec::new();
        while got.len() <= REQUEST {
            got.extend(guest.line("the guest's line `entropy: …`", bytes)?);
        }
        guest.ensure(self.starts_with(&got), || {
            format!("the guest got {got:02x?}, but the host has {:02x?}", self.bytes)
        })
    }
}

/// Parses a line like `entropy: 00c0ff`.
fn bytes(line: &str) -> Option<Vec<u8>> {
    let digits = line.strip_prefix("entropy: ")?.trim_end();
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn the_guests_bytes_are_parsed() {
        assert_eq!(bytes("entropy: 00c0ff\r"), Some(vec![0, 0xc0, 0xff]));
        for line in ["entropy: 0", "entropy: 0g", "entropy: the device has no more", "ready"] {
            assert_eq!(bytes(line), None, "{line}");
        }
    }
}
