//! A typed intent, YAML or JSON, as a reading. What does not fit is refused with its line and its path.

mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::guest::{GuestName, Kind, Vmid};
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, Fragment, Reading, Source, Sourced, Span, Statement, What as Wanted};
use mycopod_core::typed::{self, TypedGuest, VERSION, VERSION_KEY, kind_word};

use crate::cluster::Named;
use yaml::{Node, What};

use yaml::Wrong;

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

/// What is wrong with an intent, in the order of its lines: all that was found, as people mend all of it at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrongs(Vec<Wrong>);

/// As many are told: the rest is rather another kind of file.
const MAX_TOLD: usize = 10;
/// With so many names one is compared: of larger clusters a slip is found in a part.
const MAX_COMPARED: usize = 10_000;

/// As in `line 5, guests[0].coers: … – line 7, guests[1]: it has no kind`.
impl fmt::Display for Wrongs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, wrong) in self.0.iter().take(MAX_TOLD).enumerate() {
            write!(f, "{}{wrong}", if at == 0 { "" } else { " – " })?;
        }
        match self.0.len().saturating_sub(MAX_TOLD) {
            0 => Ok(()),
            more => write!(f, " – and {more} more"),
        }
    }
}

impl std::error::Error for Wrongs {}

impl From<Wrong> for Wrongs {
    fn from(wrong: Wrong) -> Self {
        Self(vec![wrong])
    }
}

/// Reads an intent.
pub fn parse(text: &str) -> Result<Typed, Wrongs> {
    let documents = yaml::documents(text)?;
    if documents.is_empty() {
        return Err(Wrong { line: 1, path: String::new(), why: "there is no intent".to_owned() }.into());
    }
    let mut reader = Reader::new(text);
    let mut typed = Typed::default();
    for document in &documents {
        reader.document(document, &mut typed);
    }
    let mut wrongs = reader.wrongs;
    let mut names = BTreeSet::new();
    for (_, guest) in &typed.guests {
        if !names.insert(guest.name.value.as_str()) {
            let at = guest.name.source.span().unwrap_or(Span { start: 0, end: 0 });
            let line = 1 + text.chars().take(at.start).filter(|c| *c == '\n').count();
            let why = format!("two guests are called {}", guest.name.value);
            wrongs.push(Wrong { line, path: "guests".to_owned(), why });
        }
    }
    if wrongs.is_empty() {
        return Ok(typed);
    }
    wrongs.sort_by_key(|wrong| wrong.line);
    Err(Wrongs(wrongs))
}

/// The reading of an intent; a text that is none that is taken is refused.
pub(crate) fn read(text: &str, inventory: &Inventory, answers: &Answers) -> Reading {
    let typed = match parse(text) {
        Ok(typed) => typed,
        Err(wrongs) => {
            let refusal = Some(format!("This is no intent that is taken: {wrongs}. Nothing was planned."));
            return Reading { refusal, ..Reading::default() };
        }
    };
    let notes =
        typed.guests.iter().filter_map(|(_, guest)| beside(&guest.name.value, inventory)).take(MAX_TOLD).collect();
    let statement = |(span, guest)| Statement { span, what: Wanted::Typed(Box::new(guest)) };
    let statements = typed.guests.into_iter().map(statement).collect();
    let reading = Reading { statements, notes, ..Reading::default() };
    Named::of(typed.clusters, &inventory.clusters).complete(reading, answers)
}

/// That a guest would be made which is called nearly like another: the name may be mistyped.
fn beside(name: &str, inventory: &Inventory) -> Option<String> {
    if inventory.guests.contains_key(name) {
        return None;
    }
    let near = inventory.guests.keys().filter(|other| other.len().abs_diff(name.len()) <= 1);
    let near = near.take(MAX_COMPARED).find(|other| strsim::osa_distance(other, name) == 1 && !is_next(name, other))?;
    Some(format!("There is no guest {name}: it would be made. {near} is another one."))
}

/// Whether names differ in a number alone, as those of a row do.
fn is_next(one: &str, other: &str) -> bool {
    let stem = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let number = |name: &str| name.len() - stem(name).len();
    stem(one) == stem(other) && number(one) == number(other)
}

/// The cluster that an intent names, as far as that is settled.
pub(crate) fn cluster(text: &str, clusters: &BTreeSet<String>, answers: &Answers) -> Option<String> {
    let named = Named::of(parse(text).ok()?.clusters, clusters);
    named.settle(answers).ok().flatten().map(|cluster| cluster.value)
}

