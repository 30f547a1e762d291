//! The pause after a deflation on OOM. Without it the balloon would take the same pages again at once.

use core::time::Duration;

/// How often the pause doubles at most.
const MAX_DOUBLINGS: u32 = 6;

/// Decides whether the balloon may inflate after the kernel was out of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OomBackoff {
    first: Duration,
    state: State,
    /// Number of the current pause. Wraps.
    round: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The balloon may inflate.
    Inactive,
    /// The balloon may not inflate until the pause ends, which was doubled this many times.
    Pausing(u32),
    /// The balloon may inflate again, but has not reached its target since.
    Probing(u32),
}

impl OomBackoff {
    pub(crate) fn new(first: Duration) -> Self {
        Self { first, state: State::Inactive, round: 0 }
    }

    /// Starts a pause because the kernel is out of memory. It is longer than the last one if the balloon has not reached
    /// its target in between.
    pub(crate) fn start(&mut self) {
        if self.first.is_zero() {
            return;
        }
        self.round = self.round.wrapping_add(1);
        self.state = match self.state {
            State::Inactive => State::Pausing(0),
            State::Pausing(doublings) => State::Pausing(doublings),
            State::Probing(doublings) => State::Pausing((doublings + 1).min(MAX_DOUBLINGS)),
        };
    }

    /// Ends the pause of that round, if it is the current one.
    pub(crate) fn end(&mut self, round: u32) {
        if let State::Pausing(doublings) = self.state
            && self.round == round
        {
            self.state = State::Probing(doublings);
        }
    }

    /// Notes that the balloon has reached its target: the kernel has enough memory.
    pub(crate) fn on_target(&mut self) {
        if let State::Probing(_) = self.state {
            self.state = State::Inactive;
        }
    }

    /// Returns the number of the current or last pause.
    pub(crate) const fn round(&self) -> u32 {
        self.round
    }

    /// Returns the current pause and its round.
    pub(crate) fn pause(&self) -> Option<(Duration, u32)> {
        match self.state {
            State::Pausing(doublings) => Some((self.first.saturating_mul(1 << doublings), self.round)),
            State::Inactive | State::Probing(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn length(backoff: &OomBackoff) -> Option<Duration> {
        backoff.pause().map(|(length, _)| length)
    }

    fn end(backoff: &mut OomBackoff) {
        let (_, round) = backoff.pause().expect("a pause");
        backoff.end(round);
    }

    #[test]
    fn the_pause_grows_while_memory_is_short_and_starts_again_after_the_target_is_reached() {
        let mut backoff = OomBackoff::new(SECOND);
        assert_eq!(length(&backoff), None);
        for doublings in [0, 1, 2, 3, 4, 5, 6, 6] {
            backoff.start();
            backoff.start();
            assert_eq!(length(&backoff), Some(SECOND * (1 << doublings)));
            end(&mut backoff);
            assert_eq!(length(&backoff), None);
        }
        backoff.on_target();
        backoff.start();
        assert_eq!(length(&backoff), Some(SECOND));
    }

    #[test]
    fn reaching_the_target_does_not_end_a_pause() {
        let mut backoff = OomBackoff::new(SECOND);
        backoff.start();
        backoff.on_target();
        assert_eq!(length(&backoff), Some(SECOND));
    }

    #[test]
    fn the_end_of_an_earlier_pause_does_not_end_a_later_one() {
        let mut backoff = OomBackoff::new(SECOND);
        backoff.start();
        let (_, earlier) = backoff.pause().unwrap();
        backoff.start();
        backoff.end(earlier);
        assert_eq!(length(&backoff), Some(SECOND));
        end(&mut backoff);
        assert_eq!(length(&backoff), None);
    }

    #[test]
    fn a_pause_of_zero_never_stops_the_balloon() {
        let mut backoff = OomBackoff::new(Duration::ZERO);
        backoff.start();
        assert_eq!(length(&backoff), None);
    }
}
