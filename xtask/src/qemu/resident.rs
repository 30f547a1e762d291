//! How much of a process's memory is resident.

use std::{fs, io};

use crate::units::Bytes;

/// The resident memory of the process `id`, as the system accounts for it.
///
/// # Errors
///
/// Where the process is gone, or the system does not tell (there is no `/proc`).
pub(crate) fn of(id: u32) -> io::Result<Bytes> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    parse(&status).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{id}/status has no VmRSS")))
}

/// Memory that the system can still give to programs, where it tells.
pub(crate) fn available() -> Option<Bytes> {
    kib(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

fn parse(status: &str) -> Option<Bytes> {
    kib(status, "VmRSS:")
}

fn kib(text: &str, name: &str) -> Option<Bytes> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok().map(Bytes::from_kib)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_the_status() {
        assert_eq!(parse("Name:\tqemu\nVmHWM:\t   9 kB\nVmRSS:\t  262144 kB\n"), Some(Bytes::from_mib(256)));
        assert_eq!(parse("Name:\tzombie\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_resident_memory() {
        assert!(of(std::process::id()).unwrap() > Bytes(0));
    }
}
