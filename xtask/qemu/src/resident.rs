//! Resident and available memory, from `/proc`.

use std::{fs, io};

use xtask_common::bytes::Bytes;

/// Returns the resident memory of the process `id`.
///
/// # Errors
///
/// If the process does not exist or `/proc` is not mounted.
pub fn of(id: u32) -> io::Result<Bytes> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    parse(&status).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{id}/status has no VmRSS")))
}

/// Returns the memory that is available to programs, if the system reports it.
pub fn available() -> Option<Bytes> {
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
    fn resident_memory_is_parsed() {
        assert_eq!(parse("Name:\tqemu\nVmHWM:\t   9 kB\nVmRSS:\t  262144 kB\n"), Some(Bytes::from_mib(256)));
        assert_eq!(parse("Name:\tzombie\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_resident_memory() {
        assert!(of(std::process::id()).unwrap() > Bytes(0));
    }
}
