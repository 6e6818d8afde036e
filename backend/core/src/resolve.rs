//! Reading → intent: which guests, which fields, with every doubt a question.
//!
//! Resolving is pure: the same reading, look, policy and answers give the same intent or
//! the same questions. An intent is stored and planned as often as needed; a reading is
//! resolved anew only while nothing of it was carried out, because “double” would mean
//! something else afterwards.

mod address;
mod amount;
mod change;
mod create;
mod deed;
mod edited;
mod facility;
mod firewall;
mod image;
mod like;
mod making;
mod pick;
mod target;
mod together;
mod typed;
mod value;

use create::WantedCopy;

pub use deed::minds_snapshots_of;
pub use edited::{because_of, further, suspects};
pub use firewall::{firewalls_in, firewalls_of};
pub use image::Origins;
pub use value::content_for;
pub use value::read_size;

use std::collections::{BTreeMap, BTreeSet};

use crate::facility::Facility;
use crate::field::{Field, NicPart, Plain, Slot, Value};
use crate::guest::{GuestKey, GuestName, Kind, Vmid};
use crate::id::DeclarationId;
use crate::intent::{Intent, NewGuest, OneDeed, Wish};
use crate::observed::{Node, NodeState, Observed, Origin, Ownership, Sighting};
use crate::policy::Policy;
use crate::reading::{Answers, FormEdit, FormField, LEAVE_OUT, Question, Reading, Source, Sourced, Span, What};

/// The most answers offered to choose from: more is a list nobody reads. Others may still be typed.
const MAX_OPTIONS: usize = 12;

/// Resolves `reading` of `text` against what was observed.
///
/// # Errors
/// Everything that must be answered first, the reading's own questions among it. Nothing was planned.
pub fn resolve(
    declaration: DeclarationId,
    text: &str,
    reading: &Reading,
    observed: &Observed,
    policy: &Policy,
    answers: &Answers,
) -> Result<Intent, Vec<Question>> {
    if let Some(why) = &reading.refusal {
        return Err(vec![Question::new("refused", None, why, Vec::new())]);
    }
    let of_edits = edited::answers_by_edit(reading, answers);
    let mut resolver = Resolver::new(declaration, text, reading, observed, policy, answers);
    resolver.of_edits = Some(&of_edits);
    for (ordinal, statement) in reading.statements.iter().enumerate() {
        let at = statement.span;
        let begun = resolver.begun(ordinal, &statement.what);
        match begun.as_ref() {
            What::Create(create) => resolver.create(ordinal, at, create),
            What::Change { targets, edits } => resolver.change(at, targets, edits),
            What::Do { targets, deed } => resolver.deed(at, targets, deed),
            What::Clone { from, name, vmid, node, full, edits } => {
                let image = resolver.set_in_form(ordinal, &FormField::Image);
                let (image, vmid, node, full) = (image.as_ref(), vmid.as_ref(), node.as_ref(), full.as_ref());
                resolver.copy(ordinal, at, &WantedCopy { from, image, name, vmid, node, full, edits });
            }
            What::Facility(wanted) => resolver.facility(ordinal, at, wanted),
            What::Typed(guest) => resolver.typed(ordinal, at, guest),
        }
    }
    resolver.edited();
    resolver.keep_access();
    resolver.contradictions();
    if resolver.questions.is_empty() && resolver.wishes.is_empty() {
        let text = "Nothing is left to be done. Cancel this declaration, or answer otherwise.";
        resolver.questions.push(Question::new("nothing", None, text, Vec::new()));
    }
    if resolver.questions.is_empty() { Ok(Intent { wishes: resolver.wishes }) } else { Err(resolver.questions) }
}

/// The topic of a planner's question about a guest that exists. By it the guest can be left out of a declaration.
pub(crate) fn about(guest: Vmid) -> String {
    format!("guest-{guest}")
}

/// The topic of a planner's question about a guest to be made.
pub(crate) fn about_new(guest: &GuestName) -> String {
    format!("new-{guest}")
}

/// The topic of a planner's question about what stands around the guests.
pub(crate) fn about_facility(facility: &Facility) -> String {
    format!("facility-{}", facility.name())
}

