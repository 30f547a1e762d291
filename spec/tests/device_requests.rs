//! A request and an answer of each device type, as bytes that are written by hand from the text of the specification.

use aerostat_spec::{
    Request, block, can, console, crypto, fs, gpio, gpu, i2c, input, iommu, media, mem, net, pmem, rpmb, rtc, scmi,
    scsi, sound, spi, vsock,
};
use zerocopy::FromBytes as _;

/// Bytes in hexadecimal. Spaces separate the fields.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).expect("a byte")).collect()
}

fn encoded(request: &impl Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(&mut |part| bytes.extend_from_slice(part)).expect("a valid request");
    bytes
}

/// The bytes that the device writes.
fn answer<'a, R: Request>(request: &R, bytes: &'a [u8]) -> R::Answer<'a> {
    assert!(R::answer_len(&request.shape()) >= bytes.len());
    R::decode(&request.shape(), bytes).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn net() {
    let request = net::SetMacAddress { mac: [2, 0, 0, 0, 0, 1] };
    assert_eq!(encoded(&request), hex("01 01 020000000001"));
    assert_eq!(answer(&request, &hex("00")).ack, net::Ack::Ok);
    let request = net::GetVqCoal { vq_index: 3 };
    assert_eq!(encoded(&request), hex("06 03 0300 0000"));
    assert_eq!(answer(&request, &hex("00 08000000 64000000")).coal, net::Coal::new(8, 100));
}

#[test]
fn block() {
    let request: block::Read = block::Read { sector: 0x10, data_len: 4, byte_order: Default::default() };
    assert_eq!(encoded(&request), hex("00000000 00000000 1000000000000000"));
    let bytes = hex("01020304 00");
    let read = answer(&request, &bytes);
    assert_eq!((read.data, read.status), (&[1, 2, 3, 4][..], block::RequestStatus::Ok));
    let request: block::ReportZones = block::ReportZones { sector: 0, zones_len: 1, byte_order: Default::default() };
    assert_eq!(encoded(&request), hex("10000000 00000000 0000000000000000"));
    let mut bytes = hex("0100000000000000");
    bytes.extend([0; 56]);
    bytes.extend(hex("0001000000000000 0002000000000000 0003000000000000 02 01"));
    bytes.extend([0; 38]);
    bytes.push(0);
    let report = answer(&request, &bytes);
    assert_eq!((report.nr_zones, report.zones[0].z_wp.get()), (1, 0x300));
    assert_eq!(report.zones[0].z_type.get(), block::ZoneType::SequentialRequired);
    assert_eq!(report.status, block::RequestStatus::Ok);
}

#[test]
fn console() {
    let request = console::ControlMessage::<zerocopy::LittleEndian> {
        control: console::Control::new(1, console::ControlEvent::PortReady, 1),
    };
    assert_eq!(encoded(&request), hex("01000000 0300 0100"));
}

#[test]
fn scsi() {
    let request: scsi::Tmf = scsi::Tmf {
        subtype: scsi::TmfType::LogicalUnitReset,
        lun: [1, 0, 0x40, 5, 0, 0, 0, 0],
        id: 7,
        byte_order: Default::default(),
    };
    assert_eq!(encoded(&request), hex("00000000 05000000 0100400500000000 0700000000000000"));
    assert_eq!(answer(&request, &hex("0a")).response, scsi::Response::FunctionSucceeded);
    let request: scsi::QueryNotifications = scsi::QueryNotifications {
        lun: [1, 0, 0x40, 5, 0, 0, 0, 0],
        event_requested: scsi::AsyncEvents::new().with_media_change(true),
        byte_order: Default::default(),
    };
    assert_eq!(encoded(&request), hex("01000000 0100400500000000 10000000"));
    assert!(answer(&request, &hex("10000000 00")).event_actual.media_change());
    let request: scsi::EventMessage = scsi::EventMessage { byte_order: Default::default() };
    let bytes = hex("01000000 0100400500000000 02000000");
    assert_eq!(answer(&request, &bytes).event.reason.get(), scsi::ResetReason::Removed.to_raw());
}

