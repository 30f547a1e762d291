//! Tests the measurement with calls that use a known amount of stack.

use super::measure::{MARGIN, Used, size, used};
use crate::kernel::arch;

/// The most that the frames of the closure and of the code that calls it may add, in bytes.
const SLACK: usize = 512;

/// Runs the test.
///
/// # Panics
///
/// If a measurement is wrong.
pub(super) fn run() {
    let ((), nothing) = used(|| ());
    assert!(matches!(nothing, Used::Bytes(0..=SLACK)), "an empty call used {nothing:?} of stack");
    for known in [64, 1024, 8192, 65536] {
        // SAFETY: the stack has 256 KiB, and little of it is in use here.
        let ((), measured) = used(|| unsafe { arch::use_stack(known) });
        let is_right = matches!(measured, Used::Bytes(bytes) if (known..=known + SLACK).contains(&bytes));
        assert!(is_right, "a call that uses {known} bytes of stack was measured as {measured:?}");
    }
    let nearly_all = (size() - MARGIN / 2) & !0xf;
    // SAFETY: half of the margin is left for the frames of `used` and of the closure, which are smaller.
    let ((), measured) = used(|| unsafe { arch::use_stack(nearly_all) });
    assert!(measured == Used::Exhausted, "a call that uses {nearly_all} bytes of stack was measured as {measured:?}");
}
