//! The source of all decisions of an episode: a seed, or the bytes of a fuzzer.

/// The source of all decisions of an episode. The same source makes the same episode.
#[derive(Debug)]
pub struct Choices {
    state: u64,
    /// The bytes of the fuzzer that are left, if it makes the decisions.
    bytes: Option<(Vec<u8>, usize)>,
}

impl Choices {
    /// Returns decisions that follow from a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { state: seed, bytes: None }
    }

    /// Returns decisions that follow from the bytes of a fuzzer. After the last byte every decision is 0.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self { state: 0, bytes: Some((bytes.to_vec(), 0)) }
    }

    /// Returns whether the fuzzer has no more bytes.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.bytes.as_ref().is_some_and(|(bytes, next)| *next >= bytes.len())
    }

    /// Returns 64 bits.
    pub fn bits(&mut self) -> u64 {
        match &mut self.bytes {
            Some(_) => (0..8).fold(0, |value, _| value << 8 | u64::from(self.byte())),
            None => mix(&mut self.state),
        }
    }

    /// Returns a number below `end`, or 0 if that is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        if end <= 1 {
            return 0;
        }
        match &mut self.bytes {
            None => (((mix(&mut self.state) >> 32) * u64::from(end)) >> 32) as u32,
            Some(_) if end <= 256 => u32::from(self.byte()) % end,
            Some(_) => {
                let value = (0..4).fold(0_u32, |value, _| value << 8 | u32::from(self.byte()));
                value % end
            }
        }
    }

    /// Returns true in `hits` of `of` cases.
    pub fn chance(&mut self, hits: u32, of: u32) -> bool {
        hits > 0 && self.below(of) < hits
    }

    /// Returns one of the values.
    pub fn pick<X: Copy>(&mut self, values: &[X]) -> X {
        values[self.below(values.len() as u32) as usize]
    }

    /// Returns a value that is likely to break a driver that expects `honest`.
    pub fn nasty(&mut self, honest: u32) -> u32 {
        match self.below(16) {
            0 => 0,
            1 => 1,
            2 => u32::MAX,
            3 => 0x7fff,
            4 => 0x8000,
            5 => 0xffff,
            6 => 0x1_0000,
            7 => 0x8000_0000,
            8 => honest.wrapping_add(1),
            9 => honest.wrapping_sub(1),
            10 => honest ^ 1 << self.below(32),
            11 => honest ^ 1 << self.below(8),
            12 => 1 << self.below(32),
            13 => self.below(64),
            14 => honest.wrapping_neg(),
            _ => self.bits() as u32,
        }
    }

    fn byte(&mut self) -> u8 {
        let Some((bytes, next)) = &mut self.bytes else { return 0 };
        let byte = bytes.get(*next).copied().unwrap_or(0);
        *next += 1;
        byte
    }
}

/// Returns the next number of the sequence of a seed (SplitMix64).
pub(crate) fn mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut value = *state;
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_decisions_again() {
        let numbers = |seed| {
            let mut choices = Choices::seeded(seed);
            [choices.below(10), choices.below(1 << 20), choices.bits() as u32]
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }

    #[test]
    fn bytes_are_used_up_and_then_every_decision_is_zero() {
        let mut choices = Choices::from_bytes(&[3, 0, 0, 1, 0]);
        assert_eq!((choices.below(10), choices.below(1000)), (3, 256));
        assert!(choices.is_exhausted());
        assert_eq!((choices.below(10), choices.chance(0, 3)), (0, false));
    }
}
