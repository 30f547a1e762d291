//! A device whose registers read as random values, and whose used rings change at random.
//!
//! The driver must not panic, loop without a bound, or return a frame twice. After the reset of a device without noise,
//! everything is returned.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use aerostat_balloon::transport::Mmio;
use aerostat_balloon::{Balloon, FrameSize, Frames, Frozen, Options, Ready, Size4KiB, Size16KiB, Step};
use aerostat_device::{BalloonDevice, GuestMemory, OwnershipViolation, TestPlatform, Work};
use proptest::prelude::*;

use crate::common::registers::{Observe, Observed};
use crate::common::{TellHost, no_wait};
use crate::config;

type Live<S> = Balloon<Ready<Mmio<Observed<Rc<Noise>>>, TestPlatform<S>, TellHost>>;
type Cold<S> = Balloon<Frozen<Mmio<Observed<Rc<Noise>>>, TestPlatform<S>, TellHost>>;

/// The first register with noise: magic value, version and device id are read only once.
const FIRST: usize = 0x010;
/// Registers of the halves of the address of a queue's device area.
const DEVICE_AREA: [usize; 2] = [0x0a0, 0x0a4];
/// Bytes of the used ring of a queue with 16 descriptors.
const USED_RING: u64 = 4 + 8 * 16;

/// The noise that all clones of the registers share.
struct Noise {
    state: Cell<u64>,
    /// One of this many reads returns noise. 0 means none.
    one_in: Cell<u64>,
    /// The halves of the addresses of device areas, as they were written.
    areas: RefCell<Vec<u32>>,
}

impl Noise {
    /// Marsaglia's 64-bit xorshift.
    fn roll(&self) -> u64 {
        let mut state = self.state.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.state.set(state);
        state >> 8
    }

    fn of(&self, value: u32) -> u32 {
        if self.one_in.get() == 0 || !self.roll().is_multiple_of(self.one_in.get()) {
            return value;
        }
        match self.roll() % 5 {
            0 => 0,
            1 => u32::MAX,
            2 => value ^ 1 << (self.roll() % 32),
            3 => value.wrapping_add(1),
            _ => self.roll() as u32,
        }
    }

    /// Writes a few bytes into one of the used rings.
    fn scribble(&self, memory: &GuestMemory) {
        let areas = self.areas.borrow();
        let areas = areas.as_chunks::<2>().0;
        let Some([low, high]) = areas.get(self.roll() as usize % areas.len().max(1)) else { return };
        let area = u64::from(*low) | u64::from(*high) << 32;
        // The index and the first entries more often than the rest.
        let at = [2, 4, 8, self.roll() % USED_RING][self.roll() as usize % 4] & !1;
        let value = [self.roll() as u16 % 20, self.roll() as u16][usize::from(self.roll().is_multiple_of(3))];
        memory.write(area + at, &value.to_le_bytes()).expect("the ring is in memory");
    }
}

/// The noise in what is read may return memory early. It is memory of the test that stays mapped as long as the device may access it.
impl Observe for Rc<Noise> {
    fn access(&self, offset: usize, written: Option<u32>) {
        if let Some(value) = written
            && DEVICE_AREA.contains(&offset)
        {
            self.areas.borrow_mut().push(value);
        }
    }

    fn read(&self, offset: usize, value: u32) -> u32 {
        if offset < FIRST { value } else { self.of(value) }
    }
}

/// The balloon in one of its states. A live balloon may have been abandoned.
enum State<S: FrameSize> {
    Live(Live<S>),
    Frozen(Cold<S>),
}