#[test]
fn gpu() {
    let request = gpu::SetScanout {
        hdr: gpu::RequestHeader::new(gpu::CtrlFlags::new().with_fence(true), 7, 0, 0, [0; 3]),
        r: gpu::Rect::new(0, 0, 1024, 768),
        scanout_id: 1,
        resource_id: 9,
    };
    let head = "03010000 01000000 0700000000000000 00000000 00 000000";
    assert_eq!(encoded(&request), hex(&format!("{head} 00000000 00000000 00040000 00030000 01000000 09000000")));
    let bytes = hex("00110000 01000000 0700000000000000 00000000 00 000000");
    assert_eq!(answer(&request, &bytes).hdr.r#type.get(), gpu::CtrlType::RespOkNodata);
    let entries = [gpu::MemEntry::new(0x1000, 0x200, 0)];
    let request = gpu::ResourceAttachBacking { hdr: request.hdr, resource_id: 9, entries: &entries };
    let head = "06010000 01000000 0700000000000000 00000000 00 000000";
    assert_eq!(encoded(&request), hex(&format!("{head} 09000000 01000000 0010000000000000 00020000 00000000")));
}

#[test]
fn rtc() {
    let request = rtc::Read { clock_id: 2 };
    assert_eq!(encoded(&request), hex("0100 000000000000 0200 000000000000"));
    let bytes = hex("00 00000000000000 0807060504030201");
    assert_eq!(answer(&request, &bytes).clock_reading, 0x0102_0304_0506_0708);
    let bytes = hex("0020 000000000000 0200 000000000000");
    assert_eq!(answer(&rtc::AlarmMessage {}, &bytes).alarm.clock_id.get(), 2);
}

#[test]
fn constant_lengths_are_those_of_the_bytes() {
    let read = rtc::Read { clock_id: 2 };
    assert_eq!((rtc::Read::LEN, rtc::Read::ANSWER_LEN), (encoded(&read).len(), rtc::Read::answer_len(&read.shape())));
    let flush = pmem::Flush {};
    assert_eq!(
        (pmem::Flush::LEN, pmem::Flush::ANSWER_LEN),
        (encoded(&flush).len(), pmem::Flush::answer_len(&flush.shape()))
    );
    assert_eq!(i2c::Write::ANSWER_LEN, 1);
}

#[test]
fn input() {
    let request = input::StatusMessage { event: input::Event::new(0x11, 1, 1) };
    assert_eq!(encoded(&request), hex("1100 0100 01000000"));
    assert_eq!(answer(&input::EventMessage {}, &hex("0100 1e00 01000000")).event, input::Event::new(1, 30, 1));
}

#[test]
fn vsock() {
    let hdr = vsock::Hdr::new(3, 2, 0x400, 80, 2, vsock::Type::Stream, vsock::Op::Rw, 0, 0x1000, 0);
    let request = vsock::Send { hdr, data: b"hi" };
    let head = "0300000000000000 0200000000000000 00040000 50000000 02000000 0100 0500 00000000 00100000 00000000";
    assert_eq!(encoded(&request), hex(&format!("{head} 6869")));
    let request = vsock::Receive { data_len: 2 };
    assert_eq!(answer(&request, &hex(&format!("{head} 6869"))).data, b"hi");
    assert_eq!(answer(&vsock::EventMessage {}, &hex("00000000")).event.id.get(), vsock::EventId::TransportReset);
}

#[test]
fn crypto() {
    let request = crypto::HashData {
        header_algo: crypto::Hash::Sha224,
        session_id: 5,
        flag: crypto::OpFlags::new().with_session_mode(true),
        hash_result_len: 2,
        src_data: &[1, 2, 3],
    };
    let head = "00010000 03000000 0500000000000000 01000000 00000000";
    assert_eq!(encoded(&request), hex(&format!("{head} 03000000 02000000 010203")));
    let bytes = hex("aabb 00");
    let result = answer(&request, &bytes);
    assert_eq!((result.hash_result, result.inhdr.status), (&[0xaa, 0xbb][..], 0));

    let request = crypto::CreateCipherSession {
        header_algo: crypto::Cipher::AesCbc,
        flag: 0,
        algo: crypto::Cipher::AesCbc,
        op: crypto::Op::Decrypt,
        cipher_key: &[7, 8],
    };
    let chain = "00".repeat(32);
    let head = "02000000 03000000 00000000 00000000 03000000 02000000 02000000 00000000";
    assert_eq!(encoded(&request), hex(&format!("{head} {chain} 01000000 00000000 0708")));
    let bytes = hex("0500000000000000 00000000 00000000");
    assert_eq!(answer(&request, &bytes).input.session_id.get(), 5);

    // The fields are those of the structures, which are compared with C.
    let request = crypto::CreateAlgChainSession {
        header_algo: crypto::Cipher::AesCbc,
        flag: 0,
        alg_chain_order: crypto::AlgChainOrder::CipherThenHash,
        hash_mode: crypto::HashMode::Auth,
        cipher_algo: crypto::Cipher::AesCbc,
        op: crypto::Op::Encrypt,
        hash_algo: crypto::Mac::HmacSha1.to_raw(),
        hash_result_len: 20,
        aad_len: 4,
        cipher_key: &[7, 8],
        auth_key: &[9, 10, 11],
    };
    let bytes = encoded(&request);
    assert_eq!(bytes[72..], [7, 8, 9, 10, 11]);
    let flf = crypto::SymCreateSessionFlf::ref_from_bytes(&bytes[16..72]).expect("the fixed part");
    assert_eq!(flf.op_type.get(), crypto::SymOp::AlgorithmChaining);
    let chain = flf.u.chain();
    assert_eq!(chain.alg_chain_order.get(), crypto::AlgChainOrder::CipherThenHash);
    let cipher = crypto::CipherSessionFlf::new(crypto::Cipher::AesCbc, 2, crypto::Op::Encrypt, 0);
    assert_eq!((chain.cipher_hdr, chain.aad_len.get()), (cipher, 4));
    assert_eq!(chain.u.mac(), crypto::MacCreateSessionFlf::new(crypto::Mac::HmacSha1, 20, 3, 0));

    // The key of an RSA session is behind 44 bytes for the algorithm.
    let request = crypto::CreateRsaSession {
        header_algo: crypto::Akcipher::Rsa,
        flag: 0,
        key_type: crypto::AkcipherKeyType::Public,
        padding_algo: crypto::RsaPadding::Pkcs1Padding,
        hash_algo: crypto::RsaHash::Sha256,
        key: &[9],
    };
    let bytes = encoded(&request);
    assert_eq!(bytes[..36], hex("04040000 01000000 00000000 00000000 01000000 01000000 01000000 01000000 06000000"));
    assert_eq!((bytes[36..72].iter().max(), &bytes[72..]), (Some(&0), &[9][..]));

    let request =
        crypto::DestroySession { opcode: crypto::DestroyOpcode::Cipher, header_algo: 3, flag: 0, session_id: 5 };
    assert_eq!(encoded(&request), hex("03000000 03000000 00000000 00000000 0500000000000000"));
    assert_eq!(answer(&request, &hex("00")).status, 0);
}

#[test]
fn iommu() {
    let request = iommu::Map {
        domain: 1,
        virt_start: 0x1000,
        virt_end: 0x1fff,
        phys_start: 0x8000,
        flags: iommu::MapFlags::new().with_write(true),
    };
    let numbers = "0010000000000000 ff1f000000000000 0080000000000000";
    assert_eq!(encoded(&request), hex(&format!("03 000000 01000000 {numbers} 02000000")));
    assert_eq!(answer(&request, &hex("05 000000")).tail.status.get(), iommu::Status::Range);
    let request = iommu::Probe { context: iommu::ProbeContext::new(8), endpoint: 4 };
    assert_eq!(encoded(&request), hex(&format!("05 000000 04000000 {}", "00".repeat(64))));
    // The end of the answer follows the properties.
    let bytes = hex("0100 1400 01020304 00 000000");
    assert_eq!(answer(&request, &bytes).tail.status.get(), iommu::Status::Ok);
    let bytes = hex("02 000000 02000000 01000000 00000000 0010000000000000");
    assert_eq!(answer(&iommu::FaultMessage {}, &bytes).fault.reason.get(), iommu::FaultReason::Mapping);
}

#[test]
fn mem() {
    let zeros = [0.into(); 3];
    let mut req = mem::Req::new(mem::ReqType::Plug, zeros, mem::ReqU::from_plug(mem::ReqPlug::new(0x1000, 2, zeros)));
    req.set_u(mem::ReqUValue::Unplug(mem::ReqUnplug::new(0x20_0000, 1, zeros)));
    let request = mem::Guest { req };
    assert_eq!(encoded(&request), hex("0100 000000000000 0000200000000000 0100 000000000000"));
    assert_eq!(answer(&request, &hex("0200 000000000000 0000")).resp.r#type.get(), mem::RespType::Busy);
}

#[test]
fn sound() {
    let request = sound::SetParams {
        stream_id: 1,
        buffer_bytes: 0x4000,
        period_bytes: 0x1000,
        features: sound::PcmFeatures::new().with_msg_polling(true),
        channels: 2,
        format: sound::PcmFmt::S16,
        rate: sound::PcmRate::Hz48000,
    };
    assert_eq!(encoded(&request), hex("01010000 01000000 00400000 00100000 04000000 02 05 07 00"));
    assert_eq!(answer(&request, &hex("00800000")).hdr.code.get(), sound::Code::SOk);
    let request = sound::WriteTlv { control_id: 2, r#type: 1, value: &[1, 2, 3, 4] };
    assert_eq!(encoded(&request), hex("05030000 02000000 01000000 04000000 01020304"));
    let request = sound::ReadTlv { control_id: 2, value_len: 8 };
    assert_eq!(encoded(&request), hex("04030000 02000000"));
    let bytes = hex("00800000 01000000 04000000 01020304 00000000");
    assert_eq!(answer(&request, &bytes).value, [1, 2, 3, 4]);
    let bytes = hex("00110000 01000000");
    let event = answer(&sound::EventMessage {}, &bytes).notification.u_value();
    assert_eq!(event, Some(sound::NotificationUValue::EvtPcmPeriodElapsed(1)));
    let bytes = hex("00120000 0300 0200");
    match answer(&sound::EventMessage {}, &bytes).notification.u_value() {
        Some(sound::NotificationUValue::EvtCtlNotify(change)) => {
            assert_eq!((change.control_id.get(), change.mask.get().info()), (3, true));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn fs() {
    let request = fs::Fuse { r#in: fs::FuseInHeader::new(44, 1, 7, 1, 0, 0, 9, 0, 0), datain: b"name", dataout_len: 4 };
    let head = "2c000000 01000000 0700000000000000 0100000000000000 00000000 00000000 09000000 0000 0000";
    assert_eq!(encoded(&request), hex(&format!("{head} 6e616d65")));
    let bytes = hex("14000000 00000000 0700000000000000 01020304");
    assert_eq!(answer(&request, &bytes).dataout, [1, 2, 3, 4]);
}

#[test]
fn pmem() {
    assert_eq!(encoded(&pmem::Flush {}), hex("00000000"));
    assert_eq!(answer(&pmem::Flush {}, &hex("01000000")).ret, 1);
}

#[test]
fn rpmb() {
    let frame = rpmb::Frame::new(
        [0; 196],
        [0; 32],
        [0; 256],
        [0xaa; 16],
        0,
        3,
        1,
        rpmb::Result::Ok,
        rpmb::ReqResp::ReqDataRead,
    );
    let frames = [frame];
    let request = rpmb::Frames { frames: &frames, answers_len: 1 };
    let mut bytes = vec![0; 196 + 32 + 256];
    bytes.extend([0xaa; 16]);
    bytes.extend(hex("00000000 0003 0001 0000 0004"));
    assert_eq!(encoded(&request), bytes);
    bytes.truncate(508);
    bytes.extend(hex("0004 0400"));
    assert_eq!(answer(&request, &bytes).answers[0].result.get(), rpmb::Result::AddrFailure);
}

#[test]
fn scmi() {
    let request = scmi::Command { hdr: 0x4000, params: &[1, 2, 3, 4], ret_values_len: 8 };
    assert_eq!(encoded(&request), hex("00400000 01020304"));
    assert_eq!(answer(&request, &hex("00400000 00000000 01000200")).ret_values, hex("00000000 01000200"));
}

#[test]
fn i2c() {
    let request = i2c::Write { out_hdr: i2c::OutHdr::new(0xa0, 0, i2c::Flags::new()), buf: &[1, 2] };
    assert_eq!(encoded(&request), hex("a000 0000 00000000 0102"));
    assert_eq!(answer(&request, &hex("01")).status, i2c::Status::Err);
}

#[test]
fn can() {
    let flags = can::FrameFlags::new().with_extended(true);
    let request = can::Send { flags, can_id: 0x1234_5678, sdu: &[1, 2] };
    assert_eq!(encoded(&request), hex("0100 0200 00 00 0000 00800000 78563412 0102"));
    assert_eq!(answer(&request, &hex("00")).result, can::Result::Ok);
    assert_eq!((encoded(&can::Start {}), encoded(&can::Stop {})), (hex("0102"), hex("0202")));
    let request = can::Receive { sdu_len: 8 };
    let bytes = hex("0101 0200 00 00 0000 00000000 23010000 0102");
    let frame = answer(&request, &bytes);
    assert_eq!((frame.can_id, frame.sdu), (0x123, &[1, 2][..]));
}

#[test]
fn gpio() {
    let request = gpio::Line { request: gpio::RequestHeader::new(gpio::Msg::SetDirection, 5, 1) };
    assert_eq!(encoded(&request), hex("0300 0500 01000000"));
    assert_eq!(answer(&request, &hex("00 00")).status, gpio::Status::Ok);
}

#[test]
fn spi() {
    let head = spi::TransferHead::new(1, 8, 0, 1, 1, [0; 3], spi::Mode::new().with_cpol(true), 1_000_000, 0, 0, 0, 0);
    let request = spi::Transfer { head, tx_buf: &[0x9f], rx_buf_len: 2 };
    let numbers = "00000000 00000000 00000000 00000000";
    assert_eq!(encoded(&request), hex(&format!("01 08 00 01 01 000000 02000000 40420f00 {numbers} 9f")));
    let bytes = hex("0102 01");
    let result = answer(&request, &bytes);
    assert_eq!((result.rx_buf, result.result), (&[1, 2][..], spi::Result::ParamErr));
}

#[test]
fn media() {
    assert_eq!(encoded(&media::Open {}), hex("01000000 00000000"));
    let bytes = hex("00000000 00000000 07000000 00000000");
    assert_eq!(answer(&media::Open {}, &bytes).session_id, 7);
}
