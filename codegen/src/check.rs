//! From syntax to model. Each file holds one family of rules; what breaks a rule is reported and left out or replaced
//! by something harmless, so that the other rules can go on.

mod blocks;
mod devices;
mod features;
mod layout;
mod names;
mod ranges;
mod references;
mod types;
mod unique;
mod values;

use crate::mistake::Mistakes;
use crate::model::{Kind, Member, Model, Module};
use crate::syntax::{self, File, Item};

/// Checks a description. The model is complete only when no mistake was added.
pub fn check(file: &File, mistakes: &mut Mistakes) -> Model {
    let mut model = Model::default();
    for item in &file.items {
        let module = match item {
            Item::Device(device) => devices::device(device, mistakes),
            Item::Module(module) => {
                names::check(&module.name, mistakes);
                if module.members.is_empty() {
                    values::empty("module", &module.name, module.body, mistakes);
                }
                Module {
                    docs: module.docs.clone(),
                    name: module.name.clone(),
                    kind: Kind::Plain,
                    members: members(&module.members, &[], mistakes),
                }
            }
            Item::Reserved(docs, name, features) => Module {
                docs: docs.clone(),
                name: name.clone(),
                kind: Kind::Reserved(features::features(features, features::Owner::Reserved, "VIRTIO", mistakes)),
                members: Vec::new(),
            },
        };
        model.modules.push(module);
    }
    unique::names("module", model.modules.iter().map(|module| &module.name), mistakes);
    devices::unique_ids(file, mistakes);
    model
}

/// Names that every generated module uses.
const TAKEN: [&str; 4] = ["core", "default", "from", "zerocopy"];

/// Checks the members of a module, in which the names `taken` are in use already beside [`TAKEN`].
fn members(members: &[syntax::Member], taken: &[&str], mistakes: &mut Mistakes) -> Vec<Member> {
    let checked: Vec<Member> = members
        .iter()
        .filter_map(|member| {
            Some(match member {
                syntax::Member::Registers(registers) => Member::Registers(blocks::registers(registers, mistakes)),
                syntax::Member::Struct(structure) => Member::Struct(layout::structure(structure, mistakes)),
                syntax::Member::Enum(values) => Member::Enum(values::enumeration(values, mistakes)?),
                syntax::Member::Bits(bits) => Member::Bits(values::bits(bits, mistakes)?),
                syntax::Member::Const(constant) => Member::Const(values::constant(constant, mistakes)?),
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
    unique::names("item", names(), mistakes);
    names().for_each(|name| names::not_taken(name, &[taken, &TAKEN].concat(), mistakes));
    checked
}

#[cfg(test)]
mod tests;
