//! The device breaks the protocol: the index of its used ring jumps. The guest resets the device and restores the balloon.
//!
//! The index is written through QEMU's qtest protocol, because QEMU's device does not break the protocol.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixListener,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use xtask_common::bytes::Bytes;

use super::guest::{Environment, Guest, Setup};
use crate::not_run::NotRun;

const MEMORY: Bytes = Bytes::from_mib(128);
const LOOP: Setup = Setup { memory: MEMORY, command_line: "", features: &[] };
const FUTURES: Setup = Setup { memory: MEMORY, command_line: "async", features: &[] };
/// The target before the error.
const BEFORE: Bytes = Bytes::from_mib(64);
/// The target that makes the guest read the used ring, and that it reaches after it has recovered.
const AFTER: Bytes = Bytes::from_mib(96);
/// The queue whose ring is changed: the inflate queue.
const QUEUE: u16 = 0;
/// Offset of the index in a used ring.
const INDEX: u64 = 2;
/// An index that cannot follow the small one of the device.
const JUMP: u16 = 0x7fff;
/// The time limit for an answer to a qtest command.
const ANSWER: Duration = Duration::from_secs(10);

pub(crate) fn sync_driver(environment: &Environment) -> anyhow::Result<()> {
    run(environment, LOOP)
}

pub(crate) fn async_driver(environment: &Environment) -> anyhow::Result<()> {
    run(environment, FUTURES)
}

fn run(environment: &Environment, setup: Setup) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("qtest");
    let listener = UnixListener::bind(&socket)?;
    let mut chardev = std::ffi::OsString::from("unix:");
    chardev.push(&socket);
    chardev.push(",server=off");
    let more = ["-qtest".into(), chardev, "-qtest-log".into(), "none".into()];
    let mut guest = environment.start_with_arguments(setup, &more)?;
    guest.reach(BEFORE)?;
    let Some(used) = guest.qemu().used_ring(QUEUE)? else {
        guest.stop()?;
        return Err(NotRun::required("this QEMU does not report the addresses of virtqueues: it needs QEMU 7.2").into());
    };
    // The balloon is at its target, so that neither side accesses the ring.
    write(&listener, used + INDEX, JUMP)?;
    guest.set_target(AFTER)?;
    expect(&mut guest, "error: the balloon is reset: ")?;
    expect(&mut guest, "the balloon is restored after a reset")?;
    guest.reach(AFTER)?;
    guest.reach(BEFORE)?;
    println!("The balloon reached {AFTER} and {BEFORE} after the index of a used ring had jumped.");
    Ok(guest.stop()?)
}

/// Waits for a console line.
fn expect(guest: &mut Guest, line: &'static str) -> anyhow::Result<()> {
    Ok(guest.line(line, |printed| printed.starts_with(line).then_some(()))?)
}

/// Writes a number to the guest's memory.
fn write(listener: &UnixListener, address: u64, value: u16) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let (mut stream, _) = listener.accept().context("QEMU has not connected to its qtest socket")?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(ANSWER))?;
    writeln!(stream, "writew {address:#x} {value:#x}")?;
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer)?;
    ensure!(answer.trim() == "OK", "qtest answered {answer:?}");
    Ok(())
}
