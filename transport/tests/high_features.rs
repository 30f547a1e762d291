//! Negotiation of features with bits above 63, over transports that reach them and over one that does not.

use std::cell::RefCell;
use std::rc::Rc;

use aerostat_spec::{FeatureSet, NegotiateError};
use aerostat_test_support::{BarRegisters, SoftMmio, SoftPci};
use aerostat_transport::pci::{MapBar, Routing};
use aerostat_transport::{Device, DmaDomain, Io, LegacyMmio, Mmio, Pci, SetupError, Transport};

aerostat_spec::virtio_device! {
    device lamp = 42 {
        features { low = 0, high = 64 requires low, highest = 127 }
        config { brightest: le32 read if highest }
    }
}

use lamp::feature::{High, Highest, Low};

aerostat_spec::feature_set! { struct Wanted for lamp { Low: Optional, High: Optional, Highest: Optional } }
aerostat_spec::feature_set! { struct Needed for lamp { Highest: Required } }
aerostat_spec::feature_set! { struct OnlyLow for lamp { Low: Optional } }

/// Registers of a device with 128 feature bits: the words from number 2 on, in front of a model with 64 bits.
#[derive(Clone)]
struct Wide<I> {
    io: I,
    words: Option<Rc<RefCell<Words>>>,
}

/// The registers, and the words 2 and 3.
struct Words {
    registers: Registers,
    /// The selected words: of the device and of the driver.
    selected: [u32; 2],
    offered: [u32; 2],
    accepted: [u32; 2],
    /// How many of these words were read.
    reads: usize,
}

/// Offsets in bytes.
struct Registers {
    device: usize,
    device_select: usize,
    driver: usize,
    driver_select: usize,
}

const MMIO: Registers = Registers { device: 0x10, device_select: 0x14, driver: 0x20, driver_select: 0x24 };
const PCI: Registers = Registers { device: 4, device_select: 0, driver: 12, driver_select: 8 };

impl Words {
    fn new(registers: Registers, offered: u64) -> Rc<RefCell<Self>> {
        let offered = [offered as u32, (offered >> 32) as u32];
        Rc::new(RefCell::new(Self { registers, selected: [0; 2], offered, accepted: [0; 2], reads: 0 }))
    }

    fn accepted(&self) -> u64 {
        u64::from(self.accepted[0]) | u64::from(self.accepted[1]) << 32
    }
}

// SAFETY: the registers are plain values of this process.
unsafe impl<I: Io> Io for Wide<I> {
    fn domain(&self) -> DmaDomain {
        self.io.domain()
    }

    fn len(&self) -> usize {
        self.io.len()
    }

    fn read8(&self, offset: usize) -> u8 {
        self.io.read8(offset)
    }

    fn read16(&self, offset: usize) -> u16 {
        self.io.read16(offset)
    }

    fn read32(&self, offset: usize) -> u32 {
        if let Some(words) = &self.words {
            let mut words = words.borrow_mut();
            if offset == words.registers.device
                && let Some(word) = words.selected[0].checked_sub(2)
            {
                words.reads += 1;
                return words.offered.get(word as usize).copied().unwrap_or(0);
            }
        }
        self.io.read32(offset)
    }

    fn write8(&self, offset: usize, value: u8) {
        self.io.write8(offset, value);
    }

    fn write16(&self, offset: usize, value: u16) {
        self.io.write16(offset, value);
    }

    fn write32(&self, offset: usize, value: u32) {
        if let Some(words) = &self.words {
            let mut words = words.borrow_mut();
            if offset == words.registers.device_select {
                words.selected[0] = value;
            } else if offset == words.registers.driver_select {
                words.selected[1] = value;
            } else if offset == words.registers.driver
                && let Some(word) = words.selected[1].checked_sub(2)
            {
                words.accepted[word as usize] = value;
                return;
            }
            if value > 1 && (offset == words.registers.device_select || offset == words.registers.driver_select) {
                return;
            }
        }
        self.io.write32(offset, value);
    }
}