/// A text that is read, in which places are found at once.
struct Reader<'t> {
    text: &'t str,
    /// Where each code point begins, and the text’s end.
    offsets: Vec<usize>,
    /// What is wrong with it so far.
    wrongs: Vec<Wrong>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        let offsets = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        Self { text, offsets, wrongs: Vec::new() }
    }

    /// What was read, where it could be; else it is noted what is wrong.
    fn read<T>(&mut self, read: Result<T, Wrong>) -> Option<T> {
        read.map_err(|wrong| self.wrongs.push(wrong)).ok()
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

    fn document(&mut self, document: &Node, typed: &mut Typed) {
        let entries = map(document, "an intent is a mapping that begins with “mycopod: v1”");
        let Some(entries) = self.read(entries) else { return };
        self.read(known(entries, |key| DOCUMENT.contains(&key), &DOCUMENT));
        let get = |key: &str| entries.iter().find(|(known, _)| known == key).map(|(_, node)| node);
        self.read(version(document, get(VERSION_KEY)));
        if let Some((node, cluster)) = get("cluster").and_then(|node| Some((node, self.read(text(node))?))) {
            typed.clusters.push(self.said(node, cluster.to_lowercase()));
        }
        if let Some(items) = self.read(guests(document, get("guests"))) {
            typed.guests.extend(items.iter().filter_map(|guest| self.guest(guest)));
        }
    }

    fn guest(&mut self, node: &Node) -> Option<(Span, TypedGuest)> {
        let entries = self.read(map(node, "a guest is a mapping with its name, kind and fields"))?;
        let get = |key: &str| entries.iter().find(|(known, _)| known == key).map(|(_, node)| node);
        let need = |key: &str| get(key).ok_or_else(|| node.wrong(format!("it has no {key}")));
        let name = self.read(need("name").and_then(name));
        let kind = self.read(need("kind").and_then(kind));
        let mut fields = Fields { kind: kind.map(|(_, kind)| kind), values: BTreeMap::new(), rules: Vec::new() };
        for (key, value) in entries.iter().filter(|(key, _)| !GUEST.contains(&key.as_str())) {
            self.field("", key, value, &mut fields);
        }
        let number = get("vmid").and_then(|node| Some((node, self.read(vmid(node))?)));
        let mut word = |key| get(key).and_then(|node| Some((node, self.read(text(node))?)));
        let (place, image) = (word("node"), word("image"));
        let adopt = get("adopt").and_then(|node| Some((node, self.read(truth(node))?)));
        let ((name_node, called), (kind_node, kind)) = (name?, kind?);
        let guest = TypedGuest {
            kind: self.said(kind_node, kind),
            name: self.said(name_node, called.to_string()),
            vmid: number.map(|(node, vmid)| self.said(node, vmid)),
            node: place.map(|(node, place)| self.said(node, place.to_owned())),
            image: image.map(|(node, image)| self.said(node, image.to_owned())),
            adopt: adopt.map(|(node, adopt)| self.said(node, adopt)),
            fields: fields.values,
            rules: fields.rules,
        };
        Some((name_node.span, guest))
    }

    /// Takes the field of that key under `under`, or all that are under it.
    fn field(&mut self, under: &str, part: &str, node: &Node, into: &mut Fields) {
        if part.contains('.') {
            let why = format!("“{part}” has a dot; write what is behind it under what is before it");
            return self.wrongs.push(node.wrong(why));
        }
        let key = if under.is_empty() { part.to_owned() } else { format!("{under}.{part}") };
        if key == "firewall.rules" {
            return self.rules(node, into);
        }
        let field = key.parse::<Field>().ok().filter(|field| typed::is_written(field) && *field != Plain::Name.into());
        match (field, &node.what) {
            (Some(field), _) => {
                if let Some(kind) = into.kind.filter(|kind| !field.fits(*kind)) {
                    let why = format!("a {} has no {}", kind.noun(), field.label());
                    return self.wrongs.push(node.wrong(why));
                }
                let value = typed::value_of(&field, &node.plain()).map_err(|why| node.wrong(why));
                if let Some(value) = self.read(value) {
                    into.values.insert(field, self.said(node, value));
                }
            }
            (None, What::Map(entries)) if entries.is_empty() => self.wrongs.push(node.wrong("it is empty")),
            (None, What::Map(entries)) => entries.iter().for_each(|(part, node)| self.field(&key, part, node, into)),
            (None, What::One(_) | What::List(_)) => self.wrongs.push(node.wrong(unknown(&key))),
        }
    }

    fn rules(&mut self, node: &Node, into: &mut Fields) {
        let What::List(rules) = &node.what else { return self.wrongs.push(node.wrong("it should be a list of rules")) };
        for rule in rules {
            let read = text(rule).and_then(|said| {
                said.parse::<mycopod_core::firewall::Rule>()
                    .map_err(|_| rule.wrong(format!("“{said}” is no rule that Proxmox’s firewall takes")))
            });
            if let Some(read) = self.read(read) {
                into.rules.push(self.said(rule, read.to_string()));
            }
        }
    }
}

/// The fields of a guest as they are read.
struct Fields {
    /// `None` where it is wrong, so that no field is held against it.
    kind: Option<Kind>,
    values: BTreeMap<Field, Sourced<Value>>,
    rules: Vec<Sourced<String>>,
}

fn version(document: &Node, version: Option<&Node>) -> Result<(), Wrong> {
    let version = version.ok_or_else(|| document.wrong("it says no version; begin with “mycopod: v1”"))?;
    if text(version)? == VERSION {
        return Ok(());
    }
    Err(version.wrong(format!("this version is not known; it should be {VERSION}")))
}

fn guests<'n>(document: &Node, guests: Option<&'n Node>) -> Result<&'n [Node], Wrong> {
    let guests = guests.ok_or_else(|| document.wrong("it names no guests"))?;
    match &guests.what {
        What::List(items) if items.is_empty() => Err(guests.wrong("it names no guest")),
        What::List(items) => Ok(items),
        What::One(_) | What::Map(_) => Err(guests.wrong("it should be a list of guests")),
    }
}

fn name(node: &Node) -> Result<(&Node, GuestName), Wrong> {
    let called = text(node)?.parse().map_err(|bad| node.wrong(format!("{bad}")))?;
    Ok((node, called))
}

fn kind(node: &Node) -> Result<(&Node, Kind), Wrong> {
    match text(node)? {
        word if word == kind_word(Kind::Qemu) => Ok((node, Kind::Qemu)),
        word if word == kind_word(Kind::Lxc) => Ok((node, Kind::Lxc)),
        other => Err(node.wrong(format!("it is “{other}”, and should be vm or container"))),
    }
}

fn truth(node: &Node) -> Result<bool, Wrong> {
    match &node.what {
        What::One(serde_json::Value::Bool(truth)) => Ok(*truth),
        _ => Err(node.wrong("it should be true or false")),
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
