//! A balloon in a state is returned by a method, and cannot be constructed directly.

use aerostat_balloon::Balloon;

fn balloon<S>(state: S) -> Balloon<S> {
    Balloon { state }
}

fn main() {}
