//! A crate can describe a device with `aerostat-transport` as its only dependency.
//!
//! The generated code uses other crates, which the description's crate does not have to name. This crate does not name them.

use aerostat_transport::spec::{self, Device as _};

spec::virtio_device! {
    /// Uses each part of the language that becomes code of another crate.
    device lamp = 63 {
        features { dimming = 0 }
        queues { switch = 0 readable, dimmer = 1 if dimming }
        config {
            select: choice read write,
            padding: [u8; 3],
            zones: le32 read,
            value: union by select { level: [u8; 4], colour: le32 } read,
        }
        const steps: usize = 2;
        enum choice: u8 { level = 1, colour }
        bits state: le16 { hot = 0, speed = 4..12 }
        struct step { time: virtio64, len: le32, state: state, padding: [u8; 2] }
        packed struct header { kind: choice, len: be32 }
        struct tail { count: le16, steps: [le16] }
        struct program { kind: choice, padding: [u8; 7], value: union by kind { level: le32, colour: step } }
        request run on dimmer {
            readable { hdr: header, name: [u8; config.zones], steps: [step; steps] if dimming }
            writable { kind: choice, states: [state; 2], data: [u8] }
        }
    }
}

#[test]
fn a_description_needs_no_other_crate_of_its_user() {
    assert_eq!(lamp::Device::ID, spec::DeviceId(63));
    assert_eq!(lamp::Header::new(lamp::Choice::Colour, 1).len.get(), 1);
    assert_eq!(lamp::State::new().with_speed(0xff).into_bits(), 0xff0);

    let manifest = include_str!("../Cargo.toml");
    for hidden in ["zerocopy", "bitfield-struct"] {
        assert!(!manifest.contains(hidden), "this test shows nothing while the crate depends on {hidden}");
    }
}
