//! Which guests somebody meant.

use std::collections::BTreeSet;

use super::{Doubt, Resolver, about, label, vmid_in};
use crate::field::{Field, Plain, Value};
use crate::guest::{Kind, Power};
use crate::intent::NewGuest;
use crate::observed::Sighting;
use crate::reading::{Fit, LEAVE_OUT, Selector, Target};

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

/// The answers to what a word for guests means.
const TAGGED: &str = "Those with the tag";
const NAMED: &str = "Those whose names begin so";

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
            Selector::All(fit) if !fit.tags.is_empty() => "tag",
            Selector::All(fit) if fit.word.is_some() => "word",
            Selector::Name(_) | Selector::Vmid(_) | Selector::All(_) | Selector::Vague(_) => "guest",
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

    /// What an answer selects: an option as it was offered, a VMID, a name, or a tag where one was asked for.
    fn answer(&self, selector: &Selector, answer: &str) -> Result<Vec<Found<'a>>, Doubt> {
        if let Some(seen) = self.observed.guests.iter().find(|seen| label(seen) == answer) {
            return Ok(vec![Found::Seen(seen)]);
        }
        match (selector, vmid_in(answer)) {
            (Selector::All(fit), _) if fit.word.is_some() && (answer == TAGGED || answer == NAMED) => {
                let word = fit.word.clone();
                let fit = Fit { word: None, ..fit.clone() };
                self.fitting(&if answer == NAMED {
                    Fit { stem: word, ..fit }
                } else {
                    Fit { tags: fit.tags.iter().cloned().chain(word).collect(), ..fit }
                })
            }
            (Selector::All(fit), None) if !fit.tags.is_empty() => {
                self.fitting(&Fit { tags: BTreeSet::from([answer.to_owned()]), ..fit.clone() })
            }
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
            Selector::All(fit) => self.fitting(fit),
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

    /// Every guest that fits. Which these are is only known where every node answers; a name or a tag may be had of
    /// those that do.
    fn fitting(&self, fit: &Fit) -> Result<Vec<Found<'a>>, Doubt> {
        let seen = self.observed.guests.iter().filter(|seen| !seen.template && fits(fit, &Trait::seen(seen)));
        let made = self.made().filter(|(_, new)| fits(fit, &Trait::made(new)));
        let found: Vec<(String, Found<'a>)> = seen
            .map(|seen| (seen.guest.name.clone(), Found::Seen(seen)))
            .chain(made.map(|(wish, new)| (new.name.value.to_string(), Found::Made(wish))))
            .collect();
        let found = self.called(fit, found)?;
        let stray = fit.except.iter().find(|name| found.iter().all(|(found, _)| found != *name));
        if let Some(name) = stray {
            let text = format!("{name} is excepted, and is none of what is meant ({fit}). Which one is excepted?");
            return Err(Doubt::new(text));
        }
        let found: Vec<(String, Found<'a>)> =
            found.into_iter().filter(|(name, _)| !fit.except.contains(name)).collect();
        let names = || found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        if let Some(count) = fit.count.filter(|count| u64::try_from(found.len()) != Ok(*count)) {
            let text = format!("{count} guests are said, and {} fit: {}. Which are meant?", found.len(), names());
            return Err(Doubt::new(text).or(self.options(&found)));
        }
        let blind = self.blind_spot();
        if found.is_empty() || !blind.is_empty() && !fit.is_by_name() {
            let text = if !found.is_empty() {
                format!("“{fit}” fits {} guests that are known.{blind} Which one is meant?", found.len())
            } else if fit.tags.is_empty() {
                format!("No guest fits “{fit}”.{blind} Which is meant?")
            } else {
                let tags = fit.tags.iter().cloned().collect::<Vec<_>>().join(" and ");
                let noun = fit.kind.map_or("guest", Kind::noun);
                format!("No {noun} carries the tag {tags} and fits “{fit}”.{blind} Which tag is meant?")
            };
            let guests = self.observed.guests.iter().filter(|seen| !seen.template && !fit.tags.is_empty());
            let known: BTreeSet<String> = guests.flat_map(Sighting::tags).collect();
            return Err(Doubt::new(text).or(known).or(self.options(&found)));
        }
        Ok(found.into_iter().map(|(_, found)| found).collect())
    }

    /// Those of `found` for which somebody has a word: by tag, or by how their names begin. Where that tells different
    /// guests, it is asked.
    fn called(&self, fit: &Fit, found: Vec<(String, Found<'a>)>) -> Result<Vec<(String, Found<'a>)>, Doubt> {
        let Some(word) = &fit.word else { return Ok(found) };
        let tagged = Fit::tagged(word.as_str());
        let is_tagged = |found: &Found<'a>| match found {
            Found::Seen(seen) => fits(&tagged, &Trait::seen(seen)),
            Found::Made(wish) => self.made().any(|(at, new)| at == *wish && fits(&tagged, &Trait::made(new))),
        };
        let with_tag: Vec<bool> = found.iter().map(|(_, found)| is_tagged(found)).collect();
        let with_name: Vec<bool> = found.iter().map(|(name, _)| begins(name, word)).collect();
        let (tag, name) = (with_tag.contains(&true), with_name.contains(&true));
        if tag && name && with_tag != with_name {
            let text = format!("“{word}” is a tag of some guests, and the names of others begin so. Which are meant?");
            return Err(Doubt::new(text).or([TAGGED, NAMED]));
        }
        if !tag && !name {
            let text =
                format!("No guest carries the tag {word}, and no name of those that fit begins so. Which is meant?");
            return Err(Doubt::new(text).or(self.coming_near(word)));
        }
        let chosen = if tag { with_tag } else { with_name };
        Ok(found.into_iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(found, _)| found).collect())
    }

    fn options(&self, found: &[(String, Found<'a>)]) -> Vec<String> {
        let seen = found.iter().filter_map(|(_, found)| match found {
            Found::Seen(seen) => Some(self.option(seen)),
            Found::Made(_) => None,
        });
        seen.collect()
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

/// What a guest is chosen by.
struct Trait<'a> {
    kind: Kind,
    name: &'a str,
    node: Option<&'a str>,
    running: Option<bool>,
    tags: BTreeSet<String>,
    pool: &'a str,
}

impl<'a> Trait<'a> {
    fn seen(seen: &'a Sighting) -> Self {
        let running = match seen.power {
            Power::Running | Power::Paused => Some(true),
            Power::Stopped => Some(false),
            Power::Unknown => None,
        };
        let pool = match seen.get(&Field::Plain(Plain::Pool)) {
            Some(Value::Text(pool)) => pool,
            _ => "",
        };
        let (kind, name, node) = (seen.guest.kind, &seen.guest.name, Some(seen.guest.node.as_str()));
        Self { kind, name, node, running, tags: seen.tags(), pool }
    }

    fn made(new: &'a NewGuest) -> Self {
        let field = |plain: Plain| new.fields.get(&Field::Plain(plain)).map(|said| &said.value);
        Self {
            kind: new.kind.value,
            name: new.name.value.as_str(),
            node: new.node.as_ref().map(|node| node.value.as_str()),
            running: Some(field(Plain::Running) == Some(&Value::Flag(true))),
            tags: match field(Plain::Tags) {
                Some(Value::Set(tags)) => tags.clone(),
                _ => BTreeSet::new(),
            },
            pool: match field(Plain::Pool) {
                Some(Value::Text(pool)) => pool,
                _ => "",
            },
        }
    }
}

/// Whether a guest has all that was said; what only a word says is judged by itself.
fn fits(fit: &Fit, of: &Trait<'_>) -> bool {
    fit.kind.is_none_or(|kind| kind == of.kind)
        && fit.tags.iter().all(|tag| of.tags.iter().any(|carried| carried.eq_ignore_ascii_case(tag)))
        && fit.stem.as_ref().is_none_or(|stem| of.name.to_lowercase().starts_with(&stem.to_lowercase()))
        && fit.pool.as_ref().is_none_or(|pool| pool == of.pool)
        && fit.node.as_deref().is_none_or(|node| Some(node) == of.node)
        && fit.running.is_none_or(|running| Some(running) == of.running)
}

/// Whether a name begins with the word: `test-1` with “test”, `web01` with “web”, and `webmail` with neither.
fn begins(name: &str, word: &str) -> bool {
    let first: String = name.chars().take_while(|c| c.is_alphabetic()).collect();
    first.eq_ignore_ascii_case(word)
}
