//! What a backup is told: which options go together, who may give them, which guests they choose.

use std::collections::BTreeMap;

use crate::call::Call;
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::Guest;

/// Options that only root may give.
const ROOT_ONLY: [&str; 4] = ["tmpdir", "dumpdir", "script", "job-id"];
/// Options that put a load on the node.
const LOAD: [&str; 3] = ["bwlimit", "ionice", "performance"];
/// What a note's template may refer to.
const VARIABLES: [&str; 4] = ["cluster", "guestname", "node", "vmid"];

/// The options of a backup or of a job.
pub struct Settings(pub BTreeMap<String, String>);

/// A parameter and what is wrong with it.
pub type Problem = (&'static str, String);

/// Refuses options that the caller may not set or delete.
pub fn ensure_names(cluster: &Cluster, call: &Call, names: &[&str]) -> Outcome<()> {
    if call.caller.is_root() {
        return Ok(());
    }
    if let Some(name) = ROOT_ONLY.into_iter().find(|name| names.contains(name)) {
        return Err(Failure::parameter(name, "Only root may set this option."));
    }
    if LOAD.iter().any(|name| names.contains(name)) {
        call.rights(cluster).require("/", "Sys.Modify")?;
    }
    Ok(())
}

impl Settings {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether an option is given and neither empty nor zero.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !matches!(value, "" | "0"))
    }

    /// The storage that the backups go to, unless they go to a directory.
    pub fn storage(&self) -> Option<&str> {
        if self.is_set("dumpdir") {
            return None;
        }
        Some(self.get("storage").filter(|name| !name.is_empty()).unwrap_or("local"))
    }

    /// Whether older backups are removed.
    pub fn prunes(&self) -> bool {
        self.0.contains_key("maxfiles") || self.0.contains_key("prune-backups")
    }

    pub fn ensure_common(&self, cluster: &Cluster, call: &Call) -> Outcome<()> {
        let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        ensure_names(cluster, call, &names)?;
        let fleecing = self.get("fleecing").map(|text| format::split(text, "enabled"));
        match fleecing.as_ref().and_then(|parts| parts.get("storage")) {
            Some(storage) if !call.caller.is_root() => {
                call.rights(cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")
            }
            _ => Ok(()),
        }
    }

    /// Checks which options go together; `complete` where guests must be chosen.
    pub fn verify(&mut self, complete: bool) -> Result<(), Problem> {
        for name in ["all", "exclude", "pool"] {
            if self.is_set(name) && self.is_set("vmid") {
                return Err((name, "option conflicts with option 'vmid'".to_owned()));
            }
        }
        if self.0.contains_key("prune-backups") && self.0.contains_key("maxfiles") {
            return Err(("prune-backups", "option conflicts with option 'maxfiles'".to_owned()));
        }
        if let Some(template) = self.get("notes-template").filter(|template| !template.is_empty()) {
            verify_template(template).map_err(|problem| ("notes-template", problem))?;
        }
        if self.0.contains_key("exclude") && !self.is_set("pool") {
            self.0.insert("all".to_owned(), "1".to_owned());
        }
        if complete && ["all", "stop", "pool", "vmid"].iter().all(|name| !self.is_set(name)) {
            return Err(("vmid", "property is missing".to_owned()));
        }
        Ok(())
    }

    /// The guests that are chosen, those among them that are not there.
    pub fn guests(&self, cluster: &Cluster) -> Result<Vec<u32>, String> {
        let mut chosen: Vec<u32> = if let Some(pool) = self.get("pool").filter(|pool| !pool.is_empty()) {
            if !cluster.pools.contains_key(pool) {
                return Err(format!("pool '{pool}' does not exist"));
            }
            cluster.members_of(pool).filter(|vmid| cluster.guests.contains_key(vmid)).collect()
        } else if self.is_set("vmid") {
            vmids(self.get("vmid"))
        } else if self.is_set("all") {
            let excluded = vmids(self.get("exclude"));
            cluster.guests.keys().copied().filter(|vmid| !excluded.contains(vmid)).collect()
        } else {
            Vec::new()
        };
        chosen.sort_unstable();
        let node = self.get("node");
        let elsewhere = |guest: &Guest| node.is_some_and(|node| node != guest.node);
        chosen.retain(|vmid| !cluster.guests.get(vmid).is_some_and(elsewhere));
        Ok(chosen)
    }
}

fn vmids(text: Option<&str>) -> Vec<u32> {
    format::list(text.unwrap_or_default()).filter_map(|vmid| vmid.parse().ok()).filter(|vmid| *vmid > 0).collect()
}

/// Checks the escapes and variables of a note's template.
fn verify_template(template: &str) -> Result<(), String> {
    if template.contains('\n') {
        return Err("contains a line feed\n".to_owned());
    }
    let mut unknown = Vec::new();
    let characters: Vec<char> = template.chars().collect();
    let mut at = 0;
    while let Some(position) = characters.iter().skip(at).position(|c| *c == '\\').map(|found| found + at) {
        let Some(escaped) = characters.get(position + 1) else { break };
        if !matches!(escaped, 'n' | '\\') {
            unknown.push(format!("escape sequence '\\{escaped}' at char {position}"));
        }
        at = position + 2;
    }
    let mut rest = template;
    while let Some(start) = rest.find("{{") {
        rest = &rest[start + 2..];
        let Some(end) = rest.find("}}") else { break };
        let name = &rest[..end];
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '{' || c == '}') {
            continue;
        }
        rest = &rest[end + 2..];
        if !VARIABLES.contains(&name) {
            let position = template.len() - rest.len() - name.len();
            unknown.push(format!("variable '{name}' at char {position}"));
        }
    }
    if unknown.is_empty() { Ok(()) } else { Err(format!("found unknown: {}\n", unknown.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(options: &[(&str, &str)]) -> Option<Problem> {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings(options).verify(true).err()
    }

    #[test]
    fn options_are_checked_against_each_other() {
        assert_eq!(problem(&[("vmid", "100")]), None);
        assert_eq!(problem(&[("exclude", "100")]), None);
        assert_eq!(problem(&[]), Some(("vmid", "property is missing".to_owned())));
        let conflict = Some(("all", "option conflicts with option 'vmid'".to_owned()));
        assert_eq!(problem(&[("vmid", "100"), ("all", "1")]), conflict);
        let unknown = "found unknown: escape sequence '\\t' at char 0, variable 'no' at char 7\n".to_owned();
        assert_eq!(problem(&[("vmid", "1"), ("notes-template", "\\t {{no}}")]), Some(("notes-template", unknown)));
    }
}
