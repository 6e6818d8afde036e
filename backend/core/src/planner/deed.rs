//! Deeds: what is done once to a guest that exists.

use super::keep::Fields;
use super::place::{bytes, memory_of};
use super::{Draft, Planner, Standing, is_on};
use crate::field::{DiskPart, Field, Plain, Value};
use crate::guest::{GuestKey, GuestRef, Kind, Power};
use crate::intent::OneDeed;
use crate::observed::Sighting;
use crate::plan::{Action, Effect};

/// What a storage must allow to hold backups.
pub(crate) const BACKUPS: &str = "backup";

impl Planner<'_> {
    /// Something that is done once.
    pub(super) fn once(&mut self, wish: usize, guest: &GuestRef, deed: &OneDeed) {
        if matches!(deed, OneDeed::Delete | OneDeed::Stop | OneDeed::Shutdown { .. }) && self.is_gone(guest) {
            return self.note(format!("{} ({}) is gone already.", guest.name, guest.vmid));
        }
        let Some(key) = self.standing(guest) else { return };
        let Some(standing) = self.guests.get(&key) else { return };
        let called = standing.called();
        if standing.template && !is_of_template(deed) {
            let text = format!("{called} is a template: it does not run, and its disks stay as they are.");
            return self.ask(key.vmid, text);
        }
        let none = Fields::new();
        let before = self.steps.len();
        match deed {
            OneDeed::Start => self.start(wish, key, &none),
            OneDeed::Shutdown { seconds } => self.halt(wish, key, Action::Shutdown { seconds: *seconds }, &none),
            OneDeed::Stop => self.halt(wish, key, Action::Stop, &none),
            OneDeed::Reboot => self.reboot(wish, key),
            OneDeed::Suspend => return self.suspend(wish, key),
            OneDeed::Resume => return self.resume(wish, key),
            OneDeed::Delete => return self.delete(wish, key),
            OneDeed::Snapshot(name) => return self.snapshot(wish, key, name),
            OneDeed::Rollback(name) => return self.roll_back(wish, key, name),
            OneDeed::DeleteSnapshot(name) => return self.delete_snapshot(wish, key, name),
            OneDeed::Backup { storage, mode } => return self.back_up(wish, key, storage, mode),
            OneDeed::Restore(backup) => return self.restore(wish, key, backup),
            OneDeed::MakeTemplate => return self.make_template(wish, key),
            OneDeed::Migrate { node, storage } => return self.migrate(wish, key, node, storage.as_deref()),
            OneDeed::Detach { slot, volume } => return self.detach(wish, key, slot, volume, false),
            OneDeed::DestroyDisk { slot, volume } => return self.detach(wish, key, slot, volume, true),
            OneDeed::RemoveNic(number) => return self.remove_nic(wish, key, *number),
            OneDeed::Adopt => {
                if self.guests.get(&key).is_some_and(|standing| !standing.ours) {
                    self.touch(wish, key);
                }
            }
        }
        if self.steps.len() == before && self.questions.is_empty() {
            let how = match deed {
                OneDeed::Start => "runs already",
                OneDeed::Shutdown { .. } | OneDeed::Stop => "is off already",
                OneDeed::Adopt => "is MycoPod’s already",
                _ => return,
            };
            self.note(format!("{called} {how}."));
        }
    }

    /// Whether a guest is proven to be gone: all nodes answered, and nothing has its VMID, seen or not.
    fn is_gone(&self, guest: &GuestRef) -> bool {
        self.world.observed.is_complete()
            && self.world.observed.numbered(guest.vmid).is_none()
            && !self.world.hidden.contains(&guest.vmid)
    }

    /// A step that depends on the guest's power; whether it is planned.
    fn step(&mut self, wish: usize, key: GuestKey, draft: Draft) -> bool {
        let goes = self.power_matters(key) && self.touch(wish, key);
        if goes {
            self.act(wish, key, draft);
        }
        goes
    }

    fn reboot(&mut self, wish: usize, key: GuestKey) {
        let Some(standing) = self.guests.get(&key) else { return };
        let called = standing.called();
        match standing.power {
            Power::Stopped => {
                self.ask(key.vmid, format!("{called} is off, so it cannot be rebooted. Start it instead."));
            }
            Power::Paused => {
                self.ask(key.vmid, format!("{called} is suspended, so it cannot be rebooted. Resume it first."));
            }
            Power::Running | Power::Unknown => {
                self.step(wish, key, Draft::new(Action::Reboot, Effect::Reboot));
            }
        }
    }

    fn suspend(&mut self, wish: usize, key: GuestKey) {
        let Some(standing) = self.guests.get(&key) else { return };
        let called = standing.called();
        if key.kind == Kind::Lxc {
            let text = format!(
                "{called} is a container, and Proxmox suspends containers by an experiment (CRIU) that fails for most. \
                 It is not planned; shut it down instead."
            );
            return self.ask(key.vmid, text);
        }
        match standing.power {
            Power::Stopped => self.ask(key.vmid, format!("{called} is off, so it cannot be suspended.")),
            Power::Paused => {
                self.depend_on_power(key);
                self.note(format!("{called} is suspended already."));
            }
            Power::Running | Power::Unknown => {
                if self.step(wish, key, Draft::new(Action::Suspend, Effect::Stop)) {
                    self.note(format!("{called} keeps its memory on the node while it is suspended."));
                    self.turn(key, Power::Paused);
                }
            }
        }
    }

    fn resume(&mut self, wish: usize, key: GuestKey) {
        let Some(standing) = self.guests.get(&key) else { return };
        let called = standing.called();
        match standing.power {
            Power::Stopped => {
                self.ask(key.vmid, format!("{called} is off and not suspended: it is started, not resumed."));
            }
            Power::Running => {
                self.depend_on_power(key);
                self.note(format!("{called} runs already."));
            }
            Power::Paused | Power::Unknown => {
                if self.step(wish, key, Draft::new(Action::Resume, Effect::Live)) {
                    self.turn(key, Power::Running);
                }
            }
        }
    }

    fn snapshot(&mut self, wish: usize, key: GuestKey, name: &str) {
        let Some(standing) = self.guests.get(&key) else { return };
        if standing.snapshots.as_ref().is_some_and(|snapshots| snapshots.contains(name)) {
            let text = format!("{} has a snapshot {name} already. Say another name.", standing.called());
            return self.ask(key.vmid, text);
        }
        if self.touch(wish, key) {
            self.act(wish, key, Draft::new(Action::Snapshot { name: name.to_owned() }, Effect::Live));
            if let Some(snapshots) = self.guests.get_mut(&key).and_then(|standing| standing.snapshots.as_mut()) {
                snapshots.insert(name.to_owned());
            }
        }
    }

    /// Whether the guest has that snapshot; where not, it is a question.
    fn has_snapshot(&mut self, key: GuestKey, name: &str) -> bool {
        let Some(standing) = self.guests.get(&key) else { return false };
        let called = standing.called();
        let text = match &standing.snapshots {
            Some(snapshots) if snapshots.contains(name) => return true,
            Some(snapshots) if snapshots.is_empty() => format!("{called} has no snapshot {name}, and no other either."),
            Some(snapshots) => {
                let names: Vec<&str> = snapshots.iter().map(String::as_str).collect();
                format!("{called} has no snapshot {name}. It has {}.", names.join(", "))
            }
            None => format!("The snapshots of {called} are not known. Plan again when its node answers."),
        };
        self.ask(key.vmid, text);
        false
    }

    /// A storage of the guest's on ZFS.
    fn on_zfs(&self, standing: &Standing<'_>) -> Option<String> {
        let storages = &self.world.observed.node(&standing.node)?.storages;
        let of_disks = standing.fields.iter().filter_map(|(field, value)| match (field, value) {
            (Field::Disk(_, DiskPart::Storage), Value::Text(storage)) => Some(storage),
            _ => None,
        });
        let is_zfs = |name: &&String| storages.get(*name).is_some_and(|storage| storage.kind.starts_with("zfs"));
        of_disks.into_iter().find(is_zfs).cloned()
    }

    fn roll_back(&mut self, wish: usize, key: GuestKey, name: &str) {
        if !self.has_snapshot(key, name) {
            return;
        }
        let Some(standing) = self.guests.get(&key) else { return };
        let (called, on) = (standing.called(), is_on(standing.power));
        let mut draft = Draft::new(Action::Rollback { name: name.to_owned() }, Effect::Destroy);
        draft.collateral.push(format!("Everything written to its disks since snapshot {name}"));
        draft.collateral.push("Changes of its configuration since then".to_owned());
        let newest = standing.seen.raw.get("parent").is_none_or(|parent| parent == name);
        let on_zfs = self.on_zfs(standing);
        if let (false, Some(storage)) = (newest, on_zfs) {
            let text = format!(
                "{name} is not the newest snapshot of {called}, and ZFS ({storage}) goes back to the newest one alone. \
                 Delete the newer ones first, or take the newest."
            );
            return self.ask(key.vmid, text);
        }
        if self.step(wish, key, draft) {
            self.mark_again(wish, key, &format!("snapshot {name}"));
            self.ends_off(key, on);
        }
    }

    /// What overwrites a guest's configuration may bring back notes from before it was ours.
    fn mark_again(&mut self, wish: usize, key: GuestKey, from: &str) {
        self.act(wish, key, Draft::new(Action::Adopt, Effect::Live));
        let Some(standing) = self.guests.get(&key) else { return };
        let text = format!(
            "The notes of {} come from {from}: MycoPod’s marker is written into them again where it is not there.",
            standing.called()
        );
        self.note(text);
    }

    /// Proxmox stops a guest to take it back, and leaves it off.
    fn ends_off(&mut self, key: GuestKey, was_on: bool) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (called, node, memory) = (standing.called(), standing.node.clone(), memory_of(&standing.fields));
        if was_on {
            self.note(format!(
                "{called} runs: Proxmox stops it for that, and it is off afterwards until it is started."
            ));
            self.rooms.take_memory(&node, -bytes(memory));
            self.turn(key, Power::Stopped);
        }
    }

    fn delete_snapshot(&mut self, wish: usize, key: GuestKey, name: &str) {
        if !self.has_snapshot(key, name) {
            return;
        }
        let mut draft = Draft::new(Action::DeleteSnapshot { name: name.to_owned() }, Effect::Destroy);
        draft.collateral.push(format!("The way back to snapshot {name}; the guest stays as it is"));
        if self.touch(wish, key) {
            self.act(wish, key, draft);
            if let Some(snapshots) = self.guests.get_mut(&key).and_then(|standing| standing.snapshots.as_mut()) {
                snapshots.remove(name);
            }
        }
    }

    fn back_up(&mut self, wish: usize, key: GuestKey, storage: &str, mode: &str) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (called, on) = (standing.called(), is_on(standing.power));
        let node = self.world.observed.node(&standing.node);
        if !node.and_then(|node| node.storages.get(storage)).is_some_and(|found| found.content.contains(BACKUPS)) {
            let text =
                format!("{called} is not backed up: {} has no storage {storage} that may hold backups.", standing.node);
            return self.ask(key.vmid, text);
        }
        let effect = match mode {
            "snapshot" => Effect::Live,
            _ if on => Effect::Stop,
            _ => Effect::Live,
        };
        if effect == Effect::Stop {
            let how =
                if mode == "stop" { "shut down for its backup and started again" } else { "halted during its backup" };
            self.note(format!("{called} is {how}."));
        }
        let action = Action::Backup { storage: storage.to_owned(), mode: mode.to_owned() };
        self.step(wish, key, Draft::new(action, effect));
    }

    fn restore(&mut self, wish: usize, key: GuestKey, backup: &str) {
        let Some(standing) = self.guests.get(&key) else { return };
        let called = standing.called();
        let why = if standing.power != Power::Stopped && standing.power != Power::Unknown {
            "it runs, and Proxmox overwrites only a guest that is off. Stop it first"
        } else if standing.is_protected() {
            "it is protected. Take its protection away first"
        } else {
            let mut draft = Draft::new(Action::Restore { backup: backup.to_owned() }, Effect::Destroy);
            draft.collateral = disks_of(standing);
            draft.collateral.push("Everything since the backup, its configuration among it".to_owned());
            if self.step(wish, key, draft) {
                self.mark_again(wish, key, "its backup");
            }
            return;
        };
        self.ask(key.vmid, format!("{called} is not restored: {why}."));
    }

    fn make_template(&mut self, wish: usize, key: GuestKey) {
        let Some(standing) = self.guests.get(&key) else { return };
        let called = standing.called();
        if standing.template {
            return self.note(format!("{called} is a template already."));
        }
        let why = match &standing.snapshots {
            _ if is_on(standing.power) && standing.power != Power::Unknown => "it runs. Stop it first".to_owned(),
            _ if standing.is_protected() && key.kind == Kind::Lxc => {
                "it is protected. Take its protection away first".to_owned()
            }
            None => "its snapshots are not known. Plan again when its node answers".to_owned(),
            Some(snapshots) if !snapshots.is_empty() => {
                let names: Vec<&str> = snapshots.iter().map(String::as_str).collect();
                format!("it has snapshots ({}). Delete them first", names.join(", "))
            }
            Some(_) => {
                if self.step(wish, key, Draft::new(Action::MakeTemplate, Effect::Stop)) {
                    self.note(format!("{called} cannot be made a guest that runs again; copies of it can."));
                    if let Some(standing) = self.guests.get_mut(&key) {
                        standing.template = true;
                    }
                }
                return;
            }
        };
        self.ask(key.vmid, format!("No template is made of {called}: {why}."));
    }

    fn delete(&mut self, wish: usize, key: GuestKey) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (seen, called, on) = (standing.seen, standing.called(), is_on(standing.power));
        if standing.is_protected() {
            let text = format!(
                "{called} is protected against deletion, so deleting it is not planned. Whoever may decide that takes \
                 its protection away first."
            );
            return self.ask(key.vmid, text);
        }
        let copies = self.linked_copies(seen);
        if !copies.is_empty() {
            let text = format!(
                "{called} is not deleted: {} are linked copies of it and read its disks. Delete them first.",
                copies.join(", ")
            );
            return self.ask(key.vmid, text);
        }
        let mut draft = Draft::new(Action::Delete, Effect::Destroy);
        draft.collateral = disks_of(standing);
        let around = [(Plain::Ha, "Its entry at the HA manager, state"), (Plain::Pool, "Its place in pool")];
        let around = around.into_iter().filter(|(plain, _)| !standing.text(*plain).is_empty());
        draft.collateral.extend(around.map(|(plain, what)| format!("{what} {}", standing.text(plain))));
        draft.collateral.extend(self.entries_elsewhere(standing));
        if !self.power_matters(key) || !self.touch(wish, key) {
            return;
        }
        if on {
            // Proxmox refuses to delete a running guest.
            self.halt(wish, key, Action::Stop, &Fields::new());
        }
        self.act(wish, key, draft);
        if let Some(standing) = self.guests.get_mut(&key) {
            standing.deleted = true;
        }
    }

    /// What Proxmox takes out of backup jobs, replication and the firewall with the guest.
    fn entries_elsewhere(&self, standing: &Standing<'_>) -> Vec<String> {
        let (vmid, observed) = (standing.seen.guest.vmid, self.world.observed);
        let mut entries = Vec::new();
        match &observed.backup_jobs {
            None => entries.push("Its place in backup jobs, where it has one: they may not be seen".to_owned()),
            Some(jobs) => {
                let pool = standing.text(Plain::Pool);
                let including = jobs.iter().filter(|(_, job)| job.guests.includes(vmid, pool));
                entries.extend(
                    including.map(|(id, job)| format!("Its place in backup job {id} ({job}); its backups stay")),
                );
            }
        }
        let targets: Vec<&str> = observed.replicas.get(&vmid).into_iter().flatten().map(String::as_str).collect();
        if !targets.is_empty() {
            entries.push(format!("Its replication to {}, with the copies there", targets.join(", ")));
        }
        match &standing.firewall {
            None => entries.push("Its firewall, where it has one: it was not read".to_owned()),
            Some(firewall) => entries.extend(firewall.outline().map(|outline| format!("Its firewall: {outline}"))),
        }
        entries
    }

    /// The guests whose disks are layers over a template's.
    fn linked_copies(&self, template: &Sighting) -> Vec<String> {
        let base = format!("base-{}-disk-", template.guest.vmid);
        let linked = self.world.observed.guests.iter().filter(|seen| seen.guest.key() != template.guest.key());
        let linked = linked.filter(|seen| seen.raw.values().any(|entry| entry.contains(&base)));
        linked.map(|seen| format!("{} ({})", seen.guest.name, seen.guest.vmid)).collect()
    }
}

