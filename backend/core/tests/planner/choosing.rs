//! Guests chosen by what they have in common, and new ones that are like others.

use std::collections::BTreeSet;

use mycopod_core::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use mycopod_core::guest::Kind;
use mycopod_core::intent::{Intent, OneDeed, Wish};
use mycopod_core::plan::Action;
use mycopod_core::reading::{Amount, Answers, Deed, DiskRef, EditField, Fit, Selector, What};

use crate::life::Life;
use crate::support::{
    Extra, Saying, Want, answer, by_name, cluster, gib, named_mut, question, resolved, tags, text, vmid,
};

/// The names of the guests that an intent starts, in order.
fn started(intent: &Intent) -> Vec<String> {
    let name = |wish: &Wish| match wish {
        Wish::Once { guest, deed: OneDeed::Start } => guest.name.clone(),
        other => panic!("{other:?}"),
    };
    intent.wishes.iter().map(name).collect()
}

fn start(fit: Fit) -> Saying {
    Saying::default().deed(Selector::All(fit), Deed::Start)
}

#[test]
fn a_selection_is_of_all_that_fit_everything_that_was_said() {
    let stopped = Fit { running: Some(false), ..Fit::of_kind(Kind::Qemu) };
    let observed = cluster();
    let names = |fit: &Fit| {
        let intent = resolved(&start(fit.clone()), &observed, &Answers::default()).unwrap();
        started(&intent)
    };
    assert_eq!(names(&stopped), ["test-1", "test-2", "old-backup"]);
    assert_eq!(names(&Fit { node: Some("pve2".into()), ..stopped.clone() }), ["test-2"]);
    assert_eq!(names(&Fit { stem: Some("test-".into()), ..stopped.clone() }), ["test-1", "test-2"]);
    assert_eq!(names(&Fit { word: Some("test".into()), ..stopped.clone() }), ["test-1", "test-2"]);
    let except = BTreeSet::from(["test-1".to_owned()]);
    assert_eq!(names(&Fit { except: except.clone(), ..stopped.clone() }), ["test-2", "old-backup"]);
    let stray = Fit { except, node: Some("pve2".into()), ..stopped.clone() };
    assert!(question(&start(stray), &observed).text.contains("none of what is meant"));
    let counted = Fit { count: Some(2), ..stopped };
    assert!(question(&start(counted), &observed).text.contains("2 guests are said, and 3 fit"));
}

#[test]
fn a_word_that_is_a_tag_of_some_and_the_name_of_others_is_asked_about() {
    let mut observed = cluster();
    named_mut(&mut observed, "old-backup").fields.insert(Field::Plain(Plain::Tags), tags(&["test"]));
    let saying = start(Fit { word: Some("test".into()), ..Fit::default() });
    let asked = question(&saying, &observed);
    for (option, names) in [(&asked.options[0], vec!["old-backup"]), (&asked.options[1], vec!["test-1", "test-2"])] {
        let intent = resolved(&saying, &observed, &answer(&asked, option)).unwrap();
        assert_eq!(started(&intent), names);
    }
    let unknown = start(Fit { word: Some("unicorn".into()), ..Fit::default() });
    assert!(question(&unknown, &observed).text.contains("unicorn"));
}

#[test]
fn what_deletes_takes_names_and_what_stops_takes_a_pool_besides() {
    let mut observed = cluster();
    named_mut(&mut observed, "test-1").fields.insert(Field::Plain(Plain::Pool), text("lab"));
    let pool = Fit { pool: Some("lab".into()), ..Fit::default() };
    let node = Fit { node: Some("pve1".into()), ..Fit::of_kind(Kind::Qemu) };
    let word = Fit { word: Some("test".into()), ..Fit::default() };
    let ok = |fit: &Fit, deed: Deed| {
        let saying = Saying::default().deed(Selector::All(fit.clone()), deed);
        resolved(&saying, &observed, &Answers::default()).is_ok()
    };
    assert!(ok(&word, Deed::Delete) && ok(&word, Deed::Stop) && ok(&pool, Deed::Stop));
    assert!(!ok(&pool, Deed::Delete) && !ok(&node, Deed::Delete) && !ok(&node, Deed::Stop));
}

