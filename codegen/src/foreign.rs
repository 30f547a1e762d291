//! Words of C, of Rust and of the specification's text that descriptions do not have, and what to write in their place.

/// Returns the integer type to write in place of a type of another language.
pub(crate) fn integer(text: &str) -> Option<&'static str> {
    Some(match text {
        "char" | "bool" | "byte" | "i8" | "s8" | "__u8" | "__s8" | "uint8_t" | "int8_t" | "_Bool" | "uchar" => "u8",
        "i16" | "s16" | "__u16" | "__s16" | "__le16" | "uint16_t" | "int16_t" | "short" | "ushort" => "le16",
        "i32" | "s32" | "__u32" | "__s32" | "__le32" | "uint32_t" | "int32_t" | "int" | "uint" | "unsigned" => "le32",
        "signed" | "f32" | "float" => "le32",
        "i64" | "s64" | "__u64" | "__s64" | "__le64" | "uint64_t" | "int64_t" | "f64" | "double" => "le64",
        "__be16" => "be16",
        "__be32" => "be32",
        "__be64" => "be64",
        "__virtio16" => "virtio16",
        "__virtio32" => "virtio32",
        "__virtio64" => "virtio64",
        _ => return None,
    })
}

/// Returns what to write in place of a type of another language.
pub(crate) fn type_help(text: &str) -> Option<String> {
    Some(match text {
        "u128" | "i128" | "le128" | "be128" => "write an array of two `le64`, or `[u8; 16]`".into(),
        "usize" | "isize" | "size_t" | "ssize_t" | "long" | "ulong" | "uintptr_t" => {
            "the width of a field is fixed: write `le32` or `le64`".into()
        }
        "u24" | "le24" | "be24" | "i24" => "write `[u8; 3]`".into(),
        "u48" | "le48" | "be48" => "write `[u8; 6]`".into(),
        "str" | "string" | "String" => "write an array, such as `[u8; 16]`".into(),
        "void" => "write an array without a length, `[u8]`".into(),
        _ => format!("write `{}`", integer(text)?),
    })
}

/// Returns whether the word is the name of an integer type, here or in C.
pub(crate) fn is_integer(text: &str) -> bool {
    let width = ["u", "le", "be", "virtio"].into_iter().find_map(|prefix| text.strip_prefix(prefix));
    width.is_some_and(|width| ["8", "16", "24", "32", "48", "64", "128"].contains(&width)) || type_help(text).is_some()
}

/// Returns the message and the help for an item that descriptions do not have.
pub(crate) fn item(keyword: &str) -> Option<(String, String)> {
    let (message, help) = match keyword {
        "union" => (
            "a union is not supported as an item".into(),
            "write it as the type of a field: `name: union { first: le32, second: [u8; 4] }`",
        ),
        "typedef" | "type" | "using" => {
            (format!("`{keyword}` is not supported"), "write the type itself, or define a `struct` with it")
        }
        "include" | "import" | "use" | "extern" => {
            (format!("`{keyword}` is not supported"), "describe the types again, in the same device or module")
        }
        "fn" | "impl" | "trait" | "static" | "let" | "class" | "macro_rules" => {
            (format!("`{keyword}` is not supported"), "a description has no code; a number is a `const`")
        }
        "__attribute__" | "__packed" | "__aligned" | "_Static_assert" | "static_assert" => (
            format!("`{keyword}` is not supported"),
            "write `packed struct` for a structure without alignment; the generated code checks sizes and offsets",
        ),
        "bitfield" | "bitflags" | "bitmap" | "bitmask" | "flags" => {
            (format!("`{keyword}` is not supported"), "write `bits name: le32 { first = 0, second = 1 << 1 }`")
        }
        "command" | "cmd" | "message" => {
            (format!("`{keyword}` is not supported"), "write `request name { readable { … } writable { … } }`")
        }
        _ if is_integer(keyword) => (
            "a field is not allowed outside of a list of fields".into(),
            "write it in `config { … }`, in a `struct name { … }`, or in a part of a `request`",
        ),
        _ => return None,
    };
    Some((message, help.into()))
}

/// Returns the part of a request that the word stands for in the text of the specification or in other device descriptions.
pub(crate) fn part(word: &str) -> Option<&'static str> {
    Some(match word {
        "out" | "input" | "device_readable" | "driver" => "readable",
        "in" | "output" | "device_writable" | "device" | "answer" | "response" | "reply" => "writable",
        _ => return None,
    })
}

/// Returns the access word to write in place of a word of other device descriptions.
pub(crate) fn access(word: &str) -> Option<&'static str> {
    Some(match word {
        "ro" | "r" | "readonly" | "read_only" => "read",
        "wo" | "w" | "writeonly" | "write_only" => "write",
        "rw" | "readwrite" | "read_write" => "read write",
        _ => return None,
    })
}

/// Returns whether the word is an access word, one of other device descriptions, or a misspelled one.
pub(crate) fn is_like_access(word: &str) -> bool {
    access(word).is_some() || crate::suggest::nearest(word, ["read", "write", "setup"]).is_some()
}

/// Returns the error for a directive of the C preprocessor.
pub(crate) fn directive(word: &str) -> (String, &'static str) {
    let help = match word {
        "define" | "undef" => "write `const name: le32 = 1;`, or an `enum` or `bits` for several values",
        "include" => "describe the types again, in the same device or module",
        _ => "`if feature` after a field of a `config` or of a `request` says that it depends on a feature",
    };
    (format!("`#{word}` is not supported"), help)
}

/// The clauses that can follow an entry, and the entries that they can follow.
const CLAUSES: [(&str, &str); 13] = [
    (
        "if",
        "only a queue, a shared memory region, a field of a `config` or of a `request`, and an entry of a union with `by` can have \
         an `if`",
    ),
    ("read", "only fields of `config` and `registers` can have `read`, `write` and `setup`"),
    ("write", "only fields of `config` and `registers` can have `read`, `write` and `setup`"),
    ("setup", "only fields of `config` and `registers` can have `read`, `write` and `setup`"),
    ("@", "only fields of `config` and `registers` can have an offset"),
    ("as", "every entry except those of unions can have C names"),
    ("=", "only fields of the `readable` part of a `request` can have a value"),
    ("requires", "only features can have `requires`"),
    ("from", "only several queues, such as `name = 2..`, can have `from`"),
    ("count", "only several queues, such as `name = 2..`, can have `count`"),
    ("readable", "only queues can have `readable` and `writable`, and requests have parts with these names"),
    ("writable", "only queues can have `readable` and `writable`, and requests have parts with these names"),
    ("on", "only requests can have `on`, before the braces"),
];

/// Returns the help for a clause at an entry that cannot have it: which ones can.
pub(crate) fn clause_help(clause: &str) -> Option<&'static str> {
    CLAUSES.iter().find(|(word, _)| *word == clause).map(|(_, help)| *help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supported_words_have_no_replacement() {
        for text in ["u8", "le16", "be32", "virtio64", "header", "le8"] {
            assert_eq!(type_help(text), None, "{text}");
        }
        for keyword in ["device", "module", "features", "struct", "enum", "bits", "const", "request", "registers"] {
            assert_eq!(item(keyword), None, "{keyword}");
        }
    }
}
