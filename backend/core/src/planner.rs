//! Intent → plan: every choice made, by a pure function of what was seen.
//!
//! Planning the same intent against the same world gives the same plan, and planning
//! against a world in which the plan was carried out gives an empty one. Drift is found
//! and repaired by the same function.

mod around;
mod deed;
mod disk;
mod effect;
mod facility;
mod firewall;
mod keep;
mod make;
mod migrate;
mod nic;
mod place;
mod promise;
mod words;

pub(crate) use deed::BACKUPS;
pub(crate) use keep::is_cloud_init;
pub use promise::Promise;

use std::collections::{BTreeMap, BTreeSet};

use crate::field::{Field, Plain, Value};
use crate::firewall::Firewall;
use crate::guest::{GuestKey, GuestName, GuestRef, Power, Vmid};
use crate::id::{DeclarationId, ResourceId};
use crate::intent::{Intent, Wish};
use crate::observed::{NodeState, Observed, Ownership, Sighting};
use crate::plan::{Action, Change, Effect, MAX_STEPS, Plan, Step, Subject};
use crate::policy::Policy;
use crate::reading::{LEAVE_OUT, MAX_DECLARATION, Question, Sourced};
use crate::resolve::{about, about_new};

/// A guest of ours, or a VMID reserved for one, as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// What its marker names.
    pub id: ResourceId,
    /// Its kind and VMID, reserved when its first plan was made.
    pub key: GuestKey,
    /// Where it was last seen, or was planned to be.
    pub node: String,
    /// Its name.
    pub name: String,
    /// A VM's `smbios1` UUID, once it was seen.
    pub smbios_uuid: Option<String>,
    /// The declaration that made or adopted it.
    pub declaration: DeclarationId,
    /// Whether it was deleted by a later declaration. Its VMID is free then, and it is not made again.
    pub gone: bool,
}

/// What a plan is made against.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The cluster, looked at afresh.
    pub observed: &'a Observed,
    /// Guests of ours and reserved VMIDs.
    pub resources: &'a [Resource],
    /// The wishes of this intent that were deeds and are done: never repeated.
    pub done: &'a BTreeSet<usize>,
    /// VMIDs that are taken though nothing shows it: by guests that may not be seen.
    pub hidden: &'a BTreeSet<Vmid>,
    /// What other plans that stand have promised to their guests.
    pub promised: &'a [Promise],
}

/// Plans `intent` against `world`.
///
/// # Errors
/// What stands in the way, with numbers: what does not fit, what is not known, what is not ours any more.
/// [`LEAVE_OUT`] as an answer leaves the guest in question out when the reading is resolved again.
pub fn plan(
    declaration: DeclarationId,
    intent: &Intent,
    world: &World<'_>,
    policy: &Policy,
) -> Result<Plan, Vec<Question>> {
    let mut planner = Planner::new(declaration, *world, policy);
    let facilities = |planner: &mut Planner<'_>, makes: bool| {
        for (index, wish) in intent.wishes.iter().enumerate() {
            if let Wish::Facility { facility, call } = wish
                && call.makes() == makes
                && !world.done.contains(&index)
            {
                planner.facility(index, facility, call);
            }
        }
    };
    // What guests may need comes first; what they may still be in goes last.
    facilities(&mut planner, true);
    for (index, wish) in intent.wishes.iter().enumerate() {
        match wish {
            Wish::Exist(new) => planner.exist(index, new),
            Wish::Hold { guest, fields } => planner.hold(index, guest, fields),
            Wish::Once { guest, deed } if !world.done.contains(&index) => planner.once(index, guest, deed),
            Wish::Once { .. } | Wish::Facility { .. } => {}
        }
    }
    facilities(&mut planner, false);
    planner.finish()
}

/// The resource that a guest becomes which `declaration` adopts. It is a function of the VMID, so that several
/// wishes about one guest adopt one resource; it lies beyond the ordinals of guests that are made.
#[must_use]
pub fn adopted(declaration: DeclarationId, vmid: Vmid) -> ResourceId {
    ResourceId::nth_of(declaration, MAX_DECLARATION.saturating_add(vmid.get() as usize))
}

