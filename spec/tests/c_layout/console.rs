//! `<linux/virtio_console.h>` and `<linux/virtio_ids.h>`.

use core::mem::offset_of;

use aerostat_spec::Device as _;
use aerostat_spec::console::{Control, ControlEvent, Device, config, feature};

use crate::{at, cc, feature, len, to_u64};

const HEADERS: [&str; 2] = ["linux/virtio_console.h", "linux/virtio_ids.h"];

#[test]
fn configuration_space_matches_linux() {
    let claims = [
        len::<config::Space>("sizeof(struct virtio_console_config)"),
        at::<config::Cols>("offsetof(struct virtio_console_config, cols)"),
        at::<config::Rows>("offsetof(struct virtio_console_config, rows)"),
        at::<config::MaxNrPorts>("offsetof(struct virtio_console_config, max_nr_ports)"),
        at::<config::EmergWr>("offsetof(struct virtio_console_config, emerg_wr)"),
    ];
    cc::check("console_config", &HEADERS, &claims);
}

#[test]
fn features_and_device_id_match_linux() {
    let claims = [
        ("VIRTIO_ID_CONSOLE", Device::ID.0.into()),
        feature(feature::Size),
        feature(feature::Multiport),
        feature(feature::EmergWrite),
    ];
    cc::check("console_features", &HEADERS, &claims);
}

#[test]
fn control_message_layout_matches_linux() {
    let claims = [
        ("sizeof(struct virtio_console_control)", to_u64(size_of::<Control>())),
        ("offsetof(struct virtio_console_control, id)", to_u64(offset_of!(Control, id))),
        ("offsetof(struct virtio_console_control, event)", to_u64(offset_of!(Control, event))),
        ("offsetof(struct virtio_console_control, value)", to_u64(offset_of!(Control, value))),
    ];
    cc::check("console_control", &HEADERS, &claims);
}

#[test]
fn events_match_linux() {
    let event = |expression, event: ControlEvent| (expression, event.to_raw().into());
    let claims = [
        event("VIRTIO_CONSOLE_DEVICE_READY", ControlEvent::DeviceReady),
        event("VIRTIO_CONSOLE_PORT_ADD", ControlEvent::PortAdd),
        event("VIRTIO_CONSOLE_PORT_REMOVE", ControlEvent::PortRemove),
        event("VIRTIO_CONSOLE_PORT_READY", ControlEvent::PortReady),
        event("VIRTIO_CONSOLE_CONSOLE_PORT", ControlEvent::ConsolePort),
        event("VIRTIO_CONSOLE_RESIZE", ControlEvent::Resize),
        event("VIRTIO_CONSOLE_PORT_OPEN", ControlEvent::PortOpen),
        event("VIRTIO_CONSOLE_PORT_NAME", ControlEvent::PortName),
    ];
    cc::check("console_events", &HEADERS, &claims);
}
