//! Rules for devices and their queues.

use std::collections::HashMap;

use crate::check::features::Owner;
use crate::check::{blocks, features, members, names, ranges, references, unique, values};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Block, Device, Feature, Kind, Module, Queue};
use crate::name::Name;
use crate::syntax::{self, Docs, File, Item};

/// Names that the generated code of a device uses in addition to those of the members.
const RESERVED: [&str; 6] = ["device", "feature", "features", "feature_bits", "queue", "config"];

/// Checks a device.
pub(super) fn device(device: &syntax::Device, diagnostics: &mut Diagnostics) -> Module {
    names::check(&device.name, diagnostics);
    let no_sections = device.features.is_none() && device.queues.is_none() && device.config.is_none();
    if no_sections && device.members.is_empty() {
        values::empty("device", &device.name, device.body, diagnostics);
    }
    let id = ranges::fit(device.id, "device id", u64::from(u32::MAX), diagnostics).unwrap_or(1);
    if id == 0 {
        diagnostics.push(Diagnostic::new(device.id.span, "invalid device id 0").help("device ids start at 1"));
    }
    let prefix = match &device.prefix {
        Some(prefix) => prefix.clone(),
        None => format!("VIRTIO_{}", device.name.upper()),
    };
    let features = match &device.features {
        Some(section) => features::features(section, Owner::Device, &prefix, diagnostics),
        None => Vec::new(),
    };
    let queues = queues(device, &features, diagnostics);
    let config = config(device, &features, diagnostics);
    Module {
        docs: device.docs.clone(),
        name: device.name.clone(),
        members: members::members(&device.members, &RESERVED, diagnostics),
        kind: Kind::Device(Device { id, features, queues, config }),
    }
}

/// Checks the configuration space.
fn config(device: &syntax::Device, features: &[Feature], diagnostics: &mut Diagnostics) -> Block {
    let span = device.config.as_ref().map_or(device.name.span, |config| config.span);
    let empty = syntax::Fields { span, entries: Vec::new() };
    let fields = device.config.as_ref().unwrap_or(&empty);
    let name = Name { text: "config".into(), span };
    blocks::block(&Docs::default(), &name, None, fields, Some(features), diagnostics)
}

/// Checks the queues. Returns them in the order of their indexes.
fn queues(device: &syntax::Device, features: &[Feature], diagnostics: &mut Diagnostics) -> Vec<Queue> {
    let entries = device.queues.as_ref().map_or(&[][..], |queues| &queues.entries);
    let mut queues: Vec<Queue> = Vec::new();
    for queue in entries {
        names::check(&queue.name, diagnostics);
        let condition = references::condition(queue.condition.as_ref(), features, diagnostics);
        let index = ranges::fit(queue.index, "queue index", u64::from(u16::MAX), diagnostics);
        queues.push(Queue {
            docs: queue.docs.clone(),
            name: queue.name.clone(),
            index: index.unwrap_or(0),
            condition,
            alias: queue.alias.clone(),
        });
    }
    unique::names("queue", entries.iter().map(|queue| &queue.name), diagnostics);
    unique::numbers(
        "index",
        entries.iter().map(|queue| (&queue.name, queue.index.value, queue.index.span)),
        diagnostics,
    );
    queues.sort_by_key(|queue| queue.index);
    queues
}

/// Reports device ids that are used more than once.
pub(super) fn unique_ids(file: &File, diagnostics: &mut Diagnostics) {
    let mut seen: HashMap<u64, &syntax::Device> = HashMap::new();
    for item in &file.items {
        let Item::Device(device) = item else { continue };
        match seen.get(&device.id.value) {
            Some(first) => diagnostics.push(
                Diagnostic::new(device.id.span, format!("duplicate device id {}", device.id.value))
                    .label(first.id.span, format!("first used by `{}` here", first.name.text)),
            ),
            None => {
                seen.insert(device.id.value, device);
            }
        }
    }
}
