//! Privileges, the built-in roles, and the permission checks that the schema names.

use serde_json::Value;

use crate::access::Caller;
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::schema::{Method, Parameters};

/// Every privilege there is.
pub const PRIVILEGES: [&str; 42] = [
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.AllocateTemplate",
    "Datastore.Audit",
    "Group.Allocate",
    "Mapping.Audit",
    "Mapping.Modify",
    "Mapping.Use",
    "Permissions.Modify",
    "Pool.Allocate",
    "Pool.Audit",
    "Realm.Allocate",
    "Realm.AllocateUser",
    "SDN.Allocate",
    "SDN.Audit",
    "SDN.Use",
    "Sys.AccessNetwork",
    "Sys.Audit",
    "Sys.Console",
    "Sys.Incoming",
    "Sys.Modify",
    "Sys.PowerMgmt",
    "Sys.Syslog",
    "User.Modify",
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
    "VM.Console",
    "VM.Migrate",
    "VM.Monitor",
    "VM.PowerMgmt",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
];

/// The built-in roles with their privileges.
pub const ROLES: [(&str, &str); 17] = [
    (
        "Administrator",
        "Datastore.Allocate,Datastore.AllocateSpace,Datastore.AllocateTemplate,Datastore.Audit,Group.Allocate,Mapping.Audit,Mapping.Modify,Mapping.Use,Permissions.Modify,Pool.Allocate,Pool.Audit,Realm.Allocate,Realm.AllocateUser,SDN.Allocate,SDN.Audit,SDN.Use,Sys.AccessNetwork,Sys.Audit,Sys.Console,Sys.Incoming,Sys.Modify,Sys.PowerMgmt,Sys.Syslog,User.Modify,VM.Allocate,VM.Audit,VM.Backup,VM.Clone,VM.Config.CDROM,VM.Config.CPU,VM.Config.Cloudinit,VM.Config.Disk,VM.Config.HWType,VM.Config.Memory,VM.Config.Network,VM.Config.Options,VM.Console,VM.Migrate,VM.Monitor,VM.PowerMgmt,VM.Snapshot,VM.Snapshot.Rollback",
    ),
    ("NoAccess", ""),
    (
        "PVEAdmin",
        "Datastore.Allocate,Datastore.AllocateSpace,Datastore.AllocateTemplate,Datastore.Audit,Group.Allocate,Mapping.Audit,Mapping.Use,Pool.Allocate,Pool.Audit,Realm.AllocateUser,SDN.Allocate,SDN.Audit,SDN.Use,Sys.Audit,Sys.Console,Sys.Syslog,User.Modify,VM.Allocate,VM.Audit,VM.Backup,VM.Clone,VM.Config.CDROM,VM.Config.CPU,VM.Config.Cloudinit,VM.Config.Disk,VM.Config.HWType,VM.Config.Memory,VM.Config.Network,VM.Config.Options,VM.Console,VM.Migrate,VM.Monitor,VM.PowerMgmt,VM.Snapshot,VM.Snapshot.Rollback",
    ),
    ("PVEAuditor", "Datastore.Audit,Mapping.Audit,Pool.Audit,SDN.Audit,Sys.Audit,VM.Audit"),
    ("PVEDatastoreAdmin", "Datastore.Allocate,Datastore.AllocateSpace,Datastore.AllocateTemplate,Datastore.Audit"),
    ("PVEDatastoreUser", "Datastore.AllocateSpace,Datastore.Audit"),
    ("PVEMappingAdmin", "Mapping.Audit,Mapping.Modify,Mapping.Use"),
    ("PVEMappingUser", "Mapping.Audit,Mapping.Use"),
    ("PVEPoolAdmin", "Pool.Allocate,Pool.Audit"),
    ("PVEPoolUser", "Pool.Audit"),
    ("PVESDNAdmin", "SDN.Allocate,SDN.Audit,SDN.Use"),
    ("PVESDNUser", "SDN.Audit,SDN.Use"),
    ("PVESysAdmin", "Sys.Audit,Sys.Console,Sys.Syslog"),
    ("PVETemplateUser", "VM.Audit,VM.Clone"),
    ("PVEUserAdmin", "Group.Allocate,Realm.AllocateUser,User.Modify"),
    (
        "PVEVMAdmin",
        "VM.Allocate,VM.Audit,VM.Backup,VM.Clone,VM.Config.CDROM,VM.Config.CPU,VM.Config.Cloudinit,VM.Config.Disk,VM.Config.HWType,VM.Config.Memory,VM.Config.Network,VM.Config.Options,VM.Console,VM.Migrate,VM.Monitor,VM.PowerMgmt,VM.Snapshot,VM.Snapshot.Rollback",
    ),
    ("PVEVMUser", "VM.Audit,VM.Backup,VM.Config.CDROM,VM.Config.Cloudinit,VM.Console,VM.PowerMgmt"),
];

