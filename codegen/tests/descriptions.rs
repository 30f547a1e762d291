//! Compiles all descriptions of the workspace, and shows that each compiles without the others.

use std::path::{Path, PathBuf};

use aerostat_codegen::syntax::{File, Item, Member};
use aerostat_codegen::{Diagnostics, Source, Spans, Target, compile_text, parse_text};
use aerostat_test_support::expected::files;
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn descriptions_have_no_errors() {
    let mut errors = Vec::new();
    for path in files(&root().join("spec/vspec"), "vspec") {
        let name = path.display().to_string();
        errors.extend(parse_text(&Source { path: &name, text: &text(&path) }).err().unwrap_or_default());
    }
    assert!(errors.is_empty(), "{}", errors.join("\n\n"));
}

/// The driver has a description of its own, as an example of a device that `aerostat-spec` does not describe.
#[test]
fn description_of_the_entropy_driver_is_that_of_the_specification() {
    let [of_driver, of_specification] =
        ["entropy/entropy.vspec", "spec/vspec/entropy.vspec"].map(|path| text(&root().join(path)));
    assert_eq!(of_driver, of_specification);
}

/// The messages know them, because a device cannot refer to them.
#[test]
fn reserved_features_are_recognized_in_conditions() {
    let file =
        File::parse(text(&root().join("spec/vspec/reserved.vspec")).parse().expect("tokens"), &mut Diagnostics::new());
    let features = file.items.iter().flat_map(|item| match item {
        Item::Reserved(_, _, features) => &features.entries[..],
        Item::Device(_) | Item::Module(_) => &[],
    });
    let mut count = 0;
    for feature in features {
        let text = format!("device lamp = 63 {{ queues {{ q = 0 if {} }} }}", feature.name.text);
        let messages = parse_text(&Source { path: "lamp.vspec", text: &text }).expect_err("an error");
        assert!(messages.concat().contains("is a reserved feature"), "{messages:?}");
        count += 1;
    }
    assert!(count > 10, "{count}");
}

/// Otherwise the decoder considers the request on each queue whose buffers have its parts.
#[test]
fn every_request_of_a_device_names_its_queues() {
    let (mut count, mut without) = (0, Vec::new());
    for path in files(&root().join("spec/vspec"), "vspec") {
        let file = File::parse(text(&path).parse().expect("tokens"), &mut Diagnostics::new());
        let devices = file.items.into_iter().filter_map(|item| match item {
            Item::Device(device) => Some(device),
            Item::Module(_) | Item::Reserved(..) => None,
        });
        for member in devices.flat_map(|device| device.members) {
            if let Member::Request(request) = member {
                count += 1;
                without.extend(request.queues.is_empty().then_some(request.name.text));
            }
        }
    }
    assert_eq!(without, Vec::<String>::new());
    assert!(count > 100, "{count}");
}

/// The descriptions in the crate root of `aerostat-spec`: the Cargo feature, if there is one, and the name of the file.
fn included() -> Vec<(Option<String>, String)> {
    let root = text(&root().join("spec/src/lib.rs"));
    let lines: Vec<&str> = root.lines().collect();
    let between = |line: &str, start: &str, end: &str| {
        line.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).map(str::to_owned)
    };
    let of_line = |pair: &[&str]| {
        let name = between(pair[1], "virtio_spec!(\"vspec/", ".vspec\");")?;
        Some((between(pair[0], "#[cfg(feature = \"", "\")]"), name))
    };
    lines.windows(2).filter_map(of_line).collect()
}

/// The modules that are compiled only with a Cargo feature: one for each device.
fn optional_modules() -> Vec<String> {
    included().into_iter().filter_map(|(feature, name)| feature.map(|_| name)).collect()
}

/// What makes code depend on another module of the crate.
#[derive(Debug, Default)]
struct References {
    /// The first names of paths that start at the root of `aerostat-spec`.
    of_crate: Vec<String>,
    /// The first names of other paths.
    of_scope: Vec<String>,
    /// How many modules the paths with `super` go above the code.
    above: usize,
}

impl References {
    fn of(code: TokenStream) -> Self {
        let mut found = Self::default();
        found.read(code, 0);
        found
    }

