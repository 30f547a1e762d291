//! The graph of imports between files, and its cycles.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    path::{Path, PathBuf},
};

use super::{
    modules::{FileId, Modules},
    references::references,
};

/// The imports between the files of a crate.
#[derive(Debug)]
pub struct Graph {
    files: Vec<PathBuf>,
    /// One import for each pair of files.
    imports: BTreeMap<FileId, BTreeMap<FileId, Use>>,
}

/// The first place where a file imports from another one.
#[derive(Clone, Debug)]
struct Use {
    path: String,
    line: usize,
}

/// An import of one file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The file that imports.
    pub from: PathBuf,
    /// The line of the import.
    pub line: usize,
    /// The path of the imported item, as the file spells it.
    pub path: String,
    /// The file that defines the item.
    pub to: PathBuf,
}

/// Imports that lead from a file back to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<Import>);

impl Graph {
    /// Reads the imports of the crate with the root file `root`, for instance `src/lib.rs`.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or parsed.
    pub fn of_crate(root: &Path) -> anyhow::Result<Self> {
        let modules = Modules::parse(root)?;
        let mut imports: BTreeMap<FileId, BTreeMap<FileId, Use>> = BTreeMap::new();
        for (id, module) in modules.modules.iter().enumerate() {
            for reference in references(&module.content) {
                if let Some(to) = modules.defining_file(id, &reference.path).filter(|to| *to != module.file) {
                    let path = reference.path.join("::");
                    imports.entry(module.file).or_default().entry(to).or_insert(Use { path, line: reference.line });
                }
            }
        }
        Ok(Self { files: modules.files, imports })
    }

    /// Returns shortest cycles that together contain every file that is part of a cycle.
    pub fn cycles(&self) -> Vec<Cycle> {
        let mut covered = vec![false; self.files.len()];
        let mut cycles = Vec::new();
        for file in 0..self.files.len() {
            if covered[file] {
                continue;
            }
            if let Some(cycle) = self.shortest_cycle(file) {
                cycle.iter().for_each(|file| covered[*file] = true);
                let next = cycle.iter().cycle().skip(1);
                cycles.push(Cycle(cycle.iter().zip(next).map(|(from, to)| self.import(*from, *to)).collect()));
            }
        }
        cycles
    }

