//! The module tree of a crate, and the names in each module.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use syn::{Attribute, Item, ItemMod, Meta, UseTree, punctuated::Punctuated, token::Comma};

/// The index of a module.
pub(crate) type ModuleId = usize;
/// The index of a source file.
pub(crate) type FileId = usize;

/// A module.
pub(crate) struct Module {
    pub(crate) parent: Option<ModuleId>,
    pub(crate) file: FileId,
    children: HashMap<String, ModuleId>,
    /// Names of items that are defined here.
    items: Vec<String>,
    /// Names that `use` declarations bring into scope, with their paths.
    imports: HashMap<String, Vec<String>>,
    /// Paths of glob imports.
    globs: Vec<Vec<String>>,
    /// What the module contains, without its submodules.
    pub(crate) content: Vec<Item>,
}

/// The module tree of a crate.
#[derive(Default)]
pub(crate) struct Modules {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) modules: Vec<Module>,
}

/// The definition that a path refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Definition {
    Module(ModuleId),
    /// An item in this file.
    Item(FileId),
}

/// The part of a `use` declaration that names one import.
#[derive(Debug)]
pub(crate) enum Import {
    /// A path, and the name that it gets.
    Name(Vec<String>, String),
    /// All names of a path.
    Glob(Vec<String>),
}

impl Modules {
    /// Parses the crate with the root file `root`.
    pub(crate) fn parse(root: &Path) -> anyhow::Result<Self> {
        let mut modules = Self::default();
        let folder = root.parent().unwrap_or(Path::new("")).to_owned();
        modules.add_file(root, &folder, None)?;
        Ok(modules)
    }

    /// Adds a file, whose submodules are in `folder`.
    fn add_file(&mut self, path: &Path, folder: &Path, parent: Option<ModuleId>) -> anyhow::Result<ModuleId> {
        let text = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
        let file = syn::parse_file(&text).with_context(|| format!("failed to parse {}", path.display()))?;
        self.files.push(path.to_owned());
        self.add_module(file.items, self.files.len() - 1, folder, parent)
    }

    fn add_module(
        &mut self,
        items: Vec<Item>,
        file: FileId,
        folder: &Path,
        parent: Option<ModuleId>,
    ) -> anyhow::Result<ModuleId> {
        let id = self.modules.len();
        self.modules.push(Module {
            parent,
            file,
            children: HashMap::new(),
            items: Vec::new(),
            imports: HashMap::new(),
            globs: Vec::new(),
            content: Vec::new(),
        });
        for item in items {
            if is_test(attributes(&item)) {
                continue;
            }
            match item {
                Item::Mod(module) => self.add_child(module, id, folder)?,
                other => self.add_item(id, other),
            }
        }
        Ok(id)
    }

    fn add_child(&mut self, module: ItemMod, parent: ModuleId, folder: &Path) -> anyhow::Result<()> {
        let name = module.ident.to_string();
        let file = self.modules[parent].file;
        let child = match module.content {
            Some((_, items)) => self.add_module(items, file, &folder.join(&name), Some(parent))?,
            None => {
                let path = match path_attribute(&module.attrs) {
                    // Relative to the folder of the file that declares the module.
                    Some(path) => self.files[file].with_file_name("").join(path),
                    None => Some(folder.join(format!("{name}.rs")))
                        .filter(|path| path.is_file())
                        .unwrap_or_else(|| folder.join(&name).join("mod.rs")),
                };
                self.add_file(&path, &folder.join(&name), Some(parent))?
            }
        };
        // Two modules with one name are alternatives under `cfg`: names resolve to the first one.
        self.modules[parent].children.entry(name).or_insert(child);
        Ok(())
    }

    fn add_item(&mut self, id: ModuleId, item: Item) {
        let module = &mut self.modules[id];
        if let Item::Use(item) = &item {
            for import in imports(&item.tree) {
                match import {
                    Import::Name(path, name) => drop(module.imports.insert(name, path)),
                    Import::Glob(path) => module.globs.push(path),
                }
            }
        }
        module.items.extend(name(&item));
        module.content.push(item);
    }