struct Planner<'a> {
    declaration: DeclarationId,
    world: World<'a>,
    policy: &'a Policy,
    steps: Vec<Step>,
    notes: Vec<String>,
    relies_on: BTreeMap<String, String>,
    questions: Vec<Question>,
    /// Guests that exist, as the steps so far leave them.
    guests: BTreeMap<GuestKey, Standing<'a>>,
    rooms: place::Rooms,
    /// What this plan promises, by guest and node.
    promises: BTreeMap<(Vmid, String), Promise>,
    /// VMIDs in use, reserved, or given by this plan.
    taken: BTreeSet<Vmid>,
    /// MAC addresses in use or given by this plan.
    macs: BTreeSet<String>,
    /// How many guests this plan puts on each node.
    placed: BTreeMap<String, usize>,
}

/// A guest that exists, as the steps planned so far leave it.
struct Standing<'a> {
    seen: &'a Sighting,
    resource: ResourceId,
    ours: bool,
    /// Whether it is to be deleted.
    deleted: bool,
    power: Power,
    fields: BTreeMap<Field, Value>,
    /// Its node.
    node: String,
    template: bool,
    /// Its snapshots, where they were looked at.
    snapshots: Option<BTreeSet<String>>,
    /// Its firewall, where that was read.
    firewall: Option<Firewall>,
}

impl<'a> Standing<'a> {
    fn of(seen: &'a Sighting, resource: ResourceId, ours: bool) -> Self {
        Self {
            seen,
            resource,
            ours,
            deleted: false,
            power: seen.power,
            fields: seen.fields.clone(),
            node: seen.guest.node.clone(),
            template: seen.template,
            snapshots: seen.snapshots.clone(),
            firewall: seen.firewall.as_deref().cloned(),
        }
    }

    /// `web-01 (101)`.
    fn called(&self) -> String {
        format!("{} ({})", self.seen.guest.name, self.seen.guest.vmid)
    }

    fn has(&self, field: &Field) -> Option<&Value> {
        self.fields.get(field)
    }

    /// What a change of `field` to `to` does to it.
    fn effect(&self, field: &Field, to: &Value) -> Effect {
        effect::of(field, self.has(field), to, self.seen.guest.kind, self.power, &self.seen.hotplug)
    }

    /// The text of a field; empty where there is none.
    fn text(&self, field: impl Into<Field>) -> &str {
        match self.fields.get(&field.into()) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    fn is_protected(&self) -> bool {
        self.has(&Plain::Protection.into()) == Some(&Value::Flag(true))
    }
}

/// The choices of a step; [`Planner::push`] makes the rest of it.
struct Draft {
    action: Action,
    effect: Effect,
    changes: Vec<Change>,
    collateral: Vec<String>,
}

impl Draft {
    fn new(action: Action, effect: Effect) -> Self {
        Self { action, effect, changes: Vec::new(), collateral: Vec::new() }
    }

    fn with(self, changes: Vec<Change>) -> Self {
        Self { changes, ..self }
    }
}

impl<'a> Planner<'a> {
    fn new(declaration: DeclarationId, world: World<'a>, policy: &'a Policy) -> Self {
        let mut notes = Vec::new();
        for (name, state) in &world.observed.nodes {
            if let NodeState::Unreachable { why } = state {
                notes.push(format!(
                    "Node {name} does not answer ({why}): its guests are not known, and nothing is placed there."
                ));
            }
        }
        Self {
            declaration,
            world,
            policy,
            steps: Vec::new(),
            notes,
            relies_on: BTreeMap::new(),
            questions: Vec::new(),
            guests: BTreeMap::new(),
            rooms: place::Rooms::of(&world, policy),
            promises: BTreeMap::new(),
            taken: {
                let seen = world.observed.guests.iter().map(|seen| seen.guest.vmid);
                let reserved = world.resources.iter().filter(|row| !row.gone).map(|row| row.key.vmid);
                seen.chain(reserved).chain(world.hidden.iter().copied()).collect()
            },
            macs: world.observed.guests.iter().flat_map(|seen| make::macs_of(&seen.raw)).collect(),
            placed: BTreeMap::new(),
        }
    }