/// Whether a deed may be done to a template.
const fn is_of_template(deed: &OneDeed) -> bool {
    match deed {
        OneDeed::Delete | OneDeed::Adopt | OneDeed::Backup { .. } | OneDeed::Migrate { .. } | OneDeed::MakeTemplate => {
            true
        }
        OneDeed::Start
        | OneDeed::Shutdown { .. }
        | OneDeed::Stop
        | OneDeed::Reboot
        | OneDeed::Suspend
        | OneDeed::Resume
        | OneDeed::Snapshot(_)
        | OneDeed::Rollback(_)
        | OneDeed::DeleteSnapshot(_)
        | OneDeed::Restore(_)
        | OneDeed::Detach { .. }
        | OneDeed::DestroyDisk { .. }
        | OneDeed::RemoveNic(_) => false,
    }
}

/// What goes with a guest's disks: each of them, the detached ones, and the snapshots.
fn disks_of(standing: &Standing<'_>) -> Vec<String> {
    let seen = standing.seen;
    let part = |field: &Field| standing.has(field).map_or_else(|| "unknown".to_owned(), Value::to_string);
    let disks = seen.disks().filter(|slot| standing.has(&Field::size_of((*slot).clone())).is_some()).map(|slot| {
        let (size, storage) = (part(&Field::size_of(slot.clone())), part(&Field::storage_of(slot.clone())));
        format!("Disk {slot}: {size} on {storage}")
    });
    let small = [Plain::EfiDisk, Plain::Tpm].into_iter().filter(|plain| !standing.text(*plain).is_empty());
    let small = small.map(|plain| format!("{} on {}", plain.label(), standing.text(plain)));
    let unused = seen.raw.iter().filter(|(key, _)| key.starts_with("unused"));
    let unused = unused.map(|(key, volume)| format!("Detached disk {key}: {volume}"));
    let snapshots = standing.snapshots.iter().flatten().map(|snapshot| format!("Snapshot {snapshot}"));
    disks.chain(small).chain(unused).chain(snapshots).collect()
}
