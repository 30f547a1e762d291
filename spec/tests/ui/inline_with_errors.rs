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

fn main() {}
