//! Tests of the model of valid descriptions. Invalid descriptions are in `tests/ui`.

use crate::model::{Access, Kind, Member, Model, Scalar, When};
use crate::source::Source;

fn model(text: &str) -> Model {
    crate::parse_text(&Source { path: "test", text }).unwrap_or_else(|messages| panic!("{}", messages.join("\n")))
}

#[test]
fn fields_follow_each_other_unless_an_offset_is_given() {
    let model = model(
        "module lamp { registers control { a: u8 read, b: [u8; 3] read, c: le32 read @ 0x10, d: le64 read @ 0x14, e: u8 write @ 8 } }",
    );
    let [Member::Registers(block)] = &model.modules[0].members[..] else { panic!("expected one block") };
    let offsets: Vec<(&str, u64)> = block.fields.iter().map(|field| (field.name.text.as_str(), field.offset)).collect();
    assert_eq!(offsets, [("a", 0), ("b", 1), ("e", 8), ("c", 0x10), ("d", 0x14)], "sorted by offset");
    assert_eq!(block.len, 0x1c);
}

#[test]
fn structure_has_the_size_and_alignment_of_c() {
    let model =
        model("module lamp { struct s { a: le64, b: [le16; 3], c: u8, d: u8 } packed struct p { a: u8, b: le64 } }");
    let [Member::Struct(plain), Member::Struct(packed)] = &model.modules[0].members[..] else {
        panic!("two structures")
    };
    assert_eq!((plain.size, plain.align), (16, 8));
    assert_eq!(plain.fields.iter().map(|field| field.offset).collect::<Vec<_>>(), [0, 8, 14, 15]);
    assert_eq!((packed.size, packed.align), (9, 1));
}

#[test]
fn features_and_queues_are_sorted_and_refer_to_bits() {
    let model = model(
        "device lamp = 63 { features { b = 9 requires a, a = 3 } queues { y = 4 if b, x = 0 } config { f: u8 read if a } }",
    );
    let Kind::Device(device) = &model.modules[0].kind else { panic!("a device") };
    let features: Vec<_> = device.features.iter().map(|f| (f.c_name.as_str(), f.bit, f.requires)).collect();
    assert_eq!(features, [("VIRTIO_LAMP_F_A", 3, 0), ("VIRTIO_LAMP_F_B", 9, 1 << 3)]);
    let queues: Vec<_> =
        device.queues.iter().map(|q| (q.index, q.condition.as_ref().map(|condition| condition.bit))).collect();
    assert_eq!(queues, [(0, None), (4, Some(9))]);
    assert_eq!(device.config.fields[0].conditions.first().map(|condition| condition.bit), Some(3));
}

#[test]
fn alternatives_are_separate_from_required_features() {
    let model = model(
        "device lamp = 63 { features { a = 0, b = 1, c = 2, d = 3 requires a requires b or c } config { f: u8 read if c or a } }",
    );
    let Kind::Device(device) = &model.modules[0].kind else { panic!("a device") };
    assert_eq!((device.features[3].requires, device.features[3].requires_any.as_slice()), (0b1, &[0b110][..]));
    let conditions: Vec<u32> = device.config.fields[0].conditions.iter().map(|condition| condition.bit).collect();
    assert_eq!(conditions, [2, 0]);
}

#[test]
fn access_words_are_combined() {
    let model = model("module lamp { registers c { a: u8 read, b: u8 write, c: u8 read setup, d: u8 read write } }");
    let [Member::Registers(block)] = &model.modules[0].members[..] else { panic!("expected one block") };
    let access: Vec<Access> = block.fields.iter().map(|field| field.access).collect();
    let expected = [(true, None), (false, Some(When::Always)), (true, Some(When::Setup)), (true, Some(When::Always))];
    assert_eq!(access, expected.map(|(read, write)| Access { read, write }));
}

/// Compiles a description with `?` replaced by a name. Returns the messages.
fn errors(description: &str, name: &str) -> Vec<String> {
    let text = description.replace('?', name);
    crate::parse_text(&Source { path: "test", text: &text }).err().unwrap_or_default()
}

#[test]
fn messages_list_the_types_that_are_allowed_and_no_others() {
    for (description, has_usize) in [
        ("module lamp { enum e: ? { a, b } struct s { f: e } }", false),
        ("module lamp { bits b: ? { a = 0, c = 1..3 } registers r { f: b read } }", false),
        ("module lamp { const c: ? = 7; struct s { f: [u8; c] } }", true),
    ] {
        let message = errors(description, "lamp").concat();
        let (_, list) = message.split_once("expected one of ").unwrap_or_else(|| panic!("{message}"));
        let listed: Vec<&str> = list.trim_end().split(", ").map(|name| name.trim_matches('`')).collect();
        let all = Scalar::ALL.iter().map(|scalar| scalar.name).chain(["usize", "be8", "virtio8", "u128", "i32"]);
        let allowed: Vec<&str> = all.filter(|name| errors(description, name).is_empty()).collect();
        assert_eq!(listed, allowed, "{description}");
        assert_eq!((listed.len(), listed.contains(&"usize")), (14 + usize::from(has_usize), has_usize));
    }
}

#[test]
fn message_for_a_field_lists_one_spelling_of_each_type() {
    let description = "module lamp { struct s { f: ? } }";
    let message = errors(description, "lam").concat();
    let (_, list) = message.split_once("expected one of ").unwrap_or_else(|| panic!("{message}"));
    let listed: Vec<_> = list.split('`').filter_map(Scalar::named).map(|scalar| (scalar.int, scalar.order)).collect();
    for scalar in Scalar::ALL {
        assert_eq!(errors(description, scalar.name), Vec::<String>::new());
        let count = listed.iter().filter(|one| **one == (scalar.int, scalar.order)).count();
        assert_eq!(count, 1, "{}", scalar.name);
    }
}
