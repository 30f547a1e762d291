//! Hexdumps.

use anyhow::{Context as _, bail};

/// Reads the bytes of a hexdump, or of a memory dump of QEMU's monitor or of a debugger.
///
/// * `xxd`, `hexdump -C`: the offset before a colon or of eight digits, and the text behind two spaces or a bar are ignored. Groups of digits
///   are bytes in their order.
/// * `xp /16xb` and `xp /4xw` of QEMU's monitor, `x/4xw` of gdb: the address before the colon is ignored. A number `0x00000103` has the
///   byte order of a little-endian guest.
pub(super) fn bytes(dump: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut has_offsets = false;
    for line in dump.lines() {
        let line = line.split('|').next().unwrap_or(line);
        let line = match line.split_once(':') {
            // `xxd` separates the text by two spaces.
            Some((_, rest)) => rest.trim_start().split("  ").next().unwrap_or(rest),
            None => match line.split_once(|space: char| space.is_whitespace()) {
                Some((offset, rest)) if offset.len() == 8 && rest.starts_with(' ') => {
                    has_offsets = true;
                    rest
                }
                // The last line of `hexdump -C` is the length.
                None if has_offsets && line.len() == 8 => "",
                _ => line,
            },
        };
        for word in line.split_whitespace() {
            let number = word.strip_prefix("0x");
            let mut group = group(number.unwrap_or(word)).with_context(|| format!("in the line `{line}`"))?;
            if number.is_some() {
                group.reverse();
            }
            bytes.append(&mut group);
        }
    }
    Ok(bytes)
}

/// Reads a group of digits, the most significant byte first.
fn group(digits: &str) -> anyhow::Result<Vec<u8>> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        bail!("`{digits}` is not a number of whole bytes in hexadecimal");
    }
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
    Ok(pairs.iter().map(|[high, low]| value(*high) << 4 | value(*low)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_of_common_tools_are_read() {
        let expected = vec![0x03, 0x01, 0x00, 0x00, 0x61, 0x62];
        for dump in [
            "03 01 00 00 61 62",
            "0301 0000 6162\n",
            "00000000: 0301 0000 6162                           ....ab\n",
            "00000000  03 01 00 00 61 62                                 |....ab|\n00000006\n",
            "00000000  03 01 00 00                                       |..:.|\n00000004  61 62 |ab|\n00000006\n",
            "0x03 0x01 0x00 0x00\n0x61 0x62",
            // `xp /6xb 0x1f000` and `xp /3xh 0x1f000` of QEMU's monitor.
            "000000000001f000: 0x03 0x01 0x00 0x00 0x61 0x62\r\n",
            "000000000001f000: 0x0103 0x0000 0x6261\n",
            // `x/3xh` of gdb.
            "0xffff80000001f000:\t0x0103\t0x0000\t0x6261\n",
        ] {
            assert_eq!(bytes(dump).expect("a hexdump"), expected, "{dump}");
        }
        assert_eq!(bytes("0x00000103 0xdeadbeef").expect("numbers"), [3, 1, 0, 0, 0xef, 0xbe, 0xad, 0xde]);
        assert!(bytes("0x123").is_err());
        assert!(bytes("zz").is_err());
    }
}
