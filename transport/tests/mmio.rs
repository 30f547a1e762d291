//! The MMIO transport on registers in software.

mod common;

use aerostat_transport::{ConfigError, InterruptSource, InterruptStatus, Mmio, MmioError, Transport};
use common::{Soft, Touch, kite, live, reg, started};

/// mmio.reg.8 to mmio.reg.11, mmio.init.1 to mmio.init.4: magic value, version, id, in this order, and no further than
/// what is wrong. Nothing is written.
#[test]
fn identification_stops_at_what_is_wrong() {
    let read = |offsets: &[usize]| offsets.iter().map(|at| Touch::Read(*at, 32)).collect::<Vec<_>>();
    let try_new = |change: &dyn Fn(&Soft)| {
        let soft = Soft::new(42);
        change(&soft);
        let error = Mmio::new(soft.clone()).map(|found| found.device().0).map_err(|(_, error)| error);
        (error, soft.log())
    };
    let (error, log) = try_new(&|soft| soft.model().magic = 0x7472_6977);
    assert_eq!((error, log), (Err(MmioError::Magic { found: 0x7472_6977 }), read(&[reg::MAGIC])));
    for version in [0, 3, 0x0200_0002, u32::MAX] {
        let (error, log) = try_new(&|soft| soft.model().version = version);
        assert_eq!(
            (error, log),
            (Err(MmioError::Version { expected: 2, found: version }), read(&[reg::MAGIC, reg::VERSION]))
        );
    }
    let (error, _) = try_new(&|soft| soft.model().version = 1);
    assert_eq!(error, Err(MmioError::Version { expected: 2, found: 1 }));
    for version in [1, 2] {
        let (error, log) = try_new(&|soft| {
            soft.model().version = version;
            soft.model().id = 0;
        });
        assert_eq!((error, log), (Err(MmioError::NoDevice), read(&[reg::MAGIC, reg::VERSION, reg::DEVICE_ID])));
    }
    let (device, log) = try_new(&|_| {});
    assert_eq!((device, log), (Ok(42), read(&[reg::MAGIC, reg::VERSION, reg::DEVICE_ID])));
    let (device, _) = try_new(&|soft| soft.model().id = 0x0001_002a);
    assert_eq!(device, Ok(0x0001_002a), "an id is not cut");
    let (error, log) = try_new(&|soft| soft.model().len = 0xff);
    assert_eq!((error, log), (Err(MmioError::TooSmall { needed: 0x100, len: 0xff }), vec![]));
}

/// mmio.reg.12, mmio.reg.13: the selector is written before the window, for both halves.
#[test]
fn features_are_reached_through_their_selectors() {
    let soft = Soft::new(42);
    soft.model().offered = 0x8765_4321_0fed_cba9;
    let mut transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    assert_eq!(transport.offered(), 0x8765_4321_0fed_cba9);
    transport.accept(0x1122_3344_5566_7788);
    assert_eq!(soft.model().accepted, 0x1122_3344_5566_7788);
    for (window, selector) in
        [(reg::DEVICE_FEATURES, reg::DEVICE_FEATURES_SEL), (reg::DRIVER_FEATURES, reg::DRIVER_FEATURES_SEL)]
    {
        let log = soft.log();
        let at =
            |offset| move |touch: &Touch| matches!(*touch, Touch::Read(at, _) | Touch::Write(at, ..) if at == offset);
        let touched: Vec<usize> = (0..log.len()).filter(|place| at(window)(&log[*place])).collect();
        assert_eq!(touched.len(), 2);
        assert!(touched.iter().all(|place| at(selector)(&log[place - 1])));
    }
}

/// mmio.reg.1 to mmio.reg.4: control registers are touched in 32 bits, aligned. (The register file panics where there
/// is no register, or one of the other direction.)
#[test]
fn control_registers_are_touched_in_32_bits() {
    let (soft, mut memory) = (Soft::new(42), common::Memory::new());
    let mut device = started(&soft);
    let line = device.queue::<_, 8>(kite::queue::Line, 1, &mut memory).unwrap();
    let device = device.go_live();
    line.enable(&device).notify();
    device.interrupt().acknowledge();
    device.check().unwrap();
    let (_transport, _proof) = device.reset().map_err(|(_, error)| error).unwrap();
    for touch in soft.log() {
        let (Touch::Read(offset, bits) | Touch::Write(offset, bits, _)) = touch;
        assert!(offset < reg::CONFIG && offset.is_multiple_of(4) && bits == 32, "{touch:?}");
    }
}