    fn finish(mut self) -> Result<Plan, Vec<Question>> {
        self.keep_access();
        if self.steps.len() > MAX_STEPS {
            let text = format!(
                "This takes {} steps, and a plan has {MAX_STEPS} at most, as nobody can read more before approving \
                 them. Split the declaration.",
                self.steps.len()
            );
            self.questions.push(Question::new("size", None, text, Vec::new()));
        }
        if !self.questions.is_empty() {
            return Err(self.questions);
        }
        let policy = serde_json::to_string(self.policy).unwrap_or_default();
        let plan = Plan::new(self.declaration, self.steps, self.notes, self.relies_on, policy);
        Ok(plan.promising(self.promises.into_values().collect()))
    }

    /// Asks about a guest that exists.
    fn ask(&mut self, guest: Vmid, text: String) {
        self.ask_about(&about(guest), text);
    }

    /// Asks about a guest to be made.
    fn ask_new(&mut self, guest: &GuestName, text: String) {
        self.ask_about(&about_new(guest), text);
    }

    fn ask_about(&mut self, topic: &str, text: String) {
        let question = Question::new(topic, None, text, vec![LEAVE_OUT.to_owned()]);
        if self.questions.iter().all(|asked| asked.id != question.id) {
            self.questions.push(question);
        }
    }

    fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    fn push(&mut self, wish: usize, guest: &GuestRef, resource: ResourceId, draft: Draft) {
        let summary = words::summary(guest, &draft.action, &draft.changes);
        self.add(wish, Subject::Guest { guest: guest.clone(), resource }, summary, draft);
    }

