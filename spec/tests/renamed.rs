//! The macros work under any name of the crate and with any names in scope.

extern crate aerostat_spec as somewhere_else;

// Names that a macro without full paths would resolve to.
#[allow(dead_code, unreachable_pub, missing_debug_implementations)]
mod shadows {
    pub mod core {}
    pub mod std {}
    pub mod zerocopy {}
    pub mod aerostat_spec {}
    pub struct Option;
    pub struct Result;
    pub struct Some;
    pub struct PhantomData;
    pub trait Clone {}
    pub trait From {}
    pub trait Default {}
    #[allow(non_camel_case_types)]
    pub struct u32;
}

#[allow(unused_imports)]
use shadows::*;

somewhere_else::virtio_device! {
    /// Uses every part of the language.
    device lamp = 63 {
        features { dimming = 0, colour = 5 requires dimming, timer = 50 requires dimming + colour }
        queues { switch = 0, dimmer = 1 if dimming }
        config {
            level: u8 read write,
            zones: [u8; 3] read,
            start: le32 read setup if timer,
            alarms: [le16; 2] read if timer,
            time: virtio64 read @ 0x10,
        }
        registers control { command: le32 write, state: [le16; 4] read @ 0x08 }
        struct step { time: virtio64, level: le32, padding: [u8; 4] }
        packed struct header { kind: u8, len: le32 }
        enum mode: u8 { off = 0, on = 1 }
        bits state: u16 { hot = 0, level = 4..12 }
        const count: u32 = 7;
        const steps: usize = 2;
        struct program { kind: mode, padding: [u8; 3], state: [state; steps], first: header2, u: union by kind { off: le32, on: step } }
        struct header2 { type: be32, end: [u8; 4] }
        struct tail { count: le16, steps: [step] }
        request run as "lamp_run" on dimmer {
            readable {
                hdr: header2, kind: mode = on, speed: le32, name: [u8; config.level], len: le16 if dimming, steps: [step; len] if dimming,
                type: virtio32 = 7,
            }
            writable { result: mode, count: u8, extra: u8 if timer, times: [virtio64; count], states: [state; 2], data: [u8] }
        }
    }
}

mod file {
    use super::somewhere_else;

    somewhere_else::virtio_spec!("vspec/status.vspec");
}

#[test]
fn bindings_work_under_another_crate_name() {
    use somewhere_else::{Device, Field, Queue};

    assert_eq!(lamp::Device::ID, somewhere_else::DeviceId(63));
    assert_eq!(lamp::queue::Switch::SPEC.index, 0);
    assert_eq!(lamp::config::Level::OFFSET, 0);
    assert_eq!(lamp::control::State::OFFSET, 8);
    assert_eq!(lamp::Header::new(1, 2).len.get(), 2);
    assert_eq!(lamp::Mode::from_raw(1), lamp::Mode::On);
    assert_eq!(lamp::State::new().with_level(0xff).into_bits(), 0xff0);
    assert_eq!(lamp::COUNT, 7);
    assert_eq!(file::status::Status::new().with_failed(true).into_bits(), 128);
}
