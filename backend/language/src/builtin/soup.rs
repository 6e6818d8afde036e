//! Texts that nobody wrote: arbitrary characters, and soups of the grammar's own words. Generated anew on every run, within
//! bounds that a test may take; no coverage guides them, as it would in a fuzzer on a nightly toolchain.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use mycopod_core::guest::{GuestKey, Kind, Vmid};
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, Reading, Selector, Span, Target, What};
use proptest::prelude::*;

use crate::lexer::{Token, TokenKind, lex};
use crate::vocabulary;

use super::{Parser, is_known, lines, read};

/// The most looks at tokens that reading may take, for each token of the text.
const LOOKS: usize = 4_000;
/// The names on the cluster of the soups.
const NAMES: [&str; 4] = ["web-01", "web-02", "db-1", "cache"];

fn inventory() -> Inventory {
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
}

/// The words of the grammar.
static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| vocabulary::all().collect());

/// Words by which guests are meant without a name, or new ones are made.
const GUESTS: [&str; 34] = [
    "vm",
    "vms",
    "machine",
    "machines",
    "container",
    "containers",
    "ct",
    "cts",
    "lxc",
    "lxcs",
    "qemu",
    "kvm",
    "guest",
    "guests",
    "server",
    "servers",
    "box",
    "boxes",
    "instance",
    "instances",
    "linux",
    "all",
    "everything",
    "everyone",
    "everybody",
    "anything",
    "each",
    "every",
    "template",
    "templates",
    "pool",
    "pools",
    "download",
    "backup",
];

fn mark() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        " ", " ", " ", " ", ", ", ": ", ". ", "\n", "\n- ", "\n  ", "=", "/", " (", ") ", "|", " + ", "; ", "? ",
        "\n\n", " \"", "\" ", "'s ", "{", "}", "-",
    ])
    .prop_map(str::to_owned)
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(WORDS.clone()).prop_map(str::to_owned),
        2 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
        2 => (0_u32..5_000).prop_map(|number| number.to_string()),
        1 => prop::sample::select(vec!["8GB", "4c", "2x50G", "10.0.0.4/24", "vmbr0.20", "scsi1", "net0", "a-1..3", "50%", "+4", "https://x.example/a.iso", "web"])
            .prop_map(str::to_owned),
        1 => "[a-z]{3,9}",
    ]
}

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec((word(), mark()), 1..60)
        .prop_map(|parts| parts.into_iter().map(|(word, mark)| word + &mark).collect())
}

/// How often tokens are looked at, and how many there are.
fn looks(text: &str, inventory: &Inventory) -> (usize, usize) {
    let tokens =
        lines::write_out(lex(text, |word| is_known(inventory, word)), |word| inventory.guests.contains_key(word));
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
    spans.extend(reading.cluster.iter().filter_map(|cluster| cluster.source.span()));
    let lies = |token: &Token| spans.iter().any(|span| span.start <= token.span.start && token.span.end <= span.end);
    // What is no word of the grammar says something, wherever it stands.
    let says = |token: &Token| match token.kind {
        TokenKind::Number | TokenKind::Quoted => true,
        TokenKind::Word => vocabulary::class(&token.word).is_none(),
        TokenKind::Mark(_) | TokenKind::Break => false,
    };
    let tokens = lex(text, |word| is_known(inventory, word));
    tokens.iter().filter(|token| says(token) && !lies(token)).map(|token| token.text.clone()).collect()
}

fn targets(what: &What) -> Vec<&Target> {
    match what {
        What::Change { targets, .. } | What::Do { targets, .. } => targets.iter().collect(),
        What::Clone { from, .. } => vec![from],
        What::Create(_) | What::Facility(_) | What::Typed(_) => Vec::new(),
    }
}

fn holds(text: &str) -> Result<Reading, String> {
    let inventory = inventory();
    let reading = read(text, &inventory, &Answers::default());
    let (looks, tokens) = looks(text, &inventory);
    if looks > LOOKS * tokens.max(1) {
        return Err(format!("{text:?} took {looks} looks at {tokens} tokens"));
    }
    let lost = lost(text, &inventory, &reading);
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
    let unnamed = targets.into_iter().find(|name| !text.contains(name) && !text.contains(".."));
    if let Some(name) = unnamed {
        return Err(format!("{text:?} never names {name}"));
    }
    Ok(reading)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_is_accounted_for(text in "(?s).{0,200}") {
        let held = holds(&text);
        prop_assert!(held.is_ok(), "{}", held.unwrap_err());
    }

    #[test]
    fn soup_is_accounted_for(text in soup()) {
        let held = holds(&text);
        prop_assert!(held.is_ok(), "{}", held.unwrap_err());
    }

    /// Words of the grammar alone, none of which means a guest, plan nothing.
    #[test]
    fn soup_that_means_no_guest_plans_nothing(
        words in prop::collection::vec(prop::sample::select(WORDS.clone()).prop_filter("it means guests", |word| !GUESTS.contains(word)), 1..40),
    ) {
        let text = words.join(" ");
        let reading = read(&text, &inventory(), &Answers::default());
        let plans = reading.refusal.is_none()
            && reading.questions.is_empty()
            && reading.statements.iter().any(|statement| {
                let vague = |target: &&Target| matches!(target.selector, Selector::Vague(_));
                let targets = targets(&statement.what);
                targets.is_empty() || !targets.iter().all(vague)
            });
        prop_assert!(!plans, "{text}\n{reading:#?}");
    }
}
