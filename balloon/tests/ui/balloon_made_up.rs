//! States are reached, not made.

use aerostat_balloon::Balloon;

fn balloon<S>(state: S) -> Balloon<S> {
    Balloon { state }
}

fn main() {}
