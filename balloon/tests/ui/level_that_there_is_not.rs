//! There are three levels, and each feature has one name.

use aerostat_balloon::features;

type Misspelt = features! { MustTellHost: Require };
type Unknown = features! { MustTellHosts: Required };

fn main() {}
