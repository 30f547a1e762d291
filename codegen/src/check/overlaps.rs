//! Rules against queues with the same index.
//!
//! A queue that is one of several, or whose index depends on the configuration, has one of many indexes. Two of them are compared for all
//! values of `n` and of the fields, because the description says nothing else about these.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{IndexVariable, Queue};
use crate::syntax::{self, QueueIndex};

/// The maximum index.
const MAX: u64 = u16::MAX as u64;

/// The indexes that a queue can have: `scale * variable + offset`.
#[derive(Clone, Copy, Debug)]
struct Indexes<'a> {
    queue: &'a syntax::Queue,
    scale: u64,
    offset: u64,
    variable: Variable<'a>,
    /// The maximum of the variable.
    max: u64,
}

/// What an index depends on.
#[derive(Clone, Copy, Debug)]
enum Variable<'a> {
    /// Nothing: there is one index, the offset.
    None,
    /// The number of one of several queues, from `from` on. All numbers are below the field.
    Number { from: u64, below: Option<&'a str> },
    /// The value of a field of the configuration space.
    Field(&'a str),
}

/// Two queues with the same index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Equal {
    index: u64,
    /// The variable of each queue.
    variables: [u64; 2],
}

/// Reports queues that can have the same index as one before. `queues` are the checked `entries`. Fixed indexes are not compared with each
/// other.
pub(super) fn check(entries: &[syntax::Queue], queues: &[Queue], diagnostics: &mut Diagnostics) {
    let all: Vec<Indexes<'_>> = entries.iter().zip(queues).filter_map(|(entry, queue)| indexes(entry, queue)).collect();
    for (at, second) in all.iter().enumerate() {
        let found = all[..at].iter().find_map(|first| Some((first, equal(first, second)?)));
        if let Some((first, equal)) = found {
            diagnostics.push(error(first, second, equal));
        }
    }
}

/// Returns the indexes of a queue, unless they are invalid.
fn indexes<'a>(entry: &'a syntax::Queue, queue: &'a Queue) -> Option<Indexes<'a>> {
    let Some(computed) = &queue.computed else {
        let QueueIndex::Fixed(number) = entry.index else { return None };
        return Some(Indexes { queue: entry, scale: 0, offset: number.value, variable: Variable::None, max: 0 });
    };
    let (variable, max) = match &computed.n {
        IndexVariable::Queue { from, below } => {
            // Without a field, the field after `count` is unknown, or there is none.
            if below.is_none() && entry.count.is_some() {
                return None;
            }
            let max = below.as_ref().map_or(MAX, |(_, int)| int.max().saturating_sub(1));
            let below = below.as_ref().map(|(field, _)| field.text.as_str());
            (Variable::Number { from: u64::from(*from), below }, max)
        }
        IndexVariable::Field(field, int) => (Variable::Field(&field.text), int.max()),
    };
    let (scale, offset) = (u64::from(computed.scale), u64::from(computed.offset));
    (scale > 0).then_some(Indexes { queue: entry, scale, offset, variable, max })
}

/// Returns the lowest index that both queues can have.
fn equal(first: &Indexes<'_>, second: &Indexes<'_>) -> Option<Equal> {
    let swapped = |equal: Equal| Equal { variables: [equal.variables[1], equal.variables[0]], ..equal };
    match (first.variable, second.variable) {
        (Variable::None, Variable::None) => None,
        (Variable::None, _) => first_common(first, second, |_| true),
        (_, Variable::None) => first_common(second, first, |_| true).map(swapped),
        (Variable::Number { .. }, Variable::Number { .. }) => first_common(first, second, |_| true),
        // The queues exist only for numbers below the value of the field, which is that of the other index.
        (Variable::Number { below: Some(below), .. }, Variable::Field(field)) if below == field => {
            first_common(first, second, |[number, value]| number < value)
        }
        (Variable::Field(field), Variable::Number { below: Some(below), .. }) if below == field => {
            first_common(second, first, |[number, value]| number < value).map(swapped)
        }
        (Variable::Number { .. }, Variable::Field(_)) | (Variable::Field(_), Variable::Number { .. }) => {
            first_common(first, second, |_| true)
        }
        (Variable::Field(one), Variable::Field(other)) if one == other => {
            first_common(first, second, |[one, other]| one == other)
        }
        // Only the device knows how two fields are related.
        (Variable::Field(_), Variable::Field(_)) => None,
    }
}

/// Returns the lowest index of both queues whose variables are accepted.
fn first_common(first: &Indexes<'_>, second: &Indexes<'_>, accepts: impl Fn([u64; 2]) -> bool) -> Option<Equal> {
    let start = first.lowest();
    let step = usize::try_from(first.scale.max(1)).ok()?;
    // An index has 16 bits, so these are at most 65536. A queue with a fixed index has only that one.
    let last = if first.scale == 0 { start } else { MAX };
    (start..=last.min(MAX)).step_by(step).find_map(|index| {
        let variables = [first.variable(index)?, second.variable(index)?];
        accepts(variables).then_some(Equal { index, variables })
    })
}

