//! How often one person may ask for something that costs: so many at once, and then one each so often.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use mycopod_core::id::UserId;

use crate::problem::Problem;

/// People who are remembered before those are forgotten of whom nothing is owed: a kilobyte each is far more than it takes.
const MAX_PEOPLE: usize = 1_000;

/// The generic cell rate algorithm: of each person one time is kept, up to which they have spent what they have.
/// Counted by each replica for itself.
pub struct Pace {
    each: TimeDelta,
    ahead: TimeDelta,
    spent_until: Mutex<HashMap<UserId, DateTime<Utc>>>,
}

impl Pace {
    /// `at_once` in a moment, and one more each `each`.
    pub fn new(each: TimeDelta, at_once: i32) -> Self {
        Self { each, ahead: each * at_once, spent_until: Mutex::default() }
    }

    /// Counts one, or refuses it (429).
    pub fn take(&self, user: UserId, now: DateTime<Utc>) -> Result<(), Problem> {
        let mut people = self.spent_until.lock().unwrap_or_else(PoisonError::into_inner);
        if people.len() >= MAX_PEOPLE {
            people.retain(|_, until| *until > now);
        }
        let spent = people.get(&user).copied().unwrap_or(now).max(now) + self.each;
        if spent - now > self.ahead {
            let wait = u64::try_from((spent - self.ahead - now).num_seconds()).unwrap_or(0) + 1;
            return Err(Problem::too_many("too_often", format!("This is too often. Try again in {wait} s."), wait));
        }
        people.insert(user, spent);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use mycopod_core::id::UserId;
    use uuid::Uuid;

    use super::Pace;

    #[test]
    fn so_many_at_once_and_then_one_each_so_often() {
        let pace = Pace::new(TimeDelta::seconds(2), 3);
        let (ada, bob) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let at = |millis| DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis);
        let taken: Vec<bool> = (0..5).map(|_| pace.take(ada, at(0)).is_ok()).collect();
        assert_eq!(taken, [true, true, true, false, false]);
        assert!(pace.take(bob, at(0)).is_ok(), "everybody has their own");
        assert!(pace.take(ada, at(1_999)).is_err());
        assert!(pace.take(ada, at(2_000)).is_ok());
        assert!(pace.take(ada, at(2_000)).is_err());
        let rested: Vec<bool> = (0..4).map(|_| pace.take(ada, at(60_000)).is_ok()).collect();
        assert_eq!(rested, [true, true, true, false], "rest is not saved up");
    }
}
