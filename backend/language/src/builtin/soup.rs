//! Texts that nobody wrote: arbitrary characters, and soups of the grammar's own words. Generated anew on every run, within
//! bounds that a test may take; `scripts/fuzz` tries the same guided by coverage, for as long as it is let.

use std::sync::LazyLock;

use mycopod_core::reading::{Answers, Selector, Target};
use proptest::prelude::*;

use crate::vocabulary;

use super::holding::{INVENTORY, NAMES, holds, targets};
use super::read;

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
        let reading = read(&text, &INVENTORY, &Answers::default());
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