/// The work in progress. Where a method gives `None`, the words were left out or a question was asked;
/// with a question no intent comes of it, so callers need not tell the two apart.
struct Resolver<'a> {
    declaration: DeclarationId,
    text: &'a str,
    observed: &'a Observed,
    policy: &'a Policy,
    answers: &'a Answers,
    /// What was set in a form since the text was read.
    edits: &'a [FormEdit],
    /// The answers to doubts about each edit that stands, where a whole reading is resolved.
    of_edits: Option<&'a BTreeMap<usize, Answers>>,
    /// The edit in a form that is worked on, with its number, while one is.
    edit: Option<(usize, &'a FormEdit)>,
    questions: Vec<Question>,
    wishes: Vec<Wish>,
}

/// What is wrong with a value, and what could be meant instead.
struct Doubt {
    text: String,
    options: Vec<String>,
}

impl Doubt {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), options: Vec::new() }
    }

    fn or<T: std::fmt::Display>(mut self, options: impl IntoIterator<Item = T>) -> Self {
        self.options.extend(options.into_iter().map(|option| option.to_string()));
        self
    }
}

/// Fields with where they come from.
type Fields = BTreeMap<Field, Sourced<Value>>;

/// A guest as edits see it: one that exists, or one that this text makes.
struct Subject<'a> {
    name: String,
    kind: Kind,
    /// Set where it exists.
    seen: Option<&'a Sighting>,
    /// The nodes it is on or may be placed on.
    nodes: Vec<(&'a String, &'a Node)>,
    /// Its fields as they are, or as its template has them.
    fields: BTreeMap<Field, Value>,
    /// Configuration keys in use: a slot may hold a CD or a cloud-init drive.
    keys: BTreeSet<String>,
    /// Whether an address can be handed to its system: containers, and VMs with a cloud-init drive.
    addressable: bool,
}

impl<'a> Resolver<'a> {
    fn new(
        declaration: DeclarationId,
        text: &'a str,
        reading: &'a Reading,
        observed: &'a Observed,
        policy: &'a Policy,
        answers: &'a Answers,
    ) -> Self {
        let questions = reading.questions.clone();
        Self {
            declaration,
            text,
            observed,
            policy,
            answers,
            edits: &reading.edits,
            of_edits: None,
            edit: None,
            questions,
            wishes: Vec::new(),
        }
    }

    /// Asks once: the same doubt about the same words is one question, whichever guest it came up for. Words that
    /// were left out are not asked about again; callers go on without them, as they do with a question.
    fn ask(&mut self, topic: &str, span: Option<Span>, doubt: Doubt) {
        if self.answers.left_out(topic, span) {
            return;
        }
        let mut options = doubt.options;
        options.dedup();
        options.truncate(MAX_OPTIONS);
        options.push(LEAVE_OUT.to_owned());
        let question = match &self.edit {
            None => Question::new(topic, span, doubt.text, options),
            Some((number, edit)) => edited::question(*number, edit, Question::new(topic, span, doubt.text, options)),
        };
        if self.questions.iter().all(|asked| asked.id != question.id) {
            self.questions.push(question);
        }
    }

    /// The value said, or the one answered where the said one does not hold.
    fn settle<T: Clone>(
        &mut self,
        topic: &str,
        at: Span,
        said: &Sourced<T>,
        read: impl Fn(&str) -> Option<T>,
        check: impl Fn(T) -> Result<T, Doubt>,
    ) -> Option<Sourced<T>> {
        let span = Some(said.source.span().unwrap_or(at));
        let doubt = match check(said.value.clone()) {
            Ok(value) => return Some(Sourced::new(value, said.source.clone())),
            Err(doubt) => doubt,
        };
        let doubt = match self.answers.get(topic, span) {
            None => doubt,
            Some(LEAVE_OUT) => return None,
            Some(answer) => match read(answer).map(&check) {
                Some(Ok(value)) => return Some(Sourced::new(value, answered(answer))),
                Some(Err(doubt)) => doubt,
                None => Doubt { text: format!("“{answer}” is no answer to this. {}", doubt.text), ..doubt },
            },
        };
        self.ask(topic, span, doubt);
        None
    }

    /// [`Self::settle`] for a text.
    fn settle_text(
        &mut self,
        topic: &str,
        at: Span,
        said: &Sourced<String>,
        check: impl Fn(String) -> Result<String, Doubt>,
    ) -> Option<Sourced<String>> {
        self.settle(topic, at, said, |answer| Some(answer.to_owned()), check)
    }

