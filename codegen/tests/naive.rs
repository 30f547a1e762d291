//! Descriptions as one writes them first, from the text of the specification and without the chapter on the language.

use aerostat_codegen::model::Member;
use aerostat_codegen::{Decoder, Source, Spans, Target, compile_text, parse_text};
use quote::quote;

const GPU: &str = include_str!("naive/gpu.vspec");

/// Without two of its structures.
const MEM: &str = include_str!("naive/mem.vspec");
/// With them.
const COMPLETE: &str = include_str!("naive/mem_complete.vspec");

fn size(text: &str, name: &str) -> u64 {
    let model = parse_text(&Source { path: "naive.vspec", text }).expect("a valid description");
    let mut members = model.modules.iter().flat_map(|module| &module.members);
    let size = members.find_map(|member| match member {
        Member::Struct(structure) if structure.name.text == name => Some(structure.size),
        _ => None,
    });
    size.expect("the structure")
}

fn compile(text: &str) {
    let target = Target { krate: quote!(::aerostat_spec), spans: Spans::CallSite, path: None };
    let items = compile_text(&Source { path: "naive.vspec", text }, &target).expect("a valid description");
    syn::parse2::<syn::File>(items).expect("Rust items");
}

#[test]
fn gpu_compiles_as_it_is_written() {
    compile(GPU);
    assert_eq!([size(GPU, "ctrl_hdr"), size(GPU, "resp_display_info")], [24, 24 + 16 * 24]);
    let model = parse_text(&Source { path: "naive.vspec", text: GPU }).expect("a valid description");
    let decoded = Decoder::new(&model).structure("resp_capset", &[0, 1, 0, 0, 1, 0, 0, 0]).expect("the structure");
    assert!(decoded.to_string().starts_with("0x0000 hdr.type: cmd_get_display_info (0x100)"), "{decoded}");
}

#[test]
fn mem_compiles_as_soon_as_the_missing_structures_are_there() {
    let messages = parse_text(&Source { path: "naive.vspec", text: MEM }).expect_err("two structures are missing");
    let [unplug, state] = &messages[..] else { panic!("{}", messages.join("\n\n")) };
    assert!(
        unplug.starts_with("unknown type `req_unplug`; did you mean `req_plug`?\n --> naive.vspec:4:82\n"),
        "{unplug}"
    );
    assert!(state.starts_with("unknown type `req_state`\n --> naive.vspec:4:101\n"), "{state}");

    let start = MEM.trim_end().strip_suffix('}').expect("the end of the device");
    assert!(COMPLETE.starts_with(start), "the two differ only in the structures");
    compile(COMPLETE);
    assert_eq!(size(COMPLETE, "req"), 24);
}
