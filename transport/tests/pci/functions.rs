//! Bus mastering, and functions that are in use.

use aerostat_test_support::soft_pci::{BAR, MASTER};
use aerostat_test_support::{Plain, SoftPci, test_device};
use aerostat_transport::Device;
use aerostat_transport::pci::{BarIndex, BarRange, BarWindows, MapBar, Routing, Space};

use crate::{negotiate, negotiated, transport};

/// A device may access memory only from the end of its reset until it has failed or is no longer in use.
#[test]
fn bus_mastering_is_switched_on_after_the_reset_and_off_at_the_end() {
    let function = SoftPci::with_structures();
    // An earlier driver has left it on.
    function.config().bytes[4] |= MASTER as u8;
    let is_master = || function.command() & MASTER != 0;
    let transport = transport(&function, Routing::Line);
    assert!(!is_master());
    let resetting = Device::<_, test_device::Device, _>::take(transport).map_err(|failed| failed.error).unwrap();
    assert!(!is_master(), "the reset has not finished");
    let device = resetting.poll().map_err(|(_, error)| error).unwrap();
    assert!(is_master());
    let device = device.acknowledge().driver().negotiate::<Plain>().map_err(|failed| failed.error).unwrap().go_live();
    assert!(is_master());
    let ending = device.reset();
    assert!(is_master(), "the device may still use its memory, and a message that it sends must arrive");
    let (transport, _proof) = ending.poll().map_err(|(_, error)| error).unwrap();
    assert!(!is_master());

    // Dropped in any state, or failed.
    let again = Device::<_, test_device::Device, _>::take(transport).map_err(|failed| failed.error).unwrap();
    let device = again.poll().map_err(|(_, error)| error).unwrap();
    assert!(is_master());
    drop(device);
    assert!(!is_master());
    drop(negotiated(&function, Routing::Line).go_live());
    assert!(!is_master());
    drop(negotiated(&function, Routing::Line).go_live().reset());
    assert!(!is_master());
    let ending = negotiated(&function, Routing::Line).abandon();
    let _transport = ending.into_transport();
    assert!(!is_master());
    // SAFETY: the device of these tests does not access memory.
    let (_transport, _proof) = unsafe { negotiated(&function, Routing::Line).go_live().assume_reset() };
    assert!(!is_master());
    function.device.borrow_mut().offered = 0;
    assert!(negotiate(&function, Routing::Line).is_err());
    assert!(!is_master());
}

/// A live device stays reachable: nothing that a kernel asks about its function writes to configuration space.
#[test]
fn a_live_function_is_not_disturbed_by_the_search_for_its_bars() {
    let function = SoftPci::with_structures();
    function.window();
    let (reach, other) = (function.reach(), function.reach());
    // SAFETY: the test uses the capability in one context, and the model performs every access.
    let mut windows = unsafe { BarWindows::new(other) }.map_err(|(_, error)| error).unwrap();
    let range = BarRange { space: Space::Memory, address: u64::from(BAR), len: 0x38 };
    assert!(reach.bar(BarIndex::FIRST).is_some() && windows.map(range).is_some());
    let device = negotiated(&function, Routing::Line).go_live();
    function.config().written.clear();
    assert!((0..6).all(|bar| reach.bar(BarIndex::new(bar).unwrap()).is_none()) && windows.map(range).is_none());
    assert_eq!((device.check(), &function.config().written[..]), (Ok(()), &[][..]));
    drop(device);
    assert!(reach.bar(BarIndex::FIRST).is_some());
    function.assert_careful();
}
