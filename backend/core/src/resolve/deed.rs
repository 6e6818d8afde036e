//! Deeds: to guests that exist, or to those that the same text makes.

use std::collections::BTreeSet;

use chrono::DateTime;

use super::target::Found;
use super::{Doubt, Resolver, about, disks_in_order};
use crate::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use crate::guest::{GuestKey, Kind, Power};
use crate::id::DeclarationId;
use crate::intent::{OneDeed, Wish};
use crate::observed::{Observed, Sighting, Volume};
use crate::planner::BACKUPS;
use crate::policy::Policy;
use crate::reading::{Answers, Deed, DiskRef, EditField, Fit, Reading, Selector, Source, Sourced, Span, Target, What};
use crate::settle::volume_of;

/// The least and most seconds that a guest's system may be given to shut down.
const SHUTDOWN: std::ops::RangeInclusive<u64> = 1..=3_600;
/// The answer by which a guest that must be off is shut down.
const FIRST: &str = "Shut it down first";

impl<'a> Resolver<'a> {
    /// Something done once to the targets.
    pub(super) fn deed(&mut self, at: Span, targets: &[Target], deed: &Deed) {
        let too_wide = |target: &&Target| matches!(&target.selector, Selector::All(fit) if !is_narrow(fit, deed));
        if let Some(all) = targets.iter().find(too_wide) {
            let text = format!(
                "“{}” would all be interrupted, moved or deleted at once. Say their names, or a tag that they carry.",
                all.span.of(self.text)
            );
            return self.ask("all", Some(all.span), Doubt::new(text));
        }
        for found in self.targets(targets) {
            match found {
                Found::Seen(seen) => {
                    if seen.template && !is_of_template(deed) {
                        self.refuse_template(seen);
                    } else if let Some(deed) = self.one_deed(at, seen, deed) {
                        let wish = Wish::Once { guest: seen.guest.clone(), deed };
                        if !self.wishes.contains(&wish) {
                            self.wishes.push(wish);
                        }
                    }
                }
                Found::Made(wish) => match deed {
                    Deed::Start => self.run(at, wish, true),
                    Deed::Stop | Deed::Shutdown { .. } => self.run(at, wish, false),
                    Deed::Adopt => {}
                    Deed::Reboot
                    | Deed::Suspend
                    | Deed::Resume
                    | Deed::Delete
                    | Deed::Snapshot { .. }
                    | Deed::Rollback { .. }
                    | Deed::DeleteSnapshot { .. }
                    | Deed::Backup { .. }
                    | Deed::Restore { .. }
                    | Deed::MakeTemplate
                    | Deed::Migrate { .. }
                    | Deed::Detach(_)
                    | Deed::DestroyDisk(_)
                    | Deed::RemoveNic(_) => {
                        let text = "This is asked of a guest that the same declaration makes. Declare it when the guest exists.";
                        self.ask("too-early", Some(at), Doubt::new(text));
                    }
                },
            }
        }
    }

    /// Whether a guest that this text makes shall run.
    fn run(&mut self, at: Span, wish: usize, running: bool) {
        let value = Sourced::new(Value::Flag(running), Source::said(at, self.text));
        self.fold(wish, |resolver, subject, fields| {
            resolver.put(&subject.name, fields, Field::Plain(Plain::Running), value);
        });
    }

    fn refuse_template(&mut self, seen: &Sighting) {
        let text = format!(
            "{} is a template: it can be copied, changed and deleted, but it does not run, and its disks stay as they are.",
            super::label(seen)
        );
        self.ask(&about(seen.guest.vmid), None, Doubt::new(text));
    }

