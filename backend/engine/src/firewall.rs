//! The firewalls of the guests that a declaration is about: read where they matter, as each takes calls of its own.

use std::borrow::Cow;
use std::collections::BTreeSet;

use futures::future::join_all;
use mycopod_core::guest::GuestKey;
use mycopod_core::observed::Observed;

use crate::clusters::Cluster;

impl Cluster {
    /// `observed` with the firewalls of these guests. One that cannot be read stays unread, and whoever needs it says so.
    pub(crate) async fn with_firewalls<'o>(
        &self,
        observed: &'o Observed,
        guests: BTreeSet<GuestKey>,
    ) -> Cow<'o, Observed> {
        let unread = guests.into_iter().filter_map(|key| observed.guest(key)).filter(|seen| seen.firewall.is_none());
        let read =
            join_all(unread.map(async |seen| (&seen.guest, self.hypervisor().firewall(&seen.guest).await))).await;
        if read.is_empty() {
            return Cow::Borrowed(observed);
        }
        let mut with = observed.clone();
        for (guest, firewall) in read {
            match firewall {
                Ok(firewall) => {
                    if let Some(seen) = with.guests.iter_mut().find(|seen| seen.guest.key() == guest.key()) {
                        *seen = seen.clone().with_firewall(firewall);
                    }
                }
                Err(error) => tracing::warn!(vmid = %guest.vmid, %error, "a guest’s firewall cannot be read"),
            }
        }
        Cow::Owned(with)
    }
}
