//! What came of a declaration, held against what must: by the end state after its plan was carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use mycopod_core::facility::FacilityCall;
use mycopod_core::field::{Field, NicPart, Plain, Slot, Value};
use mycopod_core::guest::Kind;
use mycopod_core::intent::{Intent, NewGuest, OneDeed, Wish};
use mycopod_core::observed::{Observed, Sighting};
use mycopod_core::policy::Policy;
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, Reading, Source};
use mycopod_core::resolve::resolve;
use mycopod_language::read;

use crate::case::{Case, Due, Want};
use crate::life::Life;
use crate::support::declaration;
use crate::world::size;

/// Under this name the corpus has what is done around the guests.
const AROUND: &str = "around";

/// How a declaration was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it must be.
    Exact,
    /// A question came where a plan was due.
    Asked,
    /// A plan came that does something else.
    Misread,
    /// A plan came where a question was due.
    Unsafe,
}

/// A verdict and its reason; of a question that came rightly, whether it names what is wrong.
pub type Judged = (Verdict, String);

/// What came of it.
enum Outcome {
    Held(String),
    Planned(Box<Intent>, Box<Life>),
}

/// Says `case` in its world.
pub fn judge(case: &Case, worlds: &BTreeMap<String, Observed>) -> Judged {
    let before = worlds.get(&case.world).unwrap_or_else(|| panic!("{}: no world {}", case.at, case.world));
    let reading = read(&case.say, &Inventory::of(before), &Answers::default());
    judge_reading(case, worlds, &case.say, &reading)
}

/// Judges what a reader made of `case`; `text` is what its words are of.
pub fn judge_reading(case: &Case, worlds: &BTreeMap<String, Observed>, text: &str, reading: &Reading) -> Judged {
    let before = worlds.get(&case.world).unwrap_or_else(|| panic!("{}: no world {}", case.at, case.world));
    let outcome = catch_unwind(AssertUnwindSafe(|| say(text, reading, before)));
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(panic) => {
            let why = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic".to_owned());
            return (Verdict::Misread, format!("Proxmox would refuse: {why}"));
        }
    };
    match (&case.due, outcome) {
        (Due::Question(word), Outcome::Held(why)) => {
            let names = why.to_lowercase().contains(&word.to_lowercase());
            (Verdict::Exact, if names { String::new() } else { format!("not about “{word}”: {why}") })
        }
        (Due::Question(_), Outcome::Planned(_, life)) => (Verdict::Unsafe, changed(before, &life.observed)),
        (Due::Plan(_), Outcome::Held(why)) => (Verdict::Asked, why),
        (Due::Plan(wants), Outcome::Planned(intent, life)) => {
            match held_against(wants, before, &intent, &life.observed) {
                None => (Verdict::Exact, String::new()),
                Some(why) => (Verdict::Misread, why),
            }
        }
    }
}

fn say(text: &str, reading: &Reading, before: &Observed) -> Outcome {
    let (policy, answers) = (Policy::default(), Answers::default());
    let held = |questions: Vec<mycopod_core::reading::Question>| {
        let texts =
            questions.into_iter().map(|question| format!("{} [{}]", question.text, question.options.join(" / ")));
        Outcome::Held(texts.collect::<Vec<_>>().join(" "))
    };
    if let Some(why) = &reading.refusal {
        return Outcome::Held(why.clone());
    }
    let intent = match resolve(declaration(), text, reading, before, &policy, &answers) {
        Ok(intent) => intent,
        Err(questions) => return held(questions),
    };
    let mut life = Life::new(before.clone());
    match life.plan(&intent) {
        Ok(plan) => {
            life.reserve(&plan);
            life.carry_out(plan.steps());
            Outcome::Planned(Box::new(intent), Box::new(life))
        }
        Err(questions) => held(questions),
    }
}

/// The first thing that is not as it must be.
fn held_against(
    wants: &BTreeMap<String, Want>,
    before: &Observed,
    intent: &Intent,
    after: &Observed,
) -> Option<String> {
    let none = Want::default();
    let around = around(intent);
    let due = &wants.get(AROUND).unwrap_or(&none).deeds;
    if around.len() != due.len()
        || !around
            .iter()
            .zip(due)
            .all(|(is, due)| is == due || due == "make_backup_job=any" && is.starts_with("make_backup_job"))
    {
        return Some(format!("around the guests {around:?} instead of {due:?}"));
    }
    for seen in &before.guests {
        let name = &seen.guest.name;
        let want = if seen.template { &none } else { wants.get(name).unwrap_or(&none) };
        let found = after.guest(seen.guest.key());
        let wrong = match (want.gone, found) {
            (true, None) => None,
            (true, Some(_)) => Some("is still there".to_owned()),
            (false, None) => Some("is gone".to_owned()),
            (false, Some(is)) => strayed(seen, is, want).or_else(|| lacking(is, want)),
        };
        let wrong = wrong.or_else(|| {
            let did = deeds(intent, seen);
            let due: BTreeSet<String> = want.deeds.iter().cloned().collect();
            (did != due).then(|| format!("was {did:?} instead of {due:?}"))
        });
        if let Some(wrong) = wrong {
            return Some(format!("{name} {wrong}"));
        }
    }
    let made = after.guests.iter().filter(|is| before.guest(is.guest.key()).is_none());
    let mut names = BTreeSet::new();
    for is in made {
        let name = &is.guest.name;
        names.insert(name.clone());
        let wrong = match wants.get(name) {
            Some(want) if want.new == Some(is.guest.kind) => {
                lacking(is, want).or_else(|| unasked(new_guest(intent, name)?, want))
            }
            _ => Some("appeared".to_owned()),
        };
        if let Some(wrong) = wrong {
            return Some(format!("{name} {wrong}"));
        }
    }
    wants
        .iter()
        .find(|(name, want)| want.new.is_some() && !names.contains(*name))
        .map(|(name, _)| format!("{name} was not made"))
}

