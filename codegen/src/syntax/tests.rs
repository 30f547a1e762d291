//! What the reader makes of a description.

use crate::mistake::Mistakes;
use crate::syntax::{Access, File, Item, Member};

/// The items of a description without mistakes.
fn read(text: &str) -> Vec<Item> {
    let mut mistakes = Mistakes::new();
    let file = File::parse(text.parse().expect("tokens"), &mut mistakes);
    let messages: Vec<&str> = mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
    assert_eq!(messages, [""; 0]);
    file.items
}

/// What can be read of a description with mistakes, and how many those are.
fn read_wrong(text: &str) -> (Vec<Item>, usize) {
    let mut mistakes = Mistakes::new();
    let file = File::parse(text.parse().expect("tokens"), &mut mistakes);
    (file.items, mistakes.iter().count())
}

#[test]
fn documentation_is_kept_line_by_line() {
    let items =
        read("//! For readers.\n/// One.\n///\n/// Two.\nmodule lamp { /** Three\n four. */ const x: u8 = 1; }");
    let [Item::Module(module)] = &items[..] else { panic!("one module") };
    assert_eq!(module.docs.0, [" One.", "", " Two."]);
    let [Member::Const(constant)] = &module.members[..] else { panic!("one constant") };
    assert_eq!(constant.docs.0, [" Three", " four."]);
}

#[test]
fn the_parts_of_a_device_can_stand_in_any_order() {
    let items = read(
        "device lamp = 0x3f as \"VIRTIO_LMP\" { config { a: u8 read } struct s { a: u8 } queues { q = 0 } features { f = 1 } }",
    );
    let [Item::Device(device)] = &items[..] else { panic!("one device") };
    assert_eq!(device.name.text, "lamp");
    assert_eq!(device.id.value, 63);
    assert_eq!(device.prefix.as_deref(), Some("VIRTIO_LMP"));
    assert_eq!(device.features.as_ref().map(|features| features.entries.len()), Some(1));
    assert_eq!(device.queues.as_ref().map(|queues| queues.entries.len()), Some(1));
    assert_eq!(device.config.as_ref().map(|config| config.entries.len()), Some(1));
    assert_eq!(device.members.len(), 1);
}

#[test]
fn the_clauses_of_a_field_can_stand_in_any_order() {
    for clauses in [
        "read setup @ 0x10 if timer as \"T\"",
        "as \"T\" if timer @ 16 read setup",
        "read if timer setup as \"T\" @ 0b1_0000",
    ] {
        let items = read(&format!("device lamp = 63 {{ config {{ time: [le32; 2] {clauses} }} }}"));
        let [Item::Device(device)] = &items[..] else { panic!("one device") };
        let field = &device.config.as_ref().expect("a configuration space").entries[0];
        assert_eq!(field.ty.element.text, "le32");
        assert_eq!(field.ty.len.map(|len| len.value), Some(2));
        let access: Vec<Access> = field.access.iter().map(|word| word.access).collect();
        assert_eq!(access, [Access::Read, Access::Setup], "{clauses}");
        assert_eq!(field.offset.map(|offset| offset.value), Some(16), "{clauses}");
        assert_eq!(field.guards.first().map(|guard| guard.text.as_str()), Some("timer"), "{clauses}");
        assert_eq!(field.alias.as_deref(), Some("T"), "{clauses}");
    }
}

#[test]
fn a_feature_can_require_several() {
    let items = read("features reserved { a = 24, b = 25 requires a, c = 26 as \"C\" requires a + b }");
    let [Item::Reserved(_, _, features)] = &items[..] else { panic!("the reserved features") };
    let requires: Vec<Vec<&str>> = features
        .entries
        .iter()
        .map(|feature| feature.requires.iter().map(|needed| needed.text.as_str()).collect())
        .collect();
    assert_eq!(requires, [vec![], vec!["a"], vec!["a", "b"]]);
    assert_eq!(features.entries[2].alias.as_deref(), Some("C"));
}

#[test]
fn a_wrong_entry_does_not_hide_the_next() {
    let (items, mistakes) = read_wrong("device lamp = 63 { queues { a 0, b = 1, c = , d = 3 e = 4, } }");
    let [Item::Device(device)] = &items[..] else { panic!("one device") };
    let names: Vec<&str> =
        device.queues.iter().flat_map(|queues| &queues.entries).map(|queue| queue.name.text.as_str()).collect();
    assert_eq!(names, ["b", "d", "e"]);
    assert_eq!(mistakes, 3);
}

#[test]
fn a_wrong_item_does_not_hide_the_next() {
    let (items, mistakes) =
        read_wrong("banana split = 3 { } device = 4 { } module fine { const a: u8 = 1; struct { } const b: u8 = 2; }");
    let [Item::Module(module)] = &items[..] else { panic!("one module") };
    assert_eq!(module.members.len(), 2);
    assert_eq!(mistakes, 3);
}
