//! Tests of the decoder.

use std::path::Path;

use aerostat_codegen::model::Model;
use aerostat_codegen::{DecodeError, Decoder, Exchange, RequestPart, Source, parse_text};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn described(name: &str) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../spec/vspec/{name}.vspec"));
    let text = std::fs::read_to_string(path).expect("a readable description");
    parse_text(&Source { path: name, text: &text }).expect("a valid description")
}

#[test]
fn command_of_the_gpu_is_readable() {
    let model = described("gpu");
    let mut bytes = vec![3, 1, 0, 0, 1, 0, 0, 0];
    bytes.extend([7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0]);
    let decoded = Decoder::new(&model).request("set_scanout", RequestPart::Readable, &bytes).expect("a known request");
    let expected = "\
0x0000 type: cmd_set_scanout (0x103)
0x0004 hdr.flags: fence (0x1)
0x0008 hdr.fence_id: 0x7
0x0010 hdr.ctx_id: 0x0
0x0014 hdr.ring_idx: 0x0
0x0015 hdr.padding: 00 00 00
0x0018 r.x: 0x0
0x001c r.y: 0x0
0x0020 r.width: 0x400
0x0024 r.height: 0x300
0x0028 scanout_id: 0x1
0x002c resource_id: 0x9
";
    assert_eq!(decoded.to_string(), expected);
}

#[test]
fn selector_chooses_the_entry_of_a_union() {
    let model = described("mem");
    let bytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
    let decoded = Decoder::new(&model).structure("req", &bytes).expect("a known structure").to_string();
    assert!(decoded.contains("0x0000 type: plug (0x0)\n"), "{decoded}");
    assert!(decoded.contains("0x0008 u.plug.addr: 0x1000\n0x0010 u.plug.nb_blocks: 0x2\n"), "{decoded}");
}

#[test]
fn lengths_of_a_request_come_from_the_device_and_from_what_is_left() {
    let model = described("scsi");
    let decoder = Decoder::new(&model).config("cdb_size", 4).config("sense_size", 2);
    let mut bytes = vec![1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];
    bytes.extend([0x12, 0, 0, 0, b'h', b'i']);
    let decoded = decoder.request("cmd", RequestPart::Readable, &bytes).expect("a known request").to_string();
    assert!(decoded.contains("0x0010 task_attr: ordered (0x1)\n"), "{decoded}");
    assert!(decoded.ends_with("0x0013 cdb: 12 00 00 00\n0x0017 dataout: 68 69 \"hi\"\n"), "{decoded}");

    let with_pi = decoder.feature("t10_pi");
    let mut bytes = bytes[..23].to_vec();
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb]);
    let decoded = with_pi.request("cmd", RequestPart::Readable, &bytes).expect("a known request").to_string();
    assert!(decoded.ends_with("0x001f pi_out: aa\n0x0020 dataout: bb\n"), "{decoded}");

    let error = Decoder::new(&model).request("cmd", RequestPart::Readable, &bytes).unwrap_err();
    assert_eq!(error, DecodeError::MissingConfig { name: "cdb_size".into() });
}

#[test]
fn number_of_missing_bytes_and_elements_is_that_of_the_length() {
    let scsi = described("scsi");
    let bytes = [0; 25];
    for (cdb_size, missing) in
        [(6, None), (7, Some("1 byte is")), (100, Some("94 bytes are")), (1 << 40, Some("1099511627770 bytes are"))]
    {
        let decoder = Decoder::new(&scsi).config("cdb_size", cdb_size);
        let decoded = decoder.request("cmd", RequestPart::Readable, &bytes).expect("a known request").to_string();
        let expected = missing.map(|missing| format!(" ({missing} missing)")).unwrap_or_default();
        assert!(decoded.ends_with(&format!("cdb: 00 00 00 00 00 00{expected}\n")), "{decoded}");
    }
    let text = "module lamp { request run { readable { count: le32, steps: [le16; count] } } }";
    let model = parse_text(&Source { path: "lamp.vspec", text }).expect("a valid description");
    let decoded = Decoder::new(&model).request("run", RequestPart::Readable, &[0xff, 0xff, 0xff, 0xff, 1, 0]);
    let decoded = decoded.expect("a known request").to_string();
    assert!(decoded.ends_with("0x0006 steps: (4294967294 elements are missing)\n"), "{decoded}");
}

