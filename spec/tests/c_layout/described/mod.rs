//! All names of a description that C headers have, and all names of the headers.
//!
//! The claims are made from the description itself, so no name is left out: a name that the headers do not have is in a list of the
//! device, with the reason. The other direction is checked too: a name of a header is in a claim or in a list. An entry of a list that
//! is not needed is an error. The generated code asserts the same sizes and offsets.

mod claims;
mod hand_written;
mod headers;
mod lists;
mod names;
mod text;

use std::path::Path;

use self::claims::{all_claims, mentions};
use self::headers::{HeaderSet, names, words};
use self::lists::DESCRIBED;
use crate::{Claim, cc};

/// A description, and how its names relate to those of Linux.
struct Described {
    file: &'static str,
    /// The name of the device id, or an empty string if Linux has none.
    id: &'static str,
    headers: &'static [&'static str],
    /// Parts of requests that have structures in C, in addition to those that the description names.
    parts: &'static [Part],
    /// The values of fields that are the lengths of arrays. In C these are constants.
    lengths: &'static [(&'static str, u64)],
    /// Flags whose names in C are numbers of bits instead of masks.
    bit_numbers: &'static [&'static str],
    /// Names of the description that no header has.
    absent: &'static [&'static str],
    /// Names of the description, and expressions with them, that Linux 6.1 does not have.
    newer: &'static [&'static str],
    /// Structures of Linux with the same name that have another form.
    other_form: &'static [&'static str],
    /// Expressions that have another value in Linux.
    different: &'static [&'static str],
    /// Names that only the headers have, and the reason.
    only_linux: &'static [(&'static str, &'static str)],
    /// The same for names that Linux 6.1 does not have.
    only_newer: &'static [(&'static str, &'static str)],
    /// The numbers of claims that are compared with Linux 6.1, and with the newer headers.
    claims: [usize; 2],
}

/// A part of a request, and the structure that it is in C.
struct Part {
    request: &'static str,
    side: Side,
    c: &'static str,
    /// The features with which the structure exists.
    features: &'static [&'static str],
}

/// Which part of a request a structure in C stands for.
#[derive(Clone, Copy)]
enum Side {
    Readable,
    /// The structure has both parts. The readable part is compared by the name of the request.
    Behind,
}

const fn part(request: &'static str, side: Side, c: &'static str) -> Part {
    Part { request, side, c, features: &[] }
}

impl Described {
    /// An entry without any list.
    const NONE: Self = Self {
        file: "",
        id: "",
        headers: &[],
        parts: &[],
        lengths: &[],
        bit_numbers: &[],
        absent: &[],
        newer: &[],
        other_form: &[],
        different: &[],
        only_linux: &[],
        only_newer: &[],
        claims: [0; 2],
    };

    /// Returns whether an expression is compared with the headers.
    fn is_compared(&self, expression: &str, set: &HeaderSet) -> bool {
        let newer = if set.is_old() { self.newer } else { &[] };
        let mut left_out = self.absent.iter().chain(self.other_form).chain(newer);
        !left_out.any(|name| mentions(expression, name)) && !self.different.contains(&expression)
    }

    fn headers(&self) -> Vec<&'static str> {
        let ids = (!self.id.is_empty()).then_some("linux/virtio_ids.h");
        self.headers.iter().copied().chain(ids).collect()
    }

    /// The headers that only this description is about.
    fn own_headers(&self) -> impl Iterator<Item = &'static str> {
        self.headers.iter().copied().filter(|header| header.starts_with("linux/virtio_"))
    }
}

#[test]
fn descriptions_match_linux() {
    check(&HeaderSet::system());
}

/// The headers are those of `AEROSTAT_LINUX_HEADERS`: a folder with the headers of Linux 7.2, as `make headers_install` writes them.
#[test]
fn descriptions_match_newer_linux() {
    match HeaderSet::newer() {
        Some(set) => check(&set),
        None if std::env::var_os("AEROSTAT_HOST_ONLY").is_some() => cc::skip("newer headers"),
        None => eprintln!("skipped: AEROSTAT_LINUX_HEADERS is not set"),
    }
}

