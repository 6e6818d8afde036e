//! Whether this is a Proxmox VE that we know, and whether we may do there what plans need.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join_all, try_join4};
use mycopod_core::ports::{CallError, Health, MissingPrivilege};
use serde_json::Value;

use crate::client::Pve;
use crate::json::Row;

/// The major version whose answers this client knows.
const MAJOR: &str = "8";

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

/// Whether answers of that version of Proxmox VE are understood.
#[must_use]
pub fn supports(version: &str) -> bool {
    version.split('.').next() == Some(MAJOR)
}

impl Pve {
    /// Storages and bridges that may not be seen at all cannot be named: then the right is missing above them.
    pub(crate) async fn check(&self) -> Result<Health, CallError> {
        let (version, rights, storages, nodes) = try_join4(
            self.object(&["version"]),
            self.object(&["access", "permissions"]),
            self.list(&["storage"], &[]),
            self.list(&["nodes"], &[]),
        )
        .await?;
        let rights = Rights::of(&rights);
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

        let missing = needed.into_iter().filter(|(path, privilege)| !rights.has(path, privilege));
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

/// What `GET /access/permissions` answers: for each path with rules, the privileges there, and whether
/// each reaches what is below.
struct Rights(BTreeMap<String, BTreeMap<String, bool>>);

impl Rights {
    fn of(answer: &Row) -> Self {
        let privileges = |privileges: &Value| {
            let privileges = Row::of(privileges.clone());
            privileges.parts().map(|(name, _)| (name.clone(), privileges.flag(name))).collect()
        };
        Self(answer.parts().map(|(path, at)| (path.clone(), privileges(at))).collect())
    }

    /// Rules on a path replace those above it, so the nearest path with rules decides.
    fn has(&self, path: &str, privilege: &str) -> bool {
        // Guests lie below `/vms`: what does not reach them is of no use there.
        if let Some(here) = self.0.get(path) {
            return here.get(privilege).is_some_and(|reaches| *reaches || path != "/vms");
        }
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/') {
            above = parent;
            if let Some(rules) = self.0.get(if parent.is_empty() { "/" } else { parent }) {
                return rules.get(privilege).copied().unwrap_or(false);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Rights, Row, paths, supports};

    #[test]
    fn the_nearest_path_with_rules_decides() {
        let rights = Rights::of(&Row::of(json!({
            "/": {"Sys.Audit": 0, "VM.Audit": 1},
            "/storage": {"Datastore.Audit": 1, "Datastore.AllocateSpace": 0},
            "/storage/local": {"Datastore.Audit": 0},
            "/vms": {"VM.Audit": 0, "VM.Clone": 1},
        })));
        assert!(rights.has("/nodes", "VM.Audit") && !rights.has("/nodes", "Sys.Audit"));
        assert!(
            rights.has("/storage/nfs", "Datastore.Audit") && !rights.has("/storage/nfs", "Datastore.AllocateSpace")
        );
        assert!(rights.has("/storage/local", "Datastore.Audit") && !rights.has("/storage/local", "VM.Audit"));
        assert!(rights.has("/vms", "VM.Clone") && !rights.has("/vms", "VM.Audit"));
        assert!(!Rights::of(&Row::of(json!({}))).has("/nodes", "Sys.Audit"));
    }

    #[test]
    fn where_nothing_may_be_seen_the_path_above_is_named() {
        assert_eq!(paths("/storage", [].into_iter()).collect::<Vec<_>>(), ["/storage"]);
        assert_eq!(paths("/storage", ["a".to_owned()].into_iter()).collect::<Vec<_>>(), ["/storage/a"]);
    }

    #[test]
    fn only_the_known_major_version_is_supported() {
        assert!(supports("8.4.1") && supports("8.0"));
        assert!(!supports("9.0.3") && !supports("80.1") && !supports(""));
    }
}
