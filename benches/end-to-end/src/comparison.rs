//! What is measured in turn, and the ratio of the times.

use serde::{Deserialize, Serialize};

use super::spread::Spread;

/// The most that an interval may fail to contain the median of all pairs: one time in twenty, one in forty on each side.
const ONE_SIDE: f64 = 0.025;

/// What is compared, each with the same work done in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Comparison {
    /// A guest that inflates memory that was never written, with the device alone.
    InflateUntouched,
    /// A guest that inflates memory that was written, with the device alone.
    InflateTouched,
    /// A guest that deflates again, with the device alone.
    DeflateUntouched,
    /// A guest that deflates again memory that was written, with the device alone.
    DeflateTouched,
    /// A guest that inflates written memory by whole blocks for the second time, with the device alone that gets reports of the same
    /// blocks. The device alone gets no command, so the time of a command that changes nothing is subtracted.
    Blocks,
    /// A guest that reports written memory and then inflates it by page arrays, with one that only inflates it.
    ReportFirst,
    /// Block inflation in memory in which every second block has a frame in use, with arrays.
    FragmentedInflate,
    /// The deflation after it.
    FragmentedDeflate,
    /// Block inflation in memory in which every block has a frame in use, with arrays.
    WithoutBlocksInflate,
    /// The deflation after it.
    WithoutBlocksDeflate,
}

/// Times of two systems that were measured in turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pairs {
    pub(crate) what: Comparison,
    /// The elapsed seconds of each pair: of the other system, and of the one that is compared with it.
    pub(crate) seconds: Vec<[f64; 2]>,
    /// The CPU time, of all threads of QEMU.
    pub(crate) cpu_seconds: Vec<[f64; 2]>,
}

/// The median of all ratios.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    /// The interval that contains the median of all possible pairs in at least 95 % of such measurements. It assumes nothing about
    /// the distribution of the ratios. `None` for fewer than six pairs.
    pub(crate) interval: Option<[f64; 2]>,
}

impl Comparison {
    pub(crate) const ALL: [Self; 10] = [
        Self::InflateUntouched,
        Self::InflateTouched,
        Self::DeflateUntouched,
        Self::DeflateTouched,
        Self::Blocks,
        Self::ReportFirst,
        Self::FragmentedInflate,
        Self::FragmentedDeflate,
        Self::WithoutBlocksInflate,
        Self::WithoutBlocksDeflate,
    ];

    /// Returns whether a guest is compared with QEMU's device.
    pub(crate) const fn is_with_device(self) -> bool {
        matches!(
            self,
            Self::InflateUntouched
                | Self::InflateTouched
                | Self::DeflateUntouched
                | Self::DeflateTouched
                | Self::Blocks
        )
    }

    /// Returns the name for users.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::InflateUntouched => "inflate, untouched",
            Self::InflateTouched => "inflate, touched",
            Self::DeflateUntouched => "deflate, untouched before",
            Self::DeflateTouched => "deflate, touched before",
            Self::Blocks => "inflate by blocks, touched, second time",
            Self::ReportFirst => "report, then inflate",
            Self::FragmentedInflate => "inflate, a frame in use in every second block",
            Self::FragmentedDeflate => "deflate, a frame in use in every second block",
            Self::WithoutBlocksInflate => "inflate, a frame in use in every block",
            Self::WithoutBlocksDeflate => "deflate, a frame in use in every block",
        }
    }

    /// Returns whether block inflation is compared with arrays in fragmented memory.
    pub(crate) const fn is_fragmented(self) -> bool {
        !self.is_with_device() && !matches!(self, Self::ReportFirst)
    }

    /// Returns the goal: the largest ratio.
    pub(crate) const fn goal(self) -> f64 {
        match self {
            Self::ReportFirst => 1.0,
            _ if self.is_with_device() => 1.25,
            _ => 1.03,
        }
    }
}

impl Pairs {
    /// Returns the times of the one or the other system.
    pub(crate) fn spread(&self, side: usize) -> Option<Spread> {
        Spread::of(&self.seconds.iter().map(|pair| pair[side]).collect::<Vec<_>>())
    }
}

impl Ratio {
    /// Returns `None` without pairs.
    pub(crate) fn of(pairs: &[[f64; 2]]) -> Option<Self> {
        let mut ratios: Vec<f64> = pairs.iter().map(|[other, ours]| ours / other).collect();
        ratios.sort_by(f64::total_cmp);
        let left_out = left_out(ratios.len());
        let interval = left_out.and_then(|count| Some([*ratios.get(count)?, *ratios.get(ratios.len() - 1 - count)?]));
        Some(Self { median: Spread::of(&ratios)?.median, interval })
    }

    /// Returns whether the ratio is at most `goal`, or `None` if the interval does not say.
    pub(crate) fn meets(self, goal: f64) -> Option<bool> {
        let [low, high] = self.interval?;
        if high <= goal { Some(true) } else { (low > goal).then_some(false) }
    }
}

/// Returns how many of the least and of the greatest of `count` numbers an interval for the median leaves out, or `None` if even the
/// interval of all numbers is too uncertain. Each number is below the median with probability ½.
fn left_out(count: usize) -> Option<usize> {
    let mut probability = 0.5_f64.powi(i32::try_from(count).ok()?);
    let (mut sum, mut most) = (0.0, None);
    for fewer in 0..count {
        sum += probability;
        if sum > ONE_SIDE {
            break;
        }
        most = Some(fewer);
        probability *= (count - fewer) as f64 / (fewer + 1) as f64;
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_the_ranks_of_the_sign_test() {
        // From tables of the binomial distribution: for 20 numbers, from the 6th to the 15th.
        assert_eq!([5, 6, 10, 20, 40].map(left_out), [None, Some(0), Some(1), Some(5), Some(13)]);
        assert_eq!(left_out(0), None);
    }

    #[test]
    fn a_ratio_has_an_interval_and_a_verdict() {
        let pairs: Vec<[f64; 2]> = (1..=20).map(|number| [2.0, 2.0 + f64::from(number) / 10.0]).collect();
        let ratio = Ratio::of(&pairs).unwrap();
        assert_eq!((ratio.median, ratio.interval), (1.525, Some([1.3, 1.75])));
        assert_eq!([1.25, 1.5, 1.75].map(|goal| ratio.meets(goal)), [Some(false), None, Some(true)]);
        let few = Ratio::of(&pairs[..3]).unwrap();
        assert_eq!((few.median, few.interval, few.meets(9.0)), (1.1, None, None));
        assert_eq!(Ratio::of(&[]), None);
    }
}
