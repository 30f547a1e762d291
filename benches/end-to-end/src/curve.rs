//! Resident memory of QEMU over time.

use std::{fmt::Write as _, time::Duration};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use xtask_common::bytes::Bytes;

use super::system::System;

/// A change of resident memory that is kept, in MiB. Smaller ones cannot be seen in a plot.
const STEP: u64 = 8;

/// Resident memory since a new target was set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Curve {
    pub(crate) system: System,
    /// The time until `actual` was the target and the guest's CPU was idle.
    pub(crate) seconds: f64,
    pub(crate) points: Points,
}

/// Milliseconds and MiB. In a file they are one string, `0:1040 0.31:1040`, in place of thousands of lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Points(pub(crate) Vec<(f64, u64)>);

impl Curve {
    /// Keeps the points of a measurement that took `time` at which memory has changed, and those before them.
    pub(crate) fn new(system: System, time: Duration, resident: &[(Duration, Bytes)]) -> Self {
        let all: Vec<(f64, u64)> =
            resident.iter().map(|(at, resident)| (at.as_secs_f64() * 1e3, resident.mib())).collect();
        let mut points: Vec<(f64, u64)> = all.first().copied().into_iter().collect();
        for pair in all.windows(2) {
            let kept = points.last().map_or(0, |point| point.1);
            if pair[1].1.abs_diff(kept) >= STEP {
                points.extend([pair[0], pair[1]]);
            }
        }
        points.extend(all.last());
        points.dedup();
        Self { system, seconds: time.as_secs_f64(), points: Points(points) }
    }
}

/// Returns one curve for each system: that with the median time.
pub(crate) fn typical(mut curves: Vec<Curve>) -> Vec<Curve> {
    curves.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let of = |system| curves.iter().filter(move |curve| curve.system == system);
    System::ALL
        .into_iter()
        .filter_map(|system| of(system).nth(of(system).count().saturating_sub(1) / 2).cloned())
        .collect()
}

impl From<Points> for String {
    fn from(points: Points) -> Self {
        let mut text = Self::new();
        for (milliseconds, mib) in points.0 {
            let space = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{space}{milliseconds:.2}:{mib}");
        }
        text
    }
}

impl TryFrom<String> for Points {
    type Error = anyhow::Error;

    fn try_from(text: String) -> anyhow::Result<Self> {
        let point = |word: &str| {
            let (milliseconds, mib) = word.split_once(':')?;
            Some((milliseconds.parse().ok()?, mib.parse().ok()?))
        };
        let points = text.split(' ').filter(|word| !word.is_empty());
        points
            .map(|word| point(word).with_context(|| format!("{word:?} is not a point of a curve")))
            .collect::<anyhow::Result<_>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(system: System, seconds: f64) -> Curve {
        Curve { system, seconds, points: Points::default() }
    }

    #[test]
    fn only_changes_and_the_ends_are_kept() {
        let resident = [(0, 1000), (1, 1000), (2, 999), (3, 999), (4, 500), (5, 499), (6, 499)]
            .map(|(ms, mib)| (Duration::from_millis(ms), Bytes::from_mib(mib)));
        let curve = Curve::new(System::Aerostat, Duration::from_millis(7), &resident);
        assert_eq!(curve.seconds, 0.007);
        assert_eq!(curve.points.0, [(0.0, 1000), (3.0, 999), (4.0, 500), (6.0, 499)]);
    }

    #[test]
    fn the_curve_with_the_median_time_is_typical() {
        let all = [0.3, 0.1, 0.2].map(|seconds| curve(System::Linux, seconds));
        let curves = typical(all.into_iter().chain([curve(System::Aerostat, 1.0)]).collect());
        assert_eq!(curves, [curve(System::Aerostat, 1.0), curve(System::Linux, 0.2)]);
        assert_eq!(typical(Vec::new()), []);
    }

    #[test]
    fn points_are_one_string_in_a_file() {
        let points = Points(vec![(0.0, 1040), (0.31, 7)]);
        let text = serde_json::to_string(&points).unwrap();
        assert_eq!(text, r#""0.00:1040 0.31:7""#);
        assert_eq!(serde_json::from_str::<Points>(&text).unwrap(), points);
        assert_eq!(serde_json::from_str::<Points>("\"\"").unwrap(), Points::default());
        assert!(serde_json::from_str::<Points>("\"1:2 3\"").unwrap_err().to_string().contains("\"3\""));
    }
}
