//! The one home of time and randomness.

use chrono::{DateTime, Utc};
use mycopod_core::ports::Clock;

/// The system's clock and its cryptographic generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
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
