//! What is said beside a wish: it is kept, nothing is done for it, and no wish is ever taken for it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mycopod_core::guest::{GuestKey, Kind, Vmid};
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, Reading, Selector, What};

fn reading(text: &str) -> Reading {
    let mut inventory = Inventory::default();
    for (vmid, name) in (101..).zip(["web-01", "web-02", "db-1"]) {
        let key = GuestKey { kind: Kind::Qemu, vmid: Vmid::try_from(vmid).unwrap() };
        inventory.guests.insert(name.to_owned(), vec![key]);
    }
    inventory.nodes = ["pve1", "pve2"].map(str::to_owned).into();
    inventory.storages = ["local", "tank"].map(str::to_owned).into();
    mycopod_language::read(text, &inventory, &Answers::default())
}

#[test]
fn reasons_and_remarks_are_kept_and_nothing_is_done_for_them() {
    for (text, aside) in [
        ("web-01 is stuck again, reboot it", "web-01 is stuck again"),
        ("halve the memory of db-1, it's way too big", "it's way too big"),
        ("give web-01 4 cores because the nightly job eats everything", "because the nightly job eats everything"),
        ("move web-01 to pve2, pve1 is getting warm", "pve1 is getting warm"),
        ("snapshot db-1 as pre-1 before the upgrade", "before the upgrade"),
        ("reboot web-01 when you have a minute", "when you have a minute"),
        ("web-01 gets 4 cores, RAM stays as is", "RAM stays as is"),
        ("do me a favor and reboot web-01", "do me a favor and"),
        ("web-01: 4 cores (was requested by marketing)", "was requested by marketing"),
        ("Approved by management: delete web-02", "Approved by management"),
        ("db-1 is down again, start it", "db-1 is down again"),
        ("Since web-01 is slow, add 2 cores", "Since web-01 is slow"),
        ("stop web-01 to save power", "to save power"),
        ("start web-02, it was stopped by accident", "it was stopped by accident"),
        ("move web-01 to pve2 because pve1 needs a reboot", "because pve1 needs a reboot"),
        ("Our canteen has a new tenant. web-01 gets 4 cores", "Our canteen has a new tenant"),
        ("For the new release: web-01 gets 4 cores", "For the new release"),
        ("Ticket #4711: web-01 gets 4 cores", "Ticket #4711"),
        ("grow the disk of web-01 to 40 GB. I'll extend the partition myself.", "I'll extend the partition myself"),
    ] {
        let reading = reading(text);
        assert_eq!(reading.questions, [], "{text}");
        assert_eq!(reading.statements.len(), 1, "{text}");
        assert_eq!(reading.asides.iter().map(|aside| aside.text.as_str()).collect::<Vec<_>>(), [aside]);
    }
}

#[test]
fn no_wish_is_taken_for_a_remark() {
    for text in [
        "web-01 gets 4 cores, web-02 is the same",
        "web-01 gets 4 cores, web-02 needs it too",
        "web-01 gets 4 cores, web-02 has the memory of db-1",
        "web-01 gets 4 cores, web-02 isn't",
        "web-01 gets 4 cores. Monday works for us.",
        "web-01 gets 4 cores. The move is postponed.",
        "web-01 gets 4 cores, web-02 is on pve2",
        "web-01 gets 4 cores, db-1 runs on tank",
        "web-01 gets 4 cores; web-02: RAM stays as is, RAM of db-1 stays as is",
        "web-01 gets 4 cores, web-01 stays unchanged",
        "web-01 gets 4 cores, db-1 has to grow",
        "web-01 gets 4 cores, this is wrong",
        "web-01 gets 4 cores, this is a mistake",
        "web-01 gets 4 cores, web-02 is off",
        "web-01 gets 4 cores, web-02 is running",
        "web-01 gets 4 cores, web-02 has more memory",
        "web-01 gets 4 cores, web-02 has enough memory",
        "web-02 is off, start web-01",
        "web-02 is stopped",
        "web-01 gets 4 cores so that web-02 starts",
        "web-01 gets 4 cores because it is slow and start web-02",
        "stop web-01. web-02 is out of memory, +4 GB RAM",
        "web-01 gets 4 cores, this is an example",
        "web-01 gets 4 cores. The above is a joke.",
        "web-01 gets 4 cores. My request was a hoax.",
        "web-01 gets 4 cores. The plan is off.",
        "web-01 gets 4 cores because zorb crashes",
        "stop web-01 if it is slow",
        "reboot web-01 when it is stuck",
        "reboot web-01 before the upgrade",
        "reboot web-01 at night, the nights are quiet",
        "check the logs, web-01 gets 4 cores",
        "stop web-01 to save power at night",
        "Approved by nobody: delete web-01",
        "web-01: 4 cores (was requested for web-02)",
        "web-01 is slow and web-02 too, give them 4 cores",
    ] {
        let reading = reading(text);
        assert_ne!(reading.questions, [], "{text}\n{reading:#?}");
    }
}

#[test]
fn words_for_a_guest_mean_the_one_that_the_remark_names_where_no_other_may_be_meant() {
    let named = |text: &str| match &reading(text).statements.last().unwrap().what {
        What::Change { targets, .. } | What::Do { targets, .. } => targets[0].selector.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(named("db-1 is slow, give it 4 cores"), Selector::Name("db-1".to_owned()));
    assert_eq!(named("stop db-1. db-1 is slow, give it 4 cores"), Selector::Name("db-1".to_owned()));
    // What is broken is a disk.
    assert_eq!(named("The disk of db-1 is broken, delete it"), Selector::Vague("it".to_owned()));
    for text in
        ["start web-01. db-1 is slow, give it 4 cores", "start web-01. The database server is slow, give it 4 cores"]
    {
        assert_eq!(named(text), Selector::Vague("it".to_owned()), "{text}");
    }
}

#[test]
fn a_remark_alone_is_asked_about() {
    let reading = reading("web-01 is slow");
    assert!(reading.asides.is_empty() && reading.questions.len() == 1, "{reading:#?}");
}