#[test]
fn options_that_the_description_does_not_have_are_errors() {
    let model = described("scsi");
    let decoder = Decoder::new(&model);
    assert_eq!(
        decoder.clone().feature("t10_pi").config("cdb_size", 1).elements("control", "le32").check_names(),
        Ok(())
    );
    let error = decoder.clone().feature("t10_p").check_names().unwrap_err();
    assert_eq!(error.to_string(), "the description has no `t10_p`; did you mean `t10_pi`?");
    assert!(decoder.clone().config("cdbsize", 1).check_names().is_err());
    assert!(decoder.elements("t10_pi", "le32").check_names().is_err());
}

#[test]
fn status_behind_the_data_is_found() {
    let model = described("i2c");
    let decoded = Decoder::new(&model).request("read", RequestPart::Writable, &[1, 2, 1]).expect("a known request");
    assert_eq!(decoded.to_string(), "0x0000 buf: 01 02\n0x0002 status: err (0x1)\n");
}

#[test]
fn short_and_long_input_is_shown() {
    let model = described("i2c");
    let decoder = Decoder::new(&model);
    let short = decoder.structure("out_hdr", &[1]).expect("a known structure").to_string();
    assert_eq!(short, "0x0000 addr: (missing)\n0x0001 padding: (missing)\n0x0001 flags: (missing)\n");
    let long = decoder.structure("in_hdr", &[0, 1, 2]).expect("a known structure").to_string();
    assert_eq!(long, "0x0000 status: ok (0x0)\n0x0001 (rest): 01 02\n");
    let error = decoder.structure("out_hrd", &[]).unwrap_err();
    assert_eq!(error.to_string(), "the description has no `out_hrd`; did you mean `out_hdr`?");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// A device can send anything.
    #[test]
    fn random_bytes_are_decoded(bytes in prop::collection::vec(any::<u8>(), 0..200), which in any::<prop::sample::Index>()) {
        let all = ["gpu", "net", "scsi", "crypto", "sound", "iommu", "rtc", "fs"];
        let model = described(all[which.index(all.len())]);
        let fields = ["cdb_size", "sense_size", "probe_size"];
        let decoder = fields.iter().fold(Decoder::new(&model).feature("t10_pi"), |decoder, field| decoder.config(field, 20));
        for name in decoder.names() {
            let _ = decoder.structure(name, &bytes);
            let _ = decoder.request(name, RequestPart::Readable, &bytes);
            let _ = decoder.request(name, RequestPart::Writable, &bytes);
        }
    }
}

fn exchange(decoder: &Decoder<'_>, line: &str) -> String {
    let exchange: Exchange = line.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
    decoder.exchange(&exchange).expect("a known layout").to_string()
}

#[test]
fn long_arrays_of_bytes_are_several_lines() {
    let model = described("block");
    let data = [&[0; 16][..], &[b'A'; 17], &[0]].concat();
    let decoded = Decoder::new(&model).request("read", RequestPart::Writable, &data).expect("a known request");
    let zeros = ["00"; 16].join(" ");
    let letters = ["41"; 16].join(" ");
    assert_eq!(
        decoded.to_string(),
        format!(
            "0x0000 data: {zeros}\n0x0010 data: {letters} \"AAAAAAAAAAAAAAAA\"\n0x0020 data: 41 \"A\"\n0x0021 status: ok (0x0)\n"
        )
    );
}

