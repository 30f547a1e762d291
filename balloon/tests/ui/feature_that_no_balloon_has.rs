//! A feature that the driver does not implement cannot be declared, and neither can a misspelt name.

use aerostat_balloon::features;

features! {
    struct Unsupported { SrIov: Optional }
}

features! {
    struct Misspelt { MustTellHosts: Required }
}

fn main() {}
