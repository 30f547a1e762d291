//! A balloon over each adapter of `aerostat-adapters` in a guest, on QEMU's device. The guest runs the balloons one after another
//! (`guest/src/kernel/adapters.rs`); this module sets the targets and checks what the device has got. The guest logs what it exchanges with
//! the balloon and an entropy device. The log is decoded with their descriptions, and compared with what was sent and answered.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use aerostat_codegen::{Decoder, Exchange};
use anyhow::{Context as _, ensure};

use xtask_build::guest;
use xtask_common::{arch::Arch, bytes::Bytes};
use xtask_qemu::{
    error::Activity,
    features::{Feature, Offer},
    machine::{Balloon, Machine, Start},
    program,
    serial::Position,
    transport::Transport,
    vm::Qemu,
};

use super::{
    context::Context,
    scenarios::{cell::Ring, entropy::Source},
};
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

/// The device ids.
const ENTROPY: u32 = 4;
const BALLOON: u32 = 5;

/// Runs the guest over PCI with packed rings, and over MMIO with split rings.
pub(super) fn in_a_guest(context: &mut Context) -> anyhow::Result<()> {
    let arch = context.arch;
    let image = guest::build_with_adapters(&context.recipe(arch)?)?;
    for (transport, ring) in [(Transport::Pci, Ring::Packed), (Transport::Mmio, Ring::Split)] {
        let entropy = Source::new()?;
        let machine = machine(arch, image.clone(), transport, ring, &entropy);
        let Run { sizes, log, probed } = run(&machine).with_context(|| format!("the guest over {transport}"))?;
        let names: Vec<_> = sizes.keys().map(String::as_str).collect();
        ensure!(names == ADAPTERS, "over {transport}, the guest ran {names:?} instead of {ADAPTERS:?}");
        ensure!(sizes.values().all(|&sizes| sizes == SIZES), "over {transport}, sizes are missing: {sizes:?}");
        let is_packed = probed.iter().all(|line| line.contains("RING_PACKED"));
        ensure!(!probed.is_empty() && is_packed == (ring == Ring::Packed), "{ring} rings were expected: {probed:?}");
        let pages = inflated(&log).with_context(|| format!("the log of the guest over {transport}"))?;
        let expected = ADAPTERS.len() as u64 * INFLATED;
        ensure!(pages == expected, "over {transport}, the log has {pages} inflated pages instead of {expected}");
        let bytes = random(&log).with_context(|| format!("the log of the guest over {transport}"))?;
        ensure!(
            entropy.starts_with(&bytes),
            "over {transport}, the log has other random bytes than the host: {bytes:02x?}"
        );
        println!(
            "Over {transport} with {ring} rings, balloons over {} reached {SIZES} sizes each. The log has {} exchanges, \
             {pages} inflated pages and {} random bytes.",
            ADAPTERS.join(", "),
            log.len(),
            bytes.len()
        );
    }
    Ok(())
}

/// Returns the random bytes in the answers of the entropy device. The guest needs more than one answer.
fn random(log: &[Exchange]) -> anyhow::Result<Vec<u8>> {
    let model = decode::model(&decode::description("entropy")?)?;
    let decoder = Decoder::new(&model);
    let answers: Vec<_> = log.iter().filter(|exchange| exchange.device == ENTROPY).collect();
    ensure!(answers.len() > 1, "the log has {} answers of the entropy device", answers.len());
    for answer in &answers {
        let decoded = decoder.exchange(answer)?;
        let is_answer = decoded.readable.fields().is_empty() && !decoded.written.fields().is_empty();
        ensure!(decoded.queue == "request" && is_answer, "{answer}: {decoded}");
    }
    Ok(answers.iter().flat_map(|answer| answer.written.iter().copied()).collect())
}

/// Returns how many pages the exchanges put into balloons. Each exchange of the balloon has to be a request of the description.
fn inflated(log: &[Exchange]) -> anyhow::Result<u64> {
    let model = decode::model(&decode::description("balloon")?)?;
    let decoder = Decoder::new(&model);
    let mut pages = 0;
    for exchange in log.iter().filter(|exchange| exchange.device == BALLOON) {
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

fn machine(arch: Arch, image: PathBuf, transport: Transport, ring: Ring, entropy: &Source) -> Machine {
    let features = match ring {
        Ring::Split => vec![Feature::EventIdx],
        Ring::Packed => vec![Feature::Packed, Feature::EventIdx],
    };
    Machine {
        arch,
        program: program::name(arch).into(),
        image,
        command_line: COMMAND_LINE.to_owned(),
        memory: MEMORY,
        transport,
        balloon: Balloon::Present(Offer::Exactly(features)),
        start: Start::Running,
        entropy: Some(entropy.path().to_owned()),
    }
}

/// What the guest has printed.
#[derive(Debug, Default)]
struct Run {
    /// How many sizes the balloon over each adapter has reached.
    sizes: BTreeMap<String, usize>,
    /// What the guest and its devices exchanged.
    log: Vec<Exchange>,
    /// The driver's line for each balloon that it probed.
    probed: Vec<String>,
}

fn run(machine: &Machine) -> anyhow::Result<Run> {
    let mut qemu = Qemu::start(machine)?;
    let (mut position, mut run) = (Position::default(), Run::default());
    loop {
        let event = qemu.wait_for("the guest's next line `adapters: …`", LIMIT, |qemu| {
            Ok(qemu.next_line(&mut position, Event::read))
        })?;
        match event {
            Event::WaitsFor(size) => qemu.set_target(MEMORY.minus(size))?,
            Event::Has { adapter, size } => {
                let actual = qemu.actual(Activity::Querying)?;
                ensure!(actual == MEMORY.minus(size), "{adapter}: the balloon has {size}, and the guest {actual}");
                *run.sizes.entry(adapter).or_default() += 1;
            }
            Event::Exchanged(exchange) => run.log.push(exchange),
            Event::Probed(line) => run.probed.push(line),
            Event::Done => break,
        }
    }
    qemu.quit()?;
    Ok(run)
}

/// A line of the guest that starts with `adapters: ` or `balloon: probed`, or that is an exchange.
#[derive(Debug, PartialEq)]
enum Event {
    WaitsFor(Bytes),
    /// The balloon over an adapter has a size.
    Has {
        adapter: String,
        size: Bytes,
    },
    Exchanged(Exchange),
    Probed(String),
    Done,
}

impl Event {
    fn read(line: &str) -> Option<Self> {
        if let Ok(exchange) = line.trim_end().parse() {
            return Some(Self::Exchanged(exchange));
        }
        if line.starts_with("balloon: probed") {
            return Some(Self::Probed(line.trim_end().to_owned()));
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
        assert_eq!(Event::read("virtio 5 queue 1: 01000000 -> \r"), Some(Event::Exchanged(exchange)));
        let probed = "balloon: probed PCI, modern; features 0x0; queues: inflate 0, deflate 1";
        assert_eq!(Event::read(probed), Some(Event::Probed(probed.to_owned())));
        for line in ["adapters: heap", "adapters: heap: had 16 MiB", "stack: done"] {
            assert_eq!(Event::read(line), None, "{line}");
        }
    }
}
