//! Whether a step's aim is reached, as far as a look can tell.
//!
//! The same question is asked before a step is sent (is it already so?), after a crash (did
//! it arrive?) and after Proxmox reported success (is it really so?).

use crate::field::{Field, Value};
use crate::guest::Power;
use crate::observed::{Look, Ownership, Sighting};
use crate::plan::{Action, Step};

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
    let name = &step.guest.name;
    let vmid = step.guest.vmid;
    let seen = match look {
        Look::Unknown(why) => return Settled::Unknown(format!("{name} ({vmid}) cannot be seen: {why}")),
        Look::Absent => {
            return match step.action {
                Action::Create { .. } | Action::Clone { .. } => Settled::No,
                Action::Delete => Settled::Yes,
                Action::Adopt
                | Action::Update { .. }
                | Action::AddDisk { .. }
                | Action::Resize { .. }
                | Action::Start
                | Action::Shutdown
                | Action::Stop
                | Action::Reboot
                | Action::Snapshot { .. } => Settled::Conflict(format!("{name} ({vmid}) is gone; nothing was sent")),
            };
        }
        Look::Present(seen) => seen,
    };
    if let Some(conflict) = stranger(step, seen) {
        return conflict;
    }
    if let Some(lock) = &seen.lock {
        return Settled::Underway(format!("{name} ({vmid}) is locked: {lock}"));
    }
    let is = |reached: bool| if reached { Settled::Yes } else { Settled::No };
    match &step.action {
        Action::Create { .. } | Action::Clone { .. } | Action::Adopt => {
            is(seen.ownership == Ownership::Ours(step.resource))
        }
        Action::Update { fields, .. } => is(fields.iter().all(|(field, value)| holds(seen, field, value))),
        Action::AddDisk { slot, size, .. } | Action::Resize { slot, size } => {
            is(matches!(seen.get(&Field::DiskSize(slot.clone())), Some(Value::Size(now)) if now >= size))
        }
        Action::Start => is(seen.power == Power::Running),
        Action::Shutdown | Action::Stop => is(seen.power == Power::Stopped),
        Action::Reboot | Action::Delete => Settled::No,
        Action::Snapshot { name } => match &seen.snapshots {
            Some(snapshots) => is(snapshots.contains(name)),
            None => Settled::Unknown(format!("the snapshots of {name} ({vmid}) were not seen")),
        },
    }
}

/// Whether a field has a value; what Proxmox leaves out is no, none or empty.
#[must_use]
pub fn holds(seen: &Sighting, field: &Field, value: &Value) -> bool {
    match (seen.get(field), value) {
        (Some(now), value) => now == value,
        (None, Value::Flag(false)) => true,
        (None, Value::Text(text)) => text.is_empty(),
        (None, Value::Set(set)) => set.is_empty(),
        // A VLAN of 0 is none.
        (None, Value::Count(count)) => *count == 0,
        (None, Value::Flag(true) | Value::Size(_)) => false,
    }
}

/// A guest of that number that is not the step's.
fn stranger(step: &Step, seen: &Sighting) -> Option<Settled> {
    let (name, vmid) = (&step.guest.name, step.guest.vmid);
    let foreign = || {
        Some(Settled::Conflict(format!(
            "VMID {vmid} is now a guest that is not ours ({}); it was not touched",
            if seen.guest.name.is_empty() { "without a name" } else { &seen.guest.name }
        )))
    };
    match (&step.action, seen.ownership) {
        (_, Ownership::Ours(resource)) if resource == step.resource => None,
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
    use crate::field::{Field, Value};
    use crate::guest::{GuestRef, Kind, Power, Vmid};
    use crate::id::ResourceId;
    use crate::observed::{Look, Ownership, Sighting};
    use crate::plan::{Action, Effect, Step};

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
            guest: guest(),
            resource: resource(1),
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
            fields: BTreeMap::from([(Field::Cores, Value::Count(2))]),
            pending: BTreeSet::new(),
            hotplug: BTreeSet::new(),
            snapshots: Some(BTreeSet::from(["pre-patch".to_owned()])),
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
    fn fields_and_snapshots_are_compared() {
        let ours = || present(seen(Ownership::Ours(resource(1))));
        let update =
            |field, value| step(Action::Update { fields: BTreeMap::from([(field, value)]), macs: BTreeMap::new() });
        assert_eq!(settled(&update(Field::Cores, Value::Count(2)), &ours()), Settled::Yes);
        assert_eq!(settled(&update(Field::Cores, Value::Count(4)), &ours()), Settled::No);
        assert_eq!(settled(&update(Field::OnBoot, Value::Flag(false)), &ours()), Settled::Yes);
        assert_eq!(settled(&step(Action::Snapshot { name: "pre-patch".into() }), &ours()), Settled::Yes);
        assert_eq!(settled(&step(Action::Snapshot { name: "other".into() }), &ours()), Settled::No);
        assert_eq!(settled(&step(Action::Reboot), &ours()), Settled::No);
    }
}
