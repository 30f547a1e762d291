//! The pause after an out-of-memory deflation: without it the balloon would take the same pages right back.

use core::time::Duration;

/// How often the pause doubles at the most.
const MOST_DOUBLINGS: u32 = 6;

/// Whether the balloon may be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HoldOff {
    first: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It may.
    Free,
    /// It may not, until the pause, which was doubled so often, is over.
    Holding(u32),
    /// It may again, but the kernel has not been seen to get on since.
    Probation(u32),
}

impl HoldOff {
    pub(crate) fn new(first: Duration) -> Self {
        Self { first, state: State::Free }
    }

    /// The kernel is out of memory: a pause begins, longer than the last one if that has not helped.
    pub(crate) fn pressure(&mut self) {
        if self.first.is_zero() {
            return;
        }
        self.state = match self.state {
            State::Free => State::Holding(0),
            State::Holding(doublings) => State::Holding(doublings),
            State::Probation(doublings) => State::Holding((doublings + 1).min(MOST_DOUBLINGS)),
        };
    }

    /// The pause is over.
    pub(crate) fn over(&mut self) {
        if let State::Holding(doublings) = self.state {
            self.state = State::Probation(doublings);
        }
    }

    /// The balloon has reached its target: the pressure is gone.
    pub(crate) fn relaxed(&mut self) {
        if let State::Probation(_) = self.state {
            self.state = State::Free;
        }
    }

    /// The pause that holds the balloon off now.
    pub(crate) fn pause(&self) -> Option<Duration> {
        match self.state {
            State::Holding(doublings) => Some(self.first.saturating_mul(1 << doublings)),
            State::Free | State::Probation(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_pause_grows_while_pressure_lasts_and_ends_when_it_does() {
        let mut hold_off = HoldOff::new(SECOND);
        assert_eq!(hold_off.pause(), None);
        for doublings in [0, 1, 2, 3, 4, 5, 6, 6] {
            hold_off.pressure();
            hold_off.pressure();
            assert_eq!(hold_off.pause(), Some(SECOND * (1 << doublings)));
            hold_off.over();
            assert_eq!(hold_off.pause(), None);
        }
        hold_off.relaxed();
        hold_off.pressure();
        assert_eq!(hold_off.pause(), Some(SECOND));
    }

    #[test]
    fn being_on_target_does_not_end_a_pause() {
        let mut hold_off = HoldOff::new(SECOND);
        hold_off.pressure();
        hold_off.relaxed();
        assert_eq!(hold_off.pause(), Some(SECOND));
    }

    #[test]
    fn without_a_pause_the_balloon_is_never_held_off() {
        let mut hold_off = HoldOff::new(Duration::ZERO);
        hold_off.pressure();
        assert_eq!(hold_off.pause(), None);
    }
}
