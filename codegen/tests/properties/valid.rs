//! Random valid descriptions of a device, with every part of the language that a device can have. The compiler accepts them, and its
//! model has what was described.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use aerostat_codegen::model::{Device, Kind, Member, Model, Module};
use aerostat_codegen::{Decoder, Exchange, Source, Spans, Target, emit, parse_text};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use quote::quote;

/// The parts of the language that a run has to cover.
const PARTS: [&str; 27] = [
    "requires a or b",
    "high feature",
    "queue if",
    "queue readable",
    "queue writable",
    "queue with both",
    "queues from n",
    "pairs of queues",
    "count",
    "computed queue",
    "shared_memory",
    "shared_memory if",
    "config if a or b",
    "config union",
    "config union by",
    "values of an entry",
    "select write",
    "struct union by",
    "other values",
    "request on",
    "request on a or b",
    "request without on",
    "request if",
    "fixed value",
    "config length",
    "field length",
    "open array",
];

/// What the compiler has to find in a description.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    /// The queues: which side writes them, whether they depend on a feature, and whether the index is computed.
    queues: BTreeMap<String, (Option<bool>, bool, bool)>,
    /// The requests: their queues, and the numbers of fields of both parts.
    requests: BTreeMap<String, (BTreeSet<String>, usize, usize)>,
    /// The shared memory regions: their ids, and whether they depend on a feature.
    regions: BTreeMap<String, (u8, bool)>,
    /// The unions of the configuration space with `by`: the number of values that choose an entry.
    choices: BTreeMap<String, usize>,
}

/// Writes a description. The choices come from outside; without more choices, each is the first.
#[derive(Default)]
struct Writer {
    choices: std::vec::IntoIter<u8>,
    text: String,
    names: usize,
    expected: Expected,
    parts: BTreeSet<&'static str>,
    features: Vec<String>,
    low_features: Vec<String>,
    values: Vec<String>,
}

impl Writer {
    fn choose(&mut self, count: usize) -> usize {
        usize::from(self.choices.next().unwrap_or(0)) % count.max(1)
    }