    /// Reads code that is in `depth` modules. Documentation consists of literals, so names in it are not read.
    fn read(&mut self, code: TokenStream, depth: usize) {
        let tokens: Vec<TokenTree> = code.into_iter().collect();
        let text = |at: usize| tokens.get(at).map(TokenTree::to_string).unwrap_or_default();
        let is_separator = |at: usize| text(at) == ":" && text(at + 1) == ":";
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => {
                    let is_module = at >= 2 && text(at - 2) == "mod";
                    self.read(group.stream(), depth + usize::from(is_module));
                }
                TokenTree::Ident(first) if is_separator(at + 1) => {
                    let is_start = at < 3 || !is_separator(at - 2) || !matches!(tokens[at - 3], TokenTree::Ident(_));
                    match first.to_string().as_str() {
                        "aerostat_spec" | "crate" => self.of_crate(tokens.get(at + 3)),
                        "super" if is_start => {
                            let length = (at..).step_by(3).take_while(|at| text(*at) == "super").count();
                            self.above = self.above.max((length + 1).saturating_sub(depth));
                        }
                        name if is_start => self.of_scope.push(name.to_owned()),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }

    /// Reads what follows the root of the crate: a name, or a group of names in a `use`.
    fn of_crate(&mut self, next: Option<&TokenTree>) {
        match next {
            Some(TokenTree::Group(group)) => {
                let names = group.stream().into_iter().filter(|token| matches!(token, TokenTree::Ident(_)));
                self.of_crate.extend(names.map(|name| name.to_string()));
            }
            Some(name) => self.of_crate.push(name.to_string()),
            None => {}
        }
    }

    /// Returns the names of optional modules.
    fn optional(&self) -> Vec<&String> {
        let optional = optional_modules();
        self.of_crate.iter().chain(&self.of_scope).filter(|name| optional.contains(name)).collect()
    }
}

/// `cargo check` for each of the features takes more than half a minute. This test shows the same from the code.
#[test]
fn each_cargo_feature_compiles_alone_because_no_code_refers_to_the_module_of_another() {
    let target = Target { krate: quote!(::aerostat_spec), spans: Spans::CallSite, path: None };
    for (_, name) in included() {
        let path = root().join(format!("spec/vspec/{name}.vspec"));
        let code = compile_text(&Source { path: &name, text: &text(&path) }, &target).expect("a valid description");
        let references = References::of(code);
        assert!(references.of_crate.contains(&"__private".to_owned()), "{name}: {references:?}");
        // Each description is one module. Paths with `super` stay in it.
        assert_eq!((references.above, references.optional()), (0, vec![]), "{name}");
    }
    let mut folders = vec![root().join("spec/src")];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).expect("a folder");
        folders.extend(entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()));
        for path in files(&folder, "rs") {
            count += 1;
            let references = References::of(text(&path).parse().expect("tokens"));
            assert_eq!(references.optional(), Vec::<&String>::new(), "{}", path.display());
        }
    }
    assert!(count > 15, "{count}");
}

#[test]
fn each_device_has_one_cargo_feature_of_its_name_and_no_feature_enables_another() {
    let manifest = text(&root().join("spec/Cargo.toml"));
    let (_, features) = manifest.split_once("[features]\n").expect("the features");
    let (features, _) = features.split_once("\n[").expect("the end of the features");
    let names: Vec<&str> = features.lines().filter_map(|line| line.strip_suffix(" = []")).collect();
    let mut included = included();
    included.sort();
    let (always, optional): (Vec<_>, Vec<_>) = included.into_iter().partition(|(feature, _)| feature.is_none());
    assert_eq!(optional, names.iter().map(|name| (Some((*name).to_owned()), (*name).to_owned())).collect::<Vec<_>>());
    // The other features are for all devices.
    let lists: Vec<&str> = features.lines().filter_map(|line| line.strip_suffix('[')?.strip_suffix(" = ")).collect();
    assert_eq!(lists, ["all-devices"]);
    assert!(features.contains("default = [\"all-devices\"]"), "{features}");
    let (_, all) = features.split_once("all-devices = [").and_then(|(_, rest)| rest.split_once('\n')).expect("a list");
    let (all, _) = all.split_once(']').expect("the end of the list");
    let all: Vec<&str> = all.split([',', '\n']).map(|name| name.trim().trim_matches('"')).collect();
    assert_eq!(all.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>(), names);
    // Every file is included.
    let mut files: Vec<String> = files(&root().join("spec/vspec"), "vspec")
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    files.retain(|name| !names.contains(&name.as_str()));
    assert_eq!(files, always.into_iter().map(|(_, name)| name).collect::<Vec<_>>());
}

#[test]
fn references_are_found() {
    for (code, expected) in [
        ("use crate::net::Ack;", ["net"].as_slice()),
        ("use ::aerostat_spec::{Device, block};", &["block"]),
        ("mod a { fn f() -> ::aerostat_spec::balloon::Pfn { $crate::gpu::x() } }", &["balloon", "gpu"]),
        ("fn f() { vsock::x() }", &["vsock"]),
        ("/// See [`crate::net`].\nfn f() { core::mem::size_of::<u8>(); ::core::mem::size_of::<u8>(); }", &[]),
    ] {
        let references = References::of(code.parse().expect("tokens"));
        assert_eq!(references.optional(), expected, "{code}");
    }
    for (code, above) in [
        ("mod a { mod b { use super::C; } }", 0),
        ("mod a { mod b { use super::super::net; } }", 1),
        ("mod a { impl X for Y { type Z = super::net::Z; } }", 1),
        ("use super::net;", 2),
    ] {
        assert_eq!(References::of(code.parse().expect("tokens")).above, above, "{code}");
    }
}
