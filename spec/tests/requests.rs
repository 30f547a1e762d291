//! Tests of requests and answers.

use aerostat_spec::{Accepted, AnswerError, Request, RequestError};
use zerocopy::BigEndian;

aerostat_spec::virtio_device! {
    device lamp = 63 {
        features { pi = 1 }
        queues { requests = 0 }
        config { cdb_size: le32 read, sense_size: le16 read }
        enum command: le32 { inquire = 3, flush }
        enum status: u8 { ok, failed }
        packed struct header { tag: le64, port: virtio16 }
        struct zone { low: le16, high: le16 }
        struct report { nr: le16, zones: [zone] }
        /// A SCSI command.
        request cmd on requests {
            readable {
                lun: [u8; 8], type: command = flush, id: le64, mode: command, cdb: [u8; config.cdb_size],
                pi_bytesout: le32 if pi, pi_bytesin: le32 if pi, pi_out: [u8; pi_bytesout] if pi, dataout: [u8],
            }
            writable {
                sense_len: le32, response: status, token: u8 if pi, sense: [u8; config.sense_size], pi_in: [u8; pi_bytesin] if pi,
                datain: [u8],
            }
        }
        request read { readable { hdr: header } writable { data: [u8], status: status } }
        request zones { readable { first: virtio32 } writable { count: u8, zones: [zone; count] } }
        request flush { readable { type: virtio32 = 4 } writable { status: status } }
        request event { writable { id: virtio32, zones: [zone; 2] } }
    }
}

aerostat_spec::feature_set! {
    struct Declared for lamp { lamp::feature::Pi: Optional }
}

fn encoded(request: &impl Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(&mut |part| bytes.extend_from_slice(part)).expect("a valid request");
    assert_eq!(request.request_len(), Ok(bytes.len()));
    bytes
}

fn command(with_pi: bool) -> lamp::Cmd<'static> {
    // SAFETY: the proofs are not used with a device.
    let accepted =
        unsafe { Accepted::<Declared>::negotiate(if with_pi { 2 } else { 0 }, u64::MAX) }.expect("nothing is required");
    lamp::Cmd {
        context: lamp::CmdContext::new(&accepted, 4, 2),
        lun: [1; 8],
        id: 2,
        mode: lamp::Command::Inquire,
        cdb: &[5, 6, 7],
        pi_bytesin: 1,
        pi_out: &[8],
        dataout: &[9, 10],
        datain_len: 3,
    }
}

#[test]
fn fields_are_written_in_order_without_padding() {
    let head = [1, 1, 1, 1, 1, 1, 1, 1, 4, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 5, 6, 7, 0];
    assert_eq!(encoded(&command(false)), [&head[..], &[9, 10]].concat());
    assert_eq!(encoded(&command(true)), [&head[..], &[1, 0, 0, 0, 1, 0, 0, 0, 8, 9, 10]].concat());
}

#[test]
fn array_that_is_too_long_is_refused() {
    let long = lamp::Cmd { cdb: &[0; 5], ..command(false) };
    let mut calls = 0;
    let error = RequestError::TooLong { field: "cdb", len: 5, max: 4 };
    assert_eq!(long.encode(&mut |_| calls += 1), Err(error));
    assert_eq!(calls, 0);
    assert_eq!(error.to_string(), "the field cdb has 5 elements, but at most 4 are possible");
}

#[test]
fn answer_depends_on_features_and_configuration() {
    let shape = command(true).shape();
    assert_eq!(lamp::Cmd::answer_len(&shape), 4 + 1 + 1 + 2 + 1 + 3);
    let answer = lamp::Cmd::decode(&shape, &[1, 0, 0, 0, 1, 7, 11, 12, 13, 14, 15, 16]).expect("a complete answer");
    assert_eq!((answer.sense_len, answer.response, answer.token), (1, lamp::Status::Failed, Some(7)));
    assert_eq!((answer.sense, answer.pi_in, answer.datain), (&[11, 12][..], &[13][..], &[14, 15, 16][..]));

    let shape = command(false).shape();
    assert_eq!(lamp::Cmd::answer_len(&shape), 4 + 1 + 2 + 3);
    let answer = lamp::Cmd::decode(&shape, &[1, 0, 0, 0, 9, 11, 12, 13]).expect("an answer with little data");
    assert_eq!((answer.response, answer.token), (lamp::Status::Unknown(9), None));
    assert_eq!((answer.pi_in, answer.datain), (&[][..], &[13][..]));
}

#[test]
fn answer_that_is_too_short_is_an_error() {
    let shape = command(true).shape();
    let bytes = [0; 12];
    for len in 0..9 {
        assert!(matches!(lamp::Cmd::decode(&shape, &bytes[..len]), Err(AnswerError::Short { .. })), "{len}");
    }
    let error = AnswerError::Short { field: "sense", needed: 8, written: 7 };
    assert_eq!(lamp::Cmd::decode(&shape, &bytes[..7]), Err(error));
    assert!(lamp::Cmd::decode(&shape, &bytes[..9]).is_ok());
}

#[test]
fn status_follows_the_data() {
    let request = lamp::Read::<BigEndian> { hdr: lamp::Header::new(1, 2), data_len: 2 };
    assert_eq!(encoded(&request), [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    let answer = lamp::Read::<BigEndian>::decode(&request.shape(), &[7, 8, 1]).expect("a complete answer");
    assert_eq!((answer.data, answer.status), (&[7, 8][..], lamp::Status::Failed));
    let error = AnswerError::Short { field: "status", needed: 3, written: 2 };
    assert_eq!(lamp::Read::<BigEndian>::decode(&request.shape(), &[7, 8]), Err(error));
}

#[test]
fn length_in_the_answer_is_checked() {
    let request = lamp::Zones::<BigEndian> { first: 1, zones_len: 2, byte_order: Default::default() };
    assert_eq!(encoded(&request), [0, 0, 0, 1]);
    let shape = request.shape();
    assert_eq!(lamp::Zones::<BigEndian>::answer_len(&shape), 9);
    let answer = lamp::Zones::<BigEndian>::decode(&shape, &[1, 1, 0, 2, 0, 3, 0, 4, 0]).expect("one zone");
    assert_eq!(answer.zones, [lamp::Zone::new(1, 2)]);
    let error = AnswerError::TooLong { field: "zones", len: 3, max: 2 };
    assert_eq!(lamp::Zones::<BigEndian>::decode(&shape, &[3; 9]), Err(error));
}

#[test]
fn request_without_choices_has_no_shape() {
    let flush = lamp::Flush::<BigEndian> { byte_order: Default::default() };
    assert_eq!(encoded(&flush), [0, 0, 0, 4]);
    let () = flush.shape();
    assert_eq!(lamp::Flush::<BigEndian>::decode(&(), &[0]).map(|answer| answer.status), Ok(lamp::Status::Ok));
    let event = lamp::Event::<BigEndian>::decode(&(), &[0, 0, 0, 7, 1, 0, 2, 0, 3, 0, 4, 0]).expect("a complete event");
    assert_eq!((event.id, event.zones[1]), (7, lamp::Zone::new(3, 4)));
}

#[test]
fn structure_ends_with_an_array_of_any_length() {
    use zerocopy::FromBytes as _;

    let report = lamp::Report::ref_from_bytes(&[7, 0, 1, 0, 2, 0, 3, 0, 4, 0]).expect("whole zones");
    assert_eq!((report.nr.get(), report.zones.len()), (7, 2));
    assert_eq!(report.zones[1], lamp::Zone::new(3, 4));
    assert!(lamp::Report::ref_from_bytes(&[7]).is_err());
}
