//! Which guests somebody meant.

use std::collections::BTreeSet;

use super::{Doubt, Resolver, about, label, vmid_in};
use crate::field::{Field, Plain, Value};
use crate::guest::Kind;
use crate::observed::Sighting;
use crate::reading::{LEAVE_OUT, Selector, Target};

/// How alike two names must be (Jaro–Winkler) for one to be offered for the other: `wbe-01` is near `web-01`.
const NEAR: f64 = 0.85;

/// Words that describe any guest and so tell none from another.
const DESCRIBES_ANY: [&str; 14] = [
    "the",
    "server",
    "servers",
    "machine",
    "vm",
    "vms",
    "container",
    "containers",
    "guest",
    "guests",
    "box",
    "one",
    "our",
    "all",
];

/// A guest that was meant.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    /// One that exists.
    Seen(&'a Sighting),
    /// One that this text makes: the index of its wish.
    Made(usize),
}

impl<'a> Resolver<'a> {
    /// The guests that `targets` mean, each once.
    pub(super) fn targets(&mut self, targets: &[Target]) -> Vec<Found<'a>> {
        let mut found = Vec::new();
        let mut known = BTreeSet::new();
        for target in targets {
            for guest in self.target(target) {
                let key = match guest {
                    Found::Seen(seen) => (true, seen.guest.vmid.get() as usize),
                    Found::Made(wish) => (false, wish),
                };
                let left_out =
                    matches!(guest, Found::Seen(seen) if self.answers.left_out(&about(seen.guest.vmid), None));
                if !left_out && known.insert(key) {
                    found.push(guest);
                }
            }
        }
        found
    }

    fn target(&mut self, target: &Target) -> Vec<Found<'a>> {
        let topic = match &target.selector {
            Selector::Tag { .. } => "tag",
            Selector::Name(_) | Selector::Vmid(_) | Selector::Kind(_) | Selector::Vague(_) => "guest",
        };
        let doubt = match self.select(&target.selector) {
            Ok(found) => return found,
            Err(doubt) => doubt,
        };
        let doubt = match self.answers.get(topic, Some(target.span)) {
            None => doubt,
            Some(LEAVE_OUT) => return Vec::new(),
            Some(answer) => match self.answer(&target.selector, answer) {
                Ok(found) => return found,
                Err(doubt) => doubt,
            },
        };
        self.ask(topic, Some(target.span), doubt);
        Vec::new()
    }

    /// What an answer selects: an option as it was offered, a VMID, a name, or a tag where a tag was asked for.
    fn answer(&self, selector: &Selector, answer: &str) -> Result<Vec<Found<'a>>, Doubt> {
        if let Some(seen) = self.observed.guests.iter().find(|seen| label(seen) == answer) {
            return Ok(vec![Found::Seen(seen)]);
        }
        match (selector, vmid_in(answer)) {
            (Selector::Tag { kind, .. }, _) => self.select(&Selector::Tag { tag: answer.to_owned(), kind: *kind }),
            (_, Some(vmid)) => self.select(&Selector::Vmid(vmid.get())),
            (_, None) => self.select(&Selector::Name(answer.to_owned())),
        }
    }

    fn select(&self, selector: &Selector) -> Result<Vec<Found<'a>>, Doubt> {
        match selector {
            Selector::Name(name) => self.by_name(name).map(|found| vec![found]),
            Selector::Vmid(number) => {
                let seen = self.observed.guests.iter().find(|seen| seen.guest.vmid.get() == *number);
                seen.map(|seen| vec![Found::Seen(seen)]).ok_or_else(|| {
                    Doubt::new(format!("There is no guest {number}.{} Which one is meant?", self.blind_spot()))
                })
            }
            Selector::Tag { tag, kind } => self.by_tag(tag, *kind),
            Selector::Kind(kind) => self.by_kind(*kind),
            Selector::Vague(words) => {
                Err(Doubt::new(format!("Which guest is meant by “{words}”?")).or(self.coming_near(words)))
            }
        }
    }

    fn by_name(&self, name: &str) -> Result<Found<'a>, Doubt> {
        if let Some((wish, _)) = self.made().find(|(_, new)| new.name.value.as_str() == name) {
            return Ok(Found::Made(wish));
        }
        let named: Vec<&'a Sighting> = self.observed.guests.iter().filter(|seen| seen.guest.name == name).collect();
        let (templates, guests): (Vec<&Sighting>, Vec<&Sighting>) = named.iter().partition(|seen| seen.template);
        match (guests.as_slice(), templates.as_slice()) {
            ([seen], _) | ([], [seen]) => Ok(Found::Seen(seen)),
            ([], []) => {
                let text = format!("There is no guest {name}.{} Which one is meant?", self.blind_spot());
                Err(Doubt::new(text).or(self.near(name)))
            }
            ([], many) | (many, _) => {
                let text = format!("{} guests are called {name}. Which one is meant?", many.len());
                Err(Doubt::new(text).or(many.iter().map(|seen| label(seen))))
            }
        }
    }

    fn by_tag(&self, tag: &str, kind: Option<Kind>) -> Result<Vec<Found<'a>>, Doubt> {
        let fits = |of: Kind| kind.is_none_or(|kind| kind == of);
        let seen = self
            .observed
            .guests
            .iter()
            .filter(|seen| !seen.template && fits(seen.guest.kind))
            .filter(|seen| seen.tags().iter().any(|carried| carried.eq_ignore_ascii_case(tag)))
            .map(Found::Seen);
        let made = self
            .made()
            .filter(|(_, new)| fits(new.kind))
            .filter(|(_, new)| match new.fields.get(&Field::Plain(Plain::Tags)).map(|tags| &tags.value) {
                Some(Value::Set(tags)) => tags.iter().any(|carried| carried.eq_ignore_ascii_case(tag)),
                _ => false,
            })
            .map(|(wish, _)| Found::Made(wish));
        let found: Vec<Found> = seen.chain(made).collect();
        if found.is_empty() {
            let noun = kind.map_or("guest", Kind::noun);
            let tags: BTreeSet<String> =
                self.observed.guests.iter().filter(|seen| !seen.template).flat_map(Sighting::tags).collect();
            let text = format!("No {noun} carries the tag {tag}.{} Which tag is meant?", self.blind_spot());
            return Err(Doubt::new(text).or(tags));
        }
        Ok(found)
    }

    /// Every guest of that kind, which is only known where every node answers.
    fn by_kind(&self, kind: Kind) -> Result<Vec<Found<'a>>, Doubt> {
        let seen = self.observed.guests.iter().filter(|seen| !seen.template && seen.guest.kind == kind);
        let made = self.made().filter(|(_, new)| new.kind == kind).map(|(wish, _)| Found::Made(wish));
        let found: Vec<Found> = seen.map(Found::Seen).chain(made).collect();
        let blind = self.blind_spot();
        if found.is_empty() || !blind.is_empty() {
            let text = format!("There are {} {}s that are known.{blind} Which one is meant?", found.len(), kind.noun());
            let options: Vec<String> = found
                .iter()
                .filter_map(|found| match found {
                    Found::Seen(seen) => Some(self.option(seen)),
                    Found::Made(_) => None,
                })
                .collect();
            return Err(Doubt::new(text).or(options));
        }
        Ok(found)
    }

    /// Names like `name`, the most alike first.
    fn near(&self, name: &str) -> Vec<String> {
        let mut near: Vec<(f64, &Sighting)> = self
            .observed
            .guests
            .iter()
            .filter(|seen| !seen.template)
            .map(|seen| (strsim::jaro_winkler(&seen.guest.name.to_lowercase(), &name.to_lowercase()), seen))
            .filter(|(likeness, _)| *likeness >= NEAR)
            .collect();
        near.sort_by(|(a, seen), (b, other)| {
            b.total_cmp(a)
                .then_with(|| seen.guest.name.cmp(&other.guest.name))
                .then(seen.guest.vmid.cmp(&other.guest.vmid))
        });
        near.into_iter().map(|(_, seen)| self.option(seen)).collect()
    }

    /// The guests that `words` may mean: by a part of the name or by a tag; all where none comes near.
    fn coming_near(&self, words: &str) -> Vec<String> {
        let words: Vec<String> = words
            .split(|c: char| !c.is_alphanumeric())
            .map(str::to_lowercase)
            .filter(|word| word.len() > 1 && !DESCRIBES_ANY.contains(&word.as_str()))
            .collect();
        let guests: Vec<&Sighting> = self.observed.guests.iter().filter(|seen| !seen.template).collect();
        let near = guests.iter().filter(|seen| {
            let name = seen.guest.name.to_lowercase();
            words.iter().any(|word| {
                // “databases” is near db-1 by no letter rule, “webserver” is near web-01 by its first part.
                name.contains(word.as_str())
                    || name.split(['-', '.']).any(|part| part.len() > 1 && word.contains(part))
                    || seen.tags().iter().any(|tag| tag == word)
            })
        });
        let near: Vec<String> = near.map(|seen| self.option(seen)).collect();
        if near.is_empty() { guests.iter().map(|seen| self.option(seen)).collect() } else { near }
    }

    /// A guest as an option names it: by its name alone where that tells which one.
    fn option(&self, seen: &Sighting) -> String {
        let namesakes = self.observed.guests.iter().filter(|other| other.guest.name == seen.guest.name);
        if namesakes.count() > 1 || seen.guest.name.is_empty() { label(seen) } else { seen.guest.name.clone() }
    }
}
