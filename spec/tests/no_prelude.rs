//! The macros work in a crate without a prelude.
#![no_implicit_prelude]

::aerostat_spec::virtio_device! {
    device lamp = 63 {
        features { dimming = 0 }
        queues { switch = 0, dimmer = 1 if dimming }
        config { level: u8 read write, zones: [u8; 3] read, alarm: le32 read if dimming }
        struct step { time: virtio64, level: le32, padding: [u8; 4] }
        enum mode: u8 { off = 0, on = 1 }
        bits state: u16 { hot = 0, level = 4..12 }
        struct program { kind: mode, padding: [u8; 3], u: union by kind { off: le32, on: state } }
        request run on dimmer {
            readable { kind: mode = on, name: [u8; config.level], len: le16 if dimming, steps: [step; len] if dimming }
            writable { result: mode, count: u8, extra: u8 if dimming, times: [virtio64; count], data: [u8] }
        }
    }
}

#[test]
fn bindings_work_without_a_prelude() {
    ::std::assert_eq!(lamp::Mode::from_raw(7), lamp::Mode::Unknown(7));
    ::std::assert_eq!(lamp::State::new().with_hot(true).into_bits(), 1);
}
