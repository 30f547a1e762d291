//! The log of exchanges is readable with the description of the device.

use std::path::Path;
use std::sync::Mutex;

use aerostat_balloon::{Balloon, Options, Step, features};
use aerostat_codegen::{Decoder, Exchange, Source, parse_text};
use aerostat_device::{BalloonDevice, EXCHANGE_LOG, TestPlatform};
use aerostat_transport::{Mmio, Spin};
use log::{LevelFilter, Log, Metadata, Record};

/// A logger that keeps the exchanges.
struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == EXCHANGE_LOG
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().expect("no panic").push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

features! { struct Features { MustTellHost: Required } }

#[test]
fn inflation_and_deflation_are_logged() {
    log::set_logger(&LINES).expect("the only logger");
    log::set_max_level(LevelFilter::Trace);
    let device = BalloonDevice::builder().memory(16 << 20).inline().start().expect("a device");
    let platform: TestPlatform = TestPlatform::of(&device).expect("a platform");
    let transport = Mmio::new(device.registers()).map_err(|(_, error)| error).expect("a device");
    let options = Options::new(Features);
    let balloon = Balloon::new(transport, platform, options).expect("memory for the bitmap");
    let mut balloon = balloon.probe(&mut Spin::default()).expect("a live balloon");
    for target in [2, 0] {
        device.set_target(target);
        while balloon.service().expect("a device that works") != Step::OnTarget {}
    }

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vspec/balloon.vspec");
    let text = std::fs::read_to_string(path).expect("the description");
    let model = parse_text(&Source { path: "balloon.vspec", text: &text }).expect("a valid description");
    let decoder = Decoder::new(&model).elements("inflate", "le32").elements("deflate", "le32");
    let lines = LINES.0.lock().expect("no panic");
    let exchanges = lines.iter().map(|line| line.parse::<Exchange>().unwrap_or_else(|error| panic!("{error}: {line}")));
    let decoded: Vec<String> =
        exchanges.map(|exchange| decoder.exchange(&exchange).expect("a known layout").to_string()).collect();
    let pages = |queue: &str| -> usize {
        decoded.iter().filter(|text| text.starts_with(queue)).map(|text| text.lines().count() - 1).sum()
    };
    assert_eq!((pages("inflate"), pages("deflate")), (2, 2), "{decoded:#?}");
}
