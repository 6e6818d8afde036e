//! The families of sections: where their API is, what they are called, and their complaints.

use serde_json::{Value, json};

use super::rules;
use crate::call::Call;
use crate::cluster::Cluster;
use crate::failure::Outcome;
use crate::permission::Rights;
use crate::section::Section;

/// What the type of a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The parameter `type` says it.
    Parameter,
    /// There is one only.
    Only(&'static str),
    /// The id begins with it: `vm:100`.
    Prefix,
}

/// A check that may complete what is written.
pub type Rule = fn(&Cluster, &Call, &str, &mut Section) -> Outcome<()>;

/// A check of whether a section may go.
pub type Refusal = fn(&Cluster, &Call, &str) -> Outcome<()>;

/// A family of sections. In its texts `{}` is the section's id.
pub struct Family {
    /// The listing.
    pub path: &'static str,
    /// The method that makes a section.
    pub create: &'static str,
    /// The parameter that names a section, and those of the path before it.
    pub key: &'static str,
    pub keys_above: &'static [&'static str],
    /// Where the sections are kept and whose options they have.
    pub kind: &'static str,
    pub of: Of,
    pub id: fn(&Cluster, &Call) -> Outcome<String>,
    /// Whether a caller sees a section.
    pub seen: fn(&Rights, &str, &Section) -> bool,
    /// Whether entries show the file's digest.
    pub digests: bool,
    /// Whether changes wait until the network is applied.
    pub commits: bool,
    /// Whether a change has to give all that a creation has to.
    pub whole_on_change: bool,
    pub exists: &'static str,
    pub missing: &'static str,
    pub missing_change: &'static str,
    /// Nothing where removing what is not there is no failure.
    pub missing_remove: Option<&'static str>,
    pub creating: &'static str,
    pub changing: &'static str,
    pub removing: &'static str,
    pub before_list: Option<fn(&Cluster, &Call) -> Outcome<()>>,
    pub before_create: Option<Rule>,
    pub before_change: Option<Rule>,
    pub within_change: Option<Rule>,
    pub before_remove: Option<Refusal>,
    /// Adds to an entry what is not written in the section.
    pub dress: Option<fn(&str, &Section, &mut Value)>,
}

