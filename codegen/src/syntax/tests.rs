//! Tests of the parser.

use crate::diagnostic::Diagnostics;
use crate::syntax::{Access, File, Item, Length, Member, Number};

/// Parses a valid description.
fn parse(text: &str) -> Vec<Item> {
    let mut diagnostics = Diagnostics::new();
    let file = File::parse(text.parse().expect("tokens"), &mut diagnostics);
    let messages: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    assert_eq!(messages, [""; 0]);
    file.items
}

/// Parses an invalid description. Returns the valid items and the number of errors.
fn parse_invalid(text: &str) -> (Vec<Item>, usize) {
    let mut diagnostics = Diagnostics::new();
    let file = File::parse(text.parse().expect("tokens"), &mut diagnostics);
    (file.items, diagnostics.iter().count())
}

#[test]
fn documentation_is_split_into_lines() {
    let items = parse("//! Not kept.\n/// One.\n///\n/// Two.\nmodule lamp { /** Three\n four. */ const x: u8 = 1; }");
    let [Item::Module(module)] = &items[..] else { panic!("one module") };
    assert_eq!(module.docs.0, [" One.", "", " Two."]);
    let [Member::Const(constant)] = &module.members[..] else { panic!("one constant") };
    assert_eq!(constant.docs.0, [" Three", " four."]);
}

#[test]
fn sections_of_a_device_have_no_fixed_order() {
    let items = parse(
        "device lamp = 0x3f as \"VIRTIO_LMP\" { config { a: u8 read } struct s { a: u8 } queues { q = 0 } features { f = 1 } }",
    );
    let [Item::Device(device)] = &items[..] else { panic!("one device") };
    assert_eq!(device.name.text, "lamp");
    assert_eq!(device.id.map(|id| id.value), Some(63));
    assert_eq!(device.prefix.first(), Some("VIRTIO_LMP"));
    assert_eq!(device.features.as_ref().map(|features| features.entries.len()), Some(1));
    assert_eq!(device.queues.as_ref().map(|queues| queues.entries.len()), Some(1));
    assert_eq!(device.config.as_ref().map(|config| config.entries.len()), Some(1));
    assert_eq!(device.members.len(), 1);
}

#[test]
fn clauses_of_a_field_have_no_fixed_order() {
    for clauses in [
        "read setup @ 0x10 if timer as \"T\"",
        "as \"T\" if timer @ 16 read setup",
        "read if timer setup as \"T\" @ 0b1_0000",
    ] {
        let items = parse(&format!("device lamp = 63 {{ config {{ time: [le32; 2] {clauses} }} }}"));
        let [Item::Device(device)] = &items[..] else { panic!("one device") };
        let field = &device.config.as_ref().expect("a configuration space").entries[0];
        assert_eq!(field.ty.element.text, "le32");
        assert!(matches!(field.ty.len, Some(Length::Number(Number { value: 2, .. }))));
        let access: Vec<Access> = field.access.iter().map(|word| word.access).collect();
        assert_eq!(access, [Access::Read, Access::Setup], "{clauses}");
        assert_eq!(field.offset.map(|offset| offset.value), Some(16), "{clauses}");
        assert_eq!(field.conditions.first().map(|condition| condition.text.as_str()), Some("timer"), "{clauses}");
        assert_eq!(field.alias.first(), Some("T"), "{clauses}");
    }
}

#[test]
fn feature_can_require_several() {
    let items = parse("features reserved { a = 24, b = 25 requires a, c = 26 as \"C\" requires a + b }");
    let [Item::Reserved(_, _, features)] = &items[..] else { panic!("the reserved features") };
    let requires: Vec<Vec<&str>> = features
        .entries
        .iter()
        .map(|feature| feature.requires.iter().map(|required| required.text.as_str()).collect())
        .collect();
    assert_eq!(requires, [vec![], vec!["a"], vec!["a", "b"]]);
    assert_eq!(features.entries[2].alias.first(), Some("C"));
}

#[test]
fn item_can_have_several_c_names() {
    let items = parse("features reserved { a = 24 as \"A\" or \"B\" or \"C\" requires b, b = 25 }");
    let [Item::Reserved(_, _, features)] = &items[..] else { panic!("the reserved features") };
    let feature = &features.entries[0];
    assert_eq!((feature.alias.iter().collect::<Vec<_>>(), feature.requires.len()), (vec!["A", "B", "C"], 1));
}

#[test]
fn parser_continues_after_an_invalid_entry() {
    let (items, diagnostics) = parse_invalid("device lamp = 63 { queues { a 0, b = 1, c = , d = 3 e = 4, } }");
    let [Item::Device(device)] = &items[..] else { panic!("one device") };
    let names: Vec<&str> =
        device.queues.iter().flat_map(|queues| &queues.entries).map(|queue| queue.name.text.as_str()).collect();
    assert_eq!(names, ["b", "d", "e"]);
    assert_eq!(diagnostics, 3);
}

#[test]
fn parser_continues_after_an_invalid_item() {
    let (items, diagnostics) = parse_invalid(
        "banana split = 3 { } device = 4 { } module fine { const a: u8 = 1; struct { } const b: u8 = 2; }",
    );
    let [Item::Device(unnamed), Item::Module(module)] = &items[..] else { panic!("a device and a module") };
    assert!(unnamed.id.is_none() && unnamed.name.text.is_empty());
    let [Member::Const(_), Member::Struct(structure), Member::Const(_)] = &module.members[..] else {
        panic!("two constants around a structure without a name")
    };
    assert!(structure.name.text.is_empty());
    assert_eq!(diagnostics, 3);
}
