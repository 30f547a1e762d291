//! Rules for the members of devices and modules.

use crate::check::scope::{DeviceParts, Scope};
use crate::check::{blocks, layout, names, requests, unique, values};
use crate::diagnostic::Diagnostics;
use crate::model::Member;
use crate::name::Name;
use crate::syntax;

/// Names that every generated module uses.
const RESERVED: [&str; 4] = ["core", "default", "from", "zerocopy"];

/// Returns the names of the types that the generated code has for requests and unions beside those of the members.
fn generated(members: &[syntax::Member]) -> Vec<Name> {
    let unions = members.iter().filter_map(|member| match member {
        syntax::Member::Struct(structure) => Some(structure),
        _ => None,
    });
    let unions = unions.flat_map(|structure| {
        let fields = structure.fields.entries.iter().filter(|field| field.ty.union.is_some());
        fields.flat_map(|field| {
            let text = format!("{}_{}", structure.name.text, field.name.text);
            [text.clone(), format!("{text}_value")].map(|text| Name { text, span: field.name.span })
        })
    });
    let requests = members.iter().filter(|member| matches!(member, syntax::Member::Request(_)));
    let names = requests.flat_map(|request| {
        let Name { text, span } = request.name();
        ["answer", "shape", "context"].map(|part| Name { text: format!("{text}_{part}"), span: *span })
    });
    names.chain(unions).collect()
}

/// Checks the members of a module. The names in `reserved` and in [`RESERVED`] are not allowed.
pub(super) fn members(
    members: &[syntax::Member],
    reserved: &[&str],
    device: DeviceParts<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Member> {
    let scope = &Scope::new(members);
    let checked: Vec<Member> = members
        .iter()
        .filter_map(|member| {
            Some(match member {
                syntax::Member::Registers(registers) => {
                    Member::Registers(blocks::registers(registers, scope, diagnostics))
                }
                syntax::Member::Struct(structure) => Member::Struct(layout::structure(structure, scope, diagnostics)),
                syntax::Member::Enum(values) => Member::Enum(values::enumeration(values, diagnostics)?),
                syntax::Member::Bits(bits) => Member::Bits(values::bits(bits, diagnostics)?),
                syntax::Member::Const(constant) => Member::Const(values::constant(constant, diagnostics)?),
                syntax::Member::Request(request) => {
                    Member::Request(requests::request(request, scope, device, diagnostics))
                }
            })
        })
        .collect();
    let names = || members.iter().map(syntax::Member::name);
    let generated = generated(members);
    unique::names("item", names().chain(&generated), diagnostics);
    names().for_each(|name| names::not_reserved(name, &[reserved, &RESERVED].concat(), diagnostics));
    let is_constant = |member: &&syntax::Member| matches!(member, syntax::Member::Const(_));
    members.iter().filter(|member| !is_constant(member)).for_each(|member| names::not_type(member.name(), diagnostics));
    checked
}
