//! Rules for the members of devices and modules.

use crate::check::{blocks, layout, names, unique, values};
use crate::diagnostic::Diagnostics;
use crate::model::Member;
use crate::syntax;

/// Names that every generated module uses.
const RESERVED: [&str; 4] = ["core", "default", "from", "zerocopy"];

/// Checks the members of a module. The names in `reserved` and in [`RESERVED`] are not allowed.
pub(super) fn members(members: &[syntax::Member], reserved: &[&str], diagnostics: &mut Diagnostics) -> Vec<Member> {
    let checked: Vec<Member> = members
        .iter()
        .filter_map(|member| {
            Some(match member {
                syntax::Member::Registers(registers) => Member::Registers(blocks::registers(registers, diagnostics)),
                syntax::Member::Struct(structure) => Member::Struct(layout::structure(structure, diagnostics)),
                syntax::Member::Enum(values) => Member::Enum(values::enumeration(values, diagnostics)?),
                syntax::Member::Bits(bits) => Member::Bits(values::bits(bits, diagnostics)?),
                syntax::Member::Const(constant) => Member::Const(values::constant(constant, diagnostics)?),
            })
        })
        .collect();
    let names = || {
        members.iter().map(|member| match member {
            syntax::Member::Registers(registers) => &registers.name,
            syntax::Member::Struct(structure) => &structure.name,
            syntax::Member::Enum(values) => &values.name,
            syntax::Member::Bits(bits) => &bits.name,
            syntax::Member::Const(constant) => &constant.name,
        })
    };
    unique::names("item", names(), diagnostics);
    names().for_each(|name| names::not_reserved(name, &[reserved, &RESERVED].concat(), diagnostics));
    checked
}
