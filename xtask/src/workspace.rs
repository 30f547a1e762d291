//! Where things are.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // `cargo run` says where the manifest is now; the place of the build serves when the program is started by hand.
    let manifest =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The folder for all that is built.
pub(crate) fn target_dir() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The folder for what is built for bare metal. It is apart, because it may be built by another compiler than the rest,
/// and two compilers that share a folder undo each other's work.
pub(crate) fn guest_target_dir() -> PathBuf {
    target_dir().join("guest")
}

/// The oldest compiler that the workspace is for.
pub(crate) const MINIMUM_RUST: &str = env!("CARGO_PKG_RUST_VERSION");

/// The first file called `name` in the folders of `PATH`.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// Cargo, working in the root of the workspace.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}
