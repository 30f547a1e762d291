//! What is wrong with a manifest, or missing in it, before a crate can be published.

use std::fs;

use super::manifests::{Dependency, Package};

/// The crates that are always used together in the same version, because generated code uses private items.
const EXACT: [&str; 2] = ["aerostat-codegen", "aerostat-macros"];
/// The largest number of keywords and of categories that crates.io accepts.
const MOST: usize = 5;

/// Returns the problems that prevent publishing, one for each line.
pub(crate) fn problems(packages: &[Package]) -> Vec<String> {
    packages
        .iter()
        .flat_map(|package| of(package).into_iter().map(|text| format!("{}: {text}", package.name)))
        .collect()
}

fn of(package: &Package) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |holds: bool, problem: String| {
        if !holds {
            found.push(problem);
        }
    };
    for (key, value) in [
        ("description", &package.description),
        ("documentation", &package.documentation),
        ("license", &package.license),
        ("readme", &package.readme),
        ("rust-version", &package.rust_version),
    ] {
        check(value.as_ref().is_some_and(|value| !value.is_empty()), format!("`{key}` is missing"));
    }
    for (key, values) in [("keywords", &package.keywords), ("categories", &package.categories)] {
        check((1..=MOST).contains(&values.len()), format!("{} {key}; allowed are 1 to {MOST}", values.len()));
    }
    let docs_rs = package.metadata.as_ref().and_then(|metadata| metadata.pointer("/docs/rs"));
    check(docs_rs.is_some(), "`[package.metadata.docs.rs]` is missing".to_owned());
    for file in ["README.md", "LICENSE-APACHE", "LICENSE-MIT"] {
        let path = package.manifest_path.with_file_name(file);
        check(path.is_file(), format!("{} is missing", path.display()));
    }
    let readme = fs::read_to_string(package.manifest_path.with_file_name("README.md")).unwrap_or_default();
    let rust = package.rust_version.as_deref().unwrap_or_default();
    check(
        readme.contains("dependencies]\naerostat-"),
        "README.md does not show the line for `[dependencies]`".to_owned(),
    );
    check(readme.contains(&format!("Rust {rust} or later")), format!("README.md does not say `Rust {rust} or later`"));
    found.extend(package.dependencies.iter().filter_map(|dependency| of_dependency(package, dependency)));
    found
}

/// Returns what is wrong with a dependency on a crate of this workspace.
fn of_dependency(package: &Package, dependency: &Dependency) -> Option<String> {
    let Dependency { name, req, kind, path } = dependency;
    path.as_ref()?;
    let has_version = req != "*";
    if kind.as_deref() == Some("dev") {
        let problem = "the dev-dependency has a version, so it must be published first, which can form a cycle";
        return has_version.then(|| format!("{name}: {problem}"));
    }
    let expected = if EXACT.contains(&name.as_str()) { "=" } else { "^" }.to_owned() + &package.version;
    (*req != expected).then(|| format!("{name}: the version is `{req}`; expected is `{expected}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::manifests::published;

    fn dependency(name: &str, req: &str, kind: Option<&str>) -> Dependency {
        Dependency { name: name.into(), req: req.into(), kind: kind.map(str::to_owned), path: Some("folder".into()) }
    }

    #[test]
    fn the_manifests_of_this_workspace_are_complete() {
        assert_eq!(problems(&published().unwrap()), Vec::<String>::new());
    }

    #[test]
    fn an_empty_manifest_lacks_everything() {
        let package =
            Package { name: "empty".into(), manifest_path: "/nowhere/Cargo.toml".into(), ..Package::default() };
        let problems = problems(&[package]);
        for part in
            ["description", "documentation", "license", "readme", "rust-version", "keywords", "docs.rs", "LICENSE-MIT"]
        {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part} is not in {problems:?}");
        }
    }

    #[test]
    fn a_dependency_has_the_version_of_the_workspace() {
        let package = Package { version: "0.2.0".into(), ..Package::default() };
        for (name, req, kind, accepted) in [
            ("aerostat-spec", "^0.2.0", None, true),
            ("aerostat-spec", "^0.1.0", None, false),
            ("aerostat-spec", "*", None, false),
            ("aerostat-macros", "=0.2.0", None, true),
            ("aerostat-macros", "^0.2.0", None, false),
            ("aerostat-device", "*", Some("dev"), true),
            ("aerostat-device", "^0.2.0", Some("dev"), false),
        ] {
            let problem = of_dependency(&package, &dependency(name, req, kind));
            assert_eq!(problem.is_none(), accepted, "{name} {req} {kind:?}: {problem:?}");
        }
        let elsewhere = Dependency { path: None, ..dependency("syn", "^3", None) };
        assert_eq!(of_dependency(&package, &elsewhere), None);
    }
}
