//! Guessing passwords gets slow, for those who guess.
//!
//! Failures are counted for an address, and for an account as seen from that address,
//! in the database, so that all replicas count together. Nothing is counted for an account alone:
//! whoever guesses cannot keep its owner, who comes from elsewhere, from logging in.
//! IPv6 addresses count by their /64, which is what one customer has.
//!
//! The count is read before a password is hashed and written after it, so that as many
//! attempts more as are hashed at once may pass.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, Utc};
use mycopod_store::{StoreError, login_failures};
use sqlx::PgConnection;

use crate::problem::Problem;

/// Mistakes that cost no waiting, for one account from one address.
const FREE_FOR_ACCOUNT: u32 = 5;
/// The same for all accounts from one address, behind which there may be an office.
const FREE_FOR_ADDRESS: u32 = 50;
/// The waiting doubles from a second up to this, so that an owner at the same address gets in too.
const LONGEST_WAIT: u64 = 30;

/// One attempt to log in.
pub struct Attempt {
    account: String,
    address: String,
}

impl Attempt {
    /// From `address`, for the account of `email`, whether or not there is one.
    pub fn new(address: IpAddr, email: &str) -> Self {
        let address = network(address);
        Self { account: format!("account {email} from {address}"), address: format!("address {address}") }
    }

    /// Refuses (429) where the last failure is too fresh.
    pub async fn check(&self, connection: &mut PgConnection, now: DateTime<Utc>) -> Result<(), Problem> {
        let failures = login_failures::of(connection, &[&self.account, &self.address], now).await?;
        let wait = failures.iter().map(|failure| {
            let free = if failure.subject == self.address { FREE_FOR_ADDRESS } else { FREE_FOR_ACCOUNT };
            let since = u64::try_from((now - failure.last_at).num_seconds()).unwrap_or(0);
            wait_after(failure.failures, free).saturating_sub(since)
        });
        match wait.max() {
            None | Some(0) => Ok(()),
            Some(wait) => {
                let detail = format!("Too many failed logins from this address. Try again in {wait} s.");
                Err(Problem::too_many("too_many_failures", detail, wait))
            }
        }
    }

    /// Counts a failure.
    pub async fn failed(&self, connection: &mut PgConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
        login_failures::count(connection, &self.account, now).await?;
        login_failures::count(connection, &self.address, now).await?;
        Ok(())
    }

    /// Forgets the account's failures from this address. The address's own stay: somebody who has an account must
    /// not be able to guess for ever at the others.
    pub async fn succeeded(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        login_failures::clear(connection, &self.account).await
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Seconds to wait after so many failures of which `free` cost nothing.
fn wait_after(failures: u32, free: u32) -> u64 {
    match failures.checked_sub(free) {
        None => 0,
        Some(more) => 1_u64.checked_shl(more).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT),
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempt, FREE_FOR_ACCOUNT, LONGEST_WAIT, wait_after};

    #[test]
    fn the_waiting_doubles_and_stays_bearable() {
        let waits: Vec<_> = (0..14).map(|failures| wait_after(failures, FREE_FOR_ACCOUNT)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30, 30]);
        assert_eq!(wait_after(u32::MAX, FREE_FOR_ACCOUNT), LONGEST_WAIT);
    }

    #[test]
    fn neighbours_in_a_64_count_together_and_mapped_addresses_as_ipv4() {
        let address = |text: &str| Attempt::new(text.parse().unwrap(), "a@b").address;
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:2"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }
}
