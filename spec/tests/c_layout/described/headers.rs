//! Sets of C headers, and the names in them.

use std::path::{Path, PathBuf};

/// The headers of a release of Linux.
pub(super) struct HeaderSet {
    /// The folder, or `None` for the headers of the system.
    folder: Option<PathBuf>,
    /// The release, for instance 6.1.
    release: (u32, u32),
}

/// The release that the lists are made for.
const OLD: (u32, u32) = (6, 1);
/// The release that has what is newer.
const NEW: (u32, u32) = (7, 2);

impl HeaderSet {
    /// The headers of the system, which are those of Linux 6.1 or newer.
    pub(super) fn system() -> Self {
        Self::of(None)
    }

    /// The headers in the folder `AEROSTAT_LINUX_HEADERS`.
    pub(super) fn newer() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("AEROSTAT_LINUX_HEADERS")?);
        assert!(folder.join("linux/version.h").is_file(), "{} has no headers", folder.display());
        let set = Self::of(Some(folder));
        assert!(set.is_new(), "AEROSTAT_LINUX_HEADERS has the headers of Linux {} instead of {NEW:?}", set.name());
        Some(set)
    }

    fn of(folder: Option<PathBuf>) -> Self {
        let mut set = Self { folder, release: (0, 0) };
        let text = set.text("linux/version.h");
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.split_once(name));
            line.and_then(|(_, number)| number.trim().parse().ok()).unwrap_or(0)
        };
        set.release = (number("LINUX_VERSION_MAJOR"), number("LINUX_VERSION_PATCHLEVEL"));
        set
    }

    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Returns the text of a header, or an empty text if the set does not have it.
    pub(super) fn text(&self, header: &str) -> String {
        let folder = self.folder.as_deref().unwrap_or(Path::new("/usr/include"));
        std::fs::read_to_string(folder.join(header)).unwrap_or_default()
    }

    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.release.0, self.release.1)
    }

    /// Returns whether the headers are those of Linux 6.1, or of a release for which there are no lists.
    pub(super) fn is_old(&self) -> bool {
        self.release < NEW
    }

    /// Returns whether there are lists for this release.
    pub(super) fn has_lists(&self) -> bool {
        self.release == OLD || self.is_new()
    }

    pub(super) fn is_new(&self) -> bool {
        self.release == NEW
    }
}

/// Returns the words and the punctuation of a header, without its comments.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let comment = [("/*", "*/"), ("//", "\n")].into_iter().find(|(start, _)| rest.starts_with(start));
        if let Some((start, end)) = comment {
            let behind = &rest[start.len()..];
            rest = behind.find(end).map_or("", |at| &behind[at + end.len() - usize::from(end == "\n")..]);
            continue;
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let len = if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (word, behind) = rest.split_at(len);
        if first == '\n' || !first.is_whitespace() {
            words.push(word.to_owned());
        }
        rest = behind;
    }
    words
}

/// Returns the names about virtio that a header defines: constants, values of enums, structures and unions.
pub(super) fn names(text: &str) -> Vec<String> {
    let words = words(text);
    let mut found: Vec<String> = text.lines().filter_map(constant).collect();
    let code: Vec<&String> =
        words.split(|word| word == "\n").filter(|line| line.first().is_none_or(|word| word != "#")).flatten().collect();
    let mut at = 0;
    while let Some(word) = code.get(at) {
        at += 1;
        if !["struct", "union", "enum"].contains(&word.as_str()) {
            continue;
        }
        let name = code.get(at).filter(|name| **name != "{");
        let open = at + usize::from(name.is_some());
        if code.get(open).is_none_or(|word| *word != "{") {
            continue;
        }
        at = open + 1;
        if *word != "enum" {
            found.extend(name.map(|name| (*name).clone()));
        } else {
            let end = code[at..].iter().position(|word| *word == "}").map_or(code.len(), |len| at + len);
            let body = code[at..end].split(|word| *word == ",");
            found.extend(body.filter_map(|value| Some((**value.first()?).clone())));
            at = end;
        }
    }
    let is_virtio =
        |name: &String| ["virtio", "virtnet", "vring"].iter().any(|part| name.to_lowercase().contains(part));
    found.retain(is_virtio);
    found.sort();
    found.dedup();
    found
}

/// Returns the name of a `#define` that has a value and no parameters.
fn constant(line: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("define")?.trim_start();
    let (name, value) = rest.split_at(rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?);
    let is_guard = value.trim().is_empty() || value.trim_start().starts_with("/*");
    (!is_guard && !value.starts_with('(')).then(|| name.to_owned())
}

#[test]
fn names_of_a_header_are_found() {
    let text = "#ifndef _VIRTIO_H\n#define _VIRTIO_H\n/* struct virtio_comment { */\n#define VIRTIO_A 1 // VIRTIO_COMMENT\n\
        #define VIRTIO_B (1 << 2)\n#define VIRTIO_CALL(x) (x)\n#define OTHER 3\nstruct virtio_c {\n#define VIRTIO_D 4\n\
        \tstruct virtio_e e;\n\tunion virtio_f {\n\t\tint g;\n\t} f;\n};\nenum {\n\tVIRTIO_H = 1, /* first */\n\tVIRTIO_I,\n};\n\
        enum virtio_j { VIRTIO_K };\n#endif\n";
    let expected = ["VIRTIO_A", "VIRTIO_B", "VIRTIO_D", "VIRTIO_H", "VIRTIO_I", "VIRTIO_K", "virtio_c", "virtio_f"];
    assert_eq!(names(text), expected);
}