/// A path of the permission tree without surplus slashes; `None` where it is not one.
pub fn normalize(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let plain = |part: &&str| part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    parts.iter().all(plain).then(|| format!("/{}", parts.join("/")))
}

/// A caller's rights in a cluster, asked for one by one.
pub struct Rights<'a> {
    pub cluster: &'a Cluster,
    pub caller: &'a Caller,
}

impl Rights<'_> {
    /// Whether the caller has a privilege at a path.
    pub fn has(&self, path: &str, privilege: &str) -> bool {
        if self.caller.is_root() {
            return true;
        }
        if self.cluster.access.is_administrator(self.caller) {
            return normalize(path).is_some() && PRIVILEGES.contains(&privilege);
        }
        normalize(path).is_some_and(|path| {
            let pool = self.cluster.pool_of_path(&path);
            self.cluster.access.privileges(self.caller, &path, pool).contains_key(privilege)
        })
    }

    /// Whether the caller has one of the privileges at a path.
    pub fn has_any(&self, path: &str, privileges: &[&str]) -> bool {
        privileges.iter().any(|privilege| self.has(path, privilege))
    }

    /// 403 unless the caller has the privilege at the path.
    pub fn require(&self, path: &str, privilege: &str) -> Outcome<()> {
        if self.has(path, privilege) {
            return Ok(());
        }
        let shown = normalize(path).unwrap_or_default();
        Err(Failure::denied(&format!("{shown}, {privilege}")))
    }

    /// 403 unless the caller has one of the privileges on a guest, or on the pool that it is to be made in.
    pub fn require_guest(&self, vmid: u32, pool: Option<&str>, privileges: &[&str]) -> Outcome<()> {
        if pool.is_some_and(|pool| self.has_any(&format!("/pool/{pool}"), privileges)) {
            return Ok(());
        }
        self.require_any(&format!("/vms/{vmid}"), privileges)
    }

    /// 403 unless the caller has one of the privileges at the path.
    pub fn require_any(&self, path: &str, privileges: &[&str]) -> Outcome<()> {
        if self.has_any(path, privileges) {
            return Ok(());
        }
        let shown = normalize(path).unwrap_or_default();
        Err(Failure::denied(&format!("{shown}, {}", privileges.join("|"))))
    }

    /// The check that the schema names for a method.
    pub fn check(&self, method: &Method, parameters: &Parameters) -> Outcome<()> {
        if self.caller.is_root() {
            return Ok(());
        }
        match (method.user.as_deref(), &method.check) {
            (Some("all" | "world"), _) => Ok(()),
            (_, Value::Array(check)) => self.expression(check, parameters, false),
            _ => Err(Failure::denied("user != root@pam")),
        }
    }

    /// `quiet` is an alternative among others, which a user that does not exist only fails.
    fn expression(&self, check: &[Value], parameters: &Parameters, quiet: bool) -> Outcome<()> {
        let Some((operator, operands)) = check.split_first() else {
            return Ok(());
        };
        let mut inner = operands.iter().filter_map(Value::as_array);
        match operator.as_str().unwrap_or_default() {
            "and" => inner.try_for_each(|operand| self.expression(operand, parameters, false)),
            "or" => {
                for operand in inner {
                    match self.expression(operand, parameters, true) {
                        Ok(()) => return Ok(()),
                        // Of alternatives only a conjunction says what it misses.
                        Err(Failure::Denied(_)) if operand.first().is_some_and(|first| first != "and") => {}
                        Err(failure) => return Err(failure),
                    }
                }
                Err(Failure::denied(""))
            }
            "perm" => self.perm(operands, parameters),
            "perm-modify" => match normalize(&fill(text(operands.first()), parameters)) {
                Some(path) => self.perm_modify(&path),
                None => Ok(()),
            },
            "userid-param" => self.userid_param(text(operands.first()), parameters, quiet),
            "userid-group" => self.userid_group(operands, parameters, quiet),
            _ => Err(Failure::denied("")),
        }
    }

    fn perm(&self, operands: &[Value], parameters: &Parameters) -> Outcome<()> {
        let option =
            |name: &str| operands.iter().skip(2).position(|option| option == name).and_then(|at| operands.get(at + 3));
        if let Some(needed) = option("require_param").and_then(Value::as_str)
            && parameters.get(needed).is_none_or(Value::is_null)
        {
            return Err(Failure::denied(""));
        }
        let path = fill(text(operands.first()), parameters);
        let privileges = names(operands.get(1));
        if option("any").is_some() {
            return self.require_any(&path, &privileges);
        }
        privileges.iter().try_for_each(|privilege| self.require(&path, privilege))
    }

    /// Whether the caller may grant rights at a path.
    pub fn perm_modify(&self, path: &str) -> Outcome<()> {
        let mut privileges = vec!["Permissions.Modify"];
        privileges.extend(match path.trim_start_matches('/').split_once('/') {
            Some(("storage", _)) => Some("Datastore.Allocate"),
            Some(("vms", _)) => Some("VM.Allocate"),
            Some(("pool", _)) => Some("Pool.Allocate"),
            _ => None,
        });
        self.require_any(path, &privileges)
    }

    /// Whether the caller may allocate users of the realm, or is the user itself.
    fn userid_param(&self, what: &str, parameters: &Parameters, quiet: bool) -> Outcome<()> {
        let user = text(parameters.get("userid"));
        format::check("pve-userid", "userid", user)
            .map_err(|problem| Failure::failed(problem.trim_end().to_owned()))?;
        if what == "self" {
            self.user_exists(user, quiet)?;
            // A token is not its user.
            return if self.caller.id() == user { Ok(()) } else { Err(Failure::denied("")) };
        }
        let realm = user.rsplit_once('@').map_or("", |(_, realm)| realm);
        self.require(&format!("/access/realm/{realm}"), what)
    }

    fn user_exists(&self, user: &str, quiet: bool) -> Outcome<()> {
        match self.cluster.access.users.get(user) {
            Some(_) => Ok(()),
            None if quiet => Err(Failure::denied("")),
            None => Err(Failure::failed(format!("no such user ('{user}')"))),
        }
    }

    /// Whether the caller may manage the user by one of its groups, and the groups that are asked for.
    fn userid_group(&self, operands: &[Value], parameters: &Parameters, quiet: bool) -> Outcome<()> {
        let user = text(parameters.get("userid"));
        let privileges = names(operands.first());
        let groups_matter = operands.iter().any(|operand| operand == "groups_param");
        let existing = !operands.iter().any(|operand| operand == "create");
        if existing {
            self.user_exists(user, quiet)?;
        }
        if self.has_any("/access/groups", &privileges) {
            return Ok(());
        }
        let may = |group: &str| self.has_any(&format!("/access/groups/{group}"), &privileges);
        if groups_matter {
            let groups: Vec<&str> = format::list(text(parameters.get("groups"))).collect();
            if groups.is_empty() {
                return self.require_any("/access/groups", &privileges);
            }
            let known = |group: &str| self.cluster.access.groups.contains_key(group) && may(group);
            if let Some(group) = groups.into_iter().find(|group| !known(group)) {
                let needed = format!("/access/groups/{group}, {}", privileges.join("|"));
                return Err(Failure::denied(&needed));
            }
        }
        let member = self.cluster.access.users.get(user).is_some_and(|user| user.groups.iter().any(|group| may(group)));
        if existing && !member { Err(Failure::denied("")) } else { Ok(()) }
    }
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

fn names(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).map(|names| names.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// Fills a check's placeholders: `/vms/{vmid}`.
fn fill(template: &str, parameters: &Parameters) -> String {
    let mut path = template.to_owned();
    for (name, value) in parameters {
        if let Value::String(value) = value {
            path = path.replace(&format!("{{{name}}}"), value);
        }
    }
    // What is missing is told of after the permissions.
    while let Some((start, end)) = path.find('{').and_then(|start| Some((start, path[start..].find('}')? + start))) {
        path.replace_range(start..=end, "");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalized_or_refused() {
        assert_eq!(normalize("vms//100/").as_deref(), Some("/vms/100"));
        assert_eq!(normalize("/").as_deref(), Some("/"));
        assert_eq!(normalize("/pool/bad id"), None);
    }

    #[test]
    fn the_administrator_has_every_privilege() {
        assert_eq!(ROLES[0].1.split(',').collect::<Vec<_>>(), PRIVILEGES);
    }
}