    fn add(&mut self, wish: usize, subject: Subject, summary: String, draft: Draft) {
        let Draft { action, effect, changes, collateral } = draft;
        let seq = u32::try_from(self.steps.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.steps.push(Step { seq, wish, subject, action, effect, summary, changes, collateral });
    }

    /// A step of a guest that exists, where it stands by then.
    fn act(&mut self, wish: usize, key: GuestKey, draft: Draft) {
        let Some(standing) = self.guests.get(&key) else { return };
        let guest = GuestRef { node: standing.node.clone(), ..standing.seen.guest.clone() };
        let resource = standing.resource;
        self.push(wish, &guest, resource, draft);
    }

    /// Notes what a step leaves a guest's field at.
    fn remember(&mut self, key: GuestKey, field: &Field, value: &Value) {
        if let Some(standing) = self.guests.get_mut(&key) {
            standing.fields.insert(field.clone(), value.clone());
        }
    }

    /// Finds the guest that a wish is about and makes sure that it is still the same one.
    /// `None` where it is gone or a question was asked.
    fn standing(&mut self, guest: &GuestRef) -> Option<GuestKey> {
        let key = guest.key();
        if let Some(known) = self.guests.get(&key) {
            return (!known.deleted).then_some(key);
        }
        let Some(seen) = self.world.observed.guest(key) else {
            self.missing(guest);
            return None;
        };
        match self.identify(guest, seen) {
            Ok((resource, ours)) => {
                self.guests.insert(key, Standing::of(seen, resource, ours));
                Some(key)
            }
            Err(text) => {
                self.ask(key.vmid, text);
                None
            }
        }
    }

    fn missing(&mut self, guest: &GuestRef) {
        let text = if let Some(other) = self.world.observed.numbered(guest.vmid) {
            format!(
                "VMID {} was {} {} when this was declared and is {} {} now: it was given to another guest. Nothing \
                 is done to it.",
                guest.vmid,
                guest.kind.noun(),
                guest.name,
                other.guest.kind.noun(),
                other.guest.name
            )
        } else if self.world.hidden.contains(&guest.vmid) {
            format!(
                "{} ({}) is there and may not be seen: VM.Audit on /vms/{} is missing. Nothing is done to it.",
                guest.name, guest.vmid, guest.vmid
            )
        } else if self.world.observed.is_complete() {
            format!("{} ({}) does not exist any more. Declare it anew, or leave it out.", guest.name, guest.vmid)
        } else {
            format!(
                "{} ({}) was not seen, and not every node answers: unknown is not absent. Plan again when all nodes \
                 answer.",
                guest.name, guest.vmid
            )
        };
        self.ask(guest.vmid, text);
    }

    /// The resource that a guest is or would become, and whether it is ours already.
    fn identify(&self, guest: &GuestRef, seen: &Sighting) -> Result<(ResourceId, bool), String> {
        let vmid = seen.guest.vmid;
        let row = self.world.resources.iter().find(|row| !row.gone && row.key == seen.guest.key());
        let other_uuid = row.is_some_and(|row| match (&row.smbios_uuid, &seen.smbios_uuid) {
            (Some(known), Some(is)) => !known.eq_ignore_ascii_case(is),
            _ => false,
        });
        let recycled = || {
            format!(
                "VMID {vmid} is held by {} {}, which does not carry the valid marker of the guest that MycoPod had \
                 there. It may be another guest, so nothing is done to it. Find out what happened to {}, then \
                 declare anew.",
                seen.guest.kind.noun(),
                seen.guest.name,
                guest.name
            )
        };
        match (seen.ownership, row) {
            _ if other_uuid => Err(recycled()),
            (Ownership::Ours(id), _) => Ok((id, true)),
            // Its adoption is planned and was not carried out yet, or its marker was taken off: it is adopted again.
            (Ownership::Unmarked | Ownership::Invalid, Some(row)) if row.id == adopted(row.declaration, vmid) => {
                Ok((row.id, false))
            }
            (Ownership::Unmarked | Ownership::Invalid, Some(_)) => Err(recycled()),
            (Ownership::Unmarked | Ownership::Invalid, None) if seen.guest.name != guest.name => Err(format!(
                "VMID {vmid} was called {} when this was declared and is called {} now. Nothing is done to it: \
                 declare it anew by its present name.",
                guest.name, seen.guest.name
            )),
            (Ownership::Unmarked | Ownership::Invalid, None) => Ok((adopted(self.declaration, vmid), false)),
        }
    }

    /// Called before the first step of a guest that exists: writes down what the plan relies on, and adopts it
    /// where it is not ours. False where it cannot be touched now.
    fn touch(&mut self, wish: usize, key: GuestKey) -> bool {
        let Some(standing) = self.guests.get_mut(&key) else { return false };
        let seen = standing.seen;
        if let Some(lock) = &seen.lock {
            let text = format!(
                "{} ({}) is locked by Proxmox ({lock}): something else is at work on it. Plan again when that has ended.",
                seen.guest.name, seen.guest.vmid
            );
            self.ask(key.vmid, text);
            return false;
        }
        self.relies_on.insert(format!("guest/{}/{}/digest", key.kind, key.vmid), seen.digest.clone());
        if standing.ours {
            return true;
        }
        standing.ours = true;
        let mut draft = Draft::new(Action::Adopt, Effect::Live);
        if seen.ownership == Ownership::Invalid {
            let text = format!(
                "{} carries a marker that is not valid here (copied by a clone, of another installation, or forged); \
                 it is replaced.",
                seen.guest.name
            );
            draft.collateral.push(text.clone());
            self.note(text);
        }
        self.act(wish, key, draft);
        true
    }

    /// Notes that the plan depends on whether the guest runs. False where nobody knows.
    fn power_matters(&mut self, key: GuestKey) -> bool {
        let Some(standing) = self.guests.get(&key) else { return false };
        let seen = standing.seen;
        let power = match seen.power {
            Power::Running => "running",
            Power::Stopped => "stopped",
            Power::Paused => "paused",
            Power::Unknown => {
                let text = format!(
                    "Node {} does not say whether {} ({}) runs, and what is asked depends on it. Plan again when it does.",
                    seen.guest.node, seen.guest.name, seen.guest.vmid
                );
                self.ask(key.vmid, text);
                return false;
            }
        };
        self.relies_on.insert(format!("guest/{}/{}/power", key.kind, key.vmid), power.to_owned());
        true
    }
}

/// Whether a guest uses its node's memory.
const fn is_on(power: Power) -> bool {
    match power {
        // Unknown counts as the worse case.
        Power::Running | Power::Paused | Power::Unknown => true,
        Power::Stopped => false,
    }
}

/// A field's change, with who says so.
fn change(field: &Field, from: Option<&Value>, to: &Sourced<Value>) -> Change {
    Change { field: field.clone(), from: from.cloned(), to: Some(to.value.clone()), source: to.source.clone() }
}