type Outcome = Result<(u64, u64), SetupError>;

/// Returns the accepted bits, low and high, or why negotiation failed.
fn negotiate<F: FeatureSet>(transport: impl Transport) -> Outcome {
    let device = Device::<_, lamp::Device, _>::take(transport).map_err(|failed| failed.error)?;
    let device = device.poll().map_err(|(_, error)| error)?.acknowledge().driver();
    let negotiated = device.negotiate::<F>().map_err(|failed| failed.error)?;
    Ok((negotiated.accepted().bits(), negotiated.accepted().high_bits()))
}

fn mmio(words: &Rc<RefCell<Words>>) -> Mmio<Wide<SoftMmio>> {
    let soft = SoftMmio::new(42);
    soft.model().offered |= 1;
    Mmio::new(Wide { io: soft, words: Some(Rc::clone(words)) }).map_err(|(_, error)| error).unwrap()
}

fn pci(words: &Rc<RefCell<Words>>) -> Pci<Wide<BarRegisters>, SoftPci> {
    let function = SoftPci::with_structures();
    function.device.borrow_mut().offered |= 1;
    let mut map = function.mapper(&Rc::default());
    // The common configuration structure is mapped first.
    let mut words = Some(Rc::clone(words));
    let mut wide = |range| Some(Wide { io: MapBar::map(&mut map, range)?, words: words.take() });
    Pci::new(&function.reach(), &mut wide, Routing::Line).unwrap()
}

const BOTH: u64 = 1 | 1 << 63;

#[test]
fn high_features_are_accepted_over_mmio_and_pci() {
    let words = Words::new(MMIO, u64::MAX);
    assert_eq!(negotiate::<Wanted>(mmio(&words)), Ok((1, BOTH)));
    assert_eq!(words.borrow().accepted(), BOTH);
    let words = Words::new(PCI, u64::MAX);
    assert_eq!(negotiate::<Wanted>(pci(&words)), Ok((1, BOTH)));
    assert_eq!(words.borrow().accepted(), BOTH);
}

#[test]
fn each_high_word_is_the_right_one() {
    for (offered, accepted) in [(0b11, 0b1), (1 << 63 | 0b10, 1 << 63), (1 << 31 | 1 << 32, 0)] {
        let words = Words::new(MMIO, offered);
        assert_eq!(negotiate::<Wanted>(mmio(&words)), Ok((1, accepted)), "{offered:#x}");
        assert_eq!(words.borrow().accepted(), accepted, "{offered:#x}");
    }
}

#[test]
fn driver_without_high_features_does_not_access_their_words() {
    let words = Words::new(MMIO, u64::MAX);
    assert_eq!(negotiate::<OnlyLow>(mmio(&words)), Ok((1, 0)));
    assert_eq!((words.borrow().reads, words.borrow().accepted()), (0, 0));
    assert!(words.borrow().selected.iter().all(|word| *word < 2));
}

#[test]
fn required_high_feature_that_is_not_offered_is_an_error() {
    let words = Words::new(MMIO, 1);
    let error = NegotiateError::NotOffered { name: "VIRTIO_LAMP_F_HIGHEST", bit: 127, offered: 1 };
    assert_eq!(negotiate::<Needed>(mmio(&words)), Err(SetupError::Negotiate(error)));
    assert_eq!(words.borrow().accepted(), 0);
}

#[test]
fn legacy_transport_does_not_reach_high_features() {
    let legacy = || LegacyMmio::new(SoftMmio::legacy(42)).map_err(|(_, error)| error).unwrap();
    let error = NegotiateError::Unsupported { name: "VIRTIO_LAMP_F_HIGHEST", bit: 127 };
    assert_eq!(negotiate::<Needed>(legacy()), Err(SetupError::Negotiate(error)));
    assert_eq!(negotiate::<Wanted>(legacy()), Ok((0, 0)), "optional features are left out");
}
