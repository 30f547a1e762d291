//! Numbers that C headers do not have: the queues and the shared memory regions of each device type, as the sections "Virtqueues" of the
//! specification and the tables of regions list them.

use aerostat_codegen::model::{Condition, Device, IndexVariable, Kind, Queue};

use super::claims::parse;

/// What the specification says about a device type.
struct Text {
    file: &'static str,
    id: u32,
    /// For each queue: its index, `if` and the feature without which it does not exist, and which side writes the buffers (`r`: only
    /// the driver, `w`: only the device).
    queues: &'static [&'static str],
    /// For each region: its id, and `if` and the feature.
    regions: &'static [&'static str],
}

const fn text(file: &'static str, id: u32, queues: &'static [&'static str]) -> Text {
    Text { file, id, queues, regions: &[] }
}

const TEXT: &[Text] = &[
    text(
        "net",
        1,
        &["2n < max_virtqueue_pairs w", "2n + 1 < max_virtqueue_pairs r", "2 * max_virtqueue_pairs if ctrl_vq"],
    ),
    text("block", 2, &["1n < num_queues"]),
    text(
        "console",
        3,
        &[
            "0 w",
            "1 r",
            "2 if multiport w",
            "3 if multiport r",
            "2n + 2 from 1 < max_nr_ports if multiport w",
            "2n + 3 from 1 < max_nr_ports if multiport r",
        ],
    ),
    text("entropy", 4, &["0 w"]),
    text("balloon", 5, &["0 r", "1 r", "2 if stats_vq r", "3 if free_page_hint", "4 if page_reporting w"]),
    text("scsi", 8, &["0", "1 w", "1n + 2 < num_queues"]),
    Text { file: "gpu", id: 16, queues: &["0", "1"], regions: &["1 if resource_blob"] },
    text("rtc", 17, &["0", "1 if alarm w"]),
    text("input", 18, &["0 w", "1 r"]),
    text("vsock", 19, &["0 w", "1 r", "2 w"]),
    text("crypto", 20, &["1n < max_dataqueues", "1 * max_dataqueues"]),
    text("iommu", 23, &["0", "1 w"]),
    text("mem", 24, &["0"]),
    text("sound", 25, &["0", "1 w", "2", "3"]),
    Text { file: "fs", id: 26, queues: &["0", "1 if notification w", "1n + 2 < num_request_queues"], regions: &["0"] },
    Text { file: "pmem", id: 27, queues: &["0"], regions: &["0 if shmem_region"] },
    text("rpmb", 28, &["0"]),
    Text {
        file: "scmi",
        id: 32,
        queues: &["0", "1 if p2a_channels w"],
        regions: &["1 if shared_memory", "2 if shared_memory", "3 if shared_memory"],
    },
    text("i2c", 34, &["0"]),
    text("can", 36, &["0", "1 w", "2"]),
    text("gpio", 41, &["0", "1 if irq"]),
    text("spi", 45, &["0"]),
    Text { file: "media", id: 48, queues: &["0", "1 w"], regions: &["0"] },
];

fn index(queue: &Queue) -> String {
    let Some(computed) = &queue.computed else { return queue.index.to_string() };
    let scale = computed.scale;
    let offset = if computed.offset == 0 { String::new() } else { format!(" + {}", computed.offset) };
    match &computed.n {
        IndexVariable::Field(field, _) => format!("{scale} * {}{offset}", field.text),
        IndexVariable::Queue { from, below } => {
            let from = if *from == 0 { String::new() } else { format!(" from {from}") };
            let below = below.as_ref().map_or(String::new(), |(field, _)| format!(" < {}", field.text));
            format!("{scale}n{offset}{from}{below}")
        }
    }
}

fn feature(condition: Option<&Condition>) -> String {
    condition.map_or(String::new(), |condition| format!(" if {}", condition.name.text))
}

fn queue(queue: &Queue) -> String {
    let side = match queue.writable {
        None => "",
        Some(false) => " r",
        Some(true) => " w",
    };
    format!("{}{}{side}", index(queue), feature(queue.condition.as_ref()))
}

fn device(file: &str) -> Device {
    let devices = parse(file).modules.into_iter().filter_map(|module| match module.kind {
        Kind::Device(device) => Some(device),
        _ => None,
    });
    devices.last().expect("a device")
}

#[test]
fn queues_and_regions_are_those_of_the_text() {
    for Text { file, id, queues, regions } in TEXT {
        let device = device(file);
        assert_eq!(device.id, *id, "{file}");
        let found: Vec<String> = device.queues.iter().map(queue).collect();
        assert_eq!(found, *queues, "{file}");
        let region = |id: u8, condition| format!("{id}{}", feature(condition));
        let found: Vec<String> =
            device.shared_memory.iter().map(|found| region(found.id, found.condition.as_ref())).collect();
        assert_eq!(found, *regions, "{file}");
    }
}

#[test]
fn table_has_all_descriptions_of_devices() {
    let described = super::lists::DESCRIBED.iter().map(|described| described.file);
    assert_eq!(described.collect::<Vec<_>>(), TEXT.iter().map(|text| text.file).collect::<Vec<_>>());
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vspec");
    let files = std::fs::read_dir(folder).expect("the descriptions").map(|file| file.expect("a file").path());
    let devices = files.filter(|file| std::fs::read_to_string(file).is_ok_and(|text| text.contains("\ndevice ")));
    assert_eq!(devices.count(), TEXT.len());
}
