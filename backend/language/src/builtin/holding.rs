//! What must hold of the reading of any text: every word accounted for, every place in the text, no guest that the text does
//! not name, and a bound on what it costs.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use mycopod_core::guest::{GuestKey, Kind, Vmid};
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, Reading, Selector, Span, Target, What};
use serde_json::Value;

use crate::lexer::{Token, TokenKind, lex};
use crate::vocabulary;

use super::layout::{lines, naming, rows, sheet};
use super::{Parser, is_known, read};

/// The most looks at tokens that reading may take, for each token of the text.
const LOOKS: usize = 6_000;
/// The names on the cluster of the soups.
pub const NAMES: [&str; 4] = ["web-01", "web-02", "db-1", "cache"];

/// The cluster that texts are read against.
pub static INVENTORY: LazyLock<Inventory> = LazyLock::new(|| {
    let mut inventory = Inventory::default();
    for (name, vmid) in NAMES.into_iter().zip(101..) {
        let key = GuestKey { kind: Kind::Qemu, vmid: Vmid::try_from(vmid).unwrap() };
        inventory.guests.insert(name.to_owned(), vec![key]);
    }
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    inventory.nodes = set(&["pve1", "pve2"]);
    inventory.storages = set(&["local", "local-lvm"]);
    inventory.bridges = set(&["vmbr0"]);
    inventory.tags = set(&["web"]);
    inventory
});

/// How often tokens are looked at, and how many there are.
fn looks(text: &str, inventory: &Inventory) -> (usize, usize) {
    let known = |word: &str| inventory.guests.contains_key(word);
    let tokens = naming::write_out(&lex(text, |word| is_known(inventory, word)), inventory);
    let tokens = sheet::write_out(tokens, known);
    let tokens = rows::write_out(lines::write_out(tokens, known), known);
    let mut parser = Parser::new(text, &tokens, inventory);
    parser.sentences();
    (parser.visits.get(), tokens.len())
}

/// The words that are in no statement though nothing is left to be asked.
fn lost(text: &str, inventory: &Inventory, reading: &Reading) -> Vec<String> {
    if reading.refusal.is_some() || !reading.questions.is_empty() {
        return Vec::new();
    }
    let mut spans: Vec<Span> = reading.statements.iter().map(|statement| statement.span).collect();
    spans.extend(reading.statements.iter().flat_map(|statement| targets(&statement.what)).map(|target| target.span));
    spans.extend(reading.asides.iter().map(|aside| Span { start: aside.start, end: aside.end }));
    spans.extend(reading.cluster.iter().filter_map(|cluster| cluster.source.span()));
    let mut names = BTreeSet::new();
    said_in(&serde_json::to_value(&reading.statements).unwrap_or_default(), &mut spans, &mut names);
    let lies = |token: &Token| spans.iter().any(|span| span.start <= token.span.start && token.span.end <= span.end);
    // What is no word of the grammar says something, wherever it stands.
    let says = |token: &Token| match token.kind {
        TokenKind::Number | TokenKind::Quoted => true,
        // A line of dashes is below the head of a table, and “web-01 and web-02: the first” points at the names.
        TokenKind::Word => {
            vocabulary::class(&token.word).is_none()
                && !token.text.chars().all(|c| c == '-')
                && !names.contains(token.text.as_str())
        }
        TokenKind::Mark(_) | TokenKind::Break => false,
    };
    let tokens = lex(text, |word| is_known(inventory, word));
    tokens.iter().filter(|token| says(token) && !lies(token)).map(|token| token.text.to_string()).collect()
}

/// The places of values that statements have, and the names of guests in them, however deep they stand.
fn said_in(value: &Value, spans: &mut Vec<Span>, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            let at = |key| map.get(key).and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok());
            spans.extend(at("start").zip(at("end")).map(|(start, end)| Span { start, end }));
            names.extend(map.get("name").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| said_in(value, spans, names));
        }
        Value::Array(all) => all.iter().for_each(|value| said_in(value, spans, names)),
        _ => {}
    }
}

/// The guests that a statement is about.
pub fn targets(what: &What) -> Vec<&Target> {
    match what {
        What::Change { targets, .. } | What::Do { targets, .. } => targets.iter().collect(),
        What::Clone { from, .. } => vec![from],
        What::Create(_) | What::Facility(_) | What::Typed(_) => Vec::new(),
    }
}

/// The places that a reading names which are none of its text.
fn beyond(text: &str, reading: &Reading) -> Vec<Span> {
    let length = text.chars().count();
    let statements = reading.statements.iter();
    let said = statements.flat_map(|said| targets(&said.what).into_iter().map(|target| target.span).chain([said.span]));
    let asked = reading.questions.iter().filter_map(|question| question.span);
    let all = said.chain(asked).chain(reading.cluster.iter().filter_map(|cluster| cluster.source.span()));
    let unread = reading.unread.iter().map(|unread| (Span { start: unread.start, end: unread.end }, &unread.text));
    let wrong = unread.filter(|(span, words)| span.of(text) != **words).map(|(span, _)| span);
    all.filter(|span| span.start > span.end || span.end > length).chain(wrong).collect()
}

/// The reading of a text, of which all of it holds; else what does not.
pub fn holds(text: &str) -> Result<Reading, String> {
    let inventory = &*INVENTORY;
    let reading = read(text, inventory, &Answers::default());
    let (looks, tokens) = looks(text, inventory);
    if looks > LOOKS * tokens.max(1) {
        return Err(format!("{text:?} took {looks} looks at {tokens} tokens"));
    }
    let beyond = beyond(text, &reading);
    if !beyond.is_empty() {
        return Err(format!("{text:?} has no {beyond:?}\n{reading:#?}"));
    }
    let lost = lost(text, inventory, &reading);
    if !lost.is_empty() {
        return Err(format!("{text:?} lost {lost:?}\n{reading:#?}"));
    }
    let targets: BTreeSet<&str> = reading
        .statements
        .iter()
        .flat_map(|statement| targets(&statement.what))
        .filter_map(|target| match &target.selector {
            Selector::Name(name) => Some(name.as_str()),
            Selector::Vmid(_) | Selector::All(_) | Selector::Vague(_) => None,
        })
        .collect();
    // “web-1 to web-3” means web-2 too, and “webs 1 and 2” web-1.
    let is_said = |name: &str| text.contains(name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-'));
    let unnamed = targets.into_iter().find(|name| !is_said(name) && !text.contains(".."));
    if let Some(name) = unnamed {
        return Err(format!("{text:?} never names {name}"));
    }
    Ok(reading)
}
