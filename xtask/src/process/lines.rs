//! Lines from a stream of bytes that nobody vouches for.

use std::io::Read;

/// Cuts bytes into lines. Control characters are dropped, invalid UTF-8 is replaced.
#[derive(Debug)]
pub(crate) struct Splitter {
    line: Vec<u8>,
    longest: usize,
}

impl Splitter {
    /// Keeps at most `longest` bytes of a line.
    pub(crate) const fn new(longest: usize) -> Self {
        Self { line: Vec::new(), longest }
    }

    /// Takes `bytes` and gives each line that they complete to `each`.
    pub(crate) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(String)) {
        for &byte in bytes {
            if byte == b'\n' {
                each(text(&self.line));
                self.line.clear();
            } else if self.line.len() < self.longest {
                self.line.push(byte);
            }
        }
    }

    /// What came after the last line end.
    pub(crate) fn rest(&self) -> Option<String> {
        (!self.line.is_empty()).then(|| text(&self.line))
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().filter(|c| !c.is_control() || *c == '\t').collect()
}

/// Reads `stream` to its end and gives each line to `each`, the unfinished last one too, but at most `longest` bytes of it.
pub(crate) fn read(mut stream: impl Read, longest: usize, mut each: impl FnMut(String)) {
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
    fn line_ends_of_both_kinds_and_an_unfinished_last_line() {
        assert_eq!(lines(b"one\r\ntwo\nthree"), ["one", "two", "three"]);
    }

    #[test]
    fn control_characters_and_broken_text_do_no_harm() {
        assert_eq!(lines(b"\x1b[31mred\x00\xff\n"), ["[31mred\u{fffd}"]);
    }

    #[test]
    fn an_endless_line_is_cut() {
        assert_eq!(lines(&[b'x'; 100_000])[0].len(), 400);
    }
}
