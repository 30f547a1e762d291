//! Rules for devices and their queues.

use std::collections::HashMap;

use crate::check::features::Owner;
use crate::check::{blocks, features, members, names, ranges, references, unique, values};
use crate::mistake::{Mistake, Mistakes};
use crate::model::{Device, Feature, Kind, Module, Queue};
use crate::name::Name;
use crate::syntax::{self, Docs, File, Item};

/// Names that the generated code of a device uses beside those of the members.
const TAKEN: [&str; 6] = ["device", "feature", "features", "feature_bits", "queue", "config"];

/// A device type.
pub(super) fn device(device: &syntax::Device, mistakes: &mut Mistakes) -> Module {
    names::check(&device.name, mistakes);
    let nothing = device.features.is_none() && device.queues.is_none() && device.config.is_none();
    if nothing && device.members.is_empty() {
        values::empty("device", &device.name, device.body, mistakes);
    }
    let id = ranges::fit(device.id, "the device id", u64::from(u32::MAX), mistakes).unwrap_or(1);
    if id == 0 {
        let message = "the device id 0 stands for a place without a device";
        mistakes.push(Mistake::new(device.id.span, message).help("device ids start at 1"));
    }
    let prefix = match &device.prefix {
        Some(prefix) => prefix.clone(),
        None => format!("VIRTIO_{}", device.name.upper()),
    };
    let none = syntax::Features { span: device.name.span, entries: Vec::new() };
    let described = device.features.as_ref().unwrap_or(&none);
    let features = features::features(described, Owner::Device, &prefix, mistakes);
    let queues = queues(device, &features, mistakes);
    let name =
        Name { text: "config".into(), span: device.config.as_ref().map_or(device.name.span, |config| config.span) };
    let no_fields = syntax::Fields { span: name.span, entries: Vec::new() };
    let fields = device.config.as_ref().unwrap_or(&no_fields);
    let config = blocks::block(&Docs::default(), &name, None, fields, Some(&features), mistakes);
    Module {
        docs: device.docs.clone(),
        name: device.name.clone(),
        members: members(&device.members, &TAKEN, mistakes),
        kind: Kind::Device(Device { id, features, queues, config }),
    }
}

/// The queues in the order of their numbers.
fn queues(device: &syntax::Device, features: &[Feature], mistakes: &mut Mistakes) -> Vec<Queue> {
    let entries = device.queues.as_ref().map_or(&[][..], |queues| &queues.entries);
    let mut queues: Vec<Queue> = Vec::new();
    for queue in entries {
        names::check(&queue.name, mistakes);
        let guard = references::guard(queue.guard.as_ref(), features, mistakes);
        let index = ranges::fit(queue.index, "the queue number", u64::from(u16::MAX), mistakes);
        queues.push(Queue {
            docs: queue.docs.clone(),
            name: queue.name.clone(),
            index: index.unwrap_or(0),
            guard,
            alias: queue.alias.clone(),
        });
    }
    unique::names("queue", entries.iter().map(|queue| &queue.name), mistakes);
    unique::numbers("number", entries.iter().map(|queue| (&queue.name, queue.index.value, queue.index.span)), mistakes);
    queues.sort_by_key(|queue| queue.index);
    queues
}

/// No device id is described twice.
pub(super) fn unique_ids(file: &File, mistakes: &mut Mistakes) {
    let mut seen: HashMap<u64, &syntax::Device> = HashMap::new();
    for item in &file.items {
        let Item::Device(device) = item else { continue };
        match seen.get(&device.id.value) {
            Some(first) => mistakes.push(
                Mistake::new(device.id.span, format!("the device id {} is described twice", device.id.value))
                    .see(first.id.span, format!("by `{}` here", first.name.text)),
            ),
            None => {
                seen.insert(device.id.value, device);
            }
        }
    }
}