    fn is(&mut self) -> bool {
        self.choose(2) == 1
    }

    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}_{}", self.names)
    }

    fn write(&mut self, text: &str) {
        let _ = write!(self.text, "{text} ");
    }

    fn part(&mut self, part: &'static str) {
        assert!(PARTS.contains(&part), "{part}");
        self.parts.insert(part);
    }

    /// One of the names.
    fn one(&mut self, names: &[String]) -> String {
        names[self.choose(names.len())].clone()
    }

    fn device(&mut self) {
        self.write("device lamp = 63 {");
        self.features();
        self.types();
        self.queues();
        self.config();
        self.shared_memory();
        for _ in 0..self.choose(5) {
            self.request();
        }
        self.write("}");
    }

    fn features(&mut self) {
        self.write("features {");
        for bit in [0, 5, 23, 41, 50, 63, 64, 127] {
            if bit > 5 && self.is() {
                continue;
            }
            let name = self.name("feature");
            self.write(&format!("{name} = {bit}"));
            if self.features.len() > 1 && self.is() {
                let (first, second) = (self.features[0].clone(), self.features[1].clone());
                let or = self.is();
                self.write(&format!("requires {first} {} {second}", if or { "or" } else { "+" }));
                if or {
                    self.part("requires a or b");
                }
            }
            self.write(",");
            match bit < 64 {
                true => self.low_features.push(name.clone()),
                false => self.part("high feature"),
            }
            self.features.push(name);
        }
        self.write("}");
    }

    /// The types that fields use: `kinds`, `flags`, `range`, `length`.
    fn types(&mut self) {
        self.values = (0..2 + self.choose(4)).map(|number| format!("value_{number}")).collect();
        self.write("enum kinds: u8 {");
        for value in self.values.clone() {
            // The next value follows on.
            let shown = if value == "value_1" && self.is() { format!("{value} = 1 << 4") } else { value };
            self.write(&format!("{shown},"));
        }
        if self.is() {
            self.part("other values");
            self.write("others = _");
        }
        self.write("} bits flags: le16 { on = 0, level = 4..12 } struct range { low: le16, high: be16 } const length: usize = 3;");
        self.write("struct tail { count: le32, entries: [range] }");
        self.write("packed struct choice { kind: kinds, u:");
        self.union("range");
        self.part("struct union by");
        self.write("}");
    }

    /// A union by the field `kind`. Each value chooses at most one entry. Returns the number of values that choose one.
    fn union(&mut self, structure: &str) -> usize {
        self.write("union by kind {");
        let mut values = self.values.clone();
        let mut chosen = 0;
        while !values.is_empty() && (chosen == 0 || self.is()) {
            let ty = ["u8", "[u8; length]", structure, "kinds"][self.choose(4)];
            let count = 1 + self.choose(values.len());
            let of_entry: Vec<String> = values.drain(..count).collect();
            chosen += count;
            if count == 1 && self.is() {
                self.write(&format!("{}: {ty},", of_entry[0]));
                continue;
            }
            self.part("values of an entry");
            let name = self.name("entry");
            self.write(&format!("{name}: {ty} if {},", of_entry.join(" or ")));
        }
        self.write("}");
        chosen
    }

    fn queues(&mut self) {
        self.write("queues {");
        let fixed = 1 + self.choose(4);
        for index in 0..fixed {
            self.queue(&index.to_string(), false);
        }
        match self.choose(4) {
            0 => {}
            1 => {
                self.part("queues from n");
                self.queue(&format!("{fixed}.."), true);
            }
            2 => {
                self.part("computed queue");
                self.queue(&format!("2 * pairs + {fixed}"), true);
            }
            _ => {
                self.part("pairs of queues");
                self.queue(&format!("2n + {fixed}"), true);
                self.queue(&format!("2n + {}", fixed + 1), true);
            }
        }
        self.write("}");
    }

    fn queue(&mut self, index: &str, is_computed: bool) {
        let name = self.name("queue");
        self.write(&format!("{name} = {index}"));
        let has_count = is_computed && !index.contains("pairs") && self.is();
        if has_count {
            self.part("count");
            self.write("count pairs");
        }
        let depends = self.is();
        if depends {
            self.part("queue if");
            let feature = self.one(&self.low_features.clone());
            self.write(&format!("if {feature}"));
        }
        let (part, words, writable) = [
            (None, "", None),
            (Some("queue readable"), "readable", Some(false)),
            (Some("queue writable"), "writable", Some(true)),
            (Some("queue with both"), "readable writable", None),
        ][self.choose(4)];
        if let Some(part) = part {
            self.part(part);
        }
        self.write(&format!("{words},"));
        self.expected.queues.insert(name, (writable, depends, is_computed));
    }

    fn config(&mut self) {
        self.write("config { pairs: le16 read, kind: kinds read");
        if self.is() {
            self.part("select write");
            self.write("write");
        }
        self.write(", padding: u8, size: le32 read");
        if self.is() {
            self.part("config if a or b");
            let (first, second) = (self.features[0].clone(), self.features[1].clone());
            self.write(&format!("if {first} or {second}"));
        }
        self.write(",");
        if self.is() {
            self.part("config union by");
            let name = self.name("u");
            self.write(&format!("{name}:"));
            let chosen = self.union("range");
            self.write("read @ 0x10,");
            self.expected.choices.insert(name, chosen);
        }
        if self.is() {
            self.part("config union");
            self.write("union { range: range, flags: flags, bytes: [u8; length] } read @ 0x20,");
        }
        self.write("}");
    }

    fn shared_memory(&mut self) {
        let count = self.choose(3);
        if count == 0 {
            return;
        }
        self.part("shared_memory");
        self.write("shared_memory {");
        for region in 0..count {
            let (name, id) = (self.name("region"), 2 * region + self.choose(2));
            self.write(&format!("{name} = {id}"));
            let depends = self.is();
            if depends {
                self.part("shared_memory if");
                let feature = self.one(&self.features.clone());
                self.write(&format!("if {feature}"));
            }
            self.write(",");
            self.expected.regions.insert(name, (u8::try_from(id).expect("a small id"), depends));
        }
        self.write("}");
    }

    /// A request for some of the queues, with parts that their buffers can have.
    fn request(&mut self) {
        let name = self.name("request");
        let all: Vec<(String, Option<bool>)> =
            self.expected.queues.iter().map(|(name, (writable, ..))| (name.clone(), *writable)).collect();
        let (first, writable) = all[self.choose(all.len())].clone();
        // The device reads no part of a buffer that it writes, and the other way round.
        let (may_read, may_write) = (writable != Some(true), writable != Some(false));
        let has_readable = may_read && (!may_write || self.is());
        let has_writable = may_write && (!has_readable || self.is());
        let fits = |writable: Option<bool>| match writable {
            None => true,
            Some(true) => !has_readable,
            Some(false) => !has_writable,
        };
        let fitting = all.into_iter().filter(|(_, writable)| fits(*writable)).map(|(name, _)| name);
        let others: Vec<String> = fitting.filter(|name| *name != first).collect();
        self.write(&format!("request {name}"));
        let mut queues = BTreeSet::from([first.clone()]);
        match self.choose(3) {
            0 => {
                self.part("request without on");
                queues.extend(others);
            }
            1 if !others.is_empty() => {
                self.part("request on a or b");
                let second = self.one(&others);
                self.write(&format!("on {first} or {second}"));
                queues.insert(second);
            }
            _ => {
                self.part("request on");
                self.write(&format!("on {first}"));
            }
        }
        self.write("{");
        let mut lengths = Vec::new();
        let readable = if has_readable { self.request_part(true, &mut lengths) } else { 0 };
        let writable = if has_writable { self.request_part(false, &mut lengths) } else { 0 };
        self.write("}");
        self.expected.requests.insert(name, (queues, readable, writable));
    }

    /// The fields of one part. `lengths` are the fields that the length of an array can be. Returns how many fields there are.
    fn request_part(&mut self, is_readable: bool, lengths: &mut Vec<String>) -> usize {
        self.write(if is_readable { "readable {" } else { "writable {" });
        let count = 1 + self.choose(5);
        for _ in 0..count {
            let name = self.name("field");
            let element = ["u8", "le32", "virtio64", "be16", "kinds", "flags", "range", "choice"][self.choose(8)];
            match self.choose(6) {
                0 => self.write(&format!("{name}: {element}")),
                1 if is_readable => {
                    self.part("fixed value");
                    let of_enum = format!("kinds = {}", self.values[0]);
                    let value = [of_enum.as_str(), "virtio16 = 7", "u8 = length", "le64 = 1 << 63"][self.choose(4)];
                    self.write(&format!("{name}: {value}"));
                }
                2 => {
                    self.part("config length");
                    let field = ["size", "pairs"][self.choose(2)];
                    self.write(&format!("{name}: [{element}; config.{field}]"));
                }
                3 if !lengths.is_empty() => {
                    self.part("field length");
                    let length = self.one(lengths);
                    self.write(&format!("{name}: [{element}; {length}]"));
                }
                4 => {
                    self.part("open array");
                    self.write(&format!("{name}: [{element}]"));
                }
                _ => {
                    let integer = ["u8", "le16", "virtio32", "be64"][self.choose(4)];
                    self.write(&format!("{name}: {integer}"));
                    if self.is() {
                        self.part("request if");
                        let (first, second) = (self.one(&self.features.clone()), self.features[0].clone());
                        let or = if first == second { String::new() } else { format!("or {second}") };
                        self.write(&format!("if {first} {or}"));
                    } else {
                        lengths.push(name);
                    }
                }
            }
            self.write(",");
        }
        self.write("}");
        count
    }
}

