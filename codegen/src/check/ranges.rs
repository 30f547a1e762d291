//! Rules for the range of a number.

use crate::mistake::{Mistake, Mistakes};
use crate::model::Int;
use crate::name::Name;
use crate::syntax::Number;

/// The number as a `T`. One that does not fit is reported as `what`.
pub(super) fn fit<T: TryFrom<u64>>(number: Number, what: &str, largest: u64, mistakes: &mut Mistakes) -> Option<T> {
    let fits = T::try_from(number.value).ok().filter(|_| number.value <= largest);
    if fits.is_none() {
        let message = format!("{what} {} is out of range: the largest is {largest}", number.value);
        mistakes.push(Mistake::new(number.span, message));
    }
    fits
}

/// The value of a name fits into its integer.
pub(super) fn value(name: &Name, number: Number, int: Int, mistakes: &mut Mistakes) {
    if number.value > int.max() {
        let (text, largest) = (&name.text, int.max());
        let message = format!("the value {} of `{text}` does not fit into `{}`", number.value, int.name());
        mistakes.push(Mistake::new(number.span, message).help(format!("the largest is {largest} ({largest:#x})")));
    }
}
