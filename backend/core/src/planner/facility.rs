//! What stands around the guests: made before them, deleted after them.

use std::collections::BTreeSet;

use super::{Draft, Planner};
use crate::facility::{Facility, FacilityCall};
use crate::field::{Field, Plain, Value};
use crate::plan::{Action, Effect, Subject};
use crate::resolve::about_facility;

impl Planner<'_> {
    pub(super) fn facility(&mut self, wish: usize, facility: &Facility, call: &FacilityCall) {
        let is_there = self.is_there(facility);
        match (call, is_there) {
            (_, None) => return self.refuse(facility, "may not be seen: the privileges for it are missing"),
            (
                FacilityCall::MakePool { .. } | FacilityCall::Download { .. } | FacilityCall::MakeBackupJob(_),
                Some(true),
            ) => {
                return self.note(format!("{} is there already.", capital(facility)));
            }
            (FacilityCall::DeletePool | FacilityCall::DeleteFile | FacilityCall::DeleteBackupJob, Some(false)) => {
                return self.note(format!("{} is gone already.", capital(facility)));
            }
            (_, Some(_)) => {}
        }
        if let Some(why) = self.in_use(facility, call) {
            return self.refuse(facility, &why);
        }
        let effect = match call {
            FacilityCall::DeleteFile => Effect::Destroy,
            FacilityCall::MakePool { .. }
            | FacilityCall::DeletePool
            | FacilityCall::Download { .. }
            | FacilityCall::MakeBackupJob(_)
            | FacilityCall::DeleteBackupJob => Effect::Live,
        };
        let known = format!("facility/{facility}");
        self.relies_on.insert(known, if call.makes() { "absent" } else { "present" }.to_owned());
        let draft = Draft::new(Action::Facility(call.clone()), effect);
        self.add(wish, Subject::Facility { facility: facility.clone() }, call.summary(facility), draft);
    }

    /// Whether a facility exists; `None` where that may not be seen.
    fn is_there(&self, facility: &Facility) -> Option<bool> {
        let observed = self.world.observed;
        match facility {
            Facility::Pool(name) => Some(observed.pools.contains(name)),
            Facility::File { node, volume } => {
                let files = observed.files();
                let nodes = files.get(volume.as_str());
                Some(nodes.is_some_and(|nodes| nodes.contains(node.as_str()) || observed.is_shared(volume)))
            }
            Facility::BackupJob(id) => Some(observed.backup_jobs.as_ref()?.contains_key(id)),
        }
    }

    /// Why a facility cannot be deleted yet.
    fn in_use(&self, facility: &Facility, call: &FacilityCall) -> Option<String> {
        if call.makes() {
            return None;
        }
        let users: BTreeSet<String> = match facility {
            Facility::Pool(name) => {
                // As the plan's earlier steps leave them.
                let known = self
                    .guests
                    .values()
                    .filter(|standing| !standing.deleted)
                    .map(|standing| (standing.called(), standing.text(Plain::Pool).to_owned()));
                let others =
                    self.world.observed.guests.iter().filter(|seen| !self.guests.contains_key(&seen.guest.key()));
                let others = others.map(|seen| {
                    let pool = match seen.get(&Field::Plain(Plain::Pool)) {
                        Some(Value::Text(pool)) => pool.clone(),
                        _ => String::new(),
                    };
                    (format!("{} ({})", seen.guest.name, seen.guest.vmid), pool)
                });
                let within = format!("{name}/");
                let pools = self.world.observed.pools.iter().filter(|pool| pool.starts_with(&within));
                let guests = known.chain(others).filter(|(_, pool)| pool == name).map(|(called, _)| called);
                guests.chain(pools.map(|pool| format!("pool {pool}"))).collect()
            }
            Facility::File { volume, .. } => {
                let guests = self.world.observed.guests.iter();
                let users =
                    guests.filter(|seen| seen.raw.values().any(|entry| entry.split(',').any(|part| part == volume)));
                users.map(|seen| format!("{} ({})", seen.guest.name, seen.guest.vmid)).collect()
            }
            Facility::BackupJob(_) => BTreeSet::new(),
        };
        let users: Vec<String> = users.into_iter().collect();
        (!users.is_empty()).then(|| match facility {
            Facility::Pool(_) => {
                format!("is not empty, and Proxmox deletes empty pools alone. In it: {}", users.join(", "))
            }
            Facility::File { .. } | Facility::BackupJob(_) => format!("is in use by {}", users.join(", ")),
        })
    }

    fn refuse(&mut self, facility: &Facility, why: &str) {
        self.ask_about(&about_facility(facility), format!("{} {why}.", capital(facility)));
    }
}

/// `Pool lab`.
fn capital(facility: &Facility) -> String {
    let text = facility.to_string();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