/// Makes one move. Errors are allowed.
fn step<S: FrameSize>(state: State<S>, choice: u8, frames: u32) -> State<S> {
    let mut balloon = match state {
        State::Live(balloon) => balloon,
        State::Frozen(frozen) => {
            return match frozen.restore(&mut crate::common::polls()) {
                Ok(balloon) => State::Live(balloon),
                Err(failed) => State::Frozen(failed.balloon),
            };
        }
    };
    match choice % 12 {
        0..4 => drop(balloon.service()),
        4 => drop(balloon.drain()),
        5 => drop(balloon.inflate(frames).and_then(|inflation| inflation.wait(&mut no_wait))),
        6 => drop(balloon.deflate(frames).and_then(|deflated| deflated.tell_host().wait(&mut no_wait))),
        7 => drop(balloon.deflate(frames)),
        8 => {
            if let Some(run) = balloon.platform().share().allocate(frames.max(1))
                && let Err(rejected) = balloon.inflate_with(run)
            {
                balloon.platform().share().deallocate(rejected.run.unwrap());
            }
        }
        9 | 10 => {
            return match balloon.freeze(&mut no_wait) {
                Ok(frozen) => State::Frozen(frozen),
                Err(live) => State::Live(live.balloon),
            };
        }
        _ => drop(balloon.abandon(&mut crate::common::polls())),
    }
    State::Live(balloon)
}

fn survives<S: FrameSize>(seed: u64, one_in: u64, scribbles: u8, moves: &[(u8, u32)]) {
    let device = BalloonDevice::builder().memory(4 << 20).work(Work::Count).target(400).manual().start().unwrap();
    let platform = TestPlatform::<S>::builder(device.memory()).device(&device).dma_bytes(1 << 18).build().unwrap();
    let ledger = platform.ledger();
    let noise = Rc::new(Noise { state: Cell::new(seed | 1), one_in: Cell::new(0), areas: RefCell::default() });
    let registers = Observed(device.registers(), Rc::clone(&noise));
    let transport = Mmio::new(registers).map_err(|(_, error)| error).unwrap();
    let balloon = Balloon::new(transport, platform, Options::new(TellHost)).map_err(|failed| failed.error).unwrap();
    let mut state = State::Live(balloon.probe(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap());
    noise.one_in.set(one_in);
    for &(choice, frames) in moves {
        state = step(state, choice, frames);
        (0..choice % 4).for_each(|_| _ = device.step());
        (0..scribbles).for_each(|_| noise.scribble(device.memory()));
        let is_twice = |one: &&OwnershipViolation| {
            !matches!(one, OwnershipViolation::ReturnedBeforeDeflation(_) | OwnershipViolation::BalloonedUnowned(_))
        };
        assert_eq!(ledger.violations().iter().find(is_twice), None);
    }
    // The noise ends.
    noise.one_in.set(0);
    let frozen = match state {
        State::Live(mut balloon) => {
            balloon.abandon(&mut crate::common::polls()).unwrap();
            balloon.freeze(&mut no_wait).map_err(|live| live.error).unwrap()
        }
        State::Frozen(frozen) => frozen,
    };
    assert!(ledger.all_returned_except_private());
    let mut balloon = frozen.restore(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
    let on_target = (0..1000).find_map(|_| {
        device.step();
        (balloon.service().unwrap() == Step::OnTarget).then_some(())
    });
    assert_eq!((on_target, device.actual(), device.host_page_count()), (Some(()), 400, 400));
    drop(balloon);
    assert!(ledger.all_returned());
}

fn moves() -> impl Strategy<Value = Vec<(u8, u32)>> {
    prop::collection::vec((any::<u8>(), 0..700_u32), 1..80)
}

proptest! {
    #![proptest_config(config(64, "noise"))]

    #[test]
    fn noise_in_registers(seed: u64, one_in in 1..50_u64, moves in moves()) {
        survives::<Size4KiB>(seed, one_in, 0, &moves);
    }

    #[test]
    fn noise_in_rings(seed: u64, scribbles in 1..6_u8, moves in moves()) {
        survives::<Size4KiB>(seed, 0, scribbles, &moves);
    }

    #[test]
    fn noise_in_registers_and_rings(seed: u64, one_in in 1..50_u64, scribbles in 1..6_u8, moves in moves()) {
        survives::<Size16KiB>(seed, one_in, scribbles, &moves);
    }
}