#[test]
fn exchange_is_decoded_by_the_request_of_its_queue() {
    let model = described("media");
    let line = "device: virtio 48 queue 0: 0100000000000000 -> 000000000000000007000000ffffffff";
    let expected = "\
command: open
  > 0x0000 cmd: open (0x1)
  > 0x0004 reserved: 0x0
  < 0x0000 hdr.status: 0x0
  < 0x0004 hdr.reserved: 0x0
  < 0x0008 session_id: 0x7
  < 0x000c reserved: 0xffffffff
";
    assert_eq!(exchange(&Decoder::new(&model), line), expected);
}

#[test]
fn exchange_is_decoded_by_the_request_of_its_command() {
    let model = described("gpu");
    let header = |ty: &str| format!("{ty}00000000000000000000000000000000000000000000");
    let decoder = Decoder::new(&model);
    let unref = format!("virtio 16 queue 0: {}0900000000000000 -> {}", header("0201"), header("0011"));
    let text = exchange(&decoder, &unref);
    assert!(text.starts_with("control: resource_unref\n  > 0x0000 type: cmd_resource_unref (0x102)\n"), "{text}");
    assert!(text.contains("  > 0x0018 resource_id: 0x9\n"), "{text}");
    assert!(text.contains("type: resp_ok_nodata (0x1100)\n"), "{text}");
    let backing = format!("virtio 16 queue 0: {}0900000001000000{:032x} -> ", header("0601"), 0);
    assert!(
        exchange(&decoder, &backing).starts_with("control: resource_attach_backing\n"),
        "{}",
        exchange(&decoder, &backing)
    );
}

#[test]
fn each_opcode_of_the_crypto_device_names_one_request() {
    let model = described("crypto");
    let name = |queue: u16, bytes: &[u8]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let text =
            exchange(&Decoder::new(&model).config("max_dataqueues", 1), &format!("virtio 20 queue {queue}: {hex} -> "));
        text.lines().next().unwrap_or_default().to_owned()
    };
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let data = |opcode: u32, rest: &[u32], bytes: &[u8]| {
        name(0, &[words(&[opcode, 1, 7, 0, 1, 0]), words(rest), bytes.to_vec()].concat())
    };
    let control = |opcode: u32, rest: &[u32], bytes: &[u8]| {
        name(1, &[words(&[opcode, 1, 0, 0]), words(rest), bytes.to_vec()].concat())
    };
    assert_eq!(data(0x100, &[3, 20], b"abc"), "data: hash_data");
    assert_eq!(data(0x100, &[4, 3, 20, 0], b"abc"), "data: hash_data_stateless");
    assert_eq!(data(0x200, &[3, 20], b"abc"), "data: mac_data");
    assert_eq!(data(0x200, &[2, 4, 3, 20], b"keyaabc"), "data: mac_data_stateless");
    let cipher = [2, 3, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    assert_eq!(data(0x000, &cipher, b"ivabc"), "data: cipher_data");
    assert_eq!(data(0x001, &cipher, b"ivabc"), "data: cipher_data");
    assert_eq!(data(0x001, &[2, 3, 3, 0, 3, 0, 3, 1, 4, 0, 2, 0], b"ivabca"), "data: alg_chain_data");
    assert_eq!(data(0x300, &[2, 1, 3, 3, 4, 0], b"ivabca"), "data: aead_data");
    assert_eq!(data(0x402, &[3, 64], b"abc"), "data: akcipher_data");
    assert_eq!(name(0, &[words(&[0x501, 0, 7, 0, 1, 0, 3, 60]), b"abc".to_vec()].concat()), "data: ipsec_data");
    let legacy = |words: &[u32], len: usize| [words, &vec![0; len - words.len()]].concat();
    assert_eq!(data(0x100, &legacy(&[3, 20], 12), b"abc"), "data: execute_legacy");

    assert_eq!(control(0x002, &[3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], b"ke"), "control: create_cipher_session");
    let chain = [1, 2, 3, 2, 1, 0, 2, 20, 3, 0, 0, 0, 2, 0];
    assert_eq!(control(0x002, &chain, b"keaut"), "control: create_alg_chain_session");
    assert_eq!(control(0x102, &[4, 32], b""), "control: create_hash_session");
    assert_eq!(control(0x202, &[2, 20, 3, 0], b"key"), "control: create_mac_session");
    assert_eq!(control(0x302, &[1, 3, 16, 0, 1, 0], b"key"), "control: create_aead_session");
    assert_eq!(control(0x404, &legacy(&[1, 1, 3, 1, 5], 14), b"key"), "control: create_rsa_session");
    assert_eq!(control(0x404, &legacy(&[2, 1, 3, 3], 14), b"key"), "control: create_ecdsa_session");
    for opcode in [0x003, 0x103, 0x203, 0x303, 0x405] {
        assert_eq!(control(opcode, &[7, 0], b""), "control: destroy_session");
        assert_eq!(control(opcode, &legacy(&[7], 14), b""), "control: destroy_legacy_session");
    }
    assert_eq!(control(0x102, &legacy(&[4, 32], 14), b""), "control: create_legacy_session");
    assert_eq!(control(0x202, &legacy(&[2, 20, 3], 14), b"key"), "control: create_legacy_session");
}

