//! A balloon over each adapter of `aerostat-adapters` in a guest, on QEMU's device. The guest runs the balloons one after another
//! (`guest/src/kernel/adapters.rs`); this module sets the targets and checks what the device has got. The guest logs what it sends, and the
//! log is decoded with the description of the balloon.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use aerostat_codegen::{Decoder, Exchange};
use anyhow::{Context as _, ensure};

use xtask_build::guest;
use xtask_common::{arch::Arch, bytes::Bytes};
use xtask_qemu::{
    error::Activity,
    features::Offer,
    machine::{Balloon, Machine, Start},
    program,
    serial::Position,
    transport::Transport,
    vm::Qemu,
};

use super::context::Context;
use crate::decode;

/// The command line of the guest.
const COMMAND_LINE: &str = "then=adapters";
/// Memory of the guest.
const MEMORY: Bytes = Bytes::from_mib(256);
/// Longest time between two lines of the guest.
const LIMIT: Duration = Duration::from_secs(60);
/// The adapters, with the names that the guest prints.
const ADAPTERS: [&str; 5] = ["bitmap", "buddy", "functions", "hal", "heap"];
/// Sizes of each balloon that are not 0: three, and one after it was frozen.
const SIZES: usize = 4;
/// The pages that each balloon inflates by in all: to 16 MiB, from 4 to 24 MiB, and to 8 MiB.
const INFLATED: u64 = (16 + 20 + 8) * PAGES_PER_MIB;
const PAGES_PER_MIB: u64 = 256;

/// Runs the guest over PCI and over MMIO.
pub(super) fn in_a_guest(context: &mut Context) -> anyhow::Result<()> {
    let arch = context.arch;
    let image = guest::build_with_adapters(&context.recipe(arch)?)?;
    for transport in [Transport::Pci, Transport::Mmio] {
        let (sizes, log) =
            run(arch, image.clone(), transport).with_context(|| format!("the guest over {transport}"))?;
        let names: Vec<_> = sizes.keys().map(String::as_str).collect();
        ensure!(names == ADAPTERS, "over {transport}, the guest ran {names:?} instead of {ADAPTERS:?}");
        ensure!(sizes.values().all(|&sizes| sizes == SIZES), "over {transport}, sizes are missing: {sizes:?}");
        let pages = inflated(&log).with_context(|| format!("the log of the guest over {transport}"))?;
        let expected = ADAPTERS.len() as u64 * INFLATED;
        ensure!(pages == expected, "over {transport}, the log has {pages} inflated pages instead of {expected}");
        println!(
            "Over {transport}, balloons over {} reached {SIZES} sizes each. The log has {} exchanges and {pages} inflated pages.",
            ADAPTERS.join(", "),
            log.len()
        );
    }
    Ok(())
}

/// Returns how many pages the exchanges put into balloons. Each exchange has to be a request of the description.
fn inflated(log: &[Exchange]) -> anyhow::Result<u64> {
    let model = decode::model(&decode::description("balloon")?)?;
    let decoder = Decoder::new(&model);
    let mut pages = 0;
    for exchange in log {
        let decoded = decoder.exchange(exchange)?;
        let count = decoded.readable.fields().iter().filter(|field| field.name.starts_with("pages[")).count();
        let is_array = matches!(decoded.names.as_slice(), [name] if name == "inflate" || name == "deflate");
        ensure!(is_array && count > 0 && 4 * count == exchange.readable.len(), "{exchange}: {decoded}");
        if decoded.queue == "inflate" {
            pages += count as u64;
        }
    }
    Ok(pages)
}

/// Returns how many sizes the balloon over each adapter has reached, and what the guest has sent.
fn run(arch: Arch, image: PathBuf, transport: Transport) -> anyhow::Result<(BTreeMap<String, usize>, Vec<Exchange>)> {
    let machine = Machine {
        arch,
        program: program::name(arch).into(),
        image,
        command_line: COMMAND_LINE.to_owned(),
        memory: MEMORY,
        transport,
        balloon: Balloon::Present(Offer::Exactly(Vec::new())),
        start: Start::Running,
        entropy: None,
    };
    let mut qemu = Qemu::start(&machine)?;
    let (mut position, mut sizes, mut log) = (Position::default(), BTreeMap::new(), Vec::new());
    loop {
        let event = qemu.wait_for("the guest's next line `adapters: …`", LIMIT, |qemu| {
            Ok(qemu.next_line(&mut position, Event::read))
        })?;
        match event {
            Event::WaitsFor(size) => qemu.set_target(MEMORY.minus(size))?,
            Event::Has { adapter, size } => {
                let actual = qemu.actual(Activity::Querying)?;
                ensure!(actual == MEMORY.minus(size), "{adapter}: the balloon has {size}, and the guest {actual}");
                *sizes.entry(adapter).or_default() += 1;
            }
            Event::Sent(exchange) => log.push(exchange),
            Event::Done => break,
        }
    }
    qemu.quit()?;
    Ok((sizes, log))
}

/// A line of the guest that starts with `adapters: `, or that is an exchange.
#[derive(Debug, PartialEq)]
enum Event {
    WaitsFor(Bytes),
    /// The balloon over an adapter has a size.
    Has {
        adapter: String,
        size: Bytes,
    },
    Sent(Exchange),
    Done,
}

impl Event {
    fn read(line: &str) -> Option<Self> {
        if let Ok(exchange) = line.trim_end().parse() {
            return Some(Self::Sent(exchange));
        }
        let text = line.trim_end().strip_prefix("adapters: ")?;
        if text == "done" {
            return Some(Self::Done);
        }
        let (adapter, text) = text.split_once(": ")?;
        let (words, mib) = text.strip_suffix(" MiB")?.rsplit_once(' ')?;
        let size = Bytes::from_mib(mib.parse().ok()?);
        match words {
            "waiting for" => Some(Self::WaitsFor(size)),
            "has" => Some(Self::Has { adapter: adapter.to_owned(), size }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_guest_are_parsed() {
        let size = Bytes::from_mib(16);
        assert_eq!(Event::read("adapters: heap: waiting for 16 MiB\r"), Some(Event::WaitsFor(size)));
        assert_eq!(Event::read("adapters: heap: has 16 MiB"), Some(Event::Has { adapter: "heap".into(), size }));
        assert_eq!(Event::read("adapters: done"), Some(Event::Done));
        let exchange = Exchange { device: 5, queue: 1, readable: vec![1, 0, 0, 0], written: Vec::new() };
        assert_eq!(Event::read("virtio 5 queue 1: 01000000 -> \r"), Some(Event::Sent(exchange)));
        for line in ["adapters: heap", "adapters: heap: had 16 MiB", "stack: done"] {
            assert_eq!(Event::read(line), None, "{line}");
        }
    }
}
