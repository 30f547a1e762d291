//! Set-up, queues and the configuration space.

use aerostat_test_support::soft_pci::{CFG_COMMON, CFG_ISR, COMMON, DEVICE, ISR, NOTIFY, NOTIFY_LEN};
use aerostat_test_support::{Memory, RegisterAccess, SoftPci, field, test_device};
use aerostat_transport::pci::Routing;
use aerostat_transport::queue::Notification;
use aerostat_transport::{ConfigError, DeviceError, QueueError};

use crate::negotiated;

// conformance: core.init.1, core.init.2, core.init.3, core.init.7, core.init.11, pci.common-cfg.1, pci.common-cfg.6
#[test]
fn a_device_is_set_up_and_reset() {
    let (function, mut memory) = (SoftPci::with_structures(), Memory::new());
    let mut device = negotiated(&function, Routing::Line);
    let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    let mut queue0 = queue0.enable(&device);
    assert_eq!(queue0.notify(), Notification::Sent);
    device.check().unwrap();
    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    queue0.release(&proof, &mut memory).unwrap();
    let model = function.device.borrow();
    assert_eq!(model.written(field::STATUS), [0, 1, 3, 11, 15, 0]);
    for access in &model.log {
        let (RegisterAccess::Read(at, bits) | RegisterAccess::Write(at, bits, _)) = *access;
        let expected = match at {
            field::STATUS | field::GENERATION => 8,
            field::CONFIG_VECTOR..=field::QUEUE_NOTIFY_OFF => 16,
            at if at == NOTIFY as usize => 16,
            _ => 32,
        };
        assert_eq!(bits, expected, "{access:?}");
        if let RegisterAccess::Write(at, _, value) = *access {
            let read_only =
                [field::DEVICE_FEATURE, field::NUM_QUEUES, field::GENERATION, field::QUEUE_NOTIFY_OFF].contains(&at);
            assert!(!read_only, "{access:?}");
            assert!(at != field::QUEUE_ENABLE || value == 1, "{access:?}");
        }
    }
    function.assert_careful();
}

// conformance: core.init.4, pci.common-cfg.10
#[test]
fn features_are_accessed_through_their_selectors() {
    let function = SoftPci::with_structures();
    function.device.borrow_mut().offered = u64::MAX;
    let device = negotiated(&function, Routing::Line);
    assert_eq!(device.accepted().offered(), u64::MAX);
    let model = function.device.borrow();
    assert_eq!(model.accepted, 1 << 32, "VERSION_1 and nothing that was not declared");
    for (window, select) in
        [(field::DEVICE_FEATURE, field::DEVICE_FEATURE_SELECT), (field::DRIVER_FEATURE, field::DRIVER_FEATURE_SELECT)]
    {
        let at = |access: &RegisterAccess| match *access {
            RegisterAccess::Read(at, _) | RegisterAccess::Write(at, ..) => at,
        };
        let places: Vec<usize> = (0..model.log.len()).filter(|place| at(&model.log[*place]) == window).collect();
        assert_eq!(places.len(), 2);
        assert!(places.iter().all(|place| at(&model.log[place - 1]) == select));
    }
}

/// The queue is selected first and enabled last, and its size is a power of two.
// conformance: pci.common-cfg.2, pci.common-cfg.3, pci.common-cfg.4, pci.vq-config.1, pci.vq-config.3
#[test]
fn a_queue_is_selected_programmed_and_then_enabled() {
    for (offered, size) in [(8, 8), (7, 4), (1, 1), (256, 16), (0xffff, 16)] {
        let (function, mut memory) = (SoftPci::with_structures(), Memory::new());
        function.device.borrow_mut().queues[1].size = offered;
        let mut device = negotiated(&function, Routing::Line);
        function.device.borrow_mut().log.clear();
        let _queue1 = device.queue::<_, 16>(test_device::queue::Queue1, 1, &mut memory).unwrap();
        let model = function.device.borrow();
        let first = model.log.iter().position(|access| matches!(access, RegisterAccess::Write(..))).unwrap();
        assert_eq!(model.log[first], RegisterAccess::Write(field::QUEUE_SELECT, 16, 1));
        assert_eq!(model.log.last(), Some(&RegisterAccess::Write(field::QUEUE_ENABLE, 16, 1)));
        assert_eq!(model.written(field::QUEUE_ENABLE), [1], "not before its size and its addresses are written");
        assert_eq!((model.queues[1].size, model.queues[0].enable), (size, 0), "{offered}");
        let [descriptors, driver, device] = model.queues[1].addresses;
        assert!(descriptors.is_multiple_of(16) && driver.is_multiple_of(2) && device.is_multiple_of(4));
        assert!(descriptors < driver && driver < device);
    }
}

