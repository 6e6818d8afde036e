//! A server that failed several times in a row is left alone for a while.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// As many failures in a row are no accident.
const FAILURES: u32 = 3;

/// How long the server is left alone then: long enough for it to come back, short enough for nobody to wait for long.
const PAUSE: Duration = Duration::from_mins(1);

/// What is known of the last calls.
#[derive(Default)]
pub struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    until: Option<Instant>,
}

impl Breaker {
    /// Whether a call may go out; otherwise for how much longer it may not. After the pause one call may, and the next
    /// ones when that has ended well.
    pub fn allow(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.until {
            Some(until) if now < until => Err(until - now),
            Some(_) => {
                state.until = Some(now + PAUSE);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Notes how a call ended.
    pub fn ended(&self, well: bool, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if well {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            state.until = Some(now + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Breaker, FAILURES, PAUSE};

    #[test]
    fn a_server_that_keeps_failing_is_left_alone_and_then_tried_by_one() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES {
            assert!(breaker.allow(now).is_ok());
            breaker.ended(false, now);
        }
        assert_eq!(breaker.allow(now), Err(PAUSE));
        let later = now + PAUSE;
        assert!(breaker.allow(later).is_ok());
        assert!(breaker.allow(later + Duration::from_secs(1)).is_err(), "one is tried, the others wait for it");
        breaker.ended(true, later);
        assert!(breaker.allow(later).is_ok());
    }

    #[test]
    fn a_success_between_forgets_the_failures() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..3 * FAILURES {
            breaker.ended(false, now);
            breaker.ended(true, now);
        }
        assert!(breaker.allow(now).is_ok());
    }
}
