//! What we may do on a cluster, as it tells us.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The major version of Proxmox VE whose rules MycoPod knows.
const MAJOR: &str = "8";

/// Whether answers and rules of that version of Proxmox VE are understood.
#[must_use]
pub fn supports(version: &str) -> bool {
    version.split('.').next() == Some(MAJOR)
}

/// The privileges by path, and the two things that change which are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Whether we are root@pam itself, who may do everything. A token of root is not root.
    pub root: bool,
    /// The pool that new guests join, where one is set.
    pub pool: Option<String>,
    /// For each path that has rules: the privileges there, and whether each reaches what is below.
    pub at: BTreeMap<String, BTreeMap<String, bool>>,
}

impl Rights {
    /// Whether we have the privilege at a path such as `/vms/100`. Rules on a path replace those above it, so the
    /// nearest path with rules decides.
    #[must_use]
    pub fn has(&self, path: &str, privilege: &str) -> bool {
        if self.root {
            return true;
        }
        match self.at.get(path) {
            Some(here) => here.contains_key(privilege),
            None => above(path).find_map(|path| self.at.get(path)).is_some_and(|rules| reach(rules, privilege)),
        }
    }

    /// Whether we have it on whatever lies below a path and has no rules of its own.
    #[must_use]
    pub fn reaches(&self, path: &str, privilege: &str) -> bool {
        match self.at.get(path) {
            _ if self.root => true,
            Some(here) => reach(here, privilege),
            None => self.has(path, privilege),
        }
    }
}

fn reach(rules: &BTreeMap<String, bool>, privilege: &str) -> bool {
    rules.get(privilege).copied().unwrap_or(false)
}

/// The paths above one, from the nearest to `/`.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path;
    std::iter::from_fn(move || {
        let (parent, last) = rest.rsplit_once('/')?;
        rest = parent;
        match (parent, last) {
            ("", "") => None,
            ("", _) => Some("/"),
            (parent, _) => Some(parent),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Rights, supports};

    #[test]
    fn the_nearest_path_with_rules_decides() {
        let at = json!({
            "/": {"Sys.Audit": false, "VM.Audit": true},
            "/storage": {"Datastore.Audit": true, "Datastore.AllocateSpace": false},
            "/storage/local": {"Datastore.Audit": false},
            "/vms": {"VM.Audit": false, "VM.Clone": true},
        });
        let rights = Rights { at: serde_json::from_value(at).unwrap(), ..Rights::default() };
        assert!(rights.has("/", "Sys.Audit") && !rights.has("/nodes", "Sys.Audit") && rights.has("/nodes", "VM.Audit"));
        assert!(rights.has("/storage/nfs", "Datastore.Audit"));
        assert!(!rights.has("/storage/nfs", "Datastore.AllocateSpace"));
        assert!(rights.has("/storage/local", "Datastore.Audit") && !rights.has("/storage/local", "VM.Audit"));
        assert!(rights.has("/vms", "VM.Audit") && !rights.has("/vms/100", "VM.Audit"));
        assert!(rights.reaches("/vms", "VM.Clone") && !rights.reaches("/vms", "VM.Audit"));
        assert!(rights.reaches("/sdn/zones", "VM.Audit") && !rights.reaches("/sdn/zones", "SDN.Use"));
        assert!(!Rights::default().has("/nodes", "Sys.Audit"));
        assert!(Rights { root: true, ..Rights::default() }.has("/nodes", "Sys.Audit"));
    }

    #[test]
    fn only_the_known_major_version_is_supported() {
        assert!(supports("8.4.1") && supports("8.0"));
        assert!(!supports("9.0.3") && !supports("80.1") && !supports(""));
    }
}
