//! The lines that error messages suggest compile.

use aerostat_spec::Accepted;
use aerostat_spec::balloon::feature::StatsVq;

/// Declares a feature set for the balloon, and a function that returns the text of the declaration.
macro_rules! declare {
    ($set:ident, $text:ident, $($line:tt)*) => {
        aerostat_spec::feature_set! { struct $set for aerostat_spec::balloon { $($line)* } }

        fn $text() -> String {
            // `stringify!` puts spaces around some tokens, depending on the version of rustc.
            stringify!($($line)*).replace(' ', "").replace(':', ": ").replace(": : ", "::")
        }
    };
}

declare!(WithOptional, optional, StatsVq: Optional);
declare!(WithRequired, required, StatsVq: Required);
declare!(WithPath, path, aerostat_spec::balloon::feature::StatsVq: Optional);

#[test]
fn suggested_declaration_makes_the_proof_available() {
    let message = include_str!("ui/proof_of_undeclared_feature.stderr");
    for line in [optional(), required()] {
        assert!(message.contains(&format!("`{line}`")), "`{line}` is not in the message:\n{message}");
    }
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<WithOptional>::negotiate(!0, !0) }.expect("nothing is required");
    assert!(accepted.proof(StatsVq).is_some());
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<WithRequired>::negotiate(!0, !0) }.expect("all features are offered");
    let _: aerostat_spec::Negotiated<StatsVq> = accepted.proof(StatsVq);
}

/// rustc prints the full path of a feature if another type in the program has the same name.
#[test]
fn suggested_path_can_be_declared() {
    assert_eq!(path(), "aerostat_spec::balloon::feature::StatsVq: Optional");
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<WithPath>::negotiate(!0, !0) }.expect("nothing is required");
    assert!(accepted.proof(StatsVq).is_some());
}
