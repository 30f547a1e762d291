extern crate std;

use std::vec::Vec;

use aerostat_transport::pci::{BarRange, Space};
use dtoolkit::ToPropertyValue;
use dtoolkit::fdt::Fdt;
use dtoolkit::memreserve::MemoryReservation;
use dtoolkit::model::{DeviceTree as Model, DeviceTreeNode, DeviceTreeProperty};

use super::*;
use crate::map::MemoryMap;

/// A node that is being built.
struct TestNode(DeviceTreeNode);

fn node(name: &str) -> TestNode {
    TestNode(DeviceTreeNode::new(name).unwrap())
}

impl TestNode {
    fn property(mut self, name: &str, value: impl ToPropertyValue) -> Self {
        self.0.add_property(DeviceTreeProperty::new(name, value).unwrap());
        self
    }

    fn words<const N: usize>(self, property: &str, words: [u32; N]) -> Self {
        self.property(property, words)
    }

    fn child(mut self, child: Self) -> Self {
        self.0.add_child(child.0);
        self
    }
}

/// Returns the flattened tree with `root`.
fn bytes(root: TestNode) -> Vec<u8> {
    let mut tree = Model::new();
    tree.root = root.0;
    tree.memory_reservations = [MemoryReservation::new(0x8000_0000, 0x1000)].into();
    tree.to_dtb()
}

fn root() -> TestNode {
    node("").property("#address-cells", 2_u32).property("#size-cells", 2_u32)
}

fn controller(name: &str, phandle: u32, units: u32, cells: u32) -> TestNode {
    node(name).property("phandle", phandle).property("#address-cells", units).property("#interrupt-cells", cells)
}