impl Indexes<'_> {
    fn lowest(&self) -> u64 {
        self.offset.saturating_add(self.scale.saturating_mul(self.from()))
    }

    /// The lowest value of the variable.
    fn from(&self) -> u64 {
        match self.variable {
            Variable::Number { from, .. } => from,
            Variable::None | Variable::Field(_) => 0,
        }
    }

    /// Returns the value of the variable that results in the index.
    fn variable(&self, index: u64) -> Option<u64> {
        let distance = index.checked_sub(self.offset)?;
        if self.scale == 0 {
            return (distance == 0).then_some(0);
        }
        let value = distance / self.scale;
        (distance.is_multiple_of(self.scale) && value >= self.from() && value <= self.max).then_some(value)
    }

    /// What has the index, in a message.
    fn text(&self) -> String {
        let name = &self.queue.name.text;
        match self.variable {
            Variable::Number { .. } => format!("a queue of `{name}`"),
            Variable::None | Variable::Field(_) => format!("`{name}`"),
        }
    }

    /// When it has the index.
    fn condition(&self, value: u64) -> Option<String> {
        let name = &self.queue.name.text;
        match self.variable {
            Variable::None => None,
            Variable::Number { .. } => Some(format!("`{name}` has this index if n is {value}")),
            Variable::Field(field) => Some(format!("`{name}` has this index if `{field}` is {value}")),
        }
    }
}

fn error(first: &Indexes<'_>, second: &Indexes<'_>, equal: Equal) -> Diagnostic {
    let span = |indexes: &Indexes<'_>| match indexes.queue.index {
        QueueIndex::Fixed(number) => number.span,
        QueueIndex::Each { .. } | QueueIndex::Computed { .. } => indexes.queue.name.span,
    };
    let message = format!("{} has the same index as {}: {}", second.text(), first.text(), equal.index);
    let error = Diagnostic::new(span(second), message);
    let [of_first, of_second] = [first.condition(equal.variables[0]), second.condition(equal.variables[1])];
    let label = of_first.unwrap_or_else(|| format!("`{}` has this index", first.queue.name.text));
    let error = error.label(span(first), label);
    match of_second {
        Some(condition) => error.help(condition),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use crate::source::Source;

    /// Returns whether the compiler reports two equal indexes, and nothing else.
    fn is_reported(first: &str, second: &str) -> bool {
        let text = format!(
            "device lamp = 63 {{ queues {{ a = {first}, b = {second} }} config {{ c: le16 read, d: le16 read, e: u8 read }} }}"
        );
        let messages = crate::parse_text(&Source { path: "test", text: &text }).err().unwrap_or_default();
        assert!(messages.iter().all(|message| message.contains("has the same index as")), "{messages:?}");
        messages.len() == 1
    }

    /// The scale, the offset, the first number, the field after `count` and the field of an index.
    type Form = (u64, u64, u64, Option<char>, Option<char>);

    fn text((scale, offset, from, count, field): Form) -> String {
        let variable = field.map_or("n".to_owned(), |field| field.to_string());
        let count = count.map_or(String::new(), |field| format!(" count {field}"));
        match (scale, field) {
            (0, _) => offset.to_string(),
            (_, Some(_)) => format!("{scale} * {variable} + {offset}"),
            (_, None) => format!("{scale} * {variable} + {offset} from {from}{count}"),
        }
    }

    /// All indexes for the values of the two fields.
    fn indexes((scale, offset, from, count, field): Form, values: [u64; 2]) -> Vec<u64> {
        let value = |name: char| values[usize::from(name == 'd')];
        match (scale, field) {
            (0, _) => vec![offset],
            (_, Some(field)) => vec![scale * value(field) + offset],
            (_, None) => (from..count.map_or(20, value)).map(|n| scale * n + offset).collect(),
        }
    }

    /// Two indexes are reported if some values of the fields make them equal. All small indexes are compared with each other.
    #[test]
    fn equal_indexes_are_reported_for_all_kinds() {
        let mut forms: Vec<Form> = vec![(0, 0, 0, None, None), (0, 3, 0, None, None)];
        for (scale, offset) in [(1, 0), (1, 2), (2, 0), (2, 1), (3, 2)] {
            forms.extend([None, Some('c')].map(|count| (scale, offset, 0, count, None)));
            forms.extend([(scale, offset, 2, None, None), (scale, offset, 1, Some('d'), None)]);
            forms.extend(['c', 'd'].map(|field| (scale, offset, 0, None, Some(field))));
        }
        let mut reported = 0;
        for first in &forms {
            for second in &forms {
                let is_equal = (0..10).any(|c| {
                    (0..10).any(|d| {
                        let others = indexes(*second, [c, d]);
                        indexes(*first, [c, d]).iter().any(|index| others.contains(index))
                    })
                });
                // Fixed indexes have a message of their own, and two different fields are not compared.
                let is_compared =
                    (first.0, second.0) != (0, 0) && (first.4.is_none() || second.4.is_none() || first.4 == second.4);
                let (one, other) = (text(*first), text(*second));
                if is_compared {
                    assert_eq!(is_reported(&one, &other), is_equal, "{one} and {other}");
                    reported += usize::from(is_equal);
                }
            }
        }
        assert!(reported > 100, "{reported}");
    }

    #[test]
    fn different_fields_are_not_compared() {
        assert!(!is_reported("c", "d") && !is_reported("2 * c + 1", "d"));
    }

    #[test]
    fn values_of_a_field_fit_into_its_type() {
        assert!(is_reported("c", "256") && is_reported("e", "255") && !is_reported("e", "256"));
        assert!(is_reported("n count e", "254") && !is_reported("n count e", "255"));
    }

    #[test]
    fn highest_index_is_compared() {
        assert!(
            is_reported("65535", "2n + 1") && is_reported("65535.. ", "1 * c") && is_reported("60000n + 5", "60005..")
        );
        assert!(
            !is_reported("65535", "2n") && !is_reported("2n + 65535", "65534") && !is_reported("50000n", "50001n + 1")
        );
    }
}
