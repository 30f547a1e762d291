//! Hexdumps.

use anyhow::{Context as _, bail};

/// The maximum number of bytes that a line `*` stands for.
const MOST_FOLDED: u64 = 1 << 24;

/// Reads the bytes of a hexdump, or of a memory dump of QEMU's monitor or of a debugger.
///
/// * `xxd`, `hexdump -C`: the offset before a colon or of eight digits, and the text behind two spaces or a bar are ignored. Groups of digits
///   are bytes in their order. A line `*` stands for lines like the one before it, up to the next offset.
/// * `xp /16xb` and `xp /4xw` of QEMU's monitor, `x/4xw` of gdb: the address before the colon is ignored. A number `0x00000103` has the
///   byte order of a little-endian guest.
pub(super) fn bytes(dump: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut row = Vec::new();
    let mut last_offset = None;
    let mut is_folded = false;
    for line in dump.lines() {
        if line.trim() == "*" {
            is_folded = true;
            continue;
        }
        let (offset, rest) = split(line, last_offset.is_some());
        if is_folded {
            let unfolded =
                unfold(&row, last_offset, offset).with_context(|| format!("in the line `{line}`, behind `*`"))?;
            bytes.extend(unfolded);
            is_folded = false;
        }
        last_offset = offset.or(last_offset);
        let next = bytes_of(rest).with_context(|| format!("in the line `{line}`"))?;
        bytes.extend_from_slice(&next);
        row = next;
    }
    if is_folded {
        bail!("the last line is `*`, so the length is unknown");
    }
    Ok(bytes)
}

/// Returns the offset or the address of a line, and the digits behind it.
fn split(line: &str, has_offsets: bool) -> (Option<u64>, &str) {
    let number = |text: &str| u64::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok();
    let line = line.split('|').next().unwrap_or(line);
    match line.split_once(':') {
        // `xxd` separates the text by two spaces.
        Some((offset, rest)) => (number(offset), rest.trim_start().split("  ").next().unwrap_or(rest)),
        None => match line.split_once(|space: char| space.is_whitespace()) {
            Some((offset, rest)) if offset.len() == 8 && rest.starts_with(' ') => (number(offset), rest),
            // The last line of `hexdump -C` is the length.
            None if has_offsets && line.len() == 8 => (number(line), ""),
            _ => (None, line),
        },
    }
}

/// Reads the groups of a line.
fn bytes_of(line: &str) -> anyhow::Result<Vec<u8>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if let [first, others @ ..] = &words[..]
        && (6..8).contains(&first.len())
        && !others.is_empty()
        && others.iter().all(|word| word.len() == 2)
    {
        bail!("the offsets of `od` are not read: use `od -An -tx1` or `xxd`");
    }
    let mut bytes = Vec::new();
    for word in words {
        let number = word.strip_prefix("0x");
        let mut group = group(number.unwrap_or(word))?;
        if number.is_some() {
            group.reverse();
        }
        bytes.append(&mut group);
    }
    Ok(bytes)
}

/// Returns the bytes that a line `*` stands for, between the line at `last` and the one at `next`.
fn unfold(row: &[u8], last: Option<u64>, next: Option<u64>) -> anyhow::Result<Vec<u8>> {
    let (Some(last), Some(next)) = (last, next) else { bail!("the lines around `*` have no offsets") };
    let missing = next.checked_sub(last).and_then(|length| length.checked_sub(row.len() as u64));
    match missing {
        Some(missing) if !row.is_empty() && missing <= MOST_FOLDED => {
            Ok(row.iter().copied().cycle().take(usize::try_from(missing)?).collect())
        }
        _ => bail!("the offsets around `*` do not fit"),
    }
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

    #[test]
    fn folded_lines_are_repeated_up_to_the_next_offset() {
        let zeros = "00 ".repeat(16);
        let dump = format!("00000000  01 {}|.|\n00000010  {zeros}|.|\n*\n00000040  02 |.|\n00000041\n", &zeros[3..]);
        let read = bytes(&dump).expect("a hexdump");
        assert_eq!((read.len(), read[0], read[0x3f], read[0x40]), (0x41, 1, 0, 2));
        // The end is folded: only the length follows.
        assert_eq!(bytes("00000000  05 06 |..|\n*\n00000006\n").expect("a hexdump"), [5, 6, 5, 6, 5, 6]);
        for invalid in [
            "*\n00000010  00 |.|\n",
            "00 00\n*\n00 00\n",
            "00000010  00 |.|\n*\n00000000\n",
            "00000000  00 |.|\n*\n",
            "00000000  00 |.|\n*\nffffffff\n",
        ] {
            assert!(bytes(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn offsets_of_od_are_refused() {
        let error = bytes("000000 03 01 00 00\n000004\n").expect_err("offsets").root_cause().to_string();
        assert!(error.contains("od -An"), "{error}");
    }
}
