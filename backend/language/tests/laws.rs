//! What holds for every text: nothing is dropped, nothing panics, and no name on the cluster changes a meaning.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use mycopod_core::guest::{GuestKey, Kind, Vmid};
use mycopod_core::reading::{Answers, Deed, LEAVE_OUT, Reading, Source, Span, What};
use mycopod_language::read;
use proptest::prelude::*;

/// The sentences of the corpus.
fn sentences() -> Vec<String> {
    common::corpus().map(|(sentence, _)| sentence).filter(|sentence| !sentence.is_empty()).collect()
}

/// Whether every span of `reading` lies in `text` and says what it claims.
fn spans_are_true(reading: &Reading, text: &str) -> bool {
    let length = text.chars().count();
    let lies_in = |span: Span| span.start <= span.end && span.end <= length;
    // A reading's own form holds every source there is.
    let json = serde_json::to_value(reading).unwrap();
    let mut open = vec![&json];
    while let Some(value) = open.pop() {
        if let Ok(Source::Said(fragment)) = serde_json::from_value::<Source>(value.clone())
            && (Span { start: fragment.start, end: fragment.end }.of(text) != fragment.text || fragment.text.is_empty())
        {
            return false;
        }
        match value {
            serde_json::Value::Array(values) => open.extend(values),
            serde_json::Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    reading.statements.iter().all(|statement| lies_in(statement.span) && !statement.span.of(text).is_empty())
        && reading.questions.iter().filter_map(|question| question.span).all(lies_in)
        && reading.unread.iter().all(|part| Span { start: part.start, end: part.end }.of(text) == part.text)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_and_every_span_is_true(text in "(?s).{0,300}") {
        let reading = read(&text, &common::inventory(), &Answers::default());
        prop_assert!(spans_are_true(&reading, &text));
    }

    #[test]
    fn no_salad_of_its_own_words_panics(words in prop::collection::vec(prop::sample::select(
        sentences().iter().flat_map(|s| s.split_inclusive([' ', '\n', ',']).map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>()), 1..40)) {
        let text: String = words.concat();
        let reading = read(&text, &common::inventory(), &Answers::default());
        prop_assert!(spans_are_true(&reading, &text));
    }
}

/// `sentence` with `word` before each of its words and behind the last.
fn with_word_anywhere(sentence: &str, word: &str) -> Vec<String> {
    let words: Vec<&str> = sentence.split_inclusive([' ', '\n']).collect();
    (0..=words.len()).map(|at| format!("{} {word} {}", words[..at].concat(), words[at..].concat())).collect()
}

/// The law of accounting: a word that nobody foresaw ends in a value or a target, verbatim, or in a question.
#[test]
fn a_foreign_word_is_never_dropped() {
    let inventory = common::inventory();
    for text in sentences().iter().flat_map(|sentence| with_word_anywhere(sentence, "flurbish")) {
        let reading = read(&text, &inventory, &Answers::default());
        let accounted = reading.refusal.is_some()
            || !reading.questions.is_empty()
            || serde_json::to_string(&reading.statements.iter().map(|s| &s.what).collect::<Vec<_>>())
                .unwrap()
                .contains("flurbish");
        assert!(accounted, "{text}\n{}", common::summary(&reading));
    }
}

/// A word that turns a meaning round never leaves a plan as it was.
#[test]
fn a_negation_or_condition_is_never_dropped() {
    let inventory = common::inventory();
    let is_plain = |reading: &Reading| reading.refusal.is_none() && reading.questions.is_empty();
    let mut dropped = Vec::new();
    for sentence in sentences() {
        let plain = read(&sentence, &inventory, &Answers::default());
        if !is_plain(&plain) {
            continue;
        }
        // What runs at an hour of each day is nightly without the word.
        let runs_daily = plain.statements.iter().any(|statement| matches!(statement.what, What::Facility(_)));
        for word in ["not", "never", "don't", "unless", "if", "except", "or", "tomorrow", "nightly", "without", "only"]
        {
            if runs_daily && word == "nightly" {
                continue;
            }
            dropped.extend(with_word_anywhere(&sentence, word).into_iter().filter(|text| {
                let turned = read(text, &inventory, &Answers::default());
                is_plain(&turned) && common::summary(&plain) == common::summary(&turned)
            }));
        }
    }
    assert!(dropped.is_empty(), "{dropped:#?}");
}

/// Names on the cluster that are words of the grammar change no reading.
#[test]
fn hostile_names_change_nothing() {
    let plain = common::inventory();
    let mut hostile = plain.clone();
    for (name, vmid) in [
        "create",
        "delete",
        "all",
        "everything",
        "with",
        "cores",
        "not",
        "boot",
        "start",
        "vm",
        "and",
        "2",
        "GB",
        "the",
        "disk",
        "it",
    ]
    .into_iter()
    .zip(500..)
    {
        hostile.guests.insert(name.into(), vec![GuestKey { kind: Kind::Qemu, vmid: Vmid::try_from(vmid).unwrap() }]);
        hostile.tags.insert(name.into());
        hostile.nodes.insert(name.into());
        hostile.storages.insert(name.into());
        hostile.bridges.insert(name.into());
        hostile.images.insert(name.into(), Kind::Qemu);
    }
    // The options of a question may name them.
    let asked = |reading: Reading| reading.questions.into_iter().map(|q| (q.id, q.text, q.span)).collect::<Vec<_>>();
    for sentence in sentences() {
        let (plain, hostile) =
            (read(&sentence, &plain, &Answers::default()), read(&sentence, &hostile, &Answers::default()));
        assert_eq!(plain.statements, hostile.statements, "{sentence}");
        assert_eq!(asked(plain), asked(hostile), "{sentence}");
    }
}

/// Left-out words ask no more, and nothing is made of them.
#[test]
fn what_is_left_out_is_gone() {
    let inventory = common::inventory();
    for sentence in sentences() {
        let first = read(&sentence, &inventory, &Answers::default());
        let answers: Answers = first
            .questions
            .iter()
            .filter(|question| question.options.iter().any(|option| option == LEAVE_OUT))
            .map(|question| (question.id.clone(), LEAVE_OUT.to_owned()))
            .collect();
        let second = read(&sentence, &inventory, &answers);
        assert_eq!(first.statements, second.statements, "{sentence}");
        assert!(second.questions.iter().all(|question| !question.id.starts_with("unread")), "{sentence}");
    }
}

/// What may be done to a part of a guest is never done to the guest.
#[test]
fn nothing_done_to_a_part_is_done_to_the_guest() {
    let parts = [
        "disk",
        "disks",
        "second disk",
        "disk scsi1",
        "scsi1",
        "data disk",
        "unused disk",
        "disk space",
        "snapshot",
        "snapshots",
        "snapshot s1",
        "s1 snapshot",
        "backup",
        "backups",
        "latest backup",
        "NIC",
        "NICs",
        "net1",
        "second NIC",
        "network card",
        "description",
        "notes",
        "tags",
        "tag web",
        "firewall",
        "firewall rules",
        "pool",
        "memory",
        "cpu limit",
        "TPM",
        "EFI disk",
        "CD",
        "cloud-init drive",
        "ssh keys",
        "VLAN",
        "HA",
        "data",
        "files",
        "flurbish",
    ];
    let whole = |reading: &Reading| {
        reading.statements.iter().any(|statement| match &statement.what {
            What::Do { deed, .. } => matches!(
                deed,
                Deed::Delete | Deed::Migrate { .. } | Deed::Stop | Deed::Shutdown { .. } | Deed::MakeTemplate
            ),
            What::Create(_) | What::Clone { .. } | What::Facility(_) | What::Typed(_) => true,
            What::Change { .. } => false,
        })
    };
    for part in parts {
        for verb in ["delete", "destroy", "remove", "get rid of", "wipe", "kill", "stop", "drop", "convert"] {
            for text in [
                format!("{verb} the {part} of web-01"),
                format!("{verb} {part} from web-01"),
                format!("{verb} web-01's {part}"),
                format!("{verb} all {part} on web-01"),
            ] {
                let reading = read(&text, &common::inventory(), &Answers::default());
                assert!(!whole(&reading), "{text}: {}", common::summary(&reading));
            }
        }
        for text in [format!("move the {part} of web-01 to pve2"), format!("migrate web-01's {part} to pve2")] {
            let reading = read(&text, &common::inventory(), &Answers::default());
            assert!(!whole(&reading), "{text}: {}", common::summary(&reading));
        }
    }
}