#[test]
fn requests_with_the_same_layout_have_their_own_types() {
    let (can, scsi) = (described("can"), described("scsi"));
    let name = |model: &Model, line: &str| {
        let decoder = Decoder::new(model).config("cdb_size", 32).config("sense_size", 96);
        exchange(&decoder, line).lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(name(&can, "virtio 36 queue 2: 0102 -> 00"), "control: start");
    assert_eq!(name(&can, "virtio 36 queue 2: 0202 -> 00"), "control: stop");
    let control = |ty: &str| format!("virtio 8 queue 0: {ty}000000010040050000000002000000 -> 0200000000");
    assert_eq!(name(&scsi, &control("01")), "control: query_notifications");
    assert_eq!(name(&scsi, &control("02")), "control: subscribe_notifications");
    let tmf = "virtio 8 queue 0: 000000000500000001004005000000000700000000000000 -> 00";
    assert_eq!(name(&scsi, tmf), "control: tmf");
}

#[test]
fn reserved_arrays_of_a_request_are_zeros() {
    let model = described("rtc");
    let line = |reserved: &str| format!("virtio 17 queue 0: 0100{reserved}0200000000000000 -> ");
    let text = exchange(&Decoder::new(&model), &line("000000000000"));
    assert!(
        text.starts_with(
            "request: read\n  > 0x0000 msg_type: req_read (0x1)\n  > 0x0002 reserved: 00 00 00 00 00 00\n"
        ),
        "{text}"
    );
    let text = exchange(&Decoder::new(&model), &line("000000010000"));
    assert!(!text.starts_with("request: read\n"), "{text}");
}

#[test]
fn event_is_decoded_by_its_kind() {
    let media = described("media");
    let error = exchange(&Decoder::new(&media), "virtio 48 queue 1:  -> 00000000070000001600000000000000");
    let expected = "\
event: event_error
  < 0x0000 hdr.event: error (0x0)
  < 0x0004 hdr.session_id: 0x7
  < 0x0008 errno: 0x16
  < 0x000c reserved: 0x0
";
    assert_eq!(error, expected);
    let event = exchange(&Decoder::new(&media), &format!("virtio 48 queue 1:  -> 0200000007000000{:0272}", 5));
    assert!(event.starts_with("event: event_event\n"), "{event}");
    let dqbuf = exchange(&Decoder::new(&media), &format!("virtio 48 queue 1:  -> 0100000007000000{:01200}", 0));
    assert!(dqbuf.starts_with("event: event_dqbuf\n"), "{dqbuf}");
    // The device wrote less than the event has.
    let short = exchange(&Decoder::new(&media), "virtio 48 queue 1:  -> 0100000007000000aa");
    assert_eq!(
        short,
        "event: event\n  < 0x0000 hdr.event: dqbuf (0x1)\n  < 0x0004 hdr.session_id: 0x7\n  < 0x0008 payload: aa\n"
    );

    let sound = described("sound");
    let xrun = exchange(&Decoder::new(&sound), "virtio 25 queue 1:  -> 0111000002000000");
    let expected = "\
event: event_message
  < 0x0000 notification.code: evt_pcm_xrun (0x1101)
  < 0x0004 notification.u.data: 0x2
";
    assert_eq!(xrun, expected);
    let control = exchange(&Decoder::new(&sound), "virtio 25 queue 1:  -> 0012000001000100");
    assert!(
        control.ends_with("u.control.control_id: 0x1\n  < 0x0006 notification.u.control.mask: value (0x1)\n"),
        "{control}"
    );
}

#[test]
fn exchange_is_decoded_by_the_structure_that_its_command_names() {
    let text = "device lamp = 63 {
        queues { control = 0 }
        enum command: le32 { cmd_dim = 1, cmd_flash }
        struct dim { command: command, level: le32 }
        struct flash { command: command, times: le32 }
    }";
    let model = parse_text(&Source { path: "lamp", text }).expect("a valid description");
    let text = exchange(&Decoder::new(&model), "virtio 63 queue 0: 0200000007000000 -> ");
    assert_eq!(text, "control: flash\n  > 0x0000 command: cmd_flash (0x2)\n  > 0x0004 times: 0x7\n");
}