    fn one_deed(&mut self, at: Span, seen: &'a Sighting, deed: &Deed) -> Option<OneDeed> {
        match deed {
            Deed::Start => Some(OneDeed::Start),
            Deed::Shutdown { within } => self.shutdown(at, within.as_ref()),
            Deed::Stop => Some(OneDeed::Stop),
            Deed::Reboot => Some(OneDeed::Reboot),
            Deed::Suspend if seen.guest.kind == Kind::Lxc => {
                let text = format!(
                    "{} is a container, and Proxmox suspends containers by an experiment (CRIU) that fails for most, so it \
                     is not planned. Say “shut down” for that.",
                    seen.guest.name
                );
                self.ask(&format!("suspend-{}", seen.guest.vmid), Some(at), Doubt::new(text));
                None
            }
            Deed::Suspend => Some(OneDeed::Suspend),
            Deed::Resume => Some(OneDeed::Resume),
            Deed::Delete => self.delete(seen),
            Deed::Snapshot { name } => self.snapshot(at, seen, name.as_ref()),
            Deed::Rollback { snapshot } => {
                self.known_snapshot(at, seen, snapshot.as_ref(), true).map(OneDeed::Rollback)
            }
            Deed::DeleteSnapshot { snapshot } => {
                self.known_snapshot(at, seen, snapshot.as_ref(), false).map(OneDeed::DeleteSnapshot)
            }
            Deed::Backup { storage, mode } => self.backup(at, seen, storage.as_ref(), mode.as_ref()),
            Deed::Restore { backup } => self.restore(at, seen, backup.as_ref()),
            Deed::MakeTemplate => {
                let why = "A template is made only of a guest that is off";
                self.is_off(at, seen, why).then_some(OneDeed::MakeTemplate)
            }
            Deed::Migrate { node, storage, from, offline } => {
                let from = from.as_ref();
                self.migrate(at, seen, node, storage.as_ref(), from, *offline)
            }
            Deed::Detach(disk) => self.taken_out(at, seen, disk).map(|(slot, volume)| OneDeed::Detach { slot, volume }),
            Deed::DestroyDisk(disk) => {
                self.taken_out(at, seen, disk).map(|(slot, volume)| OneDeed::DestroyDisk { slot, volume })
            }
            Deed::RemoveNic(number) => self.removed_nic(at, seen, *number),
            Deed::Adopt => Some(OneDeed::Adopt),
        }
    }

    fn shutdown(&mut self, at: Span, within: Option<&Sourced<u64>>) -> Option<OneDeed> {
        let Some(within) = within else { return Some(OneDeed::Shutdown { seconds: OneDeed::SHUTDOWN_SECONDS }) };
        let check = |seconds: u64| {
            if SHUTDOWN.contains(&seconds) {
                return Ok(seconds);
            }
            let (least, most) = (SHUTDOWN.start(), SHUTDOWN.end());
            let text =
                format!("A guest has {least} to {most} seconds to shut down, and {seconds} is none of them. How many?");
            Err(Doubt::new(text).or([OneDeed::SHUTDOWN_SECONDS]))
        };
        let seconds = self.settle("seconds", at, within, |answer| answer.trim().parse().ok(), check)?;
        Some(OneDeed::Shutdown { seconds: seconds.value })
    }

    fn delete(&mut self, seen: &Sighting) -> Option<OneDeed> {
        if seen.get(&Field::Plain(Plain::Protection)) != Some(&Value::Flag(true)) {
            return Some(OneDeed::Delete);
        }
        let text = format!(
            "{} ({} on {}) is protected against deletion, so deleting it is not planned. Whoever may decide that takes its \
             protection away first.",
            seen.guest.name, seen.guest.vmid, seen.guest.node
        );
        self.ask(&about(seen.guest.vmid), None, Doubt::new(text));
        None
    }

    /// Whether a guest is off when its turn comes, or is shut down first because somebody answered so.
    pub(super) fn is_off(&mut self, at: Span, seen: &Sighting, why: &str) -> bool {
        let halts = |wish: &Wish| match wish {
            Wish::Once { guest, deed: OneDeed::Stop | OneDeed::Shutdown { .. } } => guest.key() == seen.guest.key(),
            Wish::Hold { guest, fields } => {
                guest.key() == seen.guest.key()
                    && fields.get(&Plain::Running.into()).is_some_and(|said| said.value == Value::Flag(false))
            }
            Wish::Once { .. } | Wish::Exist(_) | Wish::Facility { .. } => false,
        };
        if matches!(seen.power, Power::Stopped | Power::Unknown) || self.wishes.iter().any(halts) {
            return true;
        }
        let topic = format!("off-{}", seen.guest.vmid);
        if self.answers.get(&topic, Some(at)) == Some(FIRST) {
            let deed = OneDeed::Shutdown { seconds: OneDeed::SHUTDOWN_SECONDS };
            self.wishes.push(Wish::Once { guest: seen.guest.clone(), deed });
            return true;
        }
        let text = format!(
            "{why}, and {} runs. Shall it be shut down for this? It stays off until somebody starts it.",
            super::label(seen)
        );
        self.ask(&topic, Some(at), Doubt::new(text).or([FIRST]));
        false
    }

