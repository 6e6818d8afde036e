//! Configuration that is kept as sections, each family with an API of the usual form: list, create, read, change,
//! remove. What a family is called and refuses is in `family`; what it checks beyond its options in `rules`.

mod family;
mod rules;

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::section::{self, Section, TYPE};
use family::{FAMILIES, Family, Of};
pub use rules::ha_resource_id;

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    let family = Family::of_path(path)?;
    let made_at = family.create == path;
    Some(match (verb, path.strip_prefix(family.path)?) {
        ("GET", "") => list,
        ("POST", _) if made_at => create,
        ("GET", rest) if is_one(rest) => read,
        ("PUT", rest) if is_one(rest) => change,
        ("DELETE", rest) if is_one(rest) => remove,
        _ => return None,
    })
}

/// Whether what is behind a family's path names one section.
fn is_one(rest: &str) -> bool {
    rest.starts_with("/{") && rest.matches('/').count() == 1
}

/// Parameters that place a call rather than describe a section.
const PLACE: [&str; 3] = ["digest", "delete", TYPE];

/// A call on a family, with the id of the section that it is about.
struct Visit<'a> {
    family: &'static Family,
    call: &'a Call<'a>,
    id: String,
}

impl<'a> Visit<'a> {
    fn new(cluster: &Cluster, call: &'a Call) -> Outcome<Self> {
        let Some(family) = Family::of_path(&call.method.path) else {
            return Err(Failure::failed("no such section"));
        };
        let id = (family.id)(cluster, call)?;
        Ok(Self { family, call, id })
    }

    /// The options that the call sets.
    fn options(&self) -> Section {
        let mut without = PLACE.to_vec();
        without.push(self.family.key);
        without.extend(self.family.keys_above);
        self.call.section(&without)
    }

    fn old<'c>(&self, cluster: &'c Cluster) -> Option<&'c Section> {
        cluster.sections_of(self.family.kind).get(&self.id)
    }

    /// A message with the section's id in it.
    fn say(&self, text: &str) -> String {
        text.replace("{}", &self.id)
    }
}

/// Puts what was being done before a failure, as a lock on the family's file does.
fn within<T>(doing: &str, outcome: Outcome<T>) -> Outcome<T> {
    outcome.map_err(|failure| match (doing, failure) {
        ("", failure) => failure,
        (doing, Failure::Parameters(errors)) => {
            let lines: String = errors.iter().flat_map(|(name, problem)| [name, ": ", problem, "\n"]).collect();
            Failure::failed(format!("{doing}: 400 Parameter verification failed.\n{}", lines.trim_end()))
        }
        (doing, failure) => Failure::failed(format!("{doing}: {}", failure.message())),
    })
}

/// A section as the API shows it.
fn shown(cluster: &Cluster, family: &Family, id: &str, section: &Section) -> Value {
    let mut shown = section::shown(family.create, section);
    shown[family.key] = json!(id);
    if family.digests {
        shown["digest"] = json!(cluster.sections_digest(family.kind));
    }
    if let Some(dress) = family.dress {
        dress(id, section, &mut shown);
    }
    shown
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let visit = Visit::new(cluster, call)?;
    let family = visit.family;
    if let Some(before) = family.before_list {
        before(cluster, call)?;
    }
    let rights = call.rights(cluster);
    let seen = |id: &str, section: &Section| (family.seen)(&rights, id, section);
    let of = call.get(TYPE);
    let wanted = |section: &Section| {
        of.is_none_or(|of| section.get(TYPE).is_some_and(|own| own == of))
            && family.keys_above.iter().all(|key| section.get(*key).is_none_or(|value| value == call.text(key)))
    };
    if family.commits && call.flag("pending") {
        return Ok(pending(cluster, family, &seen).into());
    }
    let kind =
        if family.commits && call.flag("running") { rules::running(family.kind) } else { family.kind.to_owned() };
    let sections = cluster.sections_of(&kind).iter().filter(|(id, section)| seen(id, section) && wanted(section));
    Ok(sections.map(|(id, section)| shown(cluster, family, id, section)).collect::<Value>().into())
}