impl Family {
    /// The family that a method's path belongs to.
    pub fn of_path(path: &str) -> Option<&'static Self> {
        // The longest wins: subnets lie below their vnet.
        let below = |family: &&&Self| {
            path.strip_prefix(family.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        FAMILIES.iter().filter(|family| below(&family)).max_by_key(|family| family.path.len())
    }
}

/// What most families have in common.
const PLAIN: Family = Family {
    path: "",
    create: "",
    key: "id",
    keys_above: &[],
    kind: "",
    of: Of::Parameter,
    id: rules::plain_id,
    seen: |_, _, _| true,
    digests: true,
    commits: false,
    whole_on_change: false,
    exists: "",
    missing: "",
    missing_change: "",
    missing_remove: None,
    creating: "",
    changing: "",
    removing: "",
    before_list: None,
    before_create: None,
    before_change: None,
    within_change: None,
    before_remove: None,
    dress: None,
};

const MAPPING: Family = Family {
    missing: "mapping '{}' not found",
    creating: "create hardware mapping failed",
    changing: "update hardware mapping failed",
    whole_on_change: true,
    ..PLAIN
};

/// Every family.
pub static FAMILIES: [Family; 13] = [
    Family {
        path: "/cluster/ha/resources",
        create: "/cluster/ha/resources",
        key: "sid",
        kind: "ha/resources",
        of: Of::Prefix,
        id: rules::ha_resource_id,
        exists: "resource ID '{}' already defined",
        missing: "no such resource '{}'",
        missing_change: "no such resource '{}'",
        missing_remove: Some("cannot delete service '{}', not HA managed!"),
        creating: "create resource failed",
        changing: "update resources config failed",
        before_create: Some(rules::ha_resource_exists),
        before_change: Some(rules::ha_group_exists),
        ..PLAIN
    },
    Family {
        path: "/cluster/ha/groups",
        create: "/cluster/ha/groups",
        key: "group",
        kind: "ha/groups",
        of: Of::Only("group"),
        exists: "ha group ID '{}' already defined",
        missing: "no such ha group '{}'",
        missing_change: "no such ha group '{}'",
        creating: "create ha group failed",
        changing: "update ha group failed",
        removing: "delete ha group failed",
        before_remove: Some(rules::ha_group_unused),
        ..PLAIN
    },
    Family {
        path: "/cluster/replication",
        create: "/cluster/replication",
        kind: "replication",
        seen: |rights, id, _| rights.has(&format!("/vms/{}", id.split('-').next().unwrap_or_default()), "VM.Audit"),
        exists: "replication job '{}' already exists",
        missing: "no such replication job '{}'",
        missing_change: "no such job '{}'",
        missing_remove: Some("no such job '{}'"),
        before_create: Some(rules::replicable),
        before_remove: Some(rules::keep_or_force),
        dress: Some(|id, _, entry| {
            let mut numbers = id.split('-').map(|number| number.parse::<u32>().unwrap_or_default());
            entry["guest"] = json!(numbers.next());
            entry["jobnum"] = json!(numbers.next());
        }),
        ..PLAIN
    },
    Family {
        path: "/cluster/sdn/zones",
        create: "/cluster/sdn/zones",
        key: "zone",
        kind: "sdn/zones",
        seen: |rights, id, _| rights.has_any(&format!("/sdn/zones/{id}"), &rules::SDN_SEEN),
        commits: true,
        exists: "sdn zone object ID '{}' already defined",
        missing: "sdn '{}' does not exist",
        missing_change: "sdn '{}' does not exist",
        missing_remove: Some("sdn '{}' does not exist"),
        creating: "create sdn zone object failed",
        changing: "update sdn zone object failed",
        removing: "delete sdn zone object failed",
        within_change: Some(rules::zone),
        before_remove: Some(rules::zone_unused),
        ..PLAIN
    },
    Family {
        path: "/cluster/sdn/vnets",
        create: "/cluster/sdn/vnets",
        key: "vnet",
        kind: "sdn/vnets",
        of: Of::Only("vnet"),
        seen: |rights, id, vnet| {
            let zone = vnet.get("zone").map_or("", String::as_str);
            rights.has_any(&format!("/sdn/zones/{zone}/{id}"), &rules::SDN_SEEN)
        },
        commits: true,
        exists: "sdn vnet object ID '{}' already defined",
        missing: "sdn vnet '{}' does not exist",
        missing_change: "sdn vnet '{}' does not exist",
        missing_remove: Some("sdn vnet '{}' does not exist"),
        creating: "create sdn vnet object failed",
        changing: "update sdn vnet object failed",
        removing: "delete sdn vnet object failed",
        before_change: Some(rules::vnet_exists),
        within_change: Some(rules::vnet),
        before_remove: Some(rules::vnet_unused),
        ..PLAIN
    },
    Family {
        path: "/cluster/sdn/vnets/{vnet}/subnets",
        create: "/cluster/sdn/vnets/{vnet}/subnets",
        key: "subnet",
        keys_above: &["vnet"],
        kind: "sdn/subnets",
        of: Of::Only("subnet"),
        id: rules::subnet_id,
        commits: true,
        exists: "sdn subnet object ID '{}' already defined",
        missing: "sdn subnet '{}' does not exist",
        missing_change: "sdn subnet '{}' does not exist",
        creating: "create sdn subnet object failed",
        changing: "update sdn subnet object failed",
        removing: "delete sdn subnet object failed",
        before_list: Some(rules::subnets_vnet),
        before_create: Some(rules::subnet_vnet),
        before_change: Some(rules::subnet_vnet),
        within_change: Some(rules::subnet),
        dress: Some(|id, _, entry| {
            let parts: Vec<&str> = id.splitn(3, '-').collect();
            if let [zone, network, mask] = parts.as_slice() {
                entry["zone"] = json!(zone);
                entry["network"] = json!(network);
                entry["mask"] = json!(mask);
                entry["cidr"] = json!(format!("{network}/{mask}"));
            }
            entry["id"] = json!(id);
        }),
        ..PLAIN
    },
    Family {
        path: "/cluster/sdn/controllers",
        create: "/cluster/sdn/controllers",
        key: "controller",
        kind: "sdn/controllers",
        seen: |rights, id, _| rights.has_any(&format!("/sdn/controllers/{id}"), &rules::SDN_SEEN),
        commits: true,
        exists: "sdn controller object ID '{}' already defined",
        missing: "sdn '{}' does not exist",
        missing_change: "sdn '{}' does not exist",
        missing_remove: Some("sdn '{}' does not exist"),
        creating: "create sdn controller object failed",
        changing: "update sdn controller object failed",
        removing: "delete sdn controller object failed",
        within_change: Some(rules::controller),
        before_remove: Some(rules::controller_unused),
        ..PLAIN
    },
    Family {
        path: "/cluster/sdn/ipams",
        create: "/cluster/sdn/ipams",
        key: "ipam",
        kind: "sdn/ipams",
        seen: |rights, id, _| rights.has_any(&format!("/sdn/ipams/{id}"), &rules::SDN_SEEN),
        exists: "sdn ipam object ID '{}' already defined",
        missing: "sdn '{}' does not exist",
        missing_change: "sdn '{}' does not exist",
        missing_remove: Some("sdn '{}' does not exist"),
        creating: "create sdn ipam object failed",
        changing: "update sdn ipam object failed",
        removing: "delete sdn zone object failed",
        ..PLAIN
    },
    Family {
        path: "/cluster/sdn/dns",
        create: "/cluster/sdn/dns",
        key: "dns",
        kind: "sdn/dns",
        seen: |rights, id, _| rights.has_any(&format!("/sdn/dns/{id}"), &rules::SDN_SEEN),
        exists: "sdn dns object ID '{}' already defined",
        missing: "sdn '{}' does not exist",
        missing_change: "sdn '{}' does not exist",
        missing_remove: Some("sdn '{}' does not exist"),
        creating: "create sdn dns object failed",
        changing: "update sdn dns object failed",
        removing: "delete sdn dns object failed",
        ..PLAIN
    },
    Family {
        path: "/cluster/mapping/dir",
        create: "/cluster/mapping/dir",
        kind: "mapping/dir",
        of: Of::Only("dir"),
        seen: |rights, id, _| rights.has_any(&format!("/mapping/dir/{id}"), &rules::MAPPING_SEEN),
        exists: "dir ID '{}' already defined",
        missing_change: "dir ID '{}' does not exist",
        ..MAPPING
    },
    Family {
        path: "/cluster/mapping/pci",
        create: "/cluster/mapping/pci",
        kind: "mapping/pci",
        of: Of::Only("pci"),
        seen: |rights, id, _| rights.has_any(&format!("/mapping/pci/{id}"), &rules::MAPPING_SEEN),
        exists: "pci ID '{}' already defined",
        missing_change: "pci ID '{}' does not exist",
        ..MAPPING
    },
    Family {
        path: "/cluster/mapping/usb",
        create: "/cluster/mapping/usb",
        kind: "mapping/usb",
        of: Of::Only("usb"),
        seen: |rights, id, _| rights.has_any(&format!("/mapping/usb/{id}"), &rules::MAPPING_SEEN),
        exists: "usb ID '{}' already defined",
        missing_change: "usb ID '{}' does not exist",
        ..MAPPING
    },
    Family {
        path: "/cluster/metrics/server",
        create: "/cluster/metrics/server/{id}",
        kind: "metrics",
        digests: false,
        exists: "Metric server '{}' already exists",
        missing: "status server entry '{}' does not exist",
        missing_change: "no such server '{}'",
        dress: Some(|_, section, entry| {
            if !section.contains_key("disable") {
                entry["disable"] = json!(0);
            }
        }),
        ..PLAIN
    },
];