    fn snapshot(&mut self, at: Span, seen: &Sighting, said: Option<&Sourced<String>>) -> Option<OneDeed> {
        let name = &seen.guest.name;
        let made_up = || {
            let (seconds, _) = self.declaration.0.get_timestamp()?.to_unix();
            let time = DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)?;
            Some(time.format("mycopod-%Y%m%d-%H%M%S").to_string())
        };
        let why = "named by the declaration’s time, as no name was said";
        let said = said
            .cloned()
            .unwrap_or_else(|| Sourced::new(made_up().unwrap_or_else(|| "mycopod".to_owned()), Source::inferred(why)));
        let taken = seen.snapshots.clone().unwrap_or_default();
        let check = |snapshot: String| {
            let fits = (2..=40).contains(&snapshot.len())
                && snapshot.starts_with(|c: char| c.is_ascii_alphabetic())
                && snapshot.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !["current", "pending"].contains(&snapshot.as_str());
            if !fits {
                let text = format!(
                    "“{snapshot}” cannot be a snapshot’s name: Proxmox takes 2 to 40 letters, digits, - and _, a \
                     letter first. What shall it be called?"
                );
                return Err(Doubt::new(text));
            }
            if taken.contains(&snapshot) {
                let text = format!("{name} has a snapshot {snapshot} already. What shall the new one be called?");
                return Err(Doubt::new(text).or([format!("{snapshot}-2")]));
            }
            Ok(snapshot)
        };
        self.settle_text("snapshot", at, &said, check).map(|name| OneDeed::Snapshot(name.value))
    }

    /// A snapshot that the guest has: the one named, else the newest (`newest`), else the only one.
    fn known_snapshot(
        &mut self,
        at: Span,
        seen: &Sighting,
        said: Option<&Sourced<String>>,
        newest: bool,
    ) -> Option<String> {
        let name = super::label(seen);
        // The guests differ in their snapshots, so that the answer is of this guest.
        let topic = format!("snapshot-of-{}", seen.guest.vmid);
        let Some(snapshots) = &seen.snapshots else {
            let text = format!("The snapshots of {name} could not be read. Declare this anew when its node answers.");
            self.ask(&topic, Some(at), Doubt::new(text));
            return None;
        };
        let parent = seen.raw.get("parent").filter(|parent| newest && snapshots.contains(*parent));
        let only = snapshots.first().filter(|_| snapshots.len() == 1);
        let said = match (said, parent.or(only)) {
            (Some(said), _) => said.clone(),
            (None, Some(chosen)) => return Some(chosen.clone()),
            (None, None) => Sourced::new(String::new(), Source::said(at, self.text)),
        };
        let check = |snapshot: String| {
            if snapshots.contains(&snapshot) {
                return Ok(snapshot);
            }
            let text = match (snapshots.is_empty(), snapshot.is_empty()) {
                (true, _) => format!("{name} has no snapshot."),
                (false, true) => format!("{name} has {} snapshots. Which one is meant?", snapshots.len()),
                (false, false) => format!("{name} has no snapshot {snapshot}. Which one is meant?"),
            };
            Err(Doubt::new(text).or(snapshots))
        };
        self.settle_text(&topic, at, &said, check).map(|snapshot| snapshot.value)
    }

    fn backup(
        &mut self,
        at: Span,
        seen: &Sighting,
        storage: Option<&Sourced<String>>,
        mode: Option<&Sourced<String>>,
    ) -> Option<OneDeed> {
        let (name, node) = (super::label(seen), seen.guest.node.clone());
        let fit: BTreeSet<String> = self
            .observed
            .node(&node)
            .into_iter()
            .flat_map(|node| &node.storages)
            .filter(|(_, storage)| storage.content.contains(BACKUPS))
            .map(|(name, _)| name.clone())
            .collect();
        let said = match (storage, fit.first()) {
            (Some(said), _) => said.clone(),
            (None, Some(only)) if fit.len() == 1 => {
                Sourced::new(only.clone(), Source::inferred("the only storage for backups there"))
            }
            (None, _) => Sourced::new(String::new(), Source::said(at, self.text)),
        };
        let check = |storage: String| {
            if fit.contains(&storage) {
                return Ok(storage);
            }
            let text = match (fit.is_empty(), storage.is_empty()) {
                (true, _) => format!("No storage of {node} may hold backups, so {name} cannot be backed up."),
                (false, true) => format!("On which storage shall {name} be backed up?"),
                (false, false) => format!("{node} has no storage {storage} that may hold backups. Which one shall?"),
            };
            Err(Doubt::new(text).or(&fit))
        };
        let storage = self.settle_text(&format!("backup-storage-{node}"), at, &said, check)?.value;
        let mode = match mode {
            None => "snapshot".to_owned(),
            Some(said) => self.settle_text("backup-mode", at, said, |mode| super::facility::backup_mode(&mode))?.value,
        };
        Some(OneDeed::Backup { storage, mode })
    }

    /// A backup of this guest. Its storage has the volume; which there are, a look at the cluster does not tell.
    fn restore(&mut self, at: Span, seen: &Sighting, backup: Option<&Sourced<String>>) -> Option<OneDeed> {
        let name = super::label(seen);
        let shared = |storage: &str| {
            let node = self.observed.node(&seen.guest.node);
            node.and_then(|node| node.storages.get(storage)).is_some_and(|storage| storage.shared)
        };
        let mut backups: Vec<&Volume> = self
            .observed
            .volumes
            .iter()
            .filter(|volume| volume.content == "backup" && volume.guest == Some(seen.guest.key()))
            .filter(|volume| volume.node == seen.guest.node || shared(volume.storage()))
            .collect();
        backups.sort_by_key(|volume| std::cmp::Reverse((volume.at, &volume.volume)));
        let newest = backups.first().map(|volume| volume.volume.clone()).unwrap_or_default();
        let said = backup
            .cloned()
            .unwrap_or_else(|| Sourced::new(newest.clone(), Source::inferred("the newest backup of it")));
        let check = |said: String| {
            if backups.iter().any(|volume| volume.volume == said) {
                return Ok(said);
            }
            let text = if backups.is_empty() {
                format!("No backup of {name} is to be seen on the storages of its node, so it cannot be restored.")
            } else {
                format!("“{said}” is no backup of {name} that its node can reach. Which one is meant?")
            };
            Err(Doubt::new(text).or(backups.iter().map(|volume| &volume.volume)))
        };
        let backup = self.settle_text(&format!("backup-of-{}", seen.guest.vmid), at, &said, check)?.value;
        let why = "Proxmox overwrites only a guest that is off";
        self.is_off(at, seen, why).then_some(OneDeed::Restore(backup))
    }

    fn migrate(
        &mut self,
        at: Span,
        seen: &Sighting,
        node: &Sourced<String>,
        storage: Option<&Sourced<String>>,
        from: Option<&Sourced<String>>,
        offline: bool,
    ) -> Option<OneDeed> {
        let node = self.node(at, node)?.value;
        if let Some(from) = from.filter(|from| from.value != seen.guest.node) {
            let text = format!(
                "{} is not on {}. Shall it be moved from {} to {node} nevertheless? Then leave that out.",
                super::label(seen),
                from.value,
                seen.guest.node
            );
            self.ask(&format!("from-{}", seen.guest.vmid), from.source.span().or(Some(at)), Doubt::new(text));
        }
        if offline && !self.is_off(at, seen, "It shall be off while it is moved") {
            return None;
        }
        let there = self.nodes(Some(&node));
        let storage = match storage {
            None => None,
            Some(said) => {
                let kind = seen.guest.kind;
                Some(self.settle_text("storage", at, said, |name| super::value::storage_of(kind, name, &there))?.value)
            }
        };
        Some(OneDeed::Migrate { node, storage })
    }

    /// A disk that may be taken out, and its volume.
    fn taken_out(&mut self, at: Span, seen: &'a Sighting, disk: &DiskRef) -> Option<(Slot, String)> {
        let slot = self.disk(at, &self.subject_seen(seen), disk)?;
        let name = super::label(seen);
        if disks_in_order(seen).first() == Some(&slot) {
            let text = format!("{slot} is the disk that {name} starts from: it is never taken out of it.");
            self.ask(&format!("system-disk-{}", seen.guest.vmid), Some(at), Doubt::new(text));
            return None;
        }
        let volume = volume_of(seen.raw.get(slot.as_str())?).to_owned();
        let waits = match seen.guest.kind {
            Kind::Lxc => true,
            Kind::Qemu => {
                let hot = slot.as_str().starts_with("scsi") || slot.as_str().starts_with("virtio");
                !(hot && seen.hotplug.contains("disk"))
            }
        };
        let why = format!("Proxmox takes disk {slot} out only of a guest that is off");
        (!waits || self.is_off(at, seen, &why)).then_some((slot, volume))
    }

    fn removed_nic(&mut self, at: Span, seen: &'a Sighting, number: Option<u8>) -> Option<OneDeed> {
        let number = self.nic(at, &self.subject_seen(seen), number)?;
        if seen.fields.contains_key(&Field::Nic(number, NicPart::Bridge)) {
            return Some(OneDeed::RemoveNic(number));
        }
        let nics: Vec<String> = seen.nics().map(|nic| format!("NIC {nic}")).collect();
        let has = if nics.is_empty() { "no NIC".to_owned() } else { nics.join(", ") };
        let text = format!("{} has no NIC {number}. It has {has}.", super::label(seen));
        self.ask(&format!("nic-of-{}", seen.guest.name), Some(at), Doubt::new(text));
        None
    }

    /// The guests that a reading is about and of whose snapshots it depends.
    pub(super) fn minds_snapshots_of(&mut self, reading: &Reading) -> BTreeSet<GuestKey> {
        let mut keys = BTreeSet::new();
        for statement in &reading.statements {
            let targets = match &statement.what {
                What::Do { targets, deed } if minds_snapshots(deed) => targets.as_slice(),
                What::Change { targets, edits }
                    if edits.iter().any(|edit| matches!(edit.field, EditField::Disk(_, DiskPart::Storage))) =>
                {
                    targets.as_slice()
                }
                What::Clone { .. }
                | What::Do { .. }
                | What::Change { .. }
                | What::Create(_)
                | What::Facility(_)
                | What::Typed(_) => continue,
            };
            for found in self.targets(targets) {
                if let Found::Seen(seen) = found {
                    keys.insert(seen.guest.key());
                }
            }
        }
        keys
    }
}

