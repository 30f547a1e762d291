//! Writes a requirement that exists.
//!
//! * requirement_misspelt: write `Required` or `Optional`

aerostat_balloon::features! {
    struct Declared { MustTellHost: Required, StatsVq: Optional }
}

fn main() {}
