//! The features of a balloon are declared with `features!`.

use aerostat_balloon::Options;
use aerostat_balloon::spec::{feature_set, virtio_device};

struct NotDeclared;

virtio_device! {
    /// Not a balloon.
    device test_device = 4242 {
        queues {
            /// The only queue.
            queue0 = 0,
        }
    }
}

feature_set! {
    struct OfAnotherDevice for test_device {}
}

fn main() {
    let _ = Options::new(NotDeclared);
    let _ = Options::new(OfAnotherDevice);
}
