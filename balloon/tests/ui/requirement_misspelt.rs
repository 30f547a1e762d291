//! A requirement is `Required` or `Optional`.

use aerostat_balloon::features;

features! {
    struct Misspelt { MustTellHost: Require }
}

fn main() {}
