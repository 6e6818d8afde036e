//! Waiting between attempts.

use std::time::Duration;

use crate::ports::Clock;

/// Waits that double up to a bound.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
}

impl Backoff {
    /// Waits from `first`, doubling, to `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most }
    }

    /// The wait after the failed attempt of that number, counted from 0. Up to a half of it is taken off by
    /// chance, so that callers who failed together do not all come back together.
    #[must_use]
    pub fn wait(&self, attempt: u32, clock: &dyn Clock) -> Duration {
        let whole = self.first.saturating_mul(2_u32.saturating_pow(attempt)).min(self.most);
        let mut chance = [0];
        clock.random(&mut chance);
        whole / 2 + whole / 2 * u32::from(u8::MAX - chance[0]) / u32::from(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, Utc};

    use super::Backoff;
    use crate::ports::Clock;

    struct Chance(u8);

    impl Clock for Chance {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }

        fn random(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn waits_double_to_a_bound_and_vary_by_half() {
        let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2));
        let waits = |chance| [0, 1, 2, 10, u32::MAX].map(|attempt| backoff.wait(attempt, &Chance(chance)).as_millis());
        assert_eq!(waits(0), [200, 400, 800, 2000, 2000]);
        assert_eq!(waits(255), [100, 200, 400, 1000, 1000]);
    }
}
