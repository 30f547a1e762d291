//! Checks a syntax tree and lowers it to the model. Each file has one group of rules.
//!
//! An invalid part is reported and then left out or replaced by a valid one, so that the other rules can be checked.

mod blocks;
mod choices;
mod devices;
mod features;
mod layout;
mod members;
mod names;
mod overlaps;
mod queues;
mod ranges;
mod references;
mod requests;
mod scope;
mod types;
mod unions;
mod unique;
mod values;

use crate::diagnostic::Diagnostics;
use crate::model::{Kind, Model, Module};
use crate::syntax::{File, Item, Skipped};

/// Checks a description. The model is complete only if no diagnostic was added.
pub fn check(file: &File, diagnostics: &mut Diagnostics) -> Model {
    let mut model = Model::default();
    for item in &file.items {
        let skipped = item.skipped().into_iter().chain([&file.skipped]).flat_map(Skipped::names);
        let others = file.items.iter().filter(|other| !std::ptr::eq(*other, item));
        let mut own = Diagnostics::without(skipped).with_types_elsewhere(others.flat_map(Item::types));
        model.modules.push(check_item(item, &mut own));
        diagnostics.append(own);
    }
    let mut own = Diagnostics::without(file.skipped.names());
    members::members(&file.misplaced, &[], scope::DeviceParts::default(), &mut own);
    diagnostics.append(own);
    unique::names("module", file.items.iter().map(Item::name), diagnostics);
    devices::unique_ids(file, diagnostics);
    model
}

/// Checks an item. `diagnostics` knows the names that may be missing from it.
fn check_item(item: &Item, diagnostics: &mut Diagnostics) -> Module {
    match item {
        Item::Device(device) => devices::device(device, diagnostics),
        Item::Module(module) => {
            names::check(&module.name, diagnostics);
            if module.members.is_empty() {
                values::empty("module", &module.name, module.body, &module.skipped, diagnostics);
            }
            Module {
                docs: module.docs.clone(),
                name: module.name.clone(),
                kind: Kind::Plain,
                members: members::members(&module.members, &[], scope::DeviceParts::default(), diagnostics),
            }
        }
        Item::Reserved(docs, name, features) => Module {
            docs: docs.clone(),
            name: name.clone(),
            kind: Kind::Reserved(features::features(features, features::Owner::Reserved, "VIRTIO", diagnostics)),
            members: Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests;
