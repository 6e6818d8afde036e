//! What tells one cluster from another.

use std::collections::BTreeMap;

use crate::json::Row;

/// A cluster as one of its hosts describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its name; `None` for a lone node, and where one may not ask for it (Sys.Audit on `/`).
    name: Option<String>,
    /// Its nodes, and the fingerprint of each one's certificate. Everybody may ask for these.
    nodes: BTreeMap<String, Option<String>>,
}

impl Identity {
    /// Reads `GET /cluster/status` and `GET /nodes`.
    pub fn of(status: &[Row], nodes: &[Row]) -> Self {
        let cluster = status.iter().find(|row| row.text("type").as_deref() == Some("cluster"));
        let mut identity = Self { name: cluster.and_then(|row| row.text("name")), nodes: BTreeMap::new() };
        identity.saw(nodes);
        identity
    }

    /// Takes the nodes over as they are now: certificates are renewed.
    pub fn saw(&mut self, nodes: &[Row]) {
        self.nodes = nodes.iter().filter_map(|row| Some((row.text("node")?, row.text("ssl_fingerprint")))).collect();
    }

    /// Why the other is not the same cluster. Names alone prove little: many a cluster has a node `pve`. All
    /// hosts of one cluster tell the same certificates.
    pub fn differs(&self, other: &Self) -> Option<String> {
        let shared: Vec<_> =
            self.nodes.iter().filter_map(|(node, ours)| Some((node, ours, other.nodes.get(node)?))).collect();
        let Some((first, ..)) = shared.first() else {
            let names: Vec<_> = other.nodes.keys().map(String::as_str).collect();
            return Some(format!("it has none of the cluster’s nodes, but {}", names.join(", ")));
        };
        let both = || shared.iter().filter(|(_, ours, theirs)| ours.is_some() && theirs.is_some());
        if both().any(|(_, ours, theirs)| ours == theirs) {
            return None;
        }
        if both().next().is_some() {
            return Some(format!("its node {first} has another certificate than the cluster’s"));
        }
        match (&self.name, &other.name) {
            (Some(ours), Some(theirs)) if ours != theirs => Some(format!("its cluster is {theirs}, not {ours}")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Identity, Row};

    fn identity(name: Option<&str>, nodes: &[(&str, Option<&str>)]) -> Identity {
        let status: Vec<_> = name.iter().map(|name| Row::of(json!({"type": "cluster", "name": name}))).collect();
        let nodes = nodes.iter().map(|(node, print)| Row::of(json!({"node": node, "ssl_fingerprint": print})));
        Identity::of(&status, &nodes.collect::<Vec<_>>())
    }

    #[test]
    fn certificates_tell_clusters_apart_and_names_where_there_are_none() {
        let ours = identity(Some("lab"), &[("pve1", Some("AA")), ("pve2", Some("BB"))]);
        assert_eq!(ours.differs(&ours), None);
        // One node's certificate was renewed; without Sys.Audit the name is not told.
        assert_eq!(ours.differs(&identity(None, &[("pve1", Some("AA")), ("pve2", Some("CC"))])), None);
        let twin = identity(Some("lab"), &[("pve1", Some("DD")), ("pve2", Some("EE"))]);
        assert!(ours.differs(&twin).unwrap().contains("another certificate"));
        assert!(ours.differs(&identity(Some("lab"), &[("node9", Some("AA"))])).unwrap().contains("node9"));
        assert_eq!(ours.differs(&identity(Some("lab"), &[("pve1", None)])), None);
        assert!(ours.differs(&identity(Some("home"), &[("pve1", None)])).unwrap().contains("home, not lab"));
        assert!(ours.differs(&identity(None, &[])).is_some());
    }
}