    /// Returns the files of the shortest cycle through `start`, in order. Breadth-first search.
    fn shortest_cycle(&self, start: FileId) -> Option<Vec<FileId>> {
        let mut previous: BTreeMap<FileId, FileId> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(file) = queue.pop_front() {
            for &next in self.imports.get(&file).into_iter().flat_map(BTreeMap::keys) {
                if next == start {
                    let back = std::iter::successors(Some(file), |file| previous.get(file).copied());
                    let mut cycle: Vec<_> = back.collect();
                    cycle.reverse();
                    return Some(cycle);
                }
                previous.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    file
                });
            }
        }
        None
    }

    fn import(&self, from: FileId, to: FileId) -> Import {
        let Use { path, line } = self.imports[&from][&to].clone();
        Import { from: self.files[from].clone(), line, path, to: self.files[to].clone() }
    }
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, line, path, to } = self;
        write!(f, "{}:{line} imports `{path}` from {}", from.display(), to.display())
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "import cycle of {} files:", self.0.len())?;
        self.0.iter().try_for_each(|import| write!(f, "\n  {import}"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Returns the cycles of a crate with these files, as text without the name of their folder.
    fn cycles(files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let cycles = Graph::of_crate(&folder.path().join("lib.rs")).unwrap().cycles();
        let prefix = format!("{}/", folder.path().display());
        cycles.iter().map(|cycle| cycle.to_string().replace(&prefix, "")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_cycle_names_every_import() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a.rs", "\nuse crate::b::B;\npub struct A;"),
            ("b.rs", "pub struct B(crate::c::C);"),
            ("c.rs", "use super::a::A;\npub struct C(A);"),
        ];
        assert_eq!(
            cycles(&files),
            "import cycle of 3 files:\n  a.rs:2 imports `crate::b::B` from b.rs\n  \
             b.rs:1 imports `crate::c::C` from c.rs\n  c.rs:1 imports `super::a::A` from a.rs"
        );
    }

    #[test]
    fn layers_have_no_cycle() {
        let files = [
            ("lib.rs", "mod a;\npub mod b;\npub use a::A;\npub fn f() { b::g(); }"),
            ("a.rs", "pub struct A;"),
            ("b.rs", "use super::a::A;\npub fn g() -> A { crate::a::A }"),
        ];
        assert_eq!(cycles(&files), "");
    }

    #[test]
    fn a_re_export_counts_for_the_defining_file() {
        let parent = "mod a;\nmod b;\npub use a::*;\nuse b::B as Other;\npub const N: usize = 1;";
        let child = ("b/mod.rs", "use super::A;\npub struct B(A);");
        assert_eq!(cycles(&[("lib.rs", parent), ("a.rs", "pub struct A;"), child]), "");
        let found = cycles(&[("lib.rs", parent), ("a.rs", "pub struct A(crate::Other);"), child]);
        assert!(found.contains("a.rs:1 imports `crate::Other` from b/mod.rs"), "{found}");
        let found = cycles(&[("lib.rs", parent), ("a.rs", "pub struct A([u8; super::N]);"), child]);
        assert!(found.contains("a.rs:1 imports `super::N` from lib.rs"), "{found}");
    }

    #[test]
    fn inline_modules_belong_to_their_file() {
        let files = [
            ("lib.rs", "mod a;\nmod b;"),
            ("a.rs", "pub mod inner { use super::super::b::B;\npub fn f(_: B) {} }\nfn g() { inner::f(super::b::B) }"),
            ("b.rs", "pub struct B;\nimpl B { fn h(self) { crate::a::inner::f(self) } }"),
        ];
        assert!(cycles(&files).contains("b.rs:2 imports `crate::a::inner::f` from a.rs"));
    }

    #[test]
    fn test_code_does_not_count() {
        for attribute in ["cfg(test)", "cfg(all(test, unix))", "cfg(any(test))", "test"] {
            let b = format!("pub struct B;\n#[{attribute}]\nfn f() {{ crate::a::g() }}");
            let a = "use crate::b::B;\npub fn g() {}";
            assert_eq!(cycles(&[("lib.rs", "mod a;\nmod b;"), ("a.rs", a), ("b.rs", &b)]), "", "{attribute}");
        }
        let b = "pub struct B;\n#[cfg(not(test))]\nfn f() { crate::a::g() }";
        assert_ne!(
            cycles(&[("lib.rs", "mod a;\nmod b;"), ("a.rs", "use crate::b::B;\npub fn g() {}"), ("b.rs", b)]),
            ""
        );
    }

    #[test]
    fn paths_in_macro_arguments_count() {
        let files = [
            ("lib.rs", "mod a;\nmod b;"),
            ("a.rs", "use crate::b::B;\npub fn g() {}"),
            ("b.rs", "pub struct B;\nfn f() { assert!(vec![crate::a::g()].is_empty()); }"),
        ];
        assert!(cycles(&files).contains("b.rs:2 imports `crate::a::g` from a.rs"));
    }

    #[test]
    fn visibility_and_names_of_other_crates_do_not_count() {
        let files = [
            ("lib.rs", "mod a;\nuse std::fmt;\nfn f() -> a::A { fmt::Error; a::A }"),
            ("a.rs", "pub(super) struct A;\npub(in crate) fn g() -> std::fmt::Result { core::result::Result::Ok(()) }"),
        ];
        assert_eq!(cycles(&files), "");
    }

    #[test]
    fn recursive_re_exports_end() {
        let files = [("lib.rs", "mod a;\npub use a::*;"), ("a.rs", "pub use super::*;\nfn f() { Missing::new() }")];
        assert!(cycles(&files).contains("import cycle of 2 files"));
    }

    #[test]
    fn every_cycle_is_found() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;"),
            ("a.rs", "use crate::b::B;\npub struct A;"),
            ("b.rs", "use crate::a::A;\npub struct B;"),
            ("c.rs", "use crate::d::D;\npub struct C;"),
            ("d.rs", "use crate::c::C;\npub struct D;"),
        ];
        assert_eq!(cycles(&files).matches("import cycle of 2 files").count(), 2);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("lib.rs"), "mod a;").unwrap();
        let error = format!("{:#}", Graph::of_crate(&folder.path().join("lib.rs")).unwrap_err());
        assert!(error.contains("a/mod.rs"), "{error}");
    }
}
