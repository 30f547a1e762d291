//! Splits an untrusted byte stream into lines.

use std::io::Read;

/// Splits bytes into lines. Control characters are dropped, invalid UTF-8 is replaced.
#[derive(Debug)]
pub struct Splitter {
    line: Vec<u8>,
    longest: usize,
}

impl Splitter {
    /// Creates a splitter that keeps at most `longest` bytes of each line.
    pub const fn new(longest: usize) -> Self {
        Self { line: Vec::new(), longest }
    }

    /// Adds `bytes` and calls `each` with every line that they complete.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(String)) {
        for &byte in bytes {
            if byte == b'\n' {
                each(text(&self.line));
                self.line.clear();
            } else if self.line.len() < self.longest {
                self.line.push(byte);
            }
        }
    }

    /// Returns the text after the last line end.
    pub fn rest(&self) -> Option<String> {
        (!self.line.is_empty()).then(|| text(&self.line))
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().filter(|c| !c.is_control() || *c == '\t').collect()
}

/// Reads `stream` to its end and calls `each` with at most `longest` bytes of every line, including an unfinished last line.
pub fn read(mut stream: impl Read, longest: usize, mut each: impl FnMut(String)) {
    let mut splitter = Splitter::new(longest);
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => splitter.push(buffer.get(..count).unwrap_or_default(), &mut each),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    splitter.rest().into_iter().for_each(each);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        read(bytes, 400, |line| lines.push(line));
        lines
    }

    #[test]
    fn both_line_ends_and_an_unfinished_last_line_are_accepted() {
        assert_eq!(lines(b"one\r\ntwo\nthree"), ["one", "two", "three"]);
    }

    #[test]
    fn control_characters_and_invalid_utf8_are_replaced() {
        assert_eq!(lines(b"\x1b[31mred\x00\xff\n"), ["[31mred\u{fffd}"]);
    }

    #[test]
    fn a_long_line_is_truncated() {
        assert_eq!(lines(&[b'x'; 100_000])[0].len(), 400);
    }
}