fn new_guest<'a>(intent: &'a Intent, name: &str) -> Option<&'a NewGuest> {
    intent.wishes.iter().find_map(|wish| match wish {
        Wish::Exist(new) if new.name.value.as_str() == name => Some(&**new),
        _ => None,
    })
}

/// What changed of a guest though nobody wants it.
fn strayed(was: &Sighting, is: &Sighting, want: &Want) -> Option<String> {
    let fields: BTreeSet<&Field> = was.fields.keys().chain(is.fields.keys()).collect();
    let changed = fields.into_iter().find(|field| was.get(field) != is.get(field) && !is_wanted(field, want));
    if let Some(field) = changed {
        let shown = |seen: &Sighting| seen.get(field).map_or_else(|| "-".to_owned(), ToString::to_string);
        return Some(format!("has {field} {} instead of {}", shown(is), shown(was)));
    }
    let moved = was.guest.node != is.guest.node && !want.values.contains_key("node");
    let templated = was.template != is.template && !want.deeds.iter().any(|deed| deed == "template");
    (moved || templated).then(|| "moved or became a template".to_owned())
}

/// Whether somebody wants a field to become something, or it follows from what is wanted.
fn is_wanted(field: &Field, want: &Want) -> bool {
    let has = |key: &str| want.values.contains_key(key);
    let deed = |of: &str| want.deeds.iter().any(|deed| deed.starts_with(of));
    has(&field.to_string())
        || match field {
            Field::Disk(slot, _) => {
                has("disks")
                    || has(&format!("disk.{slot}.storage"))
                    || has("storage")
                    || deed(&format!("detach={slot}"))
                    || deed(&format!("destroydisk={slot}"))
            }
            Field::Nic(number, _) => has("nics") || has(&format!("nic.{number}.bridge")) || deed("removenic"),
            Field::Plain(Plain::Running) => deed("suspend") || deed("resume") || deed("rollback") || deed("restore"),
            Field::Plain(_) | Field::Firewall(_) => false,
        }
}

/// What a new guest got because of words that nobody meant so.
fn unasked(new: &NewGuest, want: &Want) -> Option<String> {
    let said = |source: &Source| match source {
        Source::Said(_) => true,
        Source::Inferred { why } => why.contains("read as"),
        Source::Default { .. } | Source::Answered { .. } | Source::Set { .. } => false,
    };
    let field = new.fields.iter().find(|(field, value)| said(&value.source) && !is_wanted(field, want));
    if let Some((field, value)) = field {
        return Some(format!("got {field} {}", value.value));
    }
    let placed = new.node.as_ref().is_some_and(|node| said(&node.source)) && !want.values.contains_key("node");
    placed.then(|| "was put on a node".to_owned())
}

/// What is not there though it must be.
fn lacking(is: &Sighting, want: &Want) -> Option<String> {
    want.values.iter().find_map(|(key, wanted)| {
        let found = shown(is, key, wanted);
        (found != *wanted).then(|| format!("has {key} {found} instead of {wanted}"))
    })
}

/// The value of a key, written as `wanted` is.
fn shown(is: &Sighting, key: &str, wanted: &str) -> String {
    match key {
        "node" => is.guest.node.clone(),
        "name" => is.guest.name.clone(),
        "vmid" => is.guest.vmid.to_string(),
        "disks" => {
            let sizes = disks(is).into_iter().map(|slot| is.get(&Field::size_of(slot)).cloned());
            let wanted = wanted.split(',').chain(std::iter::repeat("0"));
            sizes.zip(wanted).map(|(size, wanted)| written(size.as_ref(), wanted)).collect::<Vec<_>>().join(",")
        }
        "storage" => disks(is).first().map_or_else(String::new, |slot| {
            is.get(&Field::storage_of(slot.clone())).map_or_else(String::new, ToString::to_string)
        }),
        "nics" => {
            let nic = |number| {
                let bridge = is.get(&Field::Nic(number, NicPart::Bridge)).map_or_else(String::new, ToString::to_string);
                match is.get(&Field::Nic(number, NicPart::Vlan)) {
                    Some(Value::Count(vlan)) if *vlan > 0 => format!("{bridge}.{vlan}"),
                    _ => bridge,
                }
            };
            is.nics().map(nic).collect::<Vec<_>>().join(",")
        }
        // What a guest is made from is told by what the template left in it.
        "image" => wanted.to_owned(),
        key => {
            let field: Field = key.parse().unwrap_or_else(|_| panic!("{key} is no field"));
            let unset = match &field {
                Field::Plain(plain) => plain.unset(),
                Field::Nic(_, NicPart::Vlan) => Some(Value::Count(0)),
                _ => None,
            };
            written(is.get(&field).or(unset.as_ref()), wanted)
        }
    }
}