#[test]
fn exchange_of_a_queue_without_requests_is_an_array_or_bytes() {
    let text = "device lamp = 63 { queues { dim = 0 } packed struct step { zone: u8, level: le16 } }";
    let model = parse_text(&Source { path: "lamp.vspec", text }).expect("a valid description");
    let line = "virtio 63 queue 0: 010000020000 -> ";
    let array = "dim: [le16]\n  > 0x0000 [0]: 0x1\n  > 0x0002 [1]: 0x200\n  > 0x0004 [2]: 0x0\n";
    assert_eq!(exchange(&Decoder::new(&model).elements("dim", "le16"), line), array);
    let array = "\
dim: [step]
  > 0x0000 [0].zone: 0x1
  > 0x0001 [0].level: 0x0
  > 0x0003 [1].zone: 0x2
  > 0x0004 [1].level: 0x0
";
    assert_eq!(exchange(&Decoder::new(&model).elements("dim", "step"), line), array);
    let bytes = "dim\n  > 0x0000 bytes: 01 00 00 02 00 00\n";
    assert_eq!(exchange(&Decoder::new(&model), line), bytes);
}

#[test]
fn exchanges_of_the_balloon_are_readable() {
    let model = described("balloon");
    let decoder = Decoder::new(&model);
    let text = [
        "virtio 5 queue 0: 0100000002000000 -> ",
        "virtio 5 queue 1: 03000000 -> ",
        "virtio 5 queue 2: 040000100000000000000c000000000000000000 -> ",
        "virtio 5 queue 3: 05000000 -> ",
        "virtio 5 queue 3:  -> ",
        "virtio 5 queue 4:  -> 0000",
    ]
    .map(|line| exchange(&decoder, line));
    let expected = "\
inflate: inflate
  > 0x0000 pages[0]: 0x1
  > 0x0004 pages[1]: 0x2
deflate: deflate
  > 0x0000 pages[0]: 0x3
stats: statistics
  > 0x0000 stats[0].tag: free_memory (0x4)
  > 0x0002 stats[0].val: 0x1000
  > 0x000a stats[1].tag: async_scans (0xc)
  > 0x000c stats[1].val: 0x0
free_page: hint_round
  > 0x0000 id: 0x5
free_page: hint
reporting: report
  < 0x0000 blocks: 00 00
";
    assert_eq!(text.concat(), expected);
    let other = exchange(&Decoder::new(&model), "virtio 5 queue 9: 00 -> ");
    assert_eq!(other, "queue 9\n  > 0x0000 bytes: 00\n");
}

