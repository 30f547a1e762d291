//! Tests of the repair of delimiters.

use super::{Unmatched, close};

fn places(text: &str) -> Vec<(usize, usize)> {
    let repaired = close(text).expect("the text can be repaired");
    repaired.unclosed.iter().map(|unmatched| (unmatched.line, unmatched.column)).collect()
}

#[test]
fn list_is_closed_before_the_next_item() {
    let text = "device lamp = 63 {\n    queues {\n        a = 0,\n    config { b: u8 read }\n}\n";
    assert_eq!(places(text), [(2, 11)]);
    assert_eq!(
        close(text).map(|repaired| repaired.text.lines().nth(2).map(str::to_owned)),
        Some(Some("        a = 0,}".into()))
    );
}

#[test]
fn delimiters_in_comments_and_strings_do_not_count() {
    let text = "device lamp = 63 as \"{\\\"{\" { // {\n    queues { a = 0 } /// [\n";
    assert_eq!(places(text), [(1, 27)]);
}

#[test]
fn entries_with_the_names_of_items_do_not_count() {
    let text = "module lamp {\n struct s {\n config: u8,\n enum: u8\n }\n enum e: u8 {\n const,\n struct = 2,\n }\n}\n";
    assert_eq!(places(text), []);
}

/// The first line of the repaired text.
fn first_line(text: &str) -> String {
    close(text).expect("the text can be repaired").text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn list_is_closed_before_an_item_in_the_same_line() {
    let text = "device lamp = 63 { features { a = 0 queues { b = 0 if a } }";
    assert_eq!(places(text), [(1, 28)]);
    assert_eq!(first_line(text), "device lamp = 63 { features { a = 0}queues { b = 0 if a } }");
    let text = "module a { request r { readable { b: [u8; 2 } writable { c: u8 } } module d { }";
    assert_eq!(places(text), [(1, 37), (1, 9)]);
    assert_eq!(first_line(text), "module a { request r { readable { b: [u8; 2]} writable { c: u8 } }}module d { }");
}

#[test]
fn brackets_are_closed_behind_the_length() {
    let text = "module a { struct b { c: [u8; 2, d: [u8; 3 } registers e { f: [u8; 2 read @ 4, g: [u8,h: u8 read, i: [u8, 2] read } }";
    assert_eq!(
        first_line(text),
        "module a { struct b { c: [u8; 2],d: [u8; 3]} registers e { f: [u8; 2]read @ 4, g: [u8],h: u8 read, i: [u8, 2] read } }"
    );
}

#[test]
fn groups_are_closed_without_indentation() {
    let text = "device lamp = 63 {\nfeatures {\na = 0\nqueues {\nb = 0\n}\n}\n";
    assert_eq!(places(text), [(2, 9)]);
}

#[test]
fn closing_delimiter_without_partner_is_replaced_or_removed() {
    assert_eq!(first_line("device lamp = 63 { queues { a = 0 ] }"), "device lamp = 63 { queues { a = 0 } }");
    assert_eq!(first_line("module lamp { } ]"), "module lamp { }  ");
    let repaired = close("device lamp = 63 {\n    queues { a = 0 }\n    }\n    features { b = 0 }\n}\n");
    let mismatched = repaired.expect("the text can be repaired").mismatched;
    assert_eq!(mismatched, [Unmatched { line: 3, column: 4, delimiter: '}' }]);
}

#[test]
fn delimiter_without_a_place_cannot_be_inserted() {
    assert!(close("module a {const b: u8 = [1;}").is_none());
}

#[test]
fn missing_brace_is_opened_behind_the_words_of_an_item() {
    let text = "module a { struct b  c: u8 } request d on e  readable { f: u8 } } }";
    assert_eq!(first_line(text), "module a { struct b {c: u8 } request d on e {readable { f: u8 } } }");
    let text = "device a = 1  features { b = 0 } config { u: union by b  c: u8 } read } }";
    assert_eq!(first_line(text), "device a = 1 {features { b = 0 } config { u: union by b {c: u8 } read } }");
    let unopened = close("device a = 1\n    queues // all\n        b = 0,\n    }\n}\n");
    let unopened = unopened.expect("the text can be repaired").unopened;
    assert_eq!(unopened.iter().map(|brace| (brace.line, brace.column)).collect::<Vec<_>>(), [(1, 12), (2, 10)]);
}

#[test]
fn repair_with_the_fewest_changes_is_taken() {
    let repaired = close("struct a { b: u8; 2], c: u8 }\n").expect("the text can be repaired");
    assert_eq!((repaired.unclosed.len(), repaired.mismatched.len(), repaired.unopened.len()), (0, 1, 0));
}
