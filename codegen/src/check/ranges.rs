//! Rules for the ranges of numbers.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Int;
use crate::name::Name;
use crate::syntax::Number;

/// Converts a number to `T`. Reports a number above `max`; `what` names it in the message.
pub(super) fn fit<T: TryFrom<u64>>(number: Number, what: &str, max: u64, diagnostics: &mut Diagnostics) -> Option<T> {
    let fits = T::try_from(number.value).ok().filter(|_| number.value <= max);
    if fits.is_none() {
        let message = format!("{what} {} is out of range: the maximum is {max}", number.value);
        diagnostics.push(Diagnostic::new(number.span, message));
    }
    fits
}

/// Reports a value that does not fit into its type.
pub(super) fn value(name: &Name, number: Number, int: Int, diagnostics: &mut Diagnostics) {
    if number.value > int.max() {
        let (text, max) = (&name.text, int.max());
        let message = format!("the value {} of `{text}` does not fit into `{}`", number.value, int.name());
        diagnostics.push(Diagnostic::new(number.span, message).help(format!("the maximum is {max} ({max:#x})")));
    }
}