fn check(set: &HeaderSet) {
    if std::env::var_os("AEROSTAT_HOST_ONLY").is_some() {
        return cc::skip("descriptions");
    }
    let mut errors = Vec::new();
    for described in DESCRIBED {
        let all = all_claims(described);
        let compared: Vec<Claim> = all
            .iter()
            .filter(|(expression, _)| described.is_compared(expression, set))
            .map(|(expression, value)| (&*expression.clone().leak(), *value))
            .collect();
        let expected = described.claims[usize::from(!set.is_old())];
        if compared.len() != expected {
            errors.push(format!("{}: {} claims instead of {expected}", described.file, compared.len()));
        }
        let name = format!("described_{}_{}", described.file, set.name());
        if !compared.is_empty() {
            errors.extend(cc::differences(&name, set.folder(), &described.headers(), &compared));
        }
        errors.extend(unneeded(described, set, &all));
        errors.extend(unlisted(described, set, &all));
    }
    errors.extend(hand_written::unlisted(set));
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// Returns the names of the headers that are neither in a claim nor in a list.
fn unlisted(described: &Described, set: &HeaderSet, all: &[(String, u64)]) -> Vec<String> {
    let claimed = |name: &str| all.iter().any(|(expression, _)| mentions(expression, name));
    let listed = [described.only_linux, described.only_newer].concat();
    let found = described.own_headers().flat_map(|header| names(&set.text(header)));
    found
        .filter(|name| !claimed(name) && !listed.iter().any(|(entry, _)| mentions(name, entry)))
        .map(|name| format!("{}: {name} of the header is neither claimed nor listed", described.file))
        .collect()
}

/// Returns the entries of the lists that are not needed.
fn unneeded(described: &Described, set: &HeaderSet, all: &[(String, u64)]) -> Vec<String> {
    let file = described.file;
    let mut errors = Vec::new();
    for name in described.absent.iter().chain(described.newer).chain(described.other_form).chain(described.different) {
        if !all.iter().any(|(expression, _)| mentions(expression, name)) {
            errors.push(format!("{file}: {name} is not a name of the description"));
        }
    }
    if !set.has_lists() {
        eprintln!("the lists are not checked with Linux {}", set.name());
        return errors;
    }
    let texts: Vec<String> = described.own_headers().flat_map(|header| words(&set.text(header))).collect();
    let has = |name: &str| texts.iter().any(|word| mentions(word, name));
    let is_expression = |name: &&&str| name.contains('(');
    for name in
        described.other_form.iter().filter(|name| !(has(name) || set.is_old() && described.newer.contains(name)))
    {
        errors.push(format!("{file}: the header does not have {name}, which is listed in another form"));
    }
    let old = if set.is_old() { described.newer } else { &[] };
    for name in described.absent.iter().chain(old).filter(|name| !is_expression(name) && has(name)) {
        errors.push(format!("{file}: the header has {name}, which is listed as absent"));
    }
    let expressions = described.different.iter().chain(old.iter().filter(is_expression));
    for expression in expressions {
        let value = all.iter().find(|(other, _)| other == expression).map_or(0, |(_, value)| *value);
        let name = format!("different_{file}_{}", set.name());
        if cc::differences(&name, set.folder(), &described.headers(), &[(expression, value)]).is_empty() {
            errors.push(format!("{file}: {expression} is listed as different, but has the same value"));
        }
    }
    let own: Vec<String> = described.own_headers().flat_map(|header| names(&set.text(header))).collect();
    let [old_names, new_names] = [described.only_linux, described.only_newer];
    for (name, reason) in old_names.iter().chain(new_names) {
        let should_exist = !set.is_old() || old_names.contains(&(name, reason));
        let is_claimed = all.iter().any(|(expression, _)| mentions(expression, name));
        if own.iter().any(|other| mentions(other, name)) != should_exist || is_claimed || reason.is_empty() {
            errors.push(format!("{file}: the entry {name} is not needed"));
        }
    }
    errors
}

/// The table in the book has the numbers of claims. The packed crate is without the book.
#[test]
fn book_has_the_numbers_of_claims() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/spec-language.md");
    let Ok(book) = std::fs::read_to_string(book) else { return };
    for Described { file, claims: [old, new], .. } in DESCRIBED {
        let cell = format!("| `{file}.vspec` | {old} and {new} |");
        assert!(book.contains(&cell), "{cell}");
    }
}
