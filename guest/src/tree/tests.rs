extern crate std;

use std::vec::Vec;

use aerostat_transport::pci::{BarRange, Space};
use dtoolkit::ToPropertyValue;
use dtoolkit::memreserve::MemoryReservation;
use dtoolkit::model::{DeviceTree as Model, DeviceTreeNode, DeviceTreeProperty};

use super::*;

/// A node in the making.
struct At(DeviceTreeNode);

fn node(name: &str) -> At {
    At(DeviceTreeNode::new(name).unwrap())
}

impl At {
    fn is(mut self, property: &str, value: impl ToPropertyValue) -> Self {
        self.0.add_property(DeviceTreeProperty::new(property, value).unwrap());
        self
    }

    fn words<const N: usize>(self, property: &str, words: [u32; N]) -> Self {
        self.is(property, words)
    }

    fn has(mut self, child: Self) -> Self {
        self.0.add_child(child.0);
        self
    }
}

/// The tree with `root`, as a loader passes it.
fn bytes(root: At) -> Vec<u8> {
    let mut tree = Model::new();
    tree.root = root.0;
    tree.memory_reservations = [MemoryReservation::new(0x8000_0000, 0x1000)].into();
    tree.to_dtb()
}

fn root() -> At {
    node("").is("#address-cells", 2_u32).is("#size-cells", 2_u32)
}

fn controller(name: &str, phandle: u32, units: u32, cells: u32) -> At {
    node(name).is("phandle", phandle).is("#address-cells", units).is("#interrupt-cells", cells)
}