/// A value as the corpus writes it.
fn written(value: Option<&Value>, wanted: &str) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::Size(is)) if wanted == "0" && is.as_bytes() == 0 => "0".to_owned(),
        Some(Value::Size(is)) if !wanted.is_empty() && Size(wanted).fits(*is) => wanted.to_owned(),
        Some(Value::Set(set)) => {
            let listed: BTreeSet<&str> = wanted.split(';').filter(|tag| !tag.is_empty()).collect();
            let same = set.iter().map(String::as_str).collect::<BTreeSet<_>>() == listed;
            if same { wanted.to_owned() } else { set.iter().cloned().collect::<Vec<_>>().join(";") }
        }
        Some(value) => value.to_string(),
    }
}

/// A size as the corpus writes it.
struct Size<'a>(&'a str);

impl Size<'_> {
    fn fits(&self, is: mycopod_core::size::Size) -> bool {
        self.0.ends_with(['K', 'M', 'G', 'T']) && size(self.0) == is
    }
}

/// Disks in the order of their slots, a container's root first.
fn disks(is: &Sighting) -> Vec<Slot> {
    let mut slots: Vec<Slot> = is.disks().cloned().collect();
    slots.sort_by_key(|slot| {
        let stem = slot.as_str().trim_end_matches(|c: char| c.is_ascii_digit());
        let number: u32 = slot.as_str()[stem.len()..].parse().unwrap_or(0);
        (stem.starts_with("mp"), stem.to_owned(), number)
    });
    slots
}

/// What is done around the guests, as the corpus writes it.
fn around(intent: &Intent) -> Vec<String> {
    let done = |wish: &Wish| match wish {
        Wish::Facility { call: FacilityCall::MakeBackupJob(job), .. } => Some(format!("make_backup_job={job}")),
        Wish::Facility { facility, call } => Some(format!("{}={}", call.name(), facility.name())),
        Wish::Exist(_) | Wish::Hold { .. } | Wish::Once { .. } => None,
    };
    intent.wishes.iter().filter_map(done).collect()
}

/// What is done once to a guest, as the corpus writes it.
fn deeds(intent: &Intent, seen: &Sighting) -> BTreeSet<String> {
    let deed = |deed: &OneDeed| match deed {
        // These show in the end state.
        OneDeed::Start | OneDeed::Shutdown { .. } | OneDeed::Stop | OneDeed::Delete | OneDeed::Migrate { .. } => None,
        OneDeed::Reboot => Some("reboot".to_owned()),
        OneDeed::Suspend => Some("suspend".to_owned()),
        OneDeed::Resume => Some("resume".to_owned()),
        OneDeed::Snapshot(name) => Some(format!("snapshot={name}")),
        OneDeed::Rollback(name) => Some(format!("rollback={name}")),
        OneDeed::DeleteSnapshot(name) => Some(format!("delsnapshot={name}")),
        OneDeed::Backup { storage, .. } => Some(format!("backup={storage}")),
        OneDeed::Restore(backup) => Some(format!("restore={backup}")),
        OneDeed::MakeTemplate => Some("template".to_owned()),
        OneDeed::Detach { slot, .. } => Some(format!("detach={slot}")),
        OneDeed::DestroyDisk { slot, .. } => Some(format!("destroydisk={slot}")),
        OneDeed::RemoveNic(number) => Some(format!("removenic={number}")),
        OneDeed::Adopt => Some("adopt".to_owned()),
    };
    let of = intent.wishes.iter().filter_map(|wish| match wish {
        Wish::Once { guest, deed } if guest.key() == seen.guest.key() => Some(deed),
        _ => None,
    });
    of.filter_map(deed).collect()
}

/// The guests that came to be, went or changed.
fn changed(before: &Observed, after: &Observed) -> String {
    let mut changes = Vec::new();
    for seen in &before.guests {
        match after.guest(seen.guest.key()) {
            None => changes.push(format!("{} is gone", seen.guest.name)),
            Some(is) if is.fields != seen.fields || is.power != seen.power || is.guest != seen.guest => {
                changes.push(format!("{} changed", seen.guest.name));
            }
            Some(_) => {}
        }
    }
    let made = after.guests.iter().filter(|is| before.guest(is.guest.key()).is_none());
    changes.extend(made.map(|is| {
        let kind = if is.guest.kind == Kind::Qemu { "VM" } else { "container" };
        format!("{kind} {} was made with {:?}", is.guest.name, is.get(&Field::Plain(Plain::Cores)))
    }));
    if changes.is_empty() { "nothing would change".to_owned() } else { changes.join(", ") }
}
