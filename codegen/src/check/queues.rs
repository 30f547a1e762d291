//! Rules for queues.

use crate::check::{names, overlaps, ranges, references, unique};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{ComputedIndex, Condition, Element, Feature, Field, IndexVariable, Int, Queue};
use crate::name::Name;
use crate::syntax::{self, Number, QueueIndex};

/// Checks the queues. Returns them in the order of their indexes.
pub(super) fn queues(
    device: &syntax::Device,
    features: &[Feature],
    config: &[Field],
    diagnostics: &mut Diagnostics,
) -> Vec<Queue> {
    let entries = device.queues.as_ref().map_or(&[][..], |queues| &queues.entries);
    let mut queues: Vec<Queue> = Vec::new();
    for queue in entries {
        names::check(&queue.name, diagnostics);
        let condition = references::condition(queue.condition.as_ref(), features, diagnostics);
        reject_high(condition.as_ref(), diagnostics);
        let (index, computed) = index(queue, config, diagnostics);
        queues.push(Queue {
            docs: queue.docs.clone(),
            name: queue.name.clone(),
            index,
            computed,
            writable: match (queue.readable, queue.writable) {
                (Some(_), None) => Some(false),
                (None, Some(_)) => Some(true),
                _ => None,
            },
            condition,
            alias: queue.alias.clone(),
        });
    }
    unique::names("queue", entries.iter().map(|queue| &queue.name), diagnostics);
    let fixed = entries.iter().filter_map(|queue| match queue.index {
        QueueIndex::Fixed(number) => Some((&queue.name, number.value, number.span)),
        QueueIndex::Each { .. } | QueueIndex::Computed { .. } => None,
    });
    unique::numbers("index", fixed, diagnostics);
    overlaps::check(entries, &queues, diagnostics);
    queues.sort_by_key(|queue| queue.index);
    queues
}

/// Reports a queue that depends on a feature with a bit above 63.
fn reject_high(condition: Option<&Condition>, diagnostics: &mut Diagnostics) {
    if let Some(condition) = condition.filter(|condition| condition.is_high()) {
        let message = format!("a queue cannot depend on `{}`, which has bit {}", condition.name.text, condition.bit);
        let help = "not supported: the numbers of queues follow from the features with bits 0 to 63";
        diagnostics.push(Diagnostic::new(condition.name.span, message).help(help));
    }
}

/// Resolves the index of a queue: the lowest index, and how it is computed.
fn index(queue: &syntax::Queue, config: &[Field], diagnostics: &mut Diagnostics) -> (u16, Option<ComputedIndex>) {
    let max = u64::from(u16::MAX);
    let fit =
        |number: Number, diagnostics: &mut Diagnostics| ranges::fit::<u16>(number, "queue index", max, diagnostics);
    let several = matches!(queue.index, QueueIndex::Each { .. });
    let misplaced =
        [queue.from.map(|from| (from.span, "from")), queue.count.as_ref().map(|count| (count.span, "count"))];
    for (span, clause) in misplaced.into_iter().flatten().filter(|_| !several) {
        diagnostics.push(
            Diagnostic::new(span, format!("`{clause}` is only for several queues"))
                .help(format!("write `{} = 2..` or `{0} = 2n + 1` for several queues", queue.name.text)),
        );
    }
    let (scale, offset, n) = match &queue.index {
        QueueIndex::Fixed(number) => return (fit(*number, diagnostics).unwrap_or(0), None),
        QueueIndex::Each { scale, offset } => {
            let from = queue.from.map_or(Some(0), |from| fit(from, diagnostics));
            let below = queue.count.as_ref().and_then(|field| config_integer(field, config, diagnostics));
            let Some(from) = from else { return (0, None) };
            (*scale, *offset, IndexVariable::Queue { from, below })
        }
        QueueIndex::Computed { scale, field, offset } => {
            let Some((name, int)) = config_integer(field, config, diagnostics) else { return (0, None) };
            (*scale, *offset, IndexVariable::Field(name, int))
        }
    };
    if scale.value == 0 {
        diagnostics.push(Diagnostic::new(scale.span, "all queues would have the same index"));
    }
    let (Some(scale), Some(offset)) = (fit(scale, diagnostics), fit(offset, diagnostics)) else { return (0, None) };
    let first = match n {
        IndexVariable::Queue { from, .. } => from,
        IndexVariable::Field(..) => 1,
    };
    let lowest = u64::from(scale) * u64::from(first) + u64::from(offset);
    let Ok(index) = u16::try_from(lowest) else {
        let message = format!("queue index {lowest} is out of range: the maximum is {max}");
        diagnostics.push(Diagnostic::new(queue.name.span, message));
        return (0, None);
    };
    (index, Some(ComputedIndex { scale, offset, n }))
}

/// Finds an integer field of the configuration space.
fn config_integer(name: &Name, config: &[Field], diagnostics: &mut Diagnostics) -> Option<(Name, Int)> {
    let error = match config.iter().find(|field| field.name.text == name.text) {
        Some(found) if found.ty.len.is_none() => match &found.ty.element {
            Element::Scalar(scalar) => {
                references::check_readable(name, found, diagnostics);
                return Some((name.clone(), scalar.int));
            }
            _ => Diagnostic::new(name.span, format!("the field `{}` is not an integer", name.text)),
        },
        Some(_) => Diagnostic::new(name.span, format!("the field `{}` is not an integer", name.text)),
        None => {
            let near = crate::suggest::did_you_mean(&name.text, config.iter().map(|field| field.name.text.as_str()));
            let message = format!("unknown field `{}` of the configuration space{near}", name.text);
            let help = "an index is a number, `2..`, `2n + 1`, or `2 * field` with a field of the `config`";
            diagnostics.push_unknown(name, Diagnostic::new(name.span, message).help(help));
            return None;
        }
    };
    diagnostics.push(error);
    None
}