fn read<T>(root: At, look: impl FnOnce(DeviceTree<'_>) -> T) -> T {
    let bytes = bytes(root);
    look(DeviceTree::new(Fdt::new(&bytes).unwrap()))
}

#[test]
fn what_is_missing_is_not_there() {
    read(root(), |tree| {
        assert_eq!((tree.command_line(), tree.console(), tree.timebase_frequency()), ("", None, None));
        assert_eq!((tree.virtio_mmio().count(), tree.device::<1>("arm,gic"), tree.plic_context(0)), (0, None, None));
        assert!(tree.pci_host().is_none());
    });
}

#[test]
fn the_chosen_console_and_command_line_are_found() {
    let chosen = node("chosen").is("bootargs", "touch quiet").is("stdout-path", "/soc/serial@10000000:115200n8");
    let port = node("serial@10000000").words("reg", [0, 0x1000_0000, 0, 0x100]);
    let soc = node("soc").is("#address-cells", 2_u32).is("#size-cells", 2_u32).has(port);
    read(root().has(chosen).has(soc), |tree| {
        assert_eq!((tree.command_line(), tree.console()), ("touch quiet", Some(0x1000_0000..0x1000_0100)));
    });
}

#[test]
fn memory_is_usable_but_for_what_is_reserved_in_either_way() {
    let memory = |name, start| node(name).is("device_type", "memory").words("reg", [0, start, 0, 0x10_0000]);
    let firmware = node("firmware@80010000").words("reg", [0, 0x8001_0000, 0, 0x1_0000]);
    let reserved = node("reserved-memory").is("#address-cells", 2_u32).is("#size-cells", 2_u32).has(firmware);
    let root = root().has(memory("memory@80000000", 0x8000_0000)).has(memory("memory@a0000000", 0xa000_0000));
    let mut map = MemoryMap::new();
    read(root.has(reserved), |tree| tree.memory(&mut map)).unwrap();
    let usable: Vec<_> = map.usable().collect();
    assert_eq!(usable, [0x8000_1000..0x8001_0000, 0x8002_0000..0x8010_0000, 0xa000_0000..0xa010_0000]);
}

#[test]
fn interrupts_have_the_numbers_of_their_controller() {
    let device = |name, interrupts: &[u32]| {
        let node = node(name).is("compatible", "virtio,mmio").words("reg", [0, 0xa00_0000, 0, 0x200]);
        node.is("interrupts", interrupts)
    };
    let found = |root| read(root, |tree| tree.virtio_mmio().map(|device| device.interrupt).collect::<Vec<_>>());

    let gic = root().is("interrupt-parent", 7_u32).has(controller("gic", 7, 2, 3));
    let gic =
        gic.has(device("shared", &[0, 16, 1])).has(device("private", &[1, 11, 4])).has(device("else", &[2, 1, 4]));
    assert_eq!(found(gic), [48, 27]);

    let own = |device: At| device.is("interrupt-parent", 9_u32);
    let plic = root().has(controller("plic", 9, 0, 1)).has(own(device("wired", &[8]))).has(own(device("cut", &[])));
    assert_eq!(found(plic), [8]);
}

#[test]
fn a_device_that_is_not_in_order_is_left_alone() {
    let device = |name, status: &str| {
        let node = node(name).is("compatible", "arm,pl061").is("status", status);
        node.words("reg", [0, 0x900_0000, 0, 0x1000, 0, 0x901_0000, 0, 0x1000])
    };
    read(root().has(device("secure", "disabled")), |tree| assert_eq!(tree.device::<1>("arm,pl061"), None));
    read(root().has(device("secure", "okay")), |tree| {
        assert_eq!(tree.device("arm,pl061"), Some([0x900_0000..0x900_1000, 0x901_0000..0x901_1000]));
        assert_eq!(tree.device::<3>("arm,pl061"), None);
    });
}

#[test]
fn each_hart_has_its_context_for_supervisor_mode() {
    let cpu =
        |name, hart: u32, phandle| node(name).is("reg", hart).has(controller("interrupt-controller", phandle, 0, 1));
    let cpus =
        node("cpus").is("#address-cells", 1_u32).is("#size-cells", 0_u32).is("timebase-frequency", 10_000_000_u32);
    let cpus = cpus.has(cpu("cpu@0", 0, 2)).has(cpu("cpu@1", 1, 4));
    let plic = node("plic").is("compatible", "riscv,plic0").words("interrupts-extended", [2, 11, 4, 11, 4, 9]);
    read(root().has(cpus).has(plic), |tree| {
        assert_eq!((tree.plic_context(0), tree.plic_context(1), tree.plic_context(2)), (None, Some(2), None));
        assert_eq!(tree.timebase_frequency(), Some(10_000_000));
    });
}

/// A host bridge as QEMU's `virt` boards have it, with `map` as its interrupt map.
fn bridge(map: &[u32]) -> At {
    let ports = [0x0100_0000_u32, 0, 0, 0, 0x3eff_0000, 0, 0x1_0000];
    let memory = [0x0200_0000_u32, 0, 0x1000_0000, 0, 0x1000_0000, 0, 0x2eff_0000];
    let high = [0x0300_0000_u32, 0x80, 0, 0x80, 0, 0x80, 0];
    let bridge = node("pcie@10000000").is("compatible", "pci-host-ecam-generic").is("#interrupt-cells", 1_u32);
    let bridge =
        bridge.is("#address-cells", 3_u32).is("#size-cells", 2_u32).words("reg", [0x40, 0x1000_0000, 0, 0x1000_0000]);
    let bridge = bridge.is("ranges", &[ports, memory, high].concat()[..]);
    bridge.words("interrupt-map-mask", [0x1800, 0, 0, 7]).is("interrupt-map", map)
}

#[test]
fn a_host_bridge_says_where_it_is_reached() {
    read(root().has(bridge(&[])), |tree| {
        let host = tree.pci_host().unwrap();
        assert_eq!(host.ecam, 0x40_1000_0000..0x40_2000_0000);
        let bar = |space, address| BarRange { space, address, len: 0x1000 };
        assert_eq!(host.windows.physical(bar(Space::Memory, 0x1000_0000)), Some(0x1000_0000..0x1000_1000));
        assert_eq!(host.windows.physical(bar(Space::Ports, 0x1000)), Some(0x3eff_1000..0x3eff_2000));
        assert_eq!(host.windows.physical(bar(Space::Ports, 0xf800)), None);
    });
}

#[test]
fn interrupt_lines_are_swizzled_by_device_and_entries_are_as_long_as_their_controller_says() {
    let to_gic = |device: u32, pin, number| [device << 11, 0, 0, pin, 7, 0, 0, 0, number, 4];
    let to_plic = |device: u32, pin, number| [device << 11, 0, 0, pin, 9, number];
    let map = [&to_gic(0, 1, 3)[..], &to_plic(0, 2, 33), &to_gic(1, 1, 4), &to_plic(1, 2, 34)].concat();
    let root = root().has(controller("gic", 7, 2, 3)).has(controller("plic", 9, 0, 1));
    read(root.has(bridge(&map)), |tree| {
        let lines = tree.pci_host().unwrap().interrupts;
        assert_eq!((lines.line(0, 0, 1), lines.line(0, 0, 2)), (Some(35), Some(33)));
        assert_eq!((lines.line(1, 0, 1), lines.line(5, 3, 2)), (Some(36), Some(34)), "of the device, two bits count");
        assert_eq!((lines.line(2, 0, 1), lines.line(0, 0, 3)), (None, None));
    });
}

#[test]
fn an_interrupt_map_that_ends_early_or_names_nobody_has_no_lines() {
    let root = || root().has(controller("gic", 7, 2, 3));
    for map in [&[0, 0, 0, 1, 7, 0, 0, 0, 3][..], &[0, 0, 0, 1, 8, 3], &[0, 0, 0, 1]] {
        read(root().has(bridge(map)), |tree| {
            assert_eq!(tree.pci_host().unwrap().interrupts.line(0, 0, 1), None, "{map:?}");
        });
    }
}
