//! Descriptions as one writes them first, from the text of the specification and without the chapter on the language.

use aerostat_codegen::model::Member;
use aerostat_codegen::{Decoder, Source, Spans, Target, compile_text, parse_text};
use quote::quote;

const GPU: &str = "\
device gpu = 16 {
    features { virgl = 0, edid = 1, resource_uuid = 2, resource_blob = 3, context_init = 4 }
    queues { control = 0, cursor = 1 }
    config { events_read: le32 read, events_clear: le32 write, num_scanouts: le32 read, num_capsets: le32 read }
    const max_scanouts: usize = 16;
    enum ctrl_type: le32 { cmd_get_display_info = 0x0100, cmd_resource_create_2d, resp_ok_nodata = 0x1100 }
    bits ctrl_flags: le32 { fence = 0, info_ring_idx = 1 }
    struct ctrl_hdr { type: ctrl_type, flags: ctrl_flags, fence_id: le64, ctx_id: le32, ring_idx: u8, padding: [u8; 3] }
    struct rect { x: le32, y: le32, width: le32, height: le32 }
    struct display_one { r: rect, enabled: le32, flags: le32 }
    struct resp_display_info { hdr: ctrl_hdr, pmodes: [display_one; max_scanouts] }
    struct resp_capset { hdr: ctrl_hdr, capset_data: [u8] }
}
";

const MEM: &str = "\
device mem = 24 {
    features { acpi_pxm = 0, unplugged_inaccessible = 1, persistent_suspend = 2 }
    queues { guest_request = 0 }
    struct req { type: le16, padding: [le16; 3], union { plug: req_plug, unplug: req_unplug, state: req_state } }
    struct req_plug { addr: le64, nb_blocks: le16, padding: [le16; 3] }
}
";

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

    let structures = "struct req_unplug { addr: le64, nb_blocks: le16, padding: [le16; 3] }
        struct req_state { addr: le64, nb_blocks: le16, padding: [le16; 3] }\n}";
    let complete = MEM.trim_end().strip_suffix('}').expect("the end of the device").to_owned() + structures;
    compile(&complete);
    assert_eq!(size(&complete, "req"), 24);
}