/// mmio.reg.5 to mmio.reg.7, core.config.1, core.config.8: each field in accesses of its width, a 64-bit one as two.
#[test]
fn configuration_fields_are_touched_in_their_width() {
    let soft = Soft::new(42);
    soft.model().config[..23].copy_from_slice(&std::array::from_fn::<u8, 23, _>(|byte| byte as u8 + 1));
    let device = live(&soft);
    let config = device.config();
    let start = soft.log().len();
    assert_eq!(config.read(kite::config::Height), Ok(0x0403_0201));
    assert_eq!(config.read(kite::config::Age), Ok(0x100f_0e0d_0c0b_0a09));
    assert_eq!(config.read(kite::config::Knots), Ok(0x1615));
    assert_eq!(config.read(kite::config::Bows), Ok(0x17));
    config.write(kite::config::Colour, 0xaabb_ccdd).unwrap();
    config.write(kite::config::Knots, 0x1122).unwrap();
    config.write(kite::config::Bows, 0x33).unwrap();
    let touched: Vec<Touch> = soft.log()[start..]
        .iter()
        .filter(|touch| matches!(touch, Touch::Read(at, _) | Touch::Write(at, ..) if *at >= reg::CONFIG))
        .copied()
        .collect();
    let expected = [
        Touch::Read(0x100, 32),
        Touch::Read(0x108, 32),
        Touch::Read(0x10c, 32),
        Touch::Read(0x114, 16),
        Touch::Read(0x116, 8),
        Touch::Write(0x104, 32, 0xaabb_ccdd),
        Touch::Write(0x114, 16, 0x1122),
        Touch::Write(0x116, 8, 0x33),
    ];
    assert_eq!(touched, expected);
    assert_eq!(soft.model().config[4..8], [0xdd, 0xcc, 0xbb, 0xaa]);
}

/// core.config.1, core.config.3: a field that changes between its halves is read again.
#[test]
fn a_configuration_that_changes_is_read_again() {
    let soft = Soft::new(42);
    let device = live(&soft);
    let mut reads = 0;
    soft.model().on_config_read = Some(Box::new(move |config, generation| {
        reads += 1;
        // The device counts its age up between the two halves of the first read, and of the second.
        if reads == 2 || reads == 4 {
            config[8..16].fill(0x11 * reads as u8);
            *generation += 1;
        }
    }));
    assert_eq!(device.config().read(kite::config::Age), Ok(0x4444_4444_4444_4444));
}

/// The generation counts modulo its width, and a device that changes for ever is an error after bounded attempts.
#[test]
fn a_configuration_that_never_rests_is_an_error() {
    let soft = Soft::new(42);
    let device = live(&soft);
    soft.model().generation = u32::MAX;
    soft.model().on_config_read = Some(Box::new(|_, generation| *generation = generation.wrapping_add(1)));
    let before = soft.log().len();
    let error = device.config().read(kite::config::Height).unwrap_err();
    assert!(matches!(error, ConfigError::Unstable { field: "height", .. }), "{error:?}");
    assert!(soft.log().len() - before < 1000);
}

/// core.config.5 to core.config.7: a space may be longer than any known field, and has to hold those in use only.
#[test]
fn only_the_fields_in_use_have_to_be_there() {
    for (len, height, age, bows) in
        [(0x100, false, false, false), (0x103, false, false, false), (0x104, true, false, false)]
            .into_iter()
            .chain([(0x10f, true, false, false), (0x116, true, true, false), (0x117, true, true, true)])
            .chain([(0x1_0000, true, true, true)])
    {
        let soft = Soft::new(42);
        soft.model().len = len;
        let device = live(&soft);
        let config = device.config();
        assert_eq!(config.read(kite::config::Height).is_ok(), height, "{len:#x}");
        assert_eq!(config.read(kite::config::Age).is_ok(), age, "{len:#x}");
        assert_eq!(config.write(kite::config::Bows, 1).is_ok(), bows, "{len:#x}");
        if !bows {
            let error = config.read(kite::config::Bows).unwrap_err();
            assert_eq!(error, ConfigError::TooSmall { field: "bows", end: 23, len: len - 0x100 });
            assert!(soft.written(0x116).is_empty(), "nothing is written where nothing is");
        }
    }
}

/// core.init.5, balloon.poison.2: what is set before DRIVER_OK is set between FEATURES_OK and it.
#[test]
fn fields_are_set_between_features_ok_and_driver_ok() {
    let soft = Soft::new(42);
    let device = started(&soft);
    device.set(kite::config::Name, 7).unwrap();
    let _live = device.go_live();
    let set = soft.place(|touch| touch == Touch::Write(0x110, 32, 7));
    assert!(soft.place(|touch| touch == Touch::Write(reg::STATUS, 32, 11)) < set);
    assert!(set < soft.place(|touch| touch == Touch::Write(reg::STATUS, 32, 15)));
}

/// mmio.reg.18 to mmio.reg.20, mmio.irq.1.
#[test]
fn defined_interrupt_bits_are_acknowledged_and_no_others() {
    for (bits, expected, acknowledged) in [
        (0, InterruptStatus { used_buffers: false, configuration: false }, vec![]),
        (1, InterruptStatus { used_buffers: true, configuration: false }, vec![1]),
        (2, InterruptStatus { used_buffers: false, configuration: true }, vec![2]),
        (3, InterruptStatus::ANY, vec![3]),
        (0x103, InterruptStatus::ANY, vec![3]),
        (0xffff_fffc, InterruptStatus::default(), vec![]),
        (u32::MAX, InterruptStatus::ANY, vec![3]),
    ] {
        let soft = Soft::new(42);
        let interrupt = live(&soft).interrupt();
        soft.model().interrupt = bits;
        assert_eq!((interrupt.acknowledge(), soft.written(reg::INTERRUPT_ACK)), (expected, acknowledged), "{bits:#x}");
        assert_eq!(expected.is_none(), soft.written(reg::INTERRUPT_ACK).is_empty());
    }
}
