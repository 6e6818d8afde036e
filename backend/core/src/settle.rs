//! Whether a step's aim is reached, as far as a look can tell.
//!
//! The same question is asked before a step is sent (is it already so?), after a crash (did
//! it arrive?) and after Proxmox reported success (is it really so?).

use crate::facility;
use crate::field::{DiskPart, Field, Plain, Value};
use crate::guest::{GuestRef, Power};
use crate::id::ResourceId;
use crate::observed::{Look, Ownership, Sighting};
use crate::plan::{Action, Step, Subject};
use crate::size::Size;

/// What a look says of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is so.
    Yes,
    /// It is not so, and nothing shows that it is on its way.
    No,
    /// Something is at it: a lock is held.
    Underway(String),
    /// The guest is not the one that the plan means; it must not be touched.
    Conflict(String),
    /// Nothing can be said.
    Unknown(String),
}

/// Whether `step` is so, by `look`. A reboot leaves no trace in a guest's state and is never so.
#[must_use]
pub fn settled(step: &Step, look: &Look) -> Settled {
    match (&step.subject, &step.action) {
        (Subject::Guest { guest, resource }, action) => of_guest(guest, *resource, action, look),
        (Subject::Facility { facility }, Action::Facility(call)) => facility::settled(facility, call, look),
        (Subject::Facility { facility }, action) => Settled::Conflict(format!("{facility} has no {}", action.name())),
    }
}

fn of_guest(guest: &GuestRef, resource: ResourceId, action: &Action, look: &Look) -> Settled {
    let (name, vmid) = (&guest.name, guest.vmid);
    let seen = match look {
        Look::Unknown(why) => return Settled::Unknown(format!("{name} ({vmid}) cannot be seen: {why}")),
        Look::Facility(_) => return Settled::Unknown(format!("something else was seen than {name} ({vmid})")),
        Look::Absent => return without(guest, action),
        Look::Present(seen) => seen,
    };
    if let Some(conflict) = stranger(guest, resource, action, seen) {
        return conflict;
    }
    if let Some(lock) = &seen.lock {
        return Settled::Underway(format!("{name} ({vmid}) is locked: {lock}"));
    }
    let is = |reached: bool| if reached { Settled::Yes } else { Settled::No };
    match action {
        Action::Create { .. } | Action::Clone { .. } | Action::Adopt => is(seen.ownership == Ownership::Ours(resource)),
        Action::Update { fields, .. } => is(fields.iter().all(|(field, value)| holds(field, value, seen.get(field)))),
        Action::AddDisk { slot, size, storage, parts } => match seen.get(&Field::size_of(slot.clone())) {
            None => Settled::No,
            // An imported disk has its image's size at first.
            Some(Value::Size(now))
                if (now >= size || parts.contains_key(&DiskPart::Import))
                    && seen.get(&Field::Disk(slot.clone(), DiskPart::Storage))
                        == Some(&Value::Text(storage.clone())) =>
            {
                Settled::Yes
            }
            Some(_) => Settled::Conflict(format!("{name} ({vmid}) has another disk at {slot} meanwhile")),
        },
        Action::Resize { slot, size } => match seen.get(&Field::Disk(slot.clone(), DiskPart::Size)) {
            None => Settled::Conflict(format!("{name} ({vmid}) has no disk {slot} any more")),
            Some(now) => is(matches!(now, Value::Size(now) if now >= size)),
        },
        Action::MoveDisk { disk, storage } => match seen.raw.get(disk) {
            None => Settled::Conflict(format!("{name} ({vmid}) has no disk {disk} any more")),
            Some(entry) => is(entry.starts_with(&format!("{storage}:"))),
        },
        Action::Detach { slot, volume } => match seen.raw.get(slot.as_str()) {
            None => Settled::Yes,
            Some(entry) if volume_of(entry) == volume => Settled::No,
            Some(_) => Settled::Conflict(format!("{name} ({vmid}) has another disk at {slot} meanwhile")),
        },
        Action::DestroyVolume { volume } => {
            let at = seen.raw.iter().find(|(_, entry)| volume_of(entry) == volume);
            // Taken out of the configuration, but the guest has not let go of it: Proxmox lists it as unused after the
            // guest's next stop.
            let waits = seen
                .pending
                .iter()
                .any(|field| matches!(field, Field::Disk(_, DiskPart::Size)) && !seen.fields.contains_key(field));
            match at {
                None if waits => Settled::Conflict(format!(
                    "{name} ({vmid}) runs and has not let go of a disk, so {volume} is not deleted: it is taken out when \
                     {name} next stops. Stop it"
                )),
                None => Settled::Yes,
                Some((key, _)) if key.starts_with("unused") => Settled::No,
                Some((key, _)) => Settled::Conflict(format!("{volume} is in use by {name} ({vmid}) as {key}")),
            }
        }
        Action::RemoveNic { number } => is(!seen.raw.contains_key(&format!("net{number}"))),
        Action::SetPool { to, .. } => {
            is(holds(&Plain::Pool.into(), &Value::Text(to.clone()), seen.get(&Plain::Pool.into())))
        }
        Action::SetHa { state, .. } => {
            is(holds(&Plain::Ha.into(), &Value::Text(state.clone()), seen.get(&Plain::Ha.into())))
        }
        Action::Firewall(call) => match &seen.firewall {
            None => Settled::Unknown(format!("the firewall of {name} ({vmid}) was not read")),
            Some(firewall) => match call.is_done(firewall) {
                Ok(done) => is(done),
                Err(why) => Settled::Conflict(format!("{name} ({vmid}): {why}; nothing was sent")),
            },
        },
        Action::Start | Action::Shutdown { .. } | Action::Stop | Action::Suspend | Action::Resume
            if seen.power == Power::Unknown =>
        {
            Settled::Unknown(format!("whether {name} ({vmid}) runs is not known"))
        }
        Action::Start | Action::Resume => is(seen.power == Power::Running),
        Action::Shutdown { .. } | Action::Stop => is(seen.power == Power::Stopped),
        Action::Suspend => is(seen.power == Power::Paused),
        Action::Reboot | Action::Delete | Action::Rollback { .. } | Action::Backup { .. } | Action::Restore { .. } => {
            Settled::No
        }
        Action::Snapshot { name: snapshot } | Action::DeleteSnapshot { name: snapshot } => match &seen.snapshots {
            Some(snapshots) => is(snapshots.contains(snapshot) != matches!(action, Action::DeleteSnapshot { .. })),
            None => Settled::Unknown(format!("the snapshots of {name} ({vmid}) were not seen")),
        },
        Action::MakeTemplate => is(seen.template),
        Action::Migrate { node, .. } => is(seen.guest.node == *node),
        Action::Facility(call) => Settled::Conflict(format!("{} is nothing that a guest has", call.name())),
    }
}

