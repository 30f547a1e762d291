//! Everything that a driver can read: offered and negotiated features, and the queues that exist before and after the negotiation.
//! The answer is that of the rule in the documentation of `Numbering`.

use std::collections::BTreeSet;

use aerostat_test_support::Memory;
use aerostat_transport::QueueError;

use super::{ALL, Numbers, assert_advises, detect, name, negotiated, negotiations, numbers, of_features};

/// Returns the numbers that the negotiated queues have by the numberings that are not excluded.
pub(crate) fn possible(offered: u64, negotiated: u64, before: &[u16], after: &[u16]) -> BTreeSet<Numbers> {
    let has = |numbers: &Numbers| numbers.iter().all(|(_, number)| after.contains(number));
    let is_unchanged = before == after;
    let mut possible = BTreeSet::new();

    let own = numbers(false, if is_unchanged { offered } else { negotiated });
    if has(&own) {
        possible.insert(of_features(own, negotiated));
    }
    let own = numbers(true, offered);
    if has(&own) {
        possible.insert(of_features(own, negotiated));
    }
    let own = numbers(true, negotiated);
    let must_change = negotiated != offered && negotiated != 0;
    if has(&own) && (!is_unchanged || !must_change || has(&numbers(false, ALL))) {
        possible.insert(own);
    }
    possible
}

/// The queues 0 and 1 always exist. Any of the six after them may exist.
#[test]
fn the_numbers_are_those_on_which_all_possible_numberings_agree() {
    let mut memory = Memory::new();
    let (mut found, mut ambiguous, mut unknown) = (0, 0, 0);
    for (offered, chosen) in negotiations() {
        for after in 0..64_u16 {
            let queues = |mask: u16| -> Vec<u16> { (0..8).filter(|queue| mask >> queue & 1 == 1).collect() };
            let after = after << 2 | 0b11;
            for before in [after, 0, 0b11, 0b1_1111] {
                let (before, after) = (queues(before), queues(after));
                let case = format!("{} {before:?} {after:?}", name(offered, chosen));
                let (_soft, mut device) = negotiated(offered, chosen, &before, &after);
                let detected = detect(&mut device, &mut memory);
                let possible: Vec<Numbers> = possible(offered, chosen, &before, &after).into_iter().collect();
                match (possible.as_slice(), detected) {
                    ([own], detected) => {
                        found += 1;
                        assert_eq!(detected.as_ref(), Ok(own), "{case}");
                    }
                    ([], Err(error @ QueueError::UnknownNumbers { .. })) => {
                        unknown += 1;
                        assert_advises(error, &case);
                    }
                    (several, Err(error @ QueueError::AmbiguousNumbers { queue, numbers: [one, other] })) => {
                        ambiguous += 1;
                        let may_have = |number| several.iter().any(|numbers| numbers.contains(&(queue.name, number)));
                        assert!(one != other && may_have(one) && may_have(other), "{case}: {error}");
                        assert_advises(error, &case);
                    }
                    (_, detected) => panic!("{case}: {detected:?} of {possible:?}"),
                }
            }
        }
    }
    assert_eq!((found, ambiguous, unknown), (3728, 640, 2544));
}