fn read<T>(root: TestNode, check: impl FnOnce(DeviceTree<'_>) -> T) -> T {
    let bytes = bytes(root);
    check(DeviceTree::new(Fdt::new(&bytes).unwrap()))
}

#[test]
fn missing_properties_are_none() {
    read(root(), |tree| {
        assert_eq!((tree.command_line(), tree.console(), tree.timebase_frequency()), ("", None, None));
        assert_eq!((tree.virtio_mmio().count(), tree.device::<1>("arm,gic"), tree.plic_context(0)), (0, None, None));
        assert!(tree.pci_host().is_none());
    });
}

#[test]
fn the_chosen_console_and_command_line_are_found() {
    let chosen =
        node("chosen").property("bootargs", "touch quiet").property("stdout-path", "/soc/serial@10000000:115200n8");
    let port = node("serial@10000000").words("reg", [0, 0x1000_0000, 0, 0x100]);
    let soc = node("soc").property("#address-cells", 2_u32).property("#size-cells", 2_u32).child(port);
    read(root().child(chosen).child(soc), |tree| {
        assert_eq!((tree.command_line(), tree.console()), ("touch quiet", Some(0x1000_0000..0x1000_0100)));
    });
}

#[test]
fn both_kinds_of_reservations_are_not_usable() {
    let memory = |name, start| node(name).property("device_type", "memory").words("reg", [0, start, 0, 0x10_0000]);
    let firmware = node("firmware@80010000").words("reg", [0, 0x8001_0000, 0, 0x1_0000]);
    let reserved =
        node("reserved-memory").property("#address-cells", 2_u32).property("#size-cells", 2_u32).child(firmware);
    let root = root().child(memory("memory@80000000", 0x8000_0000)).child(memory("memory@a0000000", 0xa000_0000));
    let mut map = MemoryMap::new();
    read(root.child(reserved), |tree| tree.add_memory(&mut map)).unwrap();
    let usable: Vec<_> = map.usable().collect();
    assert_eq!(usable, [0x8000_1000..0x8001_0000, 0x8002_0000..0x8010_0000, 0xa000_0000..0xa010_0000]);
}

#[test]
fn interrupts_are_numbered_by_their_controller() {
    let device = |name, interrupts: &[u32]| {
        let node = node(name).property("compatible", "virtio,mmio").words("reg", [0, 0xa00_0000, 0, 0x200]);
        node.property("interrupts", interrupts)
    };
    let found = |root| read(root, |tree| tree.virtio_mmio().map(|device| device.interrupt).collect::<Vec<_>>());

    let gic = root().property("interrupt-parent", 7_u32).child(controller("gic", 7, 2, 3));
    let gic = gic
        .child(device("shared", &[0, 16, 1]))
        .child(device("private", &[1, 11, 4]))
        .child(device("else", &[2, 1, 4]));
    assert_eq!(found(gic), [48, 27]);

    let own = |device: TestNode| device.property("interrupt-parent", 9_u32);
    let plic =
        root().child(controller("plic", 9, 0, 1)).child(own(device("wired", &[8]))).child(own(device("cut", &[])));
    assert_eq!(found(plic), [8]);
}

#[test]
fn a_disabled_device_is_not_found() {
    let device = |name, status: &str| {
        let node = node(name).property("compatible", "arm,pl061").property("status", status);
        node.words("reg", [0, 0x900_0000, 0, 0x1000, 0, 0x901_0000, 0, 0x1000])
    };
    read(root().child(device("secure", "disabled")), |tree| assert_eq!(tree.device::<1>("arm,pl061"), None));
    read(root().child(device("secure", "okay")), |tree| {
        assert_eq!(tree.device("arm,pl061"), Some([0x900_0000..0x900_1000, 0x901_0000..0x901_1000]));
        assert_eq!(tree.device::<3>("arm,pl061"), None);
    });
}

#[test]
fn each_hart_has_a_context_for_supervisor_mode() {
    let cpu = |name, hart: u32, phandle| {
        node(name).property("reg", hart).child(controller("interrupt-controller", phandle, 0, 1))
    };
    let cpus = node("cpus")
        .property("#address-cells", 1_u32)
        .property("#size-cells", 0_u32)
        .property("timebase-frequency", 10_000_000_u32);
    let cpus = cpus.child(cpu("cpu@0", 0, 2)).child(cpu("cpu@1", 1, 4));
    let plic = node("plic").property("compatible", "riscv,plic0").words("interrupts-extended", [2, 11, 4, 11, 4, 9]);
    read(root().child(cpus).child(plic), |tree| {
        assert_eq!((tree.plic_context(0), tree.plic_context(1), tree.plic_context(2)), (None, Some(2), None));
        assert_eq!(tree.timebase_frequency(), Some(10_000_000));
    });
}

/// A host bridge as in QEMU's `virt` machines, with `map` as its interrupt map.
fn bridge(map: &[u32]) -> TestNode {
    let ports = [0x0100_0000_u32, 0, 0, 0, 0x3eff_0000, 0, 0x1_0000];
    let memory = [0x0200_0000_u32, 0, 0x1000_0000, 0, 0x1000_0000, 0, 0x2eff_0000];
    let high = [0x0300_0000_u32, 0x80, 0, 0x80, 0, 0x80, 0];
    let bridge =
        node("pcie@10000000").property("compatible", "pci-host-ecam-generic").property("#interrupt-cells", 1_u32);
    let bridge = bridge
        .property("#address-cells", 3_u32)
        .property("#size-cells", 2_u32)
        .words("reg", [0x40, 0x1000_0000, 0, 0x1000_0000]);
    let bridge = bridge.property("ranges", &[ports, memory, high].concat()[..]);
    bridge.words("interrupt-map-mask", [0x1800, 0, 0, 7]).property("interrupt-map", map)
}

#[test]
fn a_host_bridge_has_windows() {
    read(root().child(bridge(&[])), |tree| {
        let host = tree.pci_host().unwrap();
        assert_eq!(host.ecam, 0x40_1000_0000..0x40_2000_0000);
        let bar = |space, address| BarRange { space, address, len: 0x1000 };
        assert_eq!(host.windows.physical(bar(Space::Memory, 0x1000_0000)), Some(0x1000_0000..0x1000_1000));
        assert_eq!(host.windows.physical(bar(Space::Ports, 0x1000)), Some(0x3eff_1000..0x3eff_2000));
        assert_eq!(host.windows.physical(bar(Space::Ports, 0xf800)), None);
    });
}

#[test]
fn interrupt_map_entries_depend_on_device_and_controller() {
    let to_gic = |device: u32, pin, number| [device << 11, 0, 0, pin, 7, 0, 0, 0, number, 4];
    let to_plic = |device: u32, pin, number| [device << 11, 0, 0, pin, 9, number];
    let map = [&to_gic(0, 1, 3)[..], &to_plic(0, 2, 33), &to_gic(1, 1, 4), &to_plic(1, 2, 34)].concat();
    let root = root().child(controller("gic", 7, 2, 3)).child(controller("plic", 9, 0, 1));
    read(root.child(bridge(&map)), |tree| {
        let lines = tree.pci_host().unwrap().interrupts;
        assert_eq!((lines.line(0, 0, 1), lines.line(0, 0, 2)), (Some(35), Some(33)));
        assert_eq!(
            (lines.line(1, 0, 1), lines.line(5, 3, 2)),
            (Some(36), Some(34)),
            "only two bits of the device number are compared"
        );
        assert_eq!((lines.line(2, 0, 1), lines.line(0, 0, 3)), (None, None));
    });
}

#[test]
fn a_truncated_interrupt_map_or_one_without_controller_has_no_lines() {
    let root = || root().child(controller("gic", 7, 2, 3));
    for map in [&[0, 0, 0, 1, 7, 0, 0, 0, 3][..], &[0, 0, 0, 1, 8, 3], &[0, 0, 0, 1]] {
        read(root().child(bridge(map)), |tree| {
            assert_eq!(tree.pci_host().unwrap().interrupts.line(0, 0, 1), None, "{map:?}");
        });
    }
}
