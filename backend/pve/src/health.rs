//! Whether this is a Proxmox VE that we know, and what we may do there.

use std::collections::BTreeSet;

use futures::future::{join_all, try_join4};
use mycopod_core::ports::{CallError, Health, MissingPrivilege};
use mycopod_core::rights::Rights;
use serde_json::Value;

pub use mycopod_core::rights::supports;

use crate::client::Pve;
use crate::json::Row;

/// What is needed on guests.
const ON_GUESTS: [&str; 16] = [
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Migrate",
    "VM.PowerMgmt",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
];
/// What is needed besides on the pool that new guests join.
const ON_POOL: &str = "Pool.Audit";
/// What is needed on each storage that guests or templates are on.
const ON_STORAGES: [&str; 2] = ["Datastore.AllocateSpace", "Datastore.Audit"];
/// The contents by which a storage is one of those.
const CONTENTS: [&str; 3] = ["images", "rootdir", "vztmpl"];
/// What is needed on each bridge.
const ON_BRIDGES: &str = "SDN.Use";
/// What is needed on nodes.
const ON_NODES: &str = "Sys.Audit";

impl Pve {
    /// What we may do, by the cluster's own account.
    pub(crate) async fn granted(&self) -> Result<Rights, CallError> {
        let answer = self.object(&["access", "permissions"]).await?;
        let at = answer.parts().map(|(path, at)| {
            let Value::Object(_) = at else {
                return Err(CallError::Malformed(format!("no privileges, but {at} at {path}")));
            };
            let privileges = Row::of(at.clone());
            Ok((path.clone(), privileges.parts().map(|(name, _)| (name.clone(), privileges.flag(name))).collect()))
        });
        let at = at.collect::<Result<_, _>>()?;
        Ok(Rights { root: self.transport.is_root(), pool: self.pool.clone(), at })
    }

    /// Storages and bridges that may not be seen at all cannot be named: then the right is missing above them.
    pub(crate) async fn check(&self) -> Result<Health, CallError> {
        let (version, rights, storages, nodes) = try_join4(
            self.object(&["version"]),
            self.granted(),
            self.list(&["storage"], &[]),
            self.list(&["nodes"], &[]),
        )
        .await?;
        let online = nodes.iter().filter(|node| node.text("status").as_deref() != Some("offline"));
        let online: Vec<_> = online.filter_map(|node| node.text("node")).collect();
        let networks = join_all(online.iter().map(|node| self.bridges(node))).await;

        let mut needed: Vec<(String, &str)> = vec![("/nodes".to_owned(), ON_NODES)];
        let guests = self.pool.as_ref().map_or_else(|| "/vms".to_owned(), |pool| format!("/pool/{pool}"));
        needed.extend(ON_GUESTS.map(|privilege| (guests.clone(), privilege)));
        needed.extend(self.pool.is_some().then(|| (guests.clone(), ON_POOL)));
        let storages = storages.iter().filter(|storage| holds_guests(storage)).filter_map(|row| row.text("storage"));
        for path in paths("/storage", storages) {
            needed.extend(ON_STORAGES.map(|privilege| (path.clone(), privilege)));
        }
        let bridges: BTreeSet<String> = networks.into_iter().flatten().flatten().collect();
        needed.extend(paths("/sdn/zones/localnetwork", bridges.into_iter()).map(|path| (path, ON_BRIDGES)));

        // Guests lie below `/vms`: what does not reach them is of no use there.
        let has = |path: &str, privilege| match path {
            "/vms" => rights.reaches(path, privilege),
            _ => rights.has(path, privilege),
        };
        let missing = needed.into_iter().filter(|(path, privilege)| !has(path, privilege));
        let missing = missing.map(|(path, privilege)| MissingPrivilege { path, privilege: privilege.to_owned() });
        let version = version.text("version").unwrap_or_default();
        let supported = supports(&version);
        let fingerprints =
            nodes.iter().filter_map(|node| node.text("ssl_fingerprint")).filter(|print| !print.is_empty()).collect();
        Ok(Health { version, supported, missing: missing.collect(), fingerprints })
    }

    async fn bridges(&self, node: &str) -> Result<Vec<String>, CallError> {
        let rows = self.list(&["nodes", node, "network"], &[]).await?;
        let is_bridge = |row: &&Row| matches!(row.text("type").as_deref(), Some("bridge" | "OVSBridge"));
        Ok(rows.iter().filter(is_bridge).filter_map(|row| row.text("iface")).collect())
    }
}

fn holds_guests(storage: &Row) -> bool {
    let content = storage.text("content").unwrap_or_default();
    !storage.flag("disable") && content.split(',').any(|content| CONTENTS.contains(&content.trim()))
}

/// The paths of what is `below`, or the one above them where there is nothing.
fn paths(above: &str, below: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let mut below = below.map(move |name| format!("{above}/{name}")).peekable();
    let alone = below.peek().is_none().then(|| above.to_owned());
    below.chain(alone)
}

#[cfg(test)]
mod tests {
    use super::paths;

    #[test]
    fn where_nothing_may_be_seen_the_path_above_is_named() {
        assert_eq!(paths("/storage", [].into_iter()).collect::<Vec<_>>(), ["/storage"]);
        assert_eq!(paths("/storage", ["a".to_owned()].into_iter()).collect::<Vec<_>>(), ["/storage/a"]);
    }
}