    /// Lays `new` over `fields`. Two different values that were both said are a question.
    fn put(&mut self, guest: &str, fields: &mut Fields, field: Field, new: Sourced<Value>) {
        if let Some(old) = fields.get(&field)
            && old.value != new.value
            && !matches!(old.source, Source::Default { .. })
        {
            let topic = format!("twice-{field}");
            let span = new.source.span();
            let chosen = self.answers.get(&topic, span).map(str::to_owned);
            match chosen {
                Some(answer) if answer == old.value.to_string() || answer == LEAVE_OUT => return,
                Some(answer) if answer == new.value.to_string() => {}
                _ => {
                    let text = format!(
                        "{} of {guest} is said to be {} and to be {}. Which one?",
                        field.label(),
                        old.value,
                        new.value
                    );
                    return self.ask(&topic, span, Doubt::new(text).or([&old.value, &new.value]));
                }
            }
        }
        fields.insert(field, new);
    }

    /// A new guest's name: well formed, and free on the cluster and in this text.
    fn free_name(
        &mut self,
        at: Span,
        said: &Sourced<String>,
        allowed: impl Fn(&Sighting) -> bool,
    ) -> Option<Sourced<GuestName>> {
        let observed = self.observed;
        let made: BTreeSet<String> = self.made().map(|(_, new)| new.name.value.to_string()).collect();
        let check = |name: String| -> Result<String, Doubt> {
            let parsed: GuestName =
                name.parse().map_err(|bad| Doubt::new(format!("{bad}. What shall it be called?")).or(mended(&name)))?;
            let free = |name: &str| !made.contains(name) && observed.guests.iter().all(|seen| seen.guest.name != name);
            if made.contains(&name) {
                let text =
                    format!("Two guests of this declaration would be called {name}. What shall this one be called?");
                return Err(Doubt::new(text).or(next_free(&name, free)));
            }
            match observed.guests.iter().find(|seen| seen.guest.name == name && !allowed(seen)) {
                None => Ok(parsed.into()),
                Some(seen) => {
                    let text = format!(
                        "{name} exists already ({} {} on {}). What shall the new guest be called?",
                        seen.guest.kind.noun(),
                        seen.guest.vmid,
                        seen.guest.node
                    );
                    Err(Doubt::new(text).or(next_free(&name, free)))
                }
            }
        };
        // A range such as “web-1 to web-3” gives several names the same words.
        let topic = format!("name-{}", said.value);
        let name = self.settle_text(&topic, at, said, check)?;
        let value = name.value.parse().ok()?;
        Some(Sourced::new(value, name.source))
    }

    /// The guests that this text makes, with the index of their wish.
    fn made(&self) -> impl Iterator<Item = (usize, &NewGuest)> {
        self.wishes.iter().enumerate().filter_map(|(index, wish)| match wish {
            Wish::Exist(new) => Some((index, &**new)),
            Wish::Hold { .. } | Wish::Once { .. } | Wish::Facility { .. } => None,
        })
    }

    /// Where a guest may be placed: on the node that was named, else on any that answered.
    fn nodes(&self, named: Option<&str>) -> Vec<(&'a String, &'a Node)> {
        self.observed.seen_nodes().filter(|(name, _)| named.is_none_or(|named| named == name.as_str())).collect()
    }

    fn subject_seen(&self, seen: &'a Sighting) -> Subject<'a> {
        Subject {
            name: seen.guest.name.clone(),
            kind: seen.guest.kind,
            seen: Some(seen),
            nodes: self.nodes(Some(&seen.guest.node)),
            fields: seen.fields.clone(),
            keys: seen.raw.keys().cloned().collect(),
            addressable: is_addressable(seen),
        }
    }

    fn subject_made(&self, new: &NewGuest) -> Subject<'a> {
        let template = new.origin.as_ref().and_then(|origin| template_of(self.observed, &origin.value.at));
        let mut fields = template.map(|seen| seen.fields.clone()).unwrap_or_default();
        fields.extend(new.fields.iter().map(|(field, value)| (field.clone(), value.value.clone())));
        Subject {
            name: new.name.value.to_string(),
            kind: new.kind.value,
            seen: None,
            nodes: self.nodes(new.node.as_ref().map(|node| node.value.as_str())),
            fields,
            keys: template.map(|seen| seen.raw.keys().cloned().collect()).unwrap_or_default(),
            addressable: new.kind.value == Kind::Lxc || template.is_some_and(is_addressable),
        }
    }