#[test]
fn a_guest_like_another_has_its_hardware_and_nothing_of_its_own() {
    let mut observed = cluster();
    let db = named_mut(&mut observed, "db-1");
    *db = db.clone().has(Field::Nic(0, NicPart::Ip), text("10.0.0.5/24")).has(Plain::Description.into(), text("mine"));
    let saying = Saying::default().create("db-2", Kind::Qemu, &[Want::Plain(Plain::Memory, gib(16))]);
    let saying = like(saying, "db-1");
    let intent = resolved(&saying, &observed, &Answers::default()).unwrap();
    let [Wish::Exist(new)] = intent.wishes.as_slice() else { panic!("{intent:?}") };
    let value = |field: Field| new.fields.get(&field).map(|said| said.value.clone());
    assert_eq!(value(Plain::Memory.into()), Some(gib(16)));
    assert_eq!(value(Field::size_of(Slot::scsi(0))), Some(gib(40)));
    assert_eq!(value(Field::Disk(Slot::scsi(1), DiskPart::Size)), Some(gib(100)));
    assert_eq!(value(Field::Nic(0, NicPart::Bridge)), Some(text("vmbr0")));
    assert_eq!((value(Field::Nic(0, NicPart::Ip)), value(Plain::Description.into())), (None, None));
    Life::new(observed).plan(&intent).unwrap();
}

/// The first statement's guest shall be like the one of that name.
fn like(mut saying: Saying, name: &str) -> Saying {
    let target = saying.target(by_name(name));
    let What::Create(create) = &mut saying.reading.statements[0].what else { panic!("no guest is made") };
    create.like = Some(target);
    saying
}

#[test]
fn a_vmid_that_was_said_is_taken_where_it_is_free() {
    let numbered = |number: u32| {
        let mut saying = Saying::default().create("a-1", Kind::Qemu, &[]);
        let said = saying.said(number);
        let What::Create(create) = &mut saying.reading.statements[0].what else { panic!("no guest is made") };
        create.vmid = Some(said);
        saying
    };
    let life = Life::new(cluster());
    let plan = life.plan(&resolved(&numbered(555), &life.observed, &Answers::default()).unwrap()).unwrap();
    assert_eq!(plan.steps()[0].guest().unwrap().vmid, vmid(555));
    assert!(question(&numbered(101), &life.observed).text.contains("web-01"));
    assert!(question(&numbered(7), &life.observed).text.contains("none of it"));
}

#[test]
fn a_copy_goes_to_the_node_that_was_said_where_its_disks_are_to_be_had() {
    let on = |from: &str, node: &str| {
        let mut saying = Saying::default().copy(from, "copy-1", None);
        let said = saying.said(node.to_owned());
        let What::Clone { node, .. } = &mut saying.reading.statements[0].what else { panic!("no copy") };
        *node = Some(said);
        saying
    };
    let life = Life::new(cluster());
    let plan = |saying: &Saying| life.plan(&resolved(saying, &life.observed, &Answers::default()).unwrap());
    let copied = plan(&on("debian-12", "pve2")).unwrap();
    assert!(matches!(&copied.steps()[0].action, Action::Clone { from, .. } if *from == vmid(9100)));
    assert_eq!(copied.steps()[0].guest().unwrap().node, "pve2");
    let refused = plan(&on("web-01", "pve2")).unwrap_err();
    assert!(refused[0].text.contains("pve2"), "{refused:?}");
}