/// The volume in a disk's entry of the configuration.
pub(crate) fn volume_of(entry: &str) -> &str {
    let first = entry.split(',').next().unwrap_or(entry);
    first.strip_prefix("file=").or_else(|| first.strip_prefix("volume=")).unwrap_or(first)
}

/// What it means for a step that its guest is proven absent.
fn without(guest: &GuestRef, action: &Action) -> Settled {
    let (name, vmid) = (&guest.name, guest.vmid);
    match action {
        Action::Create { .. } | Action::Clone { .. } => Settled::No,
        Action::Delete => Settled::Yes,
        Action::Adopt
        | Action::Update { .. }
        | Action::AddDisk { .. }
        | Action::Resize { .. }
        | Action::MoveDisk { .. }
        | Action::Detach { .. }
        | Action::DestroyVolume { .. }
        | Action::RemoveNic { .. }
        | Action::SetPool { .. }
        | Action::SetHa { .. }
        | Action::Firewall(_)
        | Action::Start
        | Action::Shutdown { .. }
        | Action::Stop
        | Action::Reboot
        | Action::Suspend
        | Action::Resume
        | Action::Snapshot { .. }
        | Action::Rollback { .. }
        | Action::DeleteSnapshot { .. }
        | Action::Backup { .. }
        | Action::Restore { .. }
        | Action::MakeTemplate
        | Action::Migrate { .. }
        | Action::Facility(_) => Settled::Conflict(format!("{name} ({vmid}) is gone; nothing was sent")),
    }
}

