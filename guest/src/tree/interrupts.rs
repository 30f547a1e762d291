//! Interrupts of devices, as the interrupt controller numbers them (2.4).

use dtoolkit::fdt::FdtNode;
use dtoolkit::standard::NodeStandard;
use dtoolkit::{Node, Property};
use zerocopy::FromBytes as _;
use zerocopy::big_endian::U32;

use super::fdt::{DeviceTree, number};

/// RISC-V's number of external interrupts to supervisor mode.
const SUPERVISOR_EXTERNAL: u32 = 9;
/// The number of a GIC's first private interrupt of a CPU, and of its first shared interrupt.
const GIC_PRIVATE: u32 = 16;
const GIC_SHARED: u32 = 32;

impl<'a> DeviceTree<'a> {
    /// Returns interrupt `index` of the first device that is `compatible`, as the interrupt controller numbers it.
    pub fn interrupt(self, compatible: &str, index: usize) -> Option<u32> {
        self.interrupt_of(self.find(compatible)?, index)
    }

    pub(super) fn interrupt_of(self, node: FdtNode<'a>, index: usize) -> Option<u32> {
        let parent = "interrupt-parent";
        let parent = number(node, parent).or_else(|| number(self.fdt.root(), parent))?;
        let specifiers = words(node, "interrupts")?;
        let each = number(self.controller(parent)?, "#interrupt-cells")? as usize;
        let start = index.checked_mul(each)?;
        decode(specifiers.get(start..start.checked_add(each)?)?)
    }

    /// Returns the context of the PLIC that interrupts hart `hart` in supervisor mode: the index of the PLIC's entry for that
    /// hart and mode.
    pub fn plic_context(self, hart: u32) -> Option<usize> {
        let cpus = self.fdt.find_node("/cpus")?;
        let cpu = cpus.children().find(|cpu| number(*cpu, "reg") == Some(hart))?;
        let own = number(cpu.child("interrupt-controller")?, "phandle")?;
        let contexts = words(self.find("riscv,plic0")?, "interrupts-extended")?;
        let mine = |context: &[U32]| context[0].get() == own && context[1].get() == SUPERVISOR_EXTERNAL;
        contexts.chunks_exact(2).position(mine)
    }

    fn controller(self, phandle: u32) -> Option<FdtNode<'a>> {
        self.nodes().find(|node| node.phandle() == Ok(Some(phandle)))
    }
}

/// The routing of the interrupt lines of a PCI bus (2.4.3).
#[derive(Clone, Copy, Debug)]
pub struct InterruptMap<'a> {
    tree: DeviceTree<'a>,
    map: &'a [U32],
    /// The bits of a function's address and pin that an entry is compared with.
    mask: [u32; 4],
}

impl<'a> InterruptMap<'a> {
    pub(super) fn of(tree: DeviceTree<'a>, host: FdtNode<'a>) -> Option<Self> {
        let mask = host.property("interrupt-map-mask")?.value_as().ok()?;
        Some(Self { tree, map: words(host, "interrupt-map")?, mask })
    }

    /// Returns the interrupt that a function on bus 0 raises by `pin`: 1 to 4 for INTA to INTD.
    pub fn line(&self, device: u8, function: u8, pin: u8) -> Option<u32> {
        let address = u32::from(device) << 11 | u32::from(function) << 8;
        let key = [address & self.mask[0], u32::from(pin) & self.mask[3]];
        let mut rest = self.map;
        // The interrupt controller of an entry determines the length of the rest of the entry.
        while let [address, _, _, pin, controller, more @ ..] = rest {
            let controller = self.tree.controller(controller.get())?;
            let unit = number(controller, "#address-cells").unwrap_or(0) as usize;
            let end = unit.checked_add(number(controller, "#interrupt-cells")? as usize)?;
            let specifier = more.get(unit..end)?;
            if [address.get(), pin.get()] == key {
                return decode(specifier);
            }
            rest = &more[end..];
        }
        None
    }
}

/// Returns the number of an interrupt specifier. For a PLIC, it has one word, the number. For a GIC, it has three: the kind,
/// the number within the kind, and flags.
fn decode(specifier: &[U32]) -> Option<u32> {
    match specifier {
        [number] => Some(number.get()),
        [kind, number, _flags] => match kind.get() {
            0 => number.get().checked_add(GIC_SHARED),
            1 => number.get().checked_add(GIC_PRIVATE),
            _ => None,
        },
        _ => None,
    }
}

fn words<'a>(node: FdtNode<'a>, property: &str) -> Option<&'a [U32]> {
    <[U32]>::ref_from_bytes(node.property(property)?.value_as().ok()?).ok()
}
