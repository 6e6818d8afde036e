//! A look at one guest.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{try_join, try_join3};
use mycopod_core::guest::{GuestKey, Vmid};
use mycopod_core::observed::{Look, Sighting};
use mycopod_core::ports::CallError;

use crate::client::Pve;
use crate::codec::{Listed, power, sighting};
use crate::json::Row;
use crate::observe::{belong, homes, pools};

/// A guest that moves is missed on the node it has just left; this often its node is asked for anew.
const LOOKS: usize = 3;

/// The entry in a guest's list of snapshots that stands for its present state.
const PRESENT: &str = "current";

impl Pve {
    /// Finds the guest by the cluster's own list, in which existence and node are live, and reads it there.
    pub(crate) async fn look_at(&self, key: GuestKey) -> Result<Look, CallError> {
        for _ in 0..LOOKS {
            let (listed, ha) = try_join(self.list(&["cluster", "resources"], &[]), self.ha_states()).await?;
            let nodes = nodes(&listed);
            let homes = homes(&listed)?;
            if let Some(node) = homes.get(&key) {
                if nodes.get(node) == Some(&false) {
                    return Ok(Look::Unknown(format!("its node {node} is not online")));
                }
                match self.sight(key, node).await {
                    Ok(Some(mut sighting)) => {
                        belong(&mut sighting, &pools(&listed), &ha);
                        return Ok(Look::Present(Box::new(sighting)));
                    }
                    Ok(None) => continue,
                    Err(error @ (CallError::NotSent(_) | CallError::MaybeSent(_))) => {
                        return Ok(Look::Unknown(format!("its node {node} does not answer: {error}")));
                    }
                    Err(error) => return Err(error),
                }
            }
            if let Some((silent, _)) = nodes.iter().find(|(_, online)| !**online) {
                return Ok(Look::Unknown(format!("node {silent} is not online, so its guests are not all known")));
            }
            if nodes.is_empty() {
                return Ok(Look::Unknown("the cluster’s list has no nodes".to_owned()));
            }
            // Numbers are never shared: one that is another kind's is not this guest's.
            let of_another_kind = homes.keys().any(|listed| listed.vmid == key.vmid);
            if of_another_kind || self.is_number_free(key.vmid).await? {
                return Ok(Look::Absent);
            }
            if let Some(found) = self.unlisted(key, nodes.keys()).await? {
                return Ok(found);
            }
        }
        Ok(Look::Unknown(format!("{} exists, but not where it is said to be; it may be moving", key.vmid)))
    }

    /// Looks on every node for a guest that is there and not in the cluster's list: a list has only what one may see,
    /// and may be late. `None` where no node has it at the moment.
    async fn unlisted(&self, key: GuestKey, nodes: impl Iterator<Item = &String>) -> Result<Option<Look>, CallError> {
        for node in nodes {
            match self.sight(key, node).await {
                Ok(Some(sighting)) => return Ok(Some(Look::Present(Box::new(sighting)))),
                Ok(None) => {}
                Err(CallError::Rejected { status: 403, .. }) => {
                    let vmid = key.vmid;
                    let why = format!("{vmid} exists, but may not be seen: VM.Audit is missing on /vms/{vmid}");
                    return Ok(Some(Look::Unknown(why)));
                }
                Err(error @ (CallError::NotSent(_) | CallError::MaybeSent(_))) => {
                    return Ok(Some(Look::Unknown(format!("node {node} does not answer: {error}"))));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Whether a number is free is told to everybody, and by the whole cluster's own list.
    pub(crate) async fn is_number_free(&self, vmid: Vmid) -> Result<bool, CallError> {
        match self.transport.get(&["cluster", "nextid"], &[("vmid", &vmid.to_string())]).await {
            Ok(_) => Ok(true),
            Err(CallError::Rejected { status: 400, reason }) if reason.contains("already exists") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The guest on that node with its snapshots; `None` where it is not there.
    pub(crate) async fn sight(&self, key: GuestKey, node: &str) -> Result<Option<Sighting>, CallError> {
        let vmid = key.vmid.to_string();
        let guest = ["nodes", node, key.kind.as_str(), &vmid];
        let status = [&guest[..], &["status", "current"]].concat();
        let snapshots = [&guest[..], &["snapshot"]].concat();
        let read = try_join3(self.configuration(key, node), self.object(&status), self.list(&snapshots, &[])).await;
        let (configuration, status, snapshots) = match read {
            Err(error) if error.is_not_there(key.vmid) => return Ok(None),
            read => read?,
        };
        let listed = Listed { key, node: node.to_owned(), power: power(&status) };
        let names: BTreeSet<String> =
            snapshots.iter().filter_map(|snapshot| snapshot.text("name")).filter(|name| name != PRESENT).collect();
        Ok(Some(sighting(&listed, configuration, Some(names), &self.marker, self.clock.now())))
    }
}

/// The nodes in `/cluster/resources`, and whether each is online.
fn nodes(listed: &[Row]) -> BTreeMap<String, bool> {
    let nodes = listed.iter().filter(|row| row.text("type").as_deref() == Some("node"));
    nodes.filter_map(|row| Some((row.text("node")?, row.text("status").as_deref() == Some("online")))).collect()
}
