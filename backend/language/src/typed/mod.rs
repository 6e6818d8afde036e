//! A typed intent, YAML or JSON, as a reading. What does not fit is refused with its line and its path.

mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use mycopod_core::field::{Field, Plain};
use mycopod_core::guest::{GuestName, Kind, Vmid};
use mycopod_core::reading::{Answers, Fragment, Reading, Source, Sourced, Span, Statement, What as Wanted};
use mycopod_core::typed::{self, TypedGuest, VERSION, VERSION_KEY, kind_word};

use crate::cluster::Named;
use yaml::{Node, What};

pub use yaml::Wrong;

/// The keys of a document.
const DOCUMENT: [&str; 3] = [VERSION_KEY, "cluster", "guests"];
/// The keys of a guest besides its fields.
const GUEST: [&str; 6] = ["name", "kind", "vmid", "node", "image", "adopt"];
/// How alike a key and a field must be (Jaro–Winkler) for the one to be meant by the other.
const NEAR: f64 = 0.85;

/// An intent as it stands in a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// The cluster that each document names.
    pub clusters: Vec<Sourced<String>>,
    /// The guests, each with the words that say it.
    pub guests: Vec<(Span, TypedGuest)>,
}

/// Reads an intent.
pub fn parse(text: &str) -> Result<Typed, Wrong> {
    let documents = yaml::documents(text)?;
    if documents.is_empty() {
        return Err(Wrong { line: 1, path: String::new(), why: "there is no intent".to_owned() });
    }
    let words = Words::new(text);
    let mut typed = Typed::default();
    for document in &documents {
        words.document(document, &mut typed)?;
    }
    let mut names = BTreeSet::new();
    for (_, guest) in &typed.guests {
        if !names.insert(guest.name.value.as_str()) {
            let at = guest.name.source.span().unwrap_or(Span { start: 0, end: 0 });
            let line = 1 + text.chars().take(at.start).filter(|c| *c == '\n').count();
            let why = format!("two guests are called {}", guest.name.value);
            return Err(Wrong { line, path: "guests".to_owned(), why });
        }
    }
    Ok(typed)
}

/// The reading of an intent; a text that is none that is taken is refused.
pub(crate) fn read(text: &str, clusters: &BTreeSet<String>, answers: &Answers) -> Reading {
    let typed = match parse(text) {
        Ok(typed) => typed,
        Err(wrong) => {
            let refusal = Some(format!("This is no intent that is taken: {wrong}. Nothing was planned."));
            return Reading { refusal, ..Reading::default() };
        }
    };
    let statement = |(span, guest)| Statement { span, what: Wanted::Typed(Box::new(guest)) };
    let statements = typed.guests.into_iter().map(statement).collect();
    Named::of(typed.clusters, clusters).complete(Reading { statements, ..Reading::default() }, answers)
}

/// The cluster that an intent names, as far as that is settled.
pub(crate) fn cluster(text: &str, clusters: &BTreeSet<String>, answers: &Answers) -> Option<String> {
    let named = Named::of(parse(text).ok()?.clusters, clusters);
    named.settle(answers).ok().flatten().map(|cluster| cluster.value)
}

/// The text, in which places are found at once.
struct Words<'t> {
    text: &'t str,
    /// Where each code point begins, and the text’s end.
    offsets: Vec<usize>,
}

impl<'t> Words<'t> {
    fn new(text: &'t str) -> Self {
        let offsets = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        Self { text, offsets }
    }

    fn said<T>(&self, node: &Node, value: T) -> Sourced<T> {
        let Span { start, end } = node.span;
        let words = self.offsets.get(start).zip(self.offsets.get(end)).and_then(|(from, to)| self.text.get(*from..*to));
        let text = words.unwrap_or_default().trim_end();
        // The words are what stands within the quotes.
        let bare = ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
        let (start, text) = bare.map_or((start, text), |bare| (start + 1, bare));
        let end = start + text.chars().count();
        Sourced::new(value, Source::Said(Fragment { start, end, text: text.to_owned() }))
    }

    fn document(&self, document: &Node, typed: &mut Typed) -> Result<(), Wrong> {
        let entries = map(document, "an intent is a mapping that begins with “mycopod: v1”")?;
        known(entries, |key| DOCUMENT.contains(&key), &DOCUMENT)?;
        let get = |key: &str| entries.iter().find(|(known, _)| known == key).map(|(_, node)| node);
        let version = get(VERSION_KEY).ok_or_else(|| document.wrong("it says no version; begin with “mycopod: v1”"))?;
        if text(version)? != VERSION {
            return Err(version.wrong(format!("this version is not known; it should be {VERSION}")));
        }
        if let Some(cluster) = get("cluster") {
            typed.clusters.push(self.said(cluster, text(cluster)?.to_lowercase()));
        }
        let guests = get("guests").ok_or_else(|| document.wrong("it names no guests"))?;
        let What::List(items) = &guests.what else { return Err(guests.wrong("it should be a list of guests")) };
        if items.is_empty() {
            return Err(guests.wrong("it names no guest"));
        }
        for guest in items {
            typed.guests.push(self.guest(guest)?);
        }
        Ok(())
    }

