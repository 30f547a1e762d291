//! The MMIO transport on registers in software.

use aerostat_test_support::{RegisterAccess, SoftMmio, live, negotiated, reg, test_device};
use aerostat_transport::{ConfigError, InterruptSource, InterruptStatus, Mmio, MmioError, Transport};

/// Magic value, version, id, in this order, and no further than what is wrong. Nothing is written.
// conformance: mmio.reg.8, mmio.reg.9, mmio.reg.10, mmio.reg.11, mmio.init.1, mmio.init.2, mmio.init.3, mmio.init.4
#[test]
fn identification_stops_at_the_first_mismatch() {
    let read = |offsets: &[usize]| offsets.iter().map(|at| RegisterAccess::Read(*at, 32)).collect::<Vec<_>>();
    let try_new = |change: &dyn Fn(&SoftMmio)| {
        let soft = SoftMmio::new(42);
        change(&soft);
        let error = Mmio::new(soft.clone()).map(|found| found.device_id().0).map_err(|(_, error)| error);
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

/// The selector is written before the window, for both halves.
// conformance: mmio.reg.12, mmio.reg.13
#[test]
fn features_are_accessed_through_their_selectors() {
    let soft = SoftMmio::new(42);
    soft.model().offered = 0x8765_4321_0fed_cba9;
    let mut transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    assert_eq!(transport.offered(), 0x8765_4321_0fed_cba9);
    transport.accept(0x1122_3344_5566_7788);
    assert_eq!(soft.model().accepted, 0x1122_3344_5566_7788);
    for (window, selector) in
        [(reg::DEVICE_FEATURES, reg::DEVICE_FEATURES_SEL), (reg::DRIVER_FEATURES, reg::DRIVER_FEATURES_SEL)]
    {
        let log = soft.log();
        let at = |offset| move |access: &RegisterAccess| matches!(*access, RegisterAccess::Read(at, _) | RegisterAccess::Write(at, ..) if at == offset);
        let touched: Vec<usize> = (0..log.len()).filter(|place| at(window)(&log[*place])).collect();
        assert_eq!(touched.len(), 2);
        assert!(touched.iter().all(|place| at(selector)(&log[place - 1])));
    }
}

/// Control registers are touched in 32 bits, aligned. (The register file panics if the offset is not a register,
/// or the register does not allow the access.)
// conformance: mmio.reg.1, mmio.reg.2, mmio.reg.3, mmio.reg.4
#[test]
fn control_registers_are_accessed_in_32_bits() {
    let (soft, mut memory) = (SoftMmio::new(42), aerostat_test_support::Memory::new());
    let mut device = negotiated(&soft);
    let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    queue0.enable(&device).notify();
    device.interrupt().acknowledge();
    device.check().unwrap();
    let (_transport, _proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    for access in soft.log() {
        let (RegisterAccess::Read(offset, bits) | RegisterAccess::Write(offset, bits, _)) = access;
        assert!(offset < reg::CONFIG && offset.is_multiple_of(4) && bits == 32, "{access:?}");
    }
}

/// Each field in accesses of its width, a 64-bit one as two.
// conformance: core.config.8, mmio.reg.5, mmio.reg.6, mmio.reg.7
#[test]
fn configuration_fields_are_accessed_in_their_width() {
    let soft = SoftMmio::new(42);
    soft.model().config[..23].copy_from_slice(&std::array::from_fn::<u8, 23, _>(|byte| byte as u8 + 1));
    let device = live(&soft);
    let config = device.config();
    let start = soft.log().len();
    assert_eq!(config.read(test_device::config::Read32), Ok(0x0403_0201));
    assert_eq!(config.read(test_device::config::Read64), Ok(0x100f_0e0d_0c0b_0a09));
    assert_eq!(config.read(test_device::config::Write16), Ok(0x1615));
    assert_eq!(config.read(test_device::config::Write8), Ok(0x17));
    config.write(test_device::config::Write32, 0xaabb_ccdd).unwrap();
    config.write(test_device::config::Write16, 0x1122).unwrap();
    config.write(test_device::config::Write8, 0x33).unwrap();
    let touched: Vec<RegisterAccess> = soft.log()[start..]
        .iter()
        .filter(|access| matches!(access, RegisterAccess::Read(at, _) | RegisterAccess::Write(at, ..) if *at >= reg::CONFIG))
        .copied()
        .collect();
    let expected = [
        RegisterAccess::Read(0x100, 32),
        RegisterAccess::Read(0x108, 32),
        RegisterAccess::Read(0x10c, 32),
        RegisterAccess::Read(0x114, 16),
        RegisterAccess::Read(0x116, 8),
        RegisterAccess::Write(0x104, 32, 0xaabb_ccdd),
        RegisterAccess::Write(0x114, 16, 0x1122),
        RegisterAccess::Write(0x116, 8, 0x33),
    ];
    assert_eq!(touched, expected);
    assert_eq!(soft.model().config[4..8], [0xdd, 0xcc, 0xbb, 0xaa]);
}

/// A field that changes between its halves is read again.
// conformance: core.config.1, core.config.3
#[test]
fn a_configuration_that_changes_is_read_again() {
    let soft = SoftMmio::new(42);
    let device = live(&soft);
    let mut reads = 0;
    soft.model().on_config_read = Some(Box::new(move |config, generation| {
        reads += 1;
        // The value changes between the two halves of the first and of the second read.
        if reads == 2 || reads == 4 {
            config[8..16].fill(0x11 * reads as u8);
            *generation += 1;
        }
    }));
    assert_eq!(device.config().read(test_device::config::Read64), Ok(0x4444_4444_4444_4444));
}

/// The generation wraps, and a configuration that always changes is an error after a bounded number of attempts.
#[test]
fn a_configuration_that_always_changes_is_an_error() {
    let soft = SoftMmio::new(42);
    let device = live(&soft);
    soft.model().generation = u32::MAX;
    soft.model().on_config_read = Some(Box::new(|_, generation| *generation = generation.wrapping_add(1)));
    let before = soft.log().len();
    let error = device.config().read(test_device::config::Read32).unwrap_err();
    assert!(matches!(error, ConfigError::Unstable { field: "read32", .. }), "{error:?}");
    assert!(soft.log().len() - before < 1000);
}

/// A space may be longer than any known field, and has to hold those in use only.
// conformance: core.config.5, core.config.7
#[test]
fn only_the_fields_in_use_have_to_exist() {
    for (len, read32, read64, write8) in
        [(0x100, false, false, false), (0x103, false, false, false), (0x104, true, false, false)]
            .into_iter()
            .chain([(0x10f, true, false, false), (0x116, true, true, false), (0x117, true, true, true)])
            .chain([(0x1_0000, true, true, true)])
    {
        let soft = SoftMmio::new(42);
        soft.model().len = len;
        let device = live(&soft);
        let config = device.config();
        assert_eq!(config.read(test_device::config::Read32).is_ok(), read32, "{len:#x}");
        assert_eq!(config.read(test_device::config::Read64).is_ok(), read64, "{len:#x}");
        assert_eq!(config.write(test_device::config::Write8, 1).is_ok(), write8, "{len:#x}");
        if !write8 {
            let error = config.read(test_device::config::Write8).unwrap_err();
            assert_eq!(error, ConfigError::TooSmall { field: "write8", end: 23, len: len - 0x100 });
            assert!(soft.written(0x116).is_empty(), "nothing is written outside");
        }
    }
}

/// What is set before DRIVER_OK is set between FEATURES_OK and it.
// conformance: core.init.5
#[test]
fn fields_are_set_between_features_ok_and_driver_ok() {
    let soft = SoftMmio::new(42);
    let device = negotiated(&soft);
    device.set(test_device::config::Setup32, 7).unwrap();
    let _live = device.go_live();
    let set = soft.place(|access| access == RegisterAccess::Write(0x110, 32, 7));
    assert!(soft.place(|access| access == RegisterAccess::Write(reg::STATUS, 32, 11)) < set);
    assert!(set < soft.place(|access| access == RegisterAccess::Write(reg::STATUS, 32, 15)));
}

// conformance: mmio.reg.18, mmio.reg.19, mmio.reg.20, mmio.irq.1
// conformance: deviation mmio.irq.3: the interrupt is acknowledged before queues and configuration are checked, so
// that an event between both is not lost
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
        let soft = SoftMmio::new(42);
        let interrupt = live(&soft).interrupt();
        soft.model().interrupt = bits;
        assert_eq!((interrupt.acknowledge(), soft.written(reg::INTERRUPT_ACK)), (expected, acknowledged), "{bits:#x}");
        assert_eq!(expected.is_none(), soft.written(reg::INTERRUPT_ACK).is_empty());
    }
}