#[test]
fn a_guest_that_is_not_where_it_is_said_to_be_is_asked_about() {
    let from = |from: &str, offline: bool| {
        Saying::default().statement(|say| {
            let deed = Deed::Migrate {
                node: say.said("pve2".to_owned()),
                storage: None,
                from: Some(say.said(from.to_owned())),
                offline,
            };
            What::Do { targets: vec![say.target(by_name("web-01"))], deed }
        })
    };
    let observed = cluster();
    assert!(resolved(&from("pve1", false), &observed, &Answers::default()).is_ok());
    assert!(question(&from("pve2", false), &observed).text.contains("is not on pve2"));
    assert!(question(&from("pve1", true), &observed).text.contains("shall be off"));
}

#[test]
fn a_change_from_a_value_holds_only_where_it_is_that_value() {
    let memory = |from: u64| {
        let edit = (EditField::Plain(Plain::Memory), Amount::FromTo(gib(from), gib(8)));
        Saying::default().change(by_name("web-01"), &[edit])
    };
    assert!(resolved(&memory(4), &cluster(), &Answers::default()).is_ok());
    assert!(question(&memory(2), &cluster()).text.contains("it is 4 GiB now, and not 2 GiB"));
}

#[test]
fn both_disks_are_two_and_what_goes_up_is_not_higher_now() {
    let discard = |count: Option<u8>, guest: &str| {
        let field = EditField::Disk(DiskRef::Every(count), DiskPart::Discard);
        Saying::default().change(by_name(guest), &[(field, Amount::To(Value::Flag(true)))])
    };
    let observed = cluster();
    let fields = |reading: &Saying| match &resolved(reading, &observed, &Answers::default()).unwrap().wishes[0] {
        Wish::Hold { fields, .. } => fields.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(fields(&discard(Some(2), "db-1")), 2);
    assert_eq!(fields(&discard(None, "db-1")), 2);
    assert_eq!(fields(&discard(None, "web-01")), 1);
    assert!(question(&discard(Some(2), "web-01"), &observed).text.contains("has one disk"));
    let up = |to: u64| {
        let edit = (EditField::Plain(Plain::Memory), Amount::UpTo(gib(to)));
        Saying::default().change(by_name("web-01"), &[edit])
    };
    assert!(resolved(&up(8), &observed, &Answers::default()).is_ok());
    assert!(question(&up(2), &observed).text.contains("which is more than 2 GiB"));
}

#[test]
fn both_nics_are_two() {
    let vlan = |count: Option<u8>| {
        let edit = (EditField::EachNic(count, NicPart::Mtu), Amount::To(Value::Count(9000)));
        Saying::default().change(by_name("web-01"), &[edit])
    };
    let mut observed = cluster();
    assert!(question(&vlan(Some(2)), &observed).text.contains("has one NIC"));
    let web = observed.guests.iter_mut().find(|seen| seen.fields.get(&Plain::Name.into()) == Some(&text("web-01")));
    web.unwrap().fields.insert(Field::Nic(3, NicPart::Bridge), text("vmbr1"));
    let Wish::Hold { fields, .. } = &resolved(&vlan(Some(2)), &observed, &Answers::default()).unwrap().wishes[0] else {
        panic!("it is held")
    };
    assert_eq!(fields.keys().cloned().collect::<Vec<_>>(), [0, 3].map(|number| Field::Nic(number, NicPart::Mtu)));
}

#[test]
fn two_further_nics_alike_are_two() {
    let nic = || (EditField::NewNic { parts: Vec::new() }, Amount::To(text("vmbr1")));
    let saying = Saying::default().change(by_name("web-01"), &[nic(), nic()]);
    let Wish::Hold { fields, .. } = &resolved(&saying, &cluster(), &Answers::default()).unwrap().wishes[0] else {
        panic!("it is held")
    };
    let bridges = fields.keys().filter(|field| matches!(field, Field::Nic(_, NicPart::Bridge)));
    assert_eq!(bridges.cloned().collect::<Vec<_>>(), [1, 2].map(|number| Field::Nic(number, NicPart::Bridge)));
}
