//! Rounds of hints that take many calls, because the queue is short: what the host asks for meanwhile is followed at once.

mod common;

use std::ops::Range;

use aerostat_balloon::handles::Progress;
use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{Options, Size4KiB, features};
use aerostat_device::{BalloonDevice, Event, HintCommand, Ledger, QueueKind, TestPlatform, features as offered};
use common::{Live, assert_all_returned, assert_clean, probe};

features! { struct Hinting { FreePageHint: Required } }

const CONFIGURATION: InterruptStatus = InterruptStatus { used_buffers: false, configuration: true };
const USED_BUFFERS: InterruptStatus = InterruptStatus { used_buffers: true, configuration: false };
/// Bytes and frames of a block. Guest memory has 31 blocks or fewer.
const BLOCK: u32 = 1 << 20;
const BLOCK_FRAMES: usize = BLOCK as usize / 4096;

type Balloon = Live<Size4KiB, Hinting>;

/// A queue of four descriptors: one for the command, three for blocks.
fn start(command: HintCommand) -> (Balloon, BalloonDevice, Ledger) {
    let builder = BalloonDevice::builder().memory(32 << 20).features(offered::FREE_PAGE_HINT | offered::VERSION_1);
    let builder = builder.queue_size_of(QueueKind::FreePage, 4).hint_command(command).manual();
    let device = builder.start().unwrap();
    let platform = TestPlatform::of(&device).unwrap();
    let ledger = platform.ledger();
    (probe(&device, platform, Options::new(Hinting).hint_block(BLOCK)), device, ledger)
}

/// Lets the device use all buffers that it has, and the driver follow the interrupt.
fn exchange(balloon: &mut Balloon, device: &BalloonDevice) -> Progress {
    while device.step() {}
    balloon.service_hinting(USED_BUFFERS).unwrap()
}

/// The rounds and blocks in the order in which the device got them.
#[derive(Debug, PartialEq)]
enum Got {
    Opened(u32),
    Block,
    Closed(u32),
}

fn got(device: &BalloonDevice) -> Vec<Got> {
    let block = |pages: &Range<u64>| assert_eq!(pages.end - pages.start, BLOCK_FRAMES as u64);
    let one = |event: &Event| match event {
        Event::HintRoundOpened(id) => Some(Got::Opened(*id)),
        Event::Hinted { pages } => {
            block(pages);
            Some(Got::Block)
        }
        Event::HintRoundClosed(id) => Some(Got::Closed(*id)),
        _ => None,
    };
    device.events().iter().filter_map(one).collect()
}

/// Starts a round and exchanges some of its blocks. Returns its id, and the number of blocks that the device got.
fn start_round(balloon: &mut Balloon, device: &BalloonDevice) -> (u32, usize) {
    let id = device.start_hinting();
    assert_eq!(balloon.service_hinting(CONFIGURATION), Ok(Progress::Waiting));
    for _ in 0..3 {
        assert_eq!(exchange(balloon, device), Progress::Waiting);
    }
    while device.step() {}
    let blocks = got(device).iter().filter(|one| **one == Got::Block).count();
    assert!((6..20).contains(&blocks), "{blocks} blocks: the round goes on");
    (id, blocks)
}

/// balloon.hint.2, balloon.hint.3: the host gets all free blocks, also if it hides its command in the meantime, which changes the
/// configuration without an interrupt.
#[test]
fn a_long_round_goes_on_until_all_blocks_were_sent() {
    for command in [HintCommand::Shown, HintCommand::HiddenOnceOpened] {
        let (mut balloon, device, ledger) = start(command);
        let id = device.start_hinting();
        let _ = balloon.service_hinting(CONFIGURATION).unwrap();
        let calls = (0..100).take_while(|_| exchange(&mut balloon, &device) == Progress::Waiting).count();
        assert!(calls >= 8, "{calls} calls for a queue of four descriptors");
        let got = got(&device);
        assert_eq!((got.first(), got.last()), (Some(&Got::Opened(id)), Some(&Got::Closed(id))), "{command:?}");
        assert!(got.len() >= 26, "{} of 31 blocks", got.len() - 2);
        assert!(ledger.free_frames() < 2 * BLOCK_FRAMES, "{} frames were not sent", ledger.free_frames());
        drop(balloon);
        assert_all_returned(&device, &ledger);
    }
}

/// balloon.hint.6: a round that the host abandons for another one ends with STOP, before the id of the next one is sent.
#[test]
fn a_round_that_the_host_abandons_ends_with_stop() {
    let (mut balloon, device, ledger) = start(HintCommand::Shown);
    let (first, blocks) = start_round(&mut balloon, &device);
    let second = device.start_hinting();
    let _ = balloon.service_hinting(CONFIGURATION).unwrap();
    for _ in 0..4 {
        let _ = exchange(&mut balloon, &device);
    }
    let got = got(&device);
    let next = got.iter().position(|one| *one == Got::Closed(first)).expect("STOP was sent");
    assert_eq!((next, &got[next + 1]), (blocks + 1, &Got::Opened(second)));
    assert!(got[next + 2..].contains(&Got::Block), "the second round has blocks");
    assert_clean(&device, &ledger);
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

/// balloon.hint.5: after STOP, and after DONE, the device gets no more blocks of the round, and the driver ends it.
#[test]
fn no_block_follows_when_the_host_has_stopped_the_round() {
    for is_done in [false, true] {
        let (mut balloon, device, ledger) = start(HintCommand::Shown);
        let (id, blocks) = start_round(&mut balloon, &device);
        if is_done {
            device.finish_hinting()
        } else {
            device.stop_hinting()
        };
        let _ = balloon.service_hinting(CONFIGURATION).unwrap();
        while exchange(&mut balloon, &device) == Progress::Waiting {}
        let got = got(&device);
        assert_eq!((got.len(), got.last()), (blocks + 2, Some(&Got::Closed(id))), "done: {is_done}");
        assert_eq!(ledger.allocated_frames().is_empty(), is_done, "only DONE gives the blocks back");
        device.finish_hinting();
        let _ = balloon.service_hinting(CONFIGURATION).unwrap();
        assert!(ledger.allocated_frames().is_empty());
        assert_clean(&device, &ledger);
        drop(balloon);
        assert_all_returned(&device, &ledger);
    }
}

/// The same id again is not a new round, whatever else changes in the configuration.
#[test]
fn a_round_that_has_ended_does_not_start_again() {
    let (mut balloon, device, ledger) = start(HintCommand::Shown);
    let id = device.start_hinting();
    let _ = balloon.service_hinting(CONFIGURATION).unwrap();
    while exchange(&mut balloon, &device) == Progress::Waiting {}
    let sent = got(&device).len();
    device.set_target(0);
    let _ = balloon.service_hinting(CONFIGURATION).unwrap();
    while exchange(&mut balloon, &device) == Progress::Waiting {}
    let got = got(&device);
    assert_eq!((got.len(), got.last()), (sent, Some(&Got::Closed(id))));
    drop(balloon);
    assert_all_returned(&device, &ledger);
}
