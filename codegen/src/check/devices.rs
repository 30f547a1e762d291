//! Rules for devices and their queues.

use std::collections::HashMap;

use proc_macro2::Span;

use crate::check::features::Owner;
use crate::check::scope::{DeviceParts, Scope};
use crate::check::{blocks, features, members, names, queues, ranges, references, unique, values};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Block, Device, Feature, Kind, Module, SharedMemory};
use crate::name::{CNames, Name};
use crate::syntax::{self, Docs, File, Item, Skipped};

/// Names that the generated code of a device uses in addition to those of the members.
const RESERVED: [&str; 7] = ["device", "feature", "features", "feature_bits", "queue", "config", "shared_memory"];

/// Checks a device.
pub(super) fn device(device: &syntax::Device, diagnostics: &mut Diagnostics) -> Module {
    names::check(&device.name, diagnostics);
    let no_sections = device.features.is_none() && device.queues.is_none() && device.config.is_none();
    let no_sections = no_sections && device.shared_memory.is_none();
    if no_sections && device.members.is_empty() {
        values::empty("device", &device.name, device.body, &device.skipped, diagnostics);
    }
    let id = device.id.and_then(|number| {
        if number.value == 0 {
            diagnostics.push(Diagnostic::new(number.span, "invalid device id 0").help("device ids start at 1"));
        }
        ranges::fit(number, "device id", u64::from(u32::MAX), diagnostics)
    });
    let id = id.unwrap_or(1);
    let prefix = match device.prefix.first() {
        Some(prefix) => prefix.to_owned(),
        None => format!("VIRTIO_{}", device.name.upper()),
    };
    let features = match &device.features {
        Some(section) => features::features(section, Owner::Device, &prefix, diagnostics),
        None => Vec::new(),
    };
    let config = config(device, &features, diagnostics);
    let queues = queues::queues(device, &features, &config.fields, diagnostics);
    let shared_memory = shared_memory(device, &features, diagnostics);
    let has_skipped_queues = device.queues.as_ref().is_some_and(|queues| queues.skipped.is_any());
    let parts = DeviceParts { features: &features, queues: &queues, config: &config.fields, has_skipped_queues };
    Module {
        docs: device.docs.clone(),
        name: device.name.clone(),
        members: members::members(&device.members, &RESERVED, parts, diagnostics),
        kind: Kind::Device(Device { id, features, queues, config, shared_memory }),
    }
}

/// Checks the configuration space.
fn config(device: &syntax::Device, features: &[Feature], diagnostics: &mut Diagnostics) -> Block {
    let span = device.config.as_ref().map_or(device.name.span, |config| config.span);
    let empty = syntax::Fields { span, alias: CNames::default(), entries: Vec::new(), skipped: Skipped::default() };
    let fields = device.config.as_ref().unwrap_or(&empty);
    let name = Name { text: "config".into(), span };
    blocks::block(
        &Docs::default(),
        &name,
        fields.alias.clone(),
        fields,
        Some(features),
        &Scope::new(&device.members),
        diagnostics,
    )
}

/// Checks the shared memory regions. Returns them in the order of their ids.
fn shared_memory(device: &syntax::Device, features: &[Feature], diagnostics: &mut Diagnostics) -> Vec<SharedMemory> {
    let entries = device.shared_memory.as_ref().map_or(&[][..], |regions| &regions.entries);
    let mut regions: Vec<SharedMemory> = Vec::new();
    for region in entries {
        names::check(&region.name, diagnostics);
        let condition = references::condition(region.condition.as_ref(), features, diagnostics);
        let id = ranges::fit(region.id, "shared memory id", u64::from(u8::MAX), diagnostics).unwrap_or(0);
        let (docs, name, alias) = (region.docs.clone(), region.name.clone(), region.alias.clone());
        regions.push(SharedMemory { docs, name, id, condition, alias });
    }
    unique::names("region", entries.iter().map(|region| &region.name), diagnostics);
    unique::numbers("id", entries.iter().map(|region| (&region.name, region.id.value, region.id.span)), diagnostics);
    regions.sort_by_key(|region| region.id);
    regions
}

/// Reports device ids that are used more than once.
pub(super) fn unique_ids(file: &File, diagnostics: &mut Diagnostics) {
    let mut seen: HashMap<u64, (&Name, Span)> = HashMap::new();
    for item in &file.items {
        let Item::Device(device) = item else { continue };
        let (Some(id), name) = (device.id, &device.name) else { continue };
        match seen.get(&id.value) {
            Some((first, span)) => diagnostics.push(
                Diagnostic::new(id.span, format!("duplicate device id {}", id.value))
                    .label(*span, format!("first used by `{}` here", first.text)),
            ),
            None => {
                seen.insert(id.value, (name, id.span));
            }
        }
    }
}