    fn guest(&self, node: &Node) -> Result<(Span, TypedGuest), Wrong> {
        let entries = map(node, "a guest is a mapping with its name, kind and fields")?;
        let get = |key: &str| entries.iter().find(|(known, _)| known == key).map(|(_, node)| node);
        let need = |key: &str| get(key).ok_or_else(|| node.wrong(format!("it has no {key}")));
        let name = need("name")?;
        let called: GuestName = text(name)?.parse().map_err(|bad| name.wrong(format!("{bad}")))?;
        let kind_node = need("kind")?;
        let kind = match text(kind_node)? {
            word if word == kind_word(Kind::Qemu) => Kind::Qemu,
            word if word == kind_word(Kind::Lxc) => Kind::Lxc,
            other => return Err(kind_node.wrong(format!("it is “{other}”, and should be vm or container"))),
        };
        let vmid = get("vmid").map(|node| Ok(self.said(node, vmid(node)?))).transpose()?;
        let word = |key| get(key).map(|node| Ok(self.said(node, text(node)?.to_owned()))).transpose();
        let adopt = get("adopt").map(|node| match &node.what {
            What::One(serde_json::Value::Bool(adopt)) => Ok(self.said(node, *adopt)),
            _ => Err(node.wrong("it should be true or false")),
        });
        let mut guest = TypedGuest {
            kind: self.said(kind_node, kind),
            name: self.said(name, called.to_string()),
            vmid,
            node: word("node")?,
            image: word("image")?,
            adopt: adopt.transpose()?,
            fields: BTreeMap::new(),
            rules: Vec::new(),
        };
        for (key, value) in entries.iter().filter(|(key, _)| !GUEST.contains(&key.as_str())) {
            self.field("", key, value, &mut guest)?;
        }
        Ok((name.span, guest))
    }

    /// Takes the field of that key under `under`, or all that are under it.
    fn field(&self, under: &str, part: &str, node: &Node, guest: &mut TypedGuest) -> Result<(), Wrong> {
        if part.contains('.') {
            return Err(node.wrong(format!("“{part}” has a dot; write what is behind it under what is before it")));
        }
        let key = if under.is_empty() { part.to_owned() } else { format!("{under}.{part}") };
        if key == "firewall.rules" {
            return self.rules(node, guest);
        }
        let field = key.parse::<Field>().ok().filter(|field| typed::is_written(field) && *field != Plain::Name.into());
        match (field, &node.what) {
            (Some(field), _) => {
                if !field.fits(guest.kind.value) {
                    let noun = guest.kind.value.noun();
                    return Err(node.wrong(format!("a {noun} has no {}", field.label())));
                }
                let value = typed::value_of(&field, &node.plain()).map_err(|why| node.wrong(why))?;
                guest.fields.insert(field, self.said(node, value));
                Ok(())
            }
            (None, What::Map(entries)) => {
                if entries.is_empty() {
                    return Err(node.wrong("it is empty"));
                }
                entries.iter().try_for_each(|(part, node)| self.field(&key, part, node, guest))
            }
            (None, What::One(_) | What::List(_)) => Err(node.wrong(unknown(&key))),
        }
    }

    fn rules(&self, node: &Node, guest: &mut TypedGuest) -> Result<(), Wrong> {
        let What::List(rules) = &node.what else { return Err(node.wrong("it should be a list of rules")) };
        for rule in rules {
            let said = text(rule)?;
            let read: mycopod_core::firewall::Rule =
                said.parse().map_err(|_| rule.wrong(format!("“{said}” is no rule that Proxmox’s firewall takes")))?;
            guest.rules.push(self.said(rule, read.to_string()));
        }
        Ok(())
    }
}

fn map<'n>(node: &'n Node, should: &str) -> Result<&'n [(String, Node)], Wrong> {
    match &node.what {
        What::Map(entries) => Ok(entries),
        What::One(_) | What::List(_) => Err(node.wrong(should)),
    }
}

fn known(entries: &[(String, Node)], is: impl Fn(&str) -> bool, all: &[&str]) -> Result<(), Wrong> {
    match entries.iter().find(|(key, _)| !is(key)) {
        Some((key, node)) => Err(node.wrong(format!("“{key}” is no key here; there are {}", all.join(", ")))),
        None => Ok(()),
    }
}

fn text(node: &Node) -> Result<&str, Wrong> {
    match &node.what {
        What::One(serde_json::Value::String(text)) if !text.is_empty() => Ok(text),
        What::One(serde_json::Value::String(_) | serde_json::Value::Null) => Err(node.wrong("it is empty")),
        What::One(other) => Err(node.wrong(format!("it is {other}, and should be a text; put it in quotes"))),
        What::List(_) | What::Map(_) => Err(node.wrong("it should be a text")),
    }
}

fn vmid(node: &Node) -> Result<u32, Wrong> {
    let number = match &node.what {
        What::One(serde_json::Value::Number(number)) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        _ => None,
    };
    let vmid = number.filter(|number| Vmid::try_from(*number).is_ok());
    vmid.ok_or_else(|| node.wrong(format!("it should be a whole number from {} to {}", Vmid::MIN, Vmid::MAX)))
}

/// That there is no such field, and which may be meant.
fn unknown(key: &str) -> String {
    let slot = mycopod_core::field::Slot::scsi(0);
    let fields = typed::fields(&slot, 0, "NAME").into_iter().map(|field| field.to_string());
    let near = fields
        .chain(GUEST.map(str::to_owned))
        .map(|field| (strsim::jaro_winkler(&field, key), field))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    let meant = near.map(|(_, field)| format!("; {field} may be meant")).unwrap_or_default();
    format!("“{key}” is no field of a guest{meant}")
}