/// A queue whose number is out of range or whose size is 0 is missing; an enabled queue is not changed.
// conformance: pci.common-cfg.2, pci.vq-config.2
#[test]
fn a_queue_that_is_in_use_or_missing_is_rejected() {
    let (function, mut memory) = (SoftPci::with_structures(), Memory::new());
    let mut device = negotiated(&function, Routing::Line);
    let mut queue = |change: &dyn Fn(&mut aerostat_test_support::CommonCfg)| {
        change(&mut function.device.borrow_mut());
        device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).map(drop)
    };
    assert_eq!(queue(&|model| model.num_queues = 1), Err(QueueError::Missing { queue: 1 }));
    assert_eq!(queue(&|model| model.num_queues = 0), Err(QueueError::Missing { queue: 1 }));
    assert_eq!(
        queue(&|model| (model.num_queues, model.queues[1].size) = (2, 0)),
        Err(QueueError::Missing { queue: 1 })
    );
    for enable in [1, 2, 0xffff] {
        assert_eq!(
            queue(&|model| (model.queues[1].size, model.queues[1].enable) = (8, enable)),
            Err(QueueError::InUse { queue: 1 })
        );
    }
    assert_eq!(memory.allocated(), 0);
    assert!(
        !function
            .device
            .borrow()
            .log
            .iter()
            .any(|access| matches!(access, RegisterAccess::Write(field::QUEUE_ENABLE, ..)))
    );
}

/// The device's own fields are behind their structure, and end with it.
// conformance: pci.access.1, pci.access.3
#[test]
fn the_configuration_of_the_device_is_read_from_its_structure() {
    let function = SoftPci::with_structures();
    let device = negotiated(&function, Routing::Line);
    assert_eq!(device.config().read(test_device::config::Read32), Ok(0x5a5a_5a5a));
    assert_eq!(device.config().read(test_device::config::Write8), Ok(0x5a));
    let read = |at: u32, bits| RegisterAccess::Read((DEVICE + at) as usize, bits);
    let model = function.device.borrow();
    assert!(model.log.contains(&read(0, 32)) && model.log.contains(&read(22, 8)));
    let generations = model.log.iter().filter(|access| **access == RegisterAccess::Read(field::GENERATION, 8)).count();
    assert!(generations >= 4, "each read is between two reads of the generation");
    drop(model);

    let function = SoftPci::bare();
    function.structure(CFG_COMMON, 0, COMMON, 0x38);
    function.structure(CFG_ISR, 0, ISR, 1);
    function.notify(0, NOTIFY, NOTIFY_LEN, 4);
    let error = negotiated(&function, Routing::Line).config().read(test_device::config::Read32).unwrap_err();
    assert_eq!(error, ConfigError::TooSmall { field: "read32", end: 4, len: 0 });
}

/// The configuration space shows the status, which is in another structure.
#[test]
fn the_configuration_space_shows_that_the_device_was_reset() {
    let function = SoftPci::with_structures();
    let device = negotiated(&function, Routing::Line).go_live();
    let config = device.config();
    assert_eq!(config.check(), Ok(()));
    for (status, error) in [(0, DeviceError::HostReset), (0x4f, DeviceError::NeedsReset), (0xff, DeviceError::Gone)] {
        function.device.borrow_mut().status = status;
        assert_eq!((device.check(), config.check()), (Err(error), Err(error)), "{status:#x}");
    }
}