/// Whether what is fulfils what was declared. What Proxmox leaves out has its default, and a disk that grew
/// since is as declared, because Proxmox cannot shrink it.
#[must_use]
pub fn holds(field: &Field, declared: &Value, is: Option<&Value>) -> bool {
    match field {
        Field::Disk(_, DiskPart::Size) => match (declared, is) {
            // None is declared: what is there instead is a difference.
            (Value::Size(declared), is) if *declared == Size::default() => is.is_none(),
            (Value::Size(declared), Some(Value::Size(is))) => is >= declared,
            _ => false,
        },
        // Where a disk came from is history, and a part of one that is not there is no difference of its own.
        Field::Disk(_, part) => *part == DiskPart::Import || is.is_none_or(|is| is == declared),
        Field::Nic(..) => match (declared, is) {
            (declared, Some(is)) => declared == is,
            (Value::Flag(flag), None) => !flag,
            (Value::Text(text), None) => text.is_empty() || text == "0",
            (Value::Count(count), None) => *count == 0,
            (Value::Set(_) | Value::Size(_), None) => false,
        },
        Field::Firewall(part) => part.holds(declared, is),
        Field::Plain(plain) => match (plain, declared, is) {
            // A version of the machine is one of its kind.
            (Plain::Machine, Value::Text(declared), Some(Value::Text(is))) => {
                is == declared
                    || matches!(declared.as_str(), "q35" if is.starts_with("pc-q35"))
                    || matches!(declared.as_str(), "pc" if is.starts_with("pc-i440fx"))
            }
            // Its value is never read back: that there is one is all that shows.
            (Plain::Password, Value::Text(secret), Some(_)) => !secret.is_empty(),
            (_, declared, Some(is)) => declared == is,
            // A node that does not say whether a guest runs gives no reason to start or stop it.
            (Plain::Running, _, None) => true,
            (_, declared, None) => plain.unset().as_ref() == Some(declared),
        },
    }
}