/// The guests of whose snapshots a reading's meaning depends: a look at the whole cluster does not list them.
#[must_use]
pub fn minds_snapshots_of(
    declaration: DeclarationId,
    text: &str,
    reading: &Reading,
    observed: &Observed,
    policy: &Policy,
    answers: &Answers,
) -> BTreeSet<GuestKey> {
    Resolver::new(declaration, text, reading, observed, policy, answers).minds_snapshots_of(reading)
}

/// Whether a selection is narrow enough for a deed: nobody stops or deletes half a cluster by one click.
fn is_narrow(fit: &Fit, deed: &Deed) -> bool {
    let moves = matches!(deed, Deed::Migrate { .. });
    let stops = matches!(deed, Deed::Stop | Deed::Shutdown { .. } | Deed::Reboot | Deed::Suspend);
    !interrupts(deed)
        || fit.is_by_name()
        || (moves || stops) && fit.pool.is_some()
        // A node is emptied so, and VMs go on meanwhile.
        || moves && fit.node.is_some() && fit.kind == Some(Kind::Qemu)
}

/// Whether a deed takes guests out of service or data away: never done to all guests of a kind.
const fn interrupts(deed: &Deed) -> bool {
    match deed {
        Deed::Stop
        | Deed::Shutdown { .. }
        | Deed::Reboot
        | Deed::Suspend
        | Deed::Delete
        | Deed::Rollback { .. }
        | Deed::DeleteSnapshot { .. }
        | Deed::Restore { .. }
        | Deed::MakeTemplate
        | Deed::Migrate { .. }
        | Deed::Detach(_)
        | Deed::DestroyDisk(_)
        | Deed::RemoveNic(_) => true,
        Deed::Start | Deed::Resume | Deed::Snapshot { .. } | Deed::Backup { .. } | Deed::Adopt => false,
    }
}

