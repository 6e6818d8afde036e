//! Answers are merged with the text, and the whole is read again.

mod common;

use mycopod_core::reading::{Answers, LEAVE_OUT, Reading};
use mycopod_language::read;

fn ask(text: &str) -> Reading {
    read(text, &common::inventory(), &Answers::default())
}

/// Answers the first question on `topic`.
fn answer(text: &str, topic: &str, answer: &str) -> String {
    let first = ask(text);
    let question = first.questions.iter().find(|question| question.id.starts_with(topic));
    let question = question.unwrap_or_else(|| panic!("no question on {topic}: {:?}", first.questions));
    let answers = std::iter::once((question.id.clone(), answer.to_owned())).collect();
    common::summary(&read(text, &common::inventory(), &answers))
}

#[test]
fn a_missing_name_is_taken_from_the_answer() {
    assert_eq!(answer("create a VM with 2 cores", "name", "web-09"), "vm web-09 cores=2");
    assert_eq!(answer("create two VMs", "name", "a-1, a-2"), "vm a-1 | vm a-2");
    assert_eq!(answer("create two VMs", "name", "a-1 to a-2"), "vm a-1 | vm a-2");
    assert_eq!(answer("create two VMs", "name", "a-1"), "ask name");
    assert_eq!(answer("create a VM", "name", "a b; delete c"), "ask name");
}

#[test]
fn a_missing_kind_is_taken_from_the_answer() {
    assert_eq!(answer("create web-09 with 2 cores", "kind", "container"), "ct web-09 cores=2");
    assert_eq!(answer("create web-09 with 2 cores", "kind", "maybe"), "ask kind");
}

#[test]
fn an_amount_becomes_what_the_answer_says() {
    assert_eq!(answer("web-01 needs 8 GB", "amount", "memory"), "web-01: mem=8G");
    assert_eq!(answer("add 8 GB to web-01", "amount", "disk"), "web-01: disk+8G");
    assert_eq!(answer("vm a-1 with 4 GB", "amount", "memory"), "vm a-1 mem=4G");
    assert_eq!(answer("set web-01 memory to 8", "unit", "8 GB"), "web-01: mem=8G");
    assert_eq!(answer("web-01 needs a 60 GB disk", "new-disk", "A further disk of 60 GiB"), "web-01: newdisk=60G");
    assert_eq!(answer("web-01 needs a 60 GB disk", "new-disk", "Its disk grows to 60 GiB"), "web-01: disk=60G");
}

#[test]
fn a_contradiction_is_settled_by_the_answer() {
    assert_eq!(answer("vm a-1 with 2 cores and 4 cores", "which-cores", "4"), "vm a-1 cores=4");
    assert_eq!(answer("vm a-1 with 2 cores and 4 cores", "which-cores", "2"), "vm a-1 cores=2");
}

#[test]
fn contradictions_of_all_kinds_can_be_settled() {
    let image = "debian 12 vm a-1 from ubuntu-24.04";
    assert_eq!(answer(image, "which-image", "ubuntu-24.04"), "vm a-1 image=ubuntu-24.04");
    assert_eq!(answer("vm a-1 on pve1, on pve2", "which-node", "pve2"), "vm a-1 node=pve2");
    let both = "a VM a-1 and a container c-1 with 2 cores";
    assert_eq!(answer(both, "each", "Only for the last"), "vm a-1 | ct c-1 cores=2");
    assert_eq!(answer(both, "each", "both"), "ask each");
}

#[test]
fn a_disk_that_is_removed_goes_as_the_answer_says() {
    let text = "remove scsi1 of db-1";
    assert_eq!(answer(text, "remove-disk", "Keep it as an unused disk"), "detach[scsi1] db-1");
    assert_eq!(answer(text, "remove-disk", "Delete it with its data"), "destroydisk[scsi1] db-1");
    assert_eq!(answer(text, "remove-disk", "yes"), "ask remove-disk");
}

#[test]
fn a_storage_or_bridge_that_nobody_said_is_the_answered_one() {
    assert_eq!(answer("add a TPM to web-01", "storage", "local-lvm"), "web-01: tpm=local-lvm");
    let create = "VM f-12 with 2 cores, 30 GB disk, with a TPM";
    assert_eq!(answer(create, "storage", "local"), "vm f-12 cores=2 tpm=local disk=30G");
    assert_eq!(answer("set web-01 balloon to 2", "unit", "2 GB"), "web-01: balloon=2G");
}

#[test]
fn left_out_words_leave_the_rest() {
    let text = "create vm k-1 with 2 cores and install nginx";
    assert_eq!(answer(text, "unread", LEAVE_OUT), "vm k-1 cores=2");
    assert_eq!(answer(text, "unread", "yes"), "ask unread");
    assert_eq!(answer("delete test-1 unless it runs", "unread", LEAVE_OUT), "refused");
}

#[test]
fn questions_name_the_words_they_are_about() {
    let reading = ask("create vm k-1 with 2 cores and install nginx");
    assert!(
        reading.questions[0].text.contains("“install nginx” is not something MycoPod does"),
        "{:?}",
        reading.questions
    );
    assert_eq!(reading.unread[0].text, "install nginx");
    for (text, words) in [
        ("every night, snapshot web-01", "night"),
        ("if web-01 is off, start it", "if"),
        ("don't delete web-01", "don't"),
    ] {
        assert!(ask(text).questions[0].text.contains(words));
    }
}
