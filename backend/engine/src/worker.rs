//! Finding work in the database and doing it under a lease.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use mycopod_store::StoreError;
use mycopod_store::leases::{self, Claimable, Lease};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{Engine, Refusal};

/// How long a claim holds. A worker that died is replaced after this; one that merely waits renews it.
pub(crate) const LEASE: Duration = Duration::from_secs(15);
/// Three renewals fit into a lease: two may be lost.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// A worker that could not renew stops this long before others may claim its work.
const STOP_BEFORE: Duration = Duration::from_secs(3);
/// How often the database is asked for work when no bell rings: bells may be lost, or ring on another replica.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Does `work`, and takes even a panic for an error: whoever did it can then end what it was about, which would else
/// be claimed and go wrong for ever.
pub(crate) async fn caught(work: impl Future<Output = Result<(), Refusal>>) -> Result<(), Refusal> {
    // What is unwound is dropped whole; what was half done is as after a crash.
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(fault()))
}

/// What a panic is to people.
pub(crate) fn fault() -> Refusal {
    Refusal::Internal("Something went wrong inside MycoPod; its log says what.".into())
}

impl Engine {
    /// A name for this worker, for people who look at the leases.
    pub(crate) fn worker(&self) -> String {
        format!("{}-{}", self.settings().origin, std::process::id())
    }

    /// Does work that `claim` finds, `at_once` pieces at a time, until `stop`; then waits for those under way.
    pub(crate) async fn work<W, C, D>(
        &self,
        stop: &CancellationToken,
        at_once: usize,
        claim: impl Fn(Self) -> C,
        carry: impl Fn(Self, Lease<W>) -> D,
    ) where
        W: Claimable + Send + Sync + 'static,
        C: Future<Output = Result<Option<Lease<W>>, Refusal>>,
        D: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        let mut under_way = JoinSet::new();
        loop {
            // Registered before the look, so that no bell between the two is missed.
            let bell = self.0.work.notified();
            if under_way.len() < at_once {
                let asked = Instant::now();
                match claim(self.clone()).await {
                    Ok(Some(lease)) => {
                        let (engine, work) = (self.clone(), carry(self.clone(), lease));
                        under_way.spawn(async move { engine.under(lease, asked, work).await });
                        continue;
                    }
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%error, "looking for work failed"),
                }
            }
            // In this order: of what is ready at once none is chosen by chance, so that one run is like another.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_) = under_way.join_next() => {}
                () = bell => {}
                () = sleep(ASK_EVERY) => {}
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Does `work` for as long as the lease, which was asked for at `asked`, can be kept, and gives it back. Work cut off
    /// here is as after a crash.
    async fn under<W: Claimable>(
        &self,
        lease: Lease<W>,
        asked: Instant,
        work: impl Future<Output = Result<(), Refusal>>,
    ) {
        // In this order: a process that stood still beyond its lease learns so before it does anything more.
        tokio::select! {
            biased;
            () = self.renew(&lease, asked) => tracing::warn!(fence = lease.fence, "a lease was lost; its work stops here"),
            result = work => {
                if let Err(error) = result {
                    tracing::warn!(%error, "a piece of work ended early");
                    // The same trouble would be met at once again.
                    sleep(ASK_EVERY).await;
                }
                let released = async { leases::release(&mut *self.pool().acquire().await?, &lease).await };
                if let Err(error) = released.await {
                    tracing::warn!(%error, "a lease was not given back; it runs out by itself");
                }
            }
        }
        self.ring();
    }

    /// Renews the lease until it is lost or cannot be kept, by a clock that goes on while the process stands still.
    async fn renew<W: Claimable>(&self, lease: &Lease<W>, asked: Instant) {
        let mut good_until = asked + LEASE - STOP_BEFORE;
        loop {
            sleep(RENEW_EVERY.min(good_until.saturating_duration_since(Instant::now()))).await;
            let asked = Instant::now();
            if asked >= good_until {
                return;
            }
            let renewed = async { leases::renew(&mut *self.pool().acquire().await?, lease, LEASE).await };
            let result = tokio::time::timeout(good_until.saturating_duration_since(asked), renewed).await;
            match result {
                Ok(Ok(())) => good_until = asked + LEASE - STOP_BEFORE,
                Ok(Err(StoreError::LeaseLost)) => return,
                Ok(Err(error)) => tracing::warn!(%error, "a lease was not renewed; trying again"),
                Err(_) => {}
            }
        }
    }
}