#[test]
fn decoded_requests_name_their_types() {
    let block = described("block");
    let read = exchange(&Decoder::new(&block), "virtio 2 queue 0: 00000000000000000700000000000000 -> 616200");
    let expected = "\
request: read
  > 0x0000 type: read (0x0)
  > 0x0004 reserved: 0x0
  > 0x0008 sector: 0x7
  < 0x0000 data: 61 62 \"ab\"
  < 0x0002 status: ok (0x0)
";
    assert_eq!(read, expected);
    let flush = exchange(&Decoder::new(&block), "virtio 2 queue 0: 04000000000000000000000000000000 -> 00");
    assert!(flush.starts_with("request: flush\n  > 0x0000 type: flush (0x4)\n"), "{flush}");

    let console = described("console");
    let ready = exchange(&Decoder::new(&console), "virtio 3 queue 3: 0000000000000100 -> ");
    assert!(ready.contains("  > 0x0004 control.event: device_ready (0x0)\n"), "{ready}");

    let net = described("net");
    let decoder = Decoder::new(&net).config("max_virtqueue_pairs", 1);
    let on = exchange(&decoder, "virtio 1 queue 2: 000001 -> 00");
    assert!(on.starts_with("control: set_rx_mode\n  > 0x0000 class: rx (0x0)\n"), "{on}");
}

#[test]
fn queue_of_an_exchange_may_depend_on_the_configuration() {
    let model = described("net");
    let line = "virtio 1 queue 2: 01000000 -> 00";
    assert!(exchange(&Decoder::new(&model), line).starts_with("receive"));
    let control = exchange(&Decoder::new(&model).config("max_virtqueue_pairs", 1), line);
    assert!(control.starts_with("control: control_command\n  > 0x0000 header.class: mac (0x1)\n"), "{control}");
}

#[test]
fn file_system_device_can_number_its_queues_densely() {
    let model = described("fs");
    let header = "2800000001000000070000000000000001000000000000000000000000000000090000000000";
    let line = format!("virtio 26 queue 1: {header}0000 -> 10000000000000000700000000000000");
    let text = exchange(&Decoder::new(&model), &line);
    assert!(text.starts_with("request: fuse\n  > 0x0000 in.len: 0x28\n"), "{text}");
    let notification = "virtio 26 queue 1:  -> 10000000020000000000000000000000";
    let text = exchange(&Decoder::new(&model), notification);
    assert!(text.starts_with("notification: notify\n"), "{text}");
}

#[test]
fn other_lines_are_not_exchanges() {
    for line in [
        "",
        "virtio",
        "virtio 5 queue 0",
        "virtio 5 queue 0: 0 -> ",
        "virtio 5 queue x: 00 -> 00",
        "virtio 5 queue 0: zz -> ",
    ] {
        assert!(line.parse::<Exchange>().is_err(), "{line}");
    }
}

#[test]
fn text_before_an_exchange_may_contain_its_words() {
    for text in ["virtio mmio 0: ", "virtio 4 queue 1: ", "virtio ", "virtio 1 queue 0: zz -> virtio "] {
        let line = format!("{text}virtio 5 queue 0: 00 -> 01");
        let exchange: Exchange = line.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(exchange.to_string(), "virtio 5 queue 0: 00 -> 01");
    }
}

#[test]
fn random_exchanges_are_decoded() {
    let devices = [("gpu", 16), ("net", 1), ("scsi", 8), ("sound", 25), ("crypto", 20), ("i2c", 34)];
    let models: Vec<(Model, u32)> = devices.map(|(name, device)| (described(name), device)).into();
    let strategy = (0_u16..6, any::<Vec<u8>>(), any::<Vec<u8>>());
    let outcome = TestRunner::new(ProptestConfig::with_cases(64)).run(&strategy, |(queue, readable, written)| {
        for (model, device) in &models {
            let exchange = Exchange { device: *device, queue, readable: readable.clone(), written: written.clone() };
            prop_assert_eq!(exchange.to_string().parse::<Exchange>(), Ok(exchange.clone()));
            let decoder = Decoder::new(model).config("cdb_size", 32).config("sense_size", 96);
            prop_assert!(
                !decoder.exchange(&exchange).map_or_else(|error| error.to_string(), |it| it.to_string()).is_empty()
            );
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
