//! Block inflation and arrays in fragmented memory, in this process: the device acknowledges, and the kernel allocates in address order.

use std::io;

use aerostat_balloon::{BalloonFeatureSet, Platform};
use aerostat_benches::{Fragmented, FragmentedKernel, Fragments};

use super::{
    clock::{Clock, Elapsed},
    comparison::Comparison,
    pairs,
    results::Results,
};

/// The blocks of the kernel's memory: 2 GiB.
const BLOCKS: u32 = 1 << 10;
/// The pairs in each round.
const PAIRS: usize = 50;

/// Measures one round.
pub(crate) fn round(results: &mut Results) -> anyhow::Result<()> {
    measure_pairs(results, PAIRS)
}

fn measure_pairs(results: &mut Results, pairs: usize) -> anyhow::Result<()> {
    for turn in 0..pairs {
        for (fragments, inflate, deflate) in [
            (Fragments::EverySecond, Comparison::FragmentedInflate, Comparison::FragmentedDeflate),
            (Fragments::Every, Comparison::WithoutBlocksInflate, Comparison::WithoutBlocksDeflate),
        ] {
            let [arrays, blocks] = pairs::in_turn(
                turn,
                || Ok(measure(Fragmented::with_arrays(BLOCKS, fragments))?),
                || Ok(measure(Fragmented::with_blocks(BLOCKS, fragments))?),
            )?;
            pairs::note(results, inflate, [arrays[0], blocks[0]]);
            pairs::note(results, deflate, [arrays[1], blocks[1]]);
        }
    }
    Ok(())
}

/// Inflates and deflates once.
fn measure<F: BalloonFeatureSet>(mut balloon: Fragmented<F>) -> io::Result<[Elapsed; 2]>
where
    FragmentedKernel: Platform<F>,
{
    let clock = Clock::start_this_thread();
    balloon.inflate();
    let inflate = clock.stop()?;
    let clock = Clock::start_this_thread();
    balloon.deflate();
    Ok([inflate, clock.stop()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_comparison_has_all_pairs() {
        let mut results = Results::default();
        measure_pairs(&mut results, 2).unwrap();
        assert_eq!(results.pairs.len(), 4);
        assert!(results.pairs.iter().all(|pairs| pairs.seconds.len() == 2 && pairs.cpu_seconds.len() == 2));
    }
}
