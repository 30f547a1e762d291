//! Paths and programs of the workspace.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest compiler for tools and guests.
pub const MINIMUM_RUST: &str = env!("CARGO_PKG_RUST_VERSION");

/// Returns the root of the workspace.
pub fn root() -> PathBuf {
    // `cargo run` sets the variable to the current path. A program that was started directly uses the path at build time.
    let manifest =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    root_above(&manifest).unwrap_or_else(|| PathBuf::from("."))
}

/// Returns the nearest folder at or above `package` whose manifest defines a workspace.
fn root_above(package: &Path) -> Option<PathBuf> {
    let defines_workspace = |folder: &&Path| {
        fs::read_to_string(folder.join("Cargo.toml"))
            .is_ok_and(|manifest| manifest.lines().any(|line| line == "[workspace]"))
    };
    package.ancestors().find(defines_workspace).map(Path::to_path_buf)
}

/// Returns cargo's target directory.
pub fn target_dir() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Returns the target directory for builds with another compiler or other libraries than the host's: two compilers that share
/// a directory rebuild each other's output.
pub fn separate_target_dir() -> PathBuf {
    target_dir().join("guest")
}

/// Returns the first file called `name` in the directories of `PATH`.
pub fn which(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// Returns a command that runs cargo in the root of the workspace.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_from_a_nested_package() {
        let root = root();
        assert!(root.join("xtask/common/Cargo.toml").is_file(), "{}", root.display());
        assert_eq!(root_above(&root.join("xtask/common/src")), Some(root));
    }
}