    /// Returns the file that defines what `path` refers to in `module`, or `None` if that is outside of the crate.
    pub(crate) fn defining_file(&self, module: ModuleId, path: &[String]) -> Option<FileId> {
        self.resolve(module, path, &mut Vec::new()).map(|definition| match definition {
            Definition::Module(module) => self.modules[module].file,
            Definition::Item(file) => file,
        })
    }

    /// Resolves a path. `visited` contains the lookups in progress, so that recursive re-exports end.
    fn resolve(&self, module: ModuleId, path: &[String], visited: &mut Vec<(ModuleId, String)>) -> Option<Definition> {
        let (first, mut rest) = path.split_first()?;
        let mut definition = match first.as_str() {
            "crate" => Definition::Module(0),
            "self" => Definition::Module(module),
            "super" => Definition::Module(self.modules[module].parent?),
            name => self.lookup(module, name, visited)?,
        };
        while let (Definition::Module(at), Some((name, more))) = (definition, rest.split_first()) {
            definition = match name.as_str() {
                "super" => Definition::Module(self.modules[at].parent?),
                // An unknown name is the output of a macro.
                name => self.lookup(at, name, visited).unwrap_or(Definition::Item(self.modules[at].file)),
            };
            rest = more;
        }
        Some(definition)
    }

    /// Finds `name` in the scope of a module.
    fn lookup(&self, id: ModuleId, name: &str, visited: &mut Vec<(ModuleId, String)>) -> Option<Definition> {
        let module = &self.modules[id];
        if let Some(&child) = module.children.get(name) {
            return Some(Definition::Module(child));
        }
        if module.items.iter().any(|item| item == name) {
            return Some(Definition::Item(module.file));
        }
        let key = (id, name.to_owned());
        if visited.contains(&key) {
            return None;
        }
        visited.push(key);
        let found = match module.imports.get(name) {
            Some(path) => self.resolve(id, path, visited),
            None => module.globs.iter().find_map(|glob| match self.resolve(id, glob, visited)? {
                Definition::Module(target) => self.lookup(target, name, visited),
                // A glob of an enum.
                Definition::Item(_) => None,
            }),
        };
        visited.pop();
        found
    }
}

/// Returns the imports of a `use` declaration.
pub(crate) fn imports(tree: &UseTree) -> Vec<Import> {
    let mut found = Vec::new();
    flatten(tree, &mut Vec::new(), &mut found);
    found
}

fn flatten(tree: &UseTree, prefix: &mut Vec<String>, found: &mut Vec<Import>) {
    let path = |name: &syn::Ident| {
        // `use a::{self}` names `a`.
        let name = Some(name.to_string()).filter(|name| name != "self" || prefix.is_empty());
        prefix.iter().cloned().chain(name).collect::<Vec<_>>()
    };
    match tree {
        UseTree::Path(tree) => {
            prefix.push(tree.ident.to_string());
            flatten(&tree.tree, prefix, found);
            prefix.pop();
        }
        UseTree::Name(tree) => {
            let path = path(&tree.ident);
            let name = path.last().cloned().unwrap_or_default();
            found.push(Import::Name(path, name));
        }
        UseTree::Rename(tree) => found.push(Import::Name(path(&tree.ident), tree.rename.to_string())),
        UseTree::Glob(_) => found.push(Import::Glob(prefix.clone())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, prefix, found)),
    }
}

/// Returns whether the attributes limit an item to tests.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            attribute.parse_args::<Meta>().is_ok_and(|condition| needs_test(&condition))
        }
        Meta::Path(path) => path.is_ident("test"),
        _ => false,
    })
}

/// Returns whether a `cfg` condition holds only in tests.
fn needs_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) => {
            let parts = list.parse_args_with(Punctuated::<Meta, Comma>::parse_terminated).unwrap_or_default();
            (list.path.is_ident("all") && parts.iter().any(needs_test))
                || (list.path.is_ident("any") && !parts.is_empty() && parts.iter().all(needs_test))
        }
        Meta::NameValue(_) => false,
    }
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    })
}

/// Returns the name that an item defines in its module.
fn name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Macro(item) => item.ident.as_ref()?.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::TraitAlias(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Union(item) => item.ident.to_string(),
        _ => return None,
    })
}

/// Returns the attributes of an item.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
