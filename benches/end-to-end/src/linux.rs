//! A guest with Linux's driver: Debian's cloud kernel, with busybox for the same console protocol as the other guest.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use cpio::{NewcBuilder, write_cpio};
use xtask_common::workspace;
use xtask_install::deb;

/// The metapackage of the newest kernel.
const KERNEL: &str = "linux-image-cloud-amd64";
const SHELL: &str = "busybox-static";
/// The driver and its dependencies, in loading order.
const MODULES: [&str; 6] =
    ["virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_balloon"];
/// The init program.
const INIT: &str = include_str!("init.sh");

/// A bootable Linux.
#[derive(Clone, Debug)]
pub(crate) struct Linux {
    pub(crate) kernel: PathBuf,
    pub(crate) initrd: PathBuf,
    /// Its version, as `uname -r` prints it.
    pub(crate) release: String,
}

/// Downloads the packages, without installing them, and builds the initramfs.
pub(crate) fn build() -> anyhow::Result<Linux> {
    let folder = workspace::target_dir().join("bench").join("linux");
    let kernel = deb::unpacked(&deb::first_dependency(KERNEL)?, &folder)?;
    let shell = deb::unpacked(SHELL, &folder)?;
    let image = only(&kernel.join("boot"), "vmlinuz-")?;
    let release = image.file_name().and_then(|name| name.to_str()?.strip_prefix("vmlinuz-")).map(str::to_owned);
    let release = release.context("the name of the kernel has no version")?;
    let modules = kernel.join("lib/modules").join(&release).join("kernel/drivers/virtio");

    let mut files = vec![
        File::folder("bin"),
        File::folder("dev"),
        File::folder("mnt"),
        File::folder("proc"),
        File::folder("sys"),
        File::program("init", INIT.as_bytes().to_vec()),
        File::program("bin/busybox", fs::read(shell.join("bin/busybox"))?),
    ];
    for (number, name) in MODULES.iter().enumerate() {
        let file = modules.join(format!("{name}.ko"));
        let content =
            fs::read(&file).with_context(|| format!("failed to read the kernel module {}", file.display()))?;
        files.push(File::program(&format!("{number}-{name}.ko"), content));
    }
    let initrd = folder.join("initrd");
    let entries = files.into_iter().map(|file| {
        let builder = NewcBuilder::new(&file.name).mode(file.mode).nlink(1);
        (builder, io::Cursor::new(file.content))
    });
    write_cpio(entries, fs::File::create(&initrd)?).context("failed to write the initramfs")?;
    Ok(Linux { kernel: image, initrd, release })
}

/// A file of the initramfs.
struct File {
    name: String,
    mode: u32,
    content: Vec<u8>,
}

impl File {
    fn folder(name: &str) -> Self {
        Self { name: name.to_owned(), mode: 0o040_755, content: Vec::new() }
    }

    fn program(name: &str, content: Vec<u8>) -> Self {
        Self { name: name.to_owned(), mode: 0o100_755, content }
    }
}

/// Returns the only file in `folder` whose name starts with `start`.
fn only(folder: &Path, start: &str) -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))?;
    let names = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<_> =
        names.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))).collect();
    ensure!(
        found.len() == 1,
        "expected one file that starts with {start} in {}, found {}",
        folder.display(),
        found.len()
    );
    Ok(found.remove(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_init_program_prints_the_expected_lines() {
        for line in ["echo \"ready: ", "panic: ", "spare: freed "] {
            assert!(INIT.contains(line), "{line}");
        }
    }
}