/// What is configured beside what was applied.
fn pending(cluster: &Cluster, family: &Family, seen: &dyn Fn(&str, &Section) -> bool) -> Value {
    let running_kind = rules::running(family.kind);
    let (running, configured) = (cluster.sections_of(&running_kind), cluster.sections_of(family.kind));
    let mut ids: Vec<&String> = running.keys().chain(configured.keys()).collect();
    ids.sort_unstable();
    ids.dedup();
    let none = Section::new();
    let entry = |id: &&String| {
        let (old, new) = (running.get(*id).unwrap_or(&none), configured.get(*id).unwrap_or(&none));
        if !seen(id, if new.is_empty() { old } else { new }) {
            return None;
        }
        let mut entry = section::shown(family.create, old);
        let mut changes: Section =
            new.iter().filter(|(name, value)| *name != TYPE && old.get(*name) != Some(*value)).map(own).collect();
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        if !new.is_empty() {
            changes.extend(gone.map(|name| (name.clone(), "deleted".to_owned())));
        }
        let state = match (old.is_empty(), new.is_empty()) {
            (true, _) => Some("new"),
            (_, true) => Some("deleted"),
            _ if changes.is_empty() => None,
            _ => Some("changed"),
        };
        if let Some(state) = state {
            entry["state"] = json!(state);
            entry["pending"] = section::shown(family.create, &changes);
        }
        entry[family.key] = json!(id);
        entry["digest"] = Value::Null;
        entry[TYPE] = json!(new.get(TYPE).or(old.get(TYPE)));
        Some(entry)
    };
    ids.iter().filter_map(entry).collect()
}

fn own((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let visit = Visit::new(cluster, call)?;
    let section = visit.old(cluster).ok_or_else(|| Failure::failed(visit.say(visit.family.missing)))?;
    if !(visit.family.seen)(&call.rights(cluster), &visit.id, section) {
        return Err(Failure::denied(""));
    }
    Ok(shown(cluster, visit.family, &visit.id, section).into())
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let visit = Visit::new(cluster, call)?;
    let family = visit.family;
    let mut section = visit.options();
    let of = match family.of {
        Of::Parameter => call.text(TYPE).to_owned(),
        Of::Only(of) => of.to_owned(),
        Of::Prefix => visit.id.split(':').next().unwrap_or_default().to_owned(),
    };
    if call.get(TYPE).is_some_and(|named| named != of) {
        return Err(Failure::failed("types does not match"));
    }
    if let Some(before) = family.before_create {
        before(cluster, call, &visit.id, &mut section)?;
    }
    section::check(family.kind, &of, &section, true)?;
    section.insert(TYPE.to_owned(), of);
    let made = if visit.old(cluster).is_some() {
        Err(Failure::failed(visit.say(family.exists)))
    } else if let Some(within) = family.within_change {
        within(cluster, call, &visit.id, &mut section)
    } else {
        Ok(())
    };
    within(family.creating, made)?;
    cluster.sections_mut(family.kind).insert(visit.id, section);
    Ok(Reply::null())
}

fn change(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let visit = Visit::new(cluster, call)?;
    let family = visit.family;
    let mut set = visit.options();
    if let Some(before) = family.before_change {
        before(cluster, call, &visit.id, &mut set)?;
    }
    let changed = changed(cluster, &visit, &set);
    let section = within(family.changing, changed)?;
    cluster.sections_mut(family.kind).insert(visit.id, section);
    Ok(Reply::null())
}

/// The section as it will be.
fn changed(cluster: &Cluster, visit: &Visit, set: &Section) -> Outcome<Section> {
    let (family, call) = (visit.family, visit.call);
    cluster.ensure_sections_digest(family.kind, call.get("digest"))?;
    let missing = || Failure::failed(visit.say(family.missing_change));
    let mut section = visit.old(cluster).ok_or_else(missing)?.clone();
    let of = section.get(TYPE).cloned().unwrap_or_default();
    section::check(family.kind, &of, set, family.whole_on_change)?;
    section::delete(family.kind, &of, &mut section, set, &call.list("delete"))?;
    section.extend(set.clone());
    if let Some(within) = family.within_change {
        within(cluster, call, &visit.id, &mut section)?;
    }
    Ok(section)
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let visit = Visit::new(cluster, call)?;
    let family = visit.family;
    let known = visit.old(cluster).is_some();
    if let (false, Some(missing)) = (known, family.missing_remove) {
        return within(family.removing, Err(Failure::failed(visit.say(missing))));
    }
    let allowed = family.before_remove.map_or(Ok(()), |before| before(cluster, call, &visit.id));
    within(family.removing, allowed)?;
    cluster.sections_mut(family.kind).remove(&visit.id);
    Ok(Reply::null())
}

/// What is configured of the software-defined network becomes what runs.
pub fn commit(cluster: &mut Cluster) {
    for family in FAMILIES.iter().filter(|family| family.commits) {
        let configured = cluster.sections_of(family.kind).clone();
        *cluster.sections_mut(&rules::running(family.kind)) = configured;
    }
}
