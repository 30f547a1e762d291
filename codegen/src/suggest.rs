//! Suggestions for misspelled words.

/// Returns the candidate that is closest to `word`, unless more than a third of the word differs. Two swapped neighbours
/// count as one difference.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Returns ``; did you mean `…`?`` if a candidate is close to the word, otherwise an empty string.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// The optimal string alignment distance: insertions, deletions, replacements, and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("stat_vq", "stats_vq"), 1);
        assert_eq!(distance("raed", "read"), 1);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn close_word_is_suggested() {
        let known = ["must_tell_host", "stats_vq", "page_poison"];
        assert_eq!(did_you_mean("stat_vq", known), "; did you mean `stats_vq`?");
        assert_eq!(did_you_mean("page_posion", known), "; did you mean `page_poison`?");
    }

    #[test]
    fn distant_word_is_not_suggested() {
        assert_eq!(did_you_mean("banana", ["must_tell_host", "stats_vq"]), "");
        assert_eq!(nearest("x", ["le32", "le16"]), None);
    }
}
