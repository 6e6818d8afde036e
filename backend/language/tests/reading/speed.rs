//! How long reading takes, with ten thousand guests in the inventory.

use std::time::{Duration, Instant};

use mycopod_core::guest::{GuestKey, Kind};
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, MAX_DECLARATION};
use mycopod_language::read;

use crate::case::cases;
use crate::support::vmid;

/// As many guests as the largest clusters have.
const GUESTS: u32 = 10_000;
/// The length of a long declaration.
const LONG: usize = 500;
/// How often each text is read; the best of these counts, for a busy machine takes a thread away for milliseconds.
const TIMES: usize = 5;

/// Texts that make a careless rule look at the rest of the text again at each word.
const HOSTILE: [&str; 34] = [
    "VM a-1: 2 cores, 4 GB RAM, 20 GB disk on local-lvm, vmbr1 vlan 20\n",
    "delete ",
    "web-00001, ",
    "all stopped ",
    "“",
    "1 2 3 ",
    "flurbish ",
    "| name | cores |\n",
    "name  cores  ram\n",
    "web-00001: ",
    "from 4 to ",
    "dns 1.1.1.1, ",
    "Erstelle eine VM ",
    "memroy ",
    "same as ",
    "every night at 2 ",
    "x",
    "web-00001 ",
    "web-00001 and ",
    "the first ",
    "the other ",
    "- - - ",
    ",;,;",
    "(((",
    "a:\n  b: ",
    "name: a\n",
    "Reboot:\n- a\n",
    "- a\n  - b\n    - c\n",
    "|a|b|\n",
    "50 % more memory ",
    "from 4 to 8 GB and ",
    "https://x",
    "thanks, ",
    "{[",
];

/// The inventory of a large cluster.
fn inventory() -> Inventory {
    let mut inventory = Inventory::default();
    for number in 0..GUESTS {
        let key = GuestKey { kind: Kind::Qemu, vmid: vmid(100 + number) };
        inventory.guests.insert(format!("web-{number:05}"), vec![key]);
        inventory.tags.insert(format!("tag-{}", number % 100));
    }
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    inventory.nodes = set(&["pve1", "pve2"]);
    inventory.storages = set(&["local", "local-lvm"]);
    inventory.bridges = set(&["vmbr0", "vmbr1"]);
    inventory
}

/// The declarations of the corpus, row on row, cut to the length of a long one.
fn texts() -> Vec<String> {
    let says: Vec<String> = ["dev", "held-out"].into_iter().flat_map(cases).map(|case| case.say).collect();
    let alone = says.iter().cloned();
    let rows = says.windows(8).step_by(4).map(|some| some.join("\n").chars().take(LONG).collect());
    alone.chain(rows).collect()
}

fn took(text: &str, inventory: &Inventory) -> Duration {
    let begun = Instant::now();
    let reading = read(text, inventory, &Answers::default());
    let took = begun.elapsed();
    assert!(reading.refusal.is_some() || !reading.statements.is_empty() || !reading.questions.is_empty());
    took
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}

/// The times, in sentences.
pub fn measured() -> String {
    let inventory = inventory();
    let texts = texts();
    let best = |text: &str| (0..TIMES).map(|_| took(text, &inventory)).min().unwrap_or_default();
    let mut times: Vec<Duration> = texts.iter().map(|text| best(text)).collect();
    times.sort_unstable();
    let at = |per_cent: usize| times[(times.len() * per_cent / 100).min(times.len() - 1)];
    let hostile = HOSTILE.into_iter().map(|pattern| {
        let text: String = pattern.chars().cycle().take(MAX_DECLARATION).collect();
        (best(&text), pattern.trim().replace('\n', " / "))
    });
    let (slowest, pattern) = hostile.max().unwrap_or_default();
    format!(
        "Reading a declaration of at most {LONG} characters, with {GUESTS} guests in the inventory, takes {} (p50) and {} (p99), the \
         best of {TIMES} readings each. \
         {MAX_DECLARATION} characters of the slowest of {} hostile patterns (“{pattern}”) take {}.\n",
        milliseconds(at(50)),
        milliseconds(at(99)),
        HOSTILE.len(),
        milliseconds(slowest),
    )
}
