//! Errors in a description in Rust source code are reported at the tokens.

aerostat_spec::virtio_device! {
    device lamp = 63 {
        features { dimming = 0, timer = 0 }
        queues {
            switch = 0,
            dimmer = 1 if diming,
        }
        config { level: le32, mode: le23 read }
    }
}

// One error does not hide the others.
aerostat_spec::virtio_device! {
    device fan = sixty {
        #define SPEED 1
        struct step { speed: u8, time: le32 }
        struct state { __le16 speed; }
        confg { speed: le16 read, max: le32 read }
    }
}

fn main() {}