    /// Wishes that cannot all be granted.
    fn contradictions(&mut self) {
        let mut powers: BTreeMap<GuestKey, BTreeSet<bool>> = BTreeMap::new();
        let mut deleted = BTreeSet::new();
        let mut others: BTreeMap<GuestKey, &'static str> = BTreeMap::new();
        let mut named = BTreeMap::new();
        let sources = self.wishes.iter().filter_map(|wish| match wish {
            Wish::Exist(new) => new.origin.as_ref().map(|origin| (&origin.value.at, new.kind.value)),
            Wish::Hold { .. } | Wish::Once { .. } | Wish::Facility { .. } => None,
        });
        for (at, kind) in sources {
            for origin in at.values() {
                if let Origin::Template(vmid) = origin {
                    others.insert(GuestKey { kind, vmid: *vmid }, "copied");
                }
            }
        }
        for wish in &self.wishes {
            match wish {
                Wish::Exist(_) | Wish::Facility { .. } => {}
                Wish::Hold { guest, fields } => {
                    others.insert(guest.key(), "changed");
                    if let Some(Value::Flag(running)) =
                        fields.get(&Field::Plain(Plain::Running)).map(|said| &said.value)
                    {
                        powers.entry(guest.key()).or_default().insert(*running);
                        named.insert(guest.key(), guest.name.clone());
                    }
                }
                Wish::Once { guest, deed } => match deed {
                    OneDeed::Delete => {
                        deleted.insert(guest.key());
                        named.insert(guest.key(), guest.name.clone());
                    }
                    // Stopping a guest and then deleting it, or taking it over first, is one train of thought.
                    OneDeed::Stop | OneDeed::Shutdown { .. } => {
                        powers.entry(guest.key()).or_default().insert(false);
                        named.insert(guest.key(), guest.name.clone());
                    }
                    OneDeed::Adopt => {}
                    OneDeed::Start | OneDeed::Reboot => {
                        powers.entry(guest.key()).or_default().insert(true);
                        named.insert(guest.key(), guest.name.clone());
                        others.insert(guest.key(), "started");
                    }
                    OneDeed::Snapshot(_) => {
                        others.insert(guest.key(), "kept in a snapshot");
                    }
                    OneDeed::Suspend
                    | OneDeed::Resume
                    | OneDeed::Rollback(_)
                    | OneDeed::DeleteSnapshot(_)
                    | OneDeed::Backup { .. }
                    | OneDeed::Restore(_)
                    | OneDeed::MakeTemplate
                    | OneDeed::Migrate { .. }
                    | OneDeed::Detach { .. }
                    | OneDeed::DestroyDisk { .. }
                    | OneDeed::RemoveNic(_) => {
                        others.insert(guest.key(), "changed");
                    }
                },
            }
        }
        for (key, states) in powers {
            if let (2, Some(name)) = (states.len(), named.get(&key)) {
                let text = format!(
                    "{name} shall both run and be off. Whether it runs is a state, and it can have one: say which, or \
                     say reboot."
                );
                self.ask(&about(key.vmid), None, Doubt::new(text));
            }
        }
        self.undone();
        for key in deleted {
            if let (Some(how), Some(name)) = (others.get(&key).copied(), named.get(&key)) {
                let text = format!(
                    "{name} shall be both deleted and {how}. Say the one that is meant; where both are, delete it in a \
                     declaration of its own, afterwards."
                );
                self.ask(&about(key.vmid), None, Doubt::new(text));
            }
        }
    }

    /// What one part of the text asks for and another takes away again.
    fn undone(&mut self) {
        let mut doubts = Vec::new();
        for wish in &self.wishes {
            let Wish::Once { guest, deed } = wish else { continue };
            let (overwrites, out) = match deed {
                OneDeed::Rollback(_) | OneDeed::Restore(_) => (true, None),
                OneDeed::Detach { slot, .. } | OneDeed::DestroyDisk { slot, .. } => {
                    (false, Some(Field::size_of(slot.clone())))
                }
                OneDeed::RemoveNic(number) => (false, Some(Field::Nic(*number, NicPart::Bridge))),
                _ => continue,
            };
            let conflicts = self.wishes.iter().any(|other| match other {
                Wish::Hold { guest: held, fields } if held.key() == guest.key() => {
                    let is_out = |field: &Field| crate::drift::existence_of(field).is_some_and(|of| Some(of) == out);
                    overwrites || fields.keys().any(is_out)
                }
                Wish::Once { guest: other, deed } if overwrites && other.key() == guest.key() => matches!(
                    deed,
                    OneDeed::Detach { .. }
                        | OneDeed::DestroyDisk { .. }
                        | OneDeed::RemoveNic(_)
                        | OneDeed::MakeTemplate
                ),
                Wish::Hold { .. } | Wish::Once { .. } | Wish::Exist(_) | Wish::Facility { .. } => false,
            });
            if conflicts {
                let how = if overwrites { "taken back to an earlier state" } else { "rid of what is changed" };
                doubts.push((
                    guest.vmid,
                    format!(
                        "{} shall be both changed and {how}. Say the one that is meant; where both are, say the second in \
                         a declaration of its own, afterwards.",
                        guest.name
                    ),
                ));
            }
        }
        for (vmid, text) in doubts {
            self.ask(&about(vmid), None, Doubt::new(text));
        }
    }

