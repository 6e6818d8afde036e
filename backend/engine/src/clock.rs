//! The one home of time and randomness.

use chrono::{DateTime, SubsecRound, Utc};
use mycopod_core::ports::Clock;

/// The system's clock and its cryptographic generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// In whole microseconds, as PostgreSQL keeps them: what was just written reads the same later.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }

    /// # Panics
    /// Where the system has no random numbers to give: nothing that MycoPod does is safe then.
    #[expect(
        clippy::disallowed_methods,
        clippy::expect_used,
        reason = "this is the generator; without it nothing is safe"
    )]
    fn random(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the system gives random numbers");
    }
}