/// Whether a deed may be done to a template.
const fn is_of_template(deed: &Deed) -> bool {
    match deed {
        Deed::Delete | Deed::Backup { .. } | Deed::Migrate { .. } | Deed::Adopt | Deed::MakeTemplate => true,
        Deed::Start
        | Deed::Shutdown { .. }
        | Deed::Stop
        | Deed::Reboot
        | Deed::Suspend
        | Deed::Resume
        | Deed::Snapshot { .. }
        | Deed::Rollback { .. }
        | Deed::DeleteSnapshot { .. }
        | Deed::Restore { .. }
        | Deed::Detach(_)
        | Deed::DestroyDisk(_)
        | Deed::RemoveNic(_) => false,
    }
}

/// Whether what a deed means depends on the guest's snapshots.
const fn minds_snapshots(deed: &Deed) -> bool {
    match deed {
        Deed::Delete
        | Deed::Snapshot { .. }
        | Deed::Rollback { .. }
        | Deed::DeleteSnapshot { .. }
        | Deed::Restore { .. }
        | Deed::MakeTemplate
        | Deed::Migrate { .. }
        | Deed::DestroyDisk(_) => true,
        Deed::Start
        | Deed::Shutdown { .. }
        | Deed::Stop
        | Deed::Reboot
        | Deed::Suspend
        | Deed::Resume
        | Deed::Backup { .. }
        | Deed::Detach(_)
        | Deed::RemoveNic(_)
        | Deed::Adopt => false,
    }
}