    /// What is not known because a node does not answer; empty where all do.
    fn blind_spot(&self) -> String {
        let silent: Vec<&str> = self
            .observed
            .nodes
            .iter()
            .filter(|(_, state)| matches!(state, NodeState::Unreachable { .. }))
            .map(|(name, _)| name.as_str())
            .collect();
        if silent.is_empty() {
            String::new()
        } else {
            format!(" ({} does not answer: its guests are not known.)", silent.join(", "))
        }
    }
}

fn answered(answer: &str) -> Source {
    Source::answered(answer)
}

/// Whether an address can be handed to the guest's system.
fn is_addressable(seen: &Sighting) -> bool {
    match seen.guest.kind {
        Kind::Lxc => true,
        Kind::Qemu => seen.raw.values().any(|value| value.contains("cloudinit")),
    }
}

/// The template that a guest is made from, of any node that has it.
#[must_use]
pub fn template_of<'a>(observed: &'a Observed, at: &BTreeMap<String, Origin>) -> Option<&'a Sighting> {
    at.values().find_map(|origin| match origin {
        Origin::Template(vmid) => observed.numbered(*vmid),
        Origin::Volume(_) => None,
    })
}

/// A guest's disks in Proxmox's order: the one it boots from, then by bus and number.
pub(crate) fn disks_in_order(seen: &Sighting) -> Vec<Slot> {
    let boot = seen.raw.get("boot").map(String::as_str).unwrap_or_default();
    let boot_place = |slot: &Slot| {
        boot.trim_start_matches("order=").split(';').position(|device| device == slot.as_str()).unwrap_or(usize::MAX)
    };
    let mut slots: Vec<Slot> = seen.disks().cloned().collect();
    slots.sort_by_key(|slot| (boot_place(slot), bus_rank(slot), number(slot)));
    slots
}

fn bus_rank(slot: &Slot) -> usize {
    ["rootfs", "mp", "scsi", "virtio", "sata", "ide"]
        .iter()
        .position(|bus| slot.as_str().starts_with(bus))
        .unwrap_or(usize::MAX)
}

fn number(slot: &Slot) -> u32 {
    slot.as_str().trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().unwrap_or(0)
}

/// The name with what Proxmox does not take replaced.
fn mended(name: &str) -> Option<GuestName> {
    let text: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).take(64).collect();
    text.trim_matches(['-', '.']).parse().ok()
}

/// The next name after `name` that is free: its number counted up, or a 2 put behind.
fn next_free(name: &str, free: impl Fn(&str) -> bool) -> Option<String> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &name[stem.len()..];
    let (stem, from, width) = match digits.parse::<u32>() {
        Ok(number) => (stem.to_owned(), number.saturating_add(1), digits.len()),
        Err(_) => (format!("{name}-"), 2, 1),
    };
    (from..from.saturating_add(1_000)).map(|number| format!("{stem}{number:0width$}")).find(|name| free(name))
}

/// The guest as an option names it where its name alone does not tell: `web-01 (101 on pve1)`.
fn label(seen: &Sighting) -> String {
    format!("{} ({} on {})", seen.guest.name, seen.guest.vmid, seen.guest.node)
}

/// Whether a guest is the one that a former run of the same declaration made.
fn is_of(resource: crate::id::ResourceId) -> impl Fn(&Sighting) -> bool {
    move |seen| seen.ownership == Ownership::Ours(resource)
}

/// A VMID in a text.
fn vmid_in(text: &str) -> Option<Vmid> {
    text.trim().parse::<u32>().ok().and_then(|number| Vmid::try_from(number).ok())
}
