//! A description of the host.

use std::{fs, process::Command, thread, time::Duration};

use anyhow::Context as _;
use xtask_common::{process::run, workspace};

use super::results::Machine;

/// The time limit of a query.
const QUERY: Duration = Duration::from_secs(20);

/// Describes this host.
pub(crate) fn describe(qemu: String, linux: Option<String>) -> anyhow::Result<Machine> {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let memory =
        field(&text("/proc/meminfo"), "MemTotal").and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
    Ok(Machine {
        cpu: field(&text("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
        cpus: thread::available_parallelism().map_or(1, usize::from),
        memory_mib: memory.unwrap_or(0) / 1024,
        kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
        huge_pages: chosen(&text("/sys/kernel/mm/transparent_hugepage/enabled")).unwrap_or("none").to_owned(),
        free_in_blocks_mib: free_in_blocks(&text("/proc/buddyinfo")),
        qemu,
        linux,
        rust: answer(Command::new("rustc").arg("--version"))?,
        revision: revision(),
        day: answer(Command::new("date").args(["-u", "+%Y-%m-%d"]))?,
    })
}

/// Returns the command line as the user typed it, without the file that the results were written to.
pub(crate) fn command() -> String {
    without_file(std::env::args().skip(1))
}

fn without_file(mut arguments: impl Iterator<Item = String>) -> String {
    let mut command = "cargo xtask bench".to_owned();
    while let Some(argument) = arguments.next() {
        if argument == "--out" {
            arguments.next();
        } else if !argument.starts_with("--out=") {
            command += " ";
            command += &argument;
        }
    }
    command
}

/// Returns the git revision of the workspace.
fn revision() -> String {
    let mut git = Command::new("git");
    answer(git.args(["describe", "--always", "--dirty"]).current_dir(workspace::root()))
        .unwrap_or_else(|_| "unknown".to_owned())
}

fn answer(command: &mut Command) -> anyhow::Result<String> {
    let (status, text) = run::output(command, QUERY)?;
    let answer = text.lines().next().filter(|_| status.success()).map(str::to_owned);
    answer.with_context(|| format!("{:?} printed nothing", command.get_program()))
}

/// Returns the value of the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(value.trim().to_owned())
}

/// Returns the memory in free blocks of 2 MiB or more, in MiB. Each line has the numbers of free blocks of 4 KiB, 8 KiB and so on.
fn free_in_blocks(text: &str) -> Option<u64> {
    let free = |line: &str| {
        let counts = line.split_once("zone")?.1.split_whitespace().skip(1).enumerate().skip(9);
        counts.map(|(order, count)| Some(count.parse::<u64>().ok()? << order >> 8)).sum::<Option<u64>>()
    };
    text.lines().map(free).sum::<Option<u64>>().filter(|_| !text.is_empty())
}

/// Returns the word in brackets.
fn chosen(text: &str) -> Option<&str> {
    text.split_once('[')?.1.split_once(']').map(|(chosen, _)| chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_shown_without_the_file_of_the_results() {
        let command = |line: &str| without_file(line.split_whitespace().map(str::to_owned));
        assert_eq!(command("--rounds 5 --out x.json --no-linux"), "cargo xtask bench --rounds 5 --no-linux");
        assert_eq!(command("--out=x.json --publish"), "cargo xtask bench --publish");
    }

    #[test]
    fn fields_and_choices_are_parsed() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC\nMemTotal:       24639968 kB\n";
        assert_eq!(field(text, "model name").as_deref(), Some("AMD EPYC"));
        assert_eq!(field(text, "MemTotal").as_deref(), Some("24639968 kB"));
        assert_eq!(field(text, "flags"), None);
        assert_eq!(chosen("always [madvise] never\n"), Some("madvise"));
        let zones = "Node 0, zone DMA32 61 87 0 0 0 0 0 0 1 30 7\nNode 0, zone   Normal 7 8 9 0 0 0 0 0 5 1 2\n";
        assert_eq!(free_in_blocks(zones), Some(31 * 2 + 9 * 4));
        assert_eq!((free_in_blocks(""), free_in_blocks("Node 0, zone DMA x")), (None, Some(0)));
        assert_eq!(free_in_blocks("Node 0, zone DMA 0 0 0 0 0 0 0 0 0 x"), None);
    }
}