/// Returns what the compiler found.
fn found(module: &Module, device: &Device) -> Expected {
    let queues = device
        .queues
        .iter()
        .map(|queue| (queue.name.text.clone(), (queue.writable, queue.condition.is_some(), queue.computed.is_some())));
    let requests = module.members.iter().filter_map(|member| match member {
        Member::Request(request) => {
            let queues = request.queues.iter().map(|name| name.text.clone()).collect();
            Some((request.name.text.clone(), (queues, request.readable.len(), request.writable.len())))
        }
        _ => None,
    });
    let regions = device.shared_memory.iter();
    let choices = device.config.choices.iter();
    Expected {
        queues: queues.collect(),
        requests: requests.collect(),
        regions: regions.map(|one| (one.name.text.clone(), (one.id, one.condition.is_some()))).collect(),
        choices: choices
            .map(|one| (one.name.text.clone(), one.entries.iter().map(|entry| entry.values.len()).sum()))
            .collect(),
    }
}

fn check(text: &str, expected: &Expected, exchange: &Exchange) -> Result<(), TestCaseError> {
    let model: Model = match parse_text(&Source { path: "valid", text }) {
        Ok(model) => model,
        Err(messages) => return Err(TestCaseError::fail(format!("{}: {text}", messages.join("\n")))),
    };
    let Kind::Device(device) = &model.modules[0].kind else { panic!("a device") };
    prop_assert_eq!(&found(&model.modules[0], device), expected, "{}", text);
    let target = Target { krate: quote!(::aerostat_spec), spans: Spans::CallSite, path: None };
    prop_assert!(syn::parse2::<syn::File>(emit(&model, &target)).is_ok(), "{}", text);
    let decoder = Decoder::new(&model).config("pairs", 2).config("size", 5);
    prop_assert!(decoder.exchange(exchange).is_ok(), "{}", text);
    Ok(())
}

#[test]
fn valid_descriptions_with_every_part_of_the_language_are_accepted() {
    let mut covered = BTreeSet::new();
    let seen = std::cell::RefCell::new(&mut covered);
    let bytes = || prop::collection::vec(any::<u8>(), 0..60);
    let strategy = (prop::collection::vec(any::<u8>(), 50..500), 0_u16..8, bytes(), bytes());
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) };
    let outcome = TestRunner::new(config).run(&strategy, |(choices, queue, readable, written)| {
        let mut writer = Writer { choices: choices.into_iter(), ..Writer::default() };
        writer.device();
        seen.borrow_mut().extend(&writer.parts);
        check(&writer.text, &writer.expected, &Exchange { device: 63, queue, readable, written })
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(covered, BTreeSet::from(PARTS));
}