/// A guest of that number that is not the step's.
fn stranger(guest: &GuestRef, resource: ResourceId, action: &Action, seen: &Sighting) -> Option<Settled> {
    let (name, vmid) = (&guest.name, guest.vmid);
    let foreign = || {
        Some(Settled::Conflict(format!(
            "VMID {vmid} is now a guest that is not ours ({}); it was not touched",
            if seen.guest.name.is_empty() { "without a name" } else { &seen.guest.name }
        )))
    };
    match (action, seen.ownership) {
        (_, Ownership::Ours(bears)) if bears == resource => None,
        // Taking over what another resource of ours bears would cut that one off.
        (Action::Adopt, Ownership::Unmarked | Ownership::Invalid) => None,
        (Action::Adopt, Ownership::Ours(_)) => {
            Some(Settled::Conflict(format!("{name} ({vmid}) was taken over by another plan meanwhile")))
        }
        // While Proxmox makes a guest its notes are not written yet; a copy may bear its source's marker.
        (Action::Create { .. } | Action::Clone { .. }, _)
            if matches!(seen.lock.as_deref(), Some("create" | "clone")) =>
        {
            None
        }
        _ => foreign(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{Settled, settled};
    use crate::field::{DiskPart, Field, Plain, Slot, Value};
    use crate::guest::{GuestRef, Kind, Power, Vmid};
    use crate::id::ResourceId;
    use crate::observed::{Look, Ownership, Sighting};
    use crate::plan::{Action, Effect, Step, Subject};
    use crate::size::Size;

    fn resource(n: u8) -> ResourceId {
        format!("0192f0c1-2d3e-7000-8000-0000000000{n:02}").parse().unwrap()
    }

    fn guest() -> GuestRef {
        GuestRef { kind: Kind::Qemu, vmid: Vmid::try_from(105).unwrap(), name: "web-01".into(), node: "pve1".into() }
    }

    fn step(action: Action) -> Step {
        Step {
            seq: 1,
            wish: 0,
            subject: Subject::Guest { guest: guest(), resource: resource(1) },
            action,
            effect: Effect::Live,
            summary: String::new(),
            changes: Vec::new(),
            collateral: Vec::new(),
        }
    }

    fn create() -> Step {
        step(Action::Create { fields: BTreeMap::new(), template: None, macs: BTreeMap::new() })
    }

    fn seen(ownership: Ownership) -> Sighting {
        Sighting {
            guest: guest(),
            at: chrono::DateTime::UNIX_EPOCH,
            power: Power::Stopped,
            template: false,
            lock: None,
            digest: "0".repeat(40),
            ownership,
            smbios_uuid: None,
            fields: BTreeMap::from([(Field::Plain(Plain::Cores), Value::Count(2))]),
            pending: BTreeSet::new(),
            hotplug: BTreeSet::new(),
            snapshots: Some(BTreeSet::from(["pre-patch".to_owned()])),
            firewall: None,
            raw: BTreeMap::new(),
        }
    }

    fn present(sighting: Sighting) -> Look {
        Look::Present(Box::new(sighting))
    }

    #[test]
    fn a_guest_of_that_number_that_is_not_ours_is_never_touched() {
        for ownership in [Ownership::Unmarked, Ownership::Invalid, Ownership::Ours(resource(2))] {
            for action in [
                Action::Start,
                Action::Delete,
                Action::Reboot,
                Action::Update { fields: BTreeMap::new(), macs: BTreeMap::new() },
            ] {
                let said = settled(&step(action), &present(seen(ownership)));
                assert!(matches!(said, Settled::Conflict(_)), "{ownership:?}: {said:?}");
            }
            assert!(matches!(settled(&create(), &present(seen(ownership))), Settled::Conflict(_)));
        }
    }

    #[test]
    fn adopting_takes_what_bears_no_valid_marker_and_nothing_else() {
        assert_eq!(settled(&step(Action::Adopt), &present(seen(Ownership::Unmarked))), Settled::No);
        assert_eq!(settled(&step(Action::Adopt), &present(seen(Ownership::Invalid))), Settled::No);
        assert_eq!(settled(&step(Action::Adopt), &present(seen(Ownership::Ours(resource(1))))), Settled::Yes);
        assert!(matches!(
            settled(&step(Action::Adopt), &present(seen(Ownership::Ours(resource(2))))),
            Settled::Conflict(_)
        ));
    }

    #[test]
    fn a_guest_that_is_being_made_is_under_way_though_its_marker_is_not_written() {
        let mut making = seen(Ownership::Unmarked);
        making.lock = Some("create".into());
        assert!(matches!(settled(&create(), &present(making)), Settled::Underway(_)));
        assert_eq!(settled(&create(), &Look::Absent), Settled::No);
        assert_eq!(settled(&create(), &present(seen(Ownership::Ours(resource(1))))), Settled::Yes);
    }

    #[test]
    fn unknown_is_not_absent() {
        let unknown = Look::Unknown("pve2 does not answer".into());
        for action in [Action::Delete, Action::Start] {
            assert!(matches!(settled(&step(action), &unknown), Settled::Unknown(_)));
        }
        assert_eq!(settled(&step(Action::Delete), &Look::Absent), Settled::Yes);
        assert!(matches!(settled(&step(Action::Start), &Look::Absent), Settled::Conflict(_)));
    }

    #[test]
    fn disks_are_so_from_their_size_on_and_another_disk_is_in_conflict() {
        let slot = Slot::scsi(1);
        let disk = |storage: &str, gib| {
            let mut seen = seen(Ownership::Ours(resource(1)));
            seen.fields.insert(Field::Disk(Slot::scsi(1), DiskPart::Size), Value::Size(Size::gib(gib)));
            seen.fields.insert(Field::Disk(Slot::scsi(1), DiskPart::Storage), Value::Text(storage.into()));
            present(seen)
        };
        let resize = step(Action::Resize { slot: slot.clone(), size: Size::gib(20) });
        assert_eq!(settled(&resize, &disk("local", 10)), Settled::No);
        assert_eq!(settled(&resize, &disk("local", 20)), Settled::Yes);
        assert!(matches!(settled(&resize, &present(seen(Ownership::Ours(resource(1))))), Settled::Conflict(_)));
        let add = step(Action::AddDisk { slot, storage: "local".into(), size: Size::gib(10), parts: BTreeMap::new() });
        assert_eq!(settled(&add, &disk("local", 10)), Settled::Yes);
        assert!(matches!(settled(&add, &disk("other", 10)), Settled::Conflict(_)));
        assert_eq!(settled(&add, &present(seen(Ownership::Ours(resource(1))))), Settled::No);
    }

    #[test]
    fn an_unknown_power_state_settles_nothing() {
        let mut unknown = seen(Ownership::Ours(resource(1)));
        unknown.power = Power::Unknown;
        for action in [Action::Start, Action::Stop, Action::Shutdown { seconds: 60 }, Action::Suspend, Action::Resume] {
            assert!(matches!(settled(&step(action), &present(unknown.clone())), Settled::Unknown(_)));
        }
    }

    #[test]
    fn fields_and_snapshots_are_compared() {
        let ours = || present(seen(Ownership::Ours(resource(1))));
        let update =
            |field, value| step(Action::Update { fields: BTreeMap::from([(field, value)]), macs: BTreeMap::new() });
        assert_eq!(settled(&update(Field::Plain(Plain::Cores), Value::Count(2)), &ours()), Settled::Yes);
        assert_eq!(settled(&update(Field::Plain(Plain::Cores), Value::Count(4)), &ours()), Settled::No);
        assert_eq!(settled(&update(Field::Plain(Plain::OnBoot), Value::Flag(false)), &ours()), Settled::Yes);
        assert_eq!(settled(&step(Action::Snapshot { name: "pre-patch".into() }), &ours()), Settled::Yes);
        assert_eq!(settled(&step(Action::Snapshot { name: "other".into() }), &ours()), Settled::No);
        assert_eq!(settled(&step(Action::Reboot), &ours()), Settled::No);
    }
}
