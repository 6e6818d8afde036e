//! Which doubts become questions, and what answers do.

use crate::life::Life;
use crate::support::{
    Extra, Saying, Want, answer, by_name, cluster, gib, guest, named_mut, question, resolved, tags, text, to, vmid,
};
use mycopod_core::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use mycopod_core::guest::{Kind, Power};
use mycopod_core::intent::{Intent, NewGuest, OneDeed, Wish};
use mycopod_core::observed::{Image, NodeState, Observed, Origin, Volume};
use mycopod_core::reading::{
    Amount, Answers, Deed, DiskRef, EditField, Fit, LEAVE_OUT, Question, Selector, Source, Sourced, Span,
};
use mycopod_core::size::Size;

fn vm(wants: &[Want]) -> Saying {
    Saying::default().create("shop-01", Kind::Qemu, wants)
}

fn container(wants: &[Want]) -> Saying {
    Saying::default().create("ns-1", Kind::Lxc, wants)
}

fn change(name: &str, field: EditField, amount: Amount) -> Saying {
    Saying::default().change(by_name(name), &[(field, amount)])
}

fn intent(saying: &Saying) -> Intent {
    resolved(saying, &cluster(), &Answers::default()).unwrap()
}

fn new_guest(intent: &Intent) -> &NewGuest {
    match intent.wishes.as_slice() {
        [Wish::Exist(new)] => new,
        wishes => panic!("{wishes:#?}"),
    }
}

fn held(intent: &Intent, field: &Field) -> Value {
    match intent.wishes.as_slice() {
        [Wish::Hold { fields, .. }] => fields[field].value.clone(),
        wishes => panic!("{wishes:#?}"),
    }
}

fn offers(question: &Question, option: &str) -> bool {
    question.options.iter().any(|offered| offered == option)
}

#[test]
fn what_nobody_said_is_a_default_and_what_was_said_keeps_its_words() {
    let intent = intent(&vm(&[Want::Plain(Plain::Cores, Value::Count(4)), Want::Disk(40, None)]));
    let new = new_guest(&intent);
    assert!(matches!(new.fields[&Field::Plain(Plain::Cores)].source, Source::Said(_)));
    for field in [
        Field::Plain(Plain::Memory),
        Field::Plain(Plain::CpuType),
        Field::Plain(Plain::Running),
        Field::Nic(0, NicPart::Bridge),
    ] {
        assert!(matches!(new.fields[&field].source, Source::Default { .. }), "{field}");
    }
    assert_eq!(new.fields[&Field::Disk(Slot::scsi(0), DiskPart::Size)].value, gib(40));
    assert_eq!(new.fields[&Field::Plain(Plain::Running)].value, Value::Flag(false));
    assert!(
        new.fields.keys().all(|field| !matches!(field, Field::Disk(_, DiskPart::Storage))),
        "the planner chooses storages"
    );
}

#[test]
fn what_is_made_from_a_template_stays_as_the_template_is() {
    let intent = intent(&vm(&[Want::Image("Debian 12"), Want::Disk(16, Some("local-lvm"))]));
    let new = new_guest(&intent);
    let origin = &new.origin.as_ref().unwrap().value;
    assert_eq!(origin.at["pve1"], Origin::Template(vmid(9000)));
    assert_eq!(origin.at["pve2"], Origin::Template(vmid(9100)));
    for field in [
        Field::Plain(Plain::Cores),
        Field::Plain(Plain::Memory),
        Field::Plain(Plain::CpuType),
        Field::Nic(0, NicPart::Bridge),
    ] {
        assert!(!new.fields.contains_key(&field), "{field} is the template’s");
    }
    assert_eq!(new.disks, [Slot::scsi(0)]);
}

#[test]
fn a_disk_smaller_than_the_templates_is_a_question_with_both_sizes() {
    let asked = question(&vm(&[Want::Image("debian 12"), Want::Disk(2, None)]), &cluster());
    assert!(asked.text.contains("2 GiB") && asked.text.contains("4 GiB"), "{}", asked.text);
}

#[test]
fn containers_take_the_newest_version_and_say_so() {
    let intent = intent(&container(&[Want::Image("Debian")]));
    let origin = new_guest(&intent).origin.clone().unwrap();
    assert_eq!(origin.value.name, "debian-12-standard_12.7-1_amd64.tar.zst");
    assert!(matches!(&origin.source, Source::Inferred { why } if why.contains("newest of 2")));
}

#[test]
fn a_container_without_an_image_takes_the_policys_as_a_default() {
    let intent = intent(&container(&[]));
    let new = new_guest(&intent);
    assert!(matches!(new.origin.as_ref().unwrap().source, Source::Default { .. }));
    assert_eq!(new.fields[&Field::Plain(Plain::Unprivileged)].value, Value::Flag(true));
    assert_eq!(new.fields[&Field::Nic(0, NicPart::Ip)].value, text("dhcp"));
}

#[test]
fn an_unknown_image_offers_the_known_ones() {
    let asked = question(&vm(&[Want::Image("windows 95")]), &cluster());
    assert!(offers(&asked, "debian-12") && offers(&asked, "ubuntu-24.04") && offers(&asked, LEAVE_OUT));
    let saying = vm(&[Want::Image("windows 95")]);
    let intent = resolved(&saying, &cluster(), &answer(&asked, "debian-12")).unwrap();
    assert_eq!(new_guest(&intent).origin.as_ref().unwrap().value.name, "debian-12");
    let intent = resolved(&saying, &cluster(), &answer(&asked, LEAVE_OUT)).unwrap();
    assert!(new_guest(&intent).origin.is_none(), "an empty disk then");
}

#[test]
fn images_that_fit_equally_well_are_a_question() {
    let mut observed = cluster();
    for (number, name) in [(9002, "debian-12-docker"), (9003, "debian-12-base")] {
        let origin = Origin::Template(vmid(number));
        observed.images.push(Image { name: name.into(), kind: Kind::Qemu, node: "pve1".into(), origin, disk: None });
    }
    observed.images.retain(|image| image.name != "debian-12");
    let asked = question(&vm(&[Want::Image("debian 12")]), &observed);
    assert!(offers(&asked, "debian-12-docker") && offers(&asked, "debian-12-base"), "{asked:?}");
}

#[test]
fn a_name_that_exists_is_a_question_and_another_name_answers_it() {
    let saying = Saying::default().create("web-01", Kind::Qemu, &[]);
    let asked = question(&saying, &cluster());
    assert!(asked.text.contains("VM 101 on pve1"), "{}", asked.text);
    assert!(offers(&asked, "web-03"), "{asked:?}");
    let intent = resolved(&saying, &cluster(), &answer(&asked, "web-09")).unwrap();
    assert_eq!(new_guest(&intent).name.value.as_str(), "web-09");
    let again = resolved(&saying, &cluster(), &answer(&asked, "web-02")).unwrap_err();
    assert_eq!(again[0].id, asked.id, "the answer exists as well");
}

#[test]
fn names_that_proxmox_refuses_and_names_said_twice_are_questions() {
    let asked = question(&Saying::default().create("my_vm", Kind::Qemu, &[]), &cluster());
    assert!(offers(&asked, "my-vm"), "{asked:?}");
    let twice = Saying::default().create("a-1", Kind::Qemu, &[]).create("a-1", Kind::Qemu, &[]);
    assert!(offers(&question(&twice, &cluster()), "a-2"));
}

#[test]
fn an_unknown_guest_offers_names_like_it() {
    let saying = Saying::default().deed(by_name("wbe-01"), Deed::Start);
    let asked = question(&saying, &cluster());
    assert_eq!(asked.options.first().map(String::as_str), Some("web-01"));
    let intent = resolved(&saying, &cluster(), &answer(&asked, "web-01")).unwrap();
    assert!(matches!(&intent.wishes[0], Wish::Once { guest, deed: OneDeed::Start } if guest.vmid == vmid(101)));
}

#[test]
fn two_guests_of_one_name_are_told_apart_by_their_numbers() {
    let mut observed = cluster();
    observed.guests.push(guest(Kind::Qemu, 120, "web-01", "pve2"));
    let saying = Saying::default().deed(by_name("web-01"), Deed::Stop);
    let asked = question(&saying, &observed);
    assert!(offers(&asked, "web-01 (101 on pve1)") && offers(&asked, "web-01 (120 on pve2)"), "{asked:?}");
    let intent = resolved(&saying, &observed, &answer(&asked, "web-01 (120 on pve2)")).unwrap();
    assert!(matches!(&intent.wishes[0], Wish::Once { guest, .. } if guest.vmid == vmid(120)));
}

#[test]
fn vague_words_are_always_a_question() {
    let saying = Saying::default().deed(Selector::Vague("the web server".into()), Deed::Delete);
    let asked = question(&saying, &cluster());
    assert_eq!(asked.options, ["web-01", "web-02", LEAVE_OUT]);
}

#[test]
fn a_tag_means_all_that_carry_it_and_no_template() {
    let mut observed = cluster();
    named_mut(&mut observed, "ubuntu-24.04").fields.insert(Field::Plain(Plain::Tags), tags(&["web"]));
    let select = |kind| Selector::All(Fit { kind, ..Fit::tagged("WEB") });
    let edits = [to(Plain::OnBoot, Value::Flag(true))];
    let intent = resolved(&Saying::default().change(select(None), &edits), &observed, &Answers::default()).unwrap();
    let names: Vec<&str> = intent
        .wishes
        .iter()
        .map(|wish| match wish {
            Wish::Hold { guest, .. } => guest.name.as_str(),
            _ => panic!("{wish:?}"),
        })
        .collect();
    assert_eq!(names, ["web-01", "web-02"]);
    let asked = question(&Saying::default().change(select(Some(Kind::Lxc)), &edits), &observed);
    assert!(asked.text.contains("No container carries"), "{}", asked.text);
}

#[test]
fn all_of_a_kind_are_changed_together_but_interrupted_only_by_name_or_tag() {
    let observed = cluster();
    let edits = [to(Plain::OnBoot, Value::Flag(true))];
    let intent = resolved(
        &Saying::default().change(Selector::All(Fit::of_kind(Kind::Qemu)), &edits),
        &observed,
        &Answers::default(),
    )
    .unwrap();
    let vms = observed.guests.iter().filter(|seen| !seen.template && seen.guest.kind == Kind::Qemu).count();
    assert_eq!(intent.wishes.len(), vms);
    for deed in [Deed::Stop, Deed::Shutdown { within: None }, Deed::Reboot, Deed::Delete] {
        let asked = question(&Saying::default().deed(Selector::All(Fit::of_kind(Kind::Qemu)), deed), &observed);
        assert!(asked.text.contains("names, or a tag"), "{}", asked.text);
    }
}

#[test]
fn the_data_disk_is_the_only_one_besides_the_system_disk() {
    let grow = |name| change(name, EditField::Disk(DiskRef::Data, DiskPart::Size), Amount::Plus(gib(10)));
    assert_eq!(held(&intent(&grow("db-1")), &Field::Disk(Slot::scsi(1), DiskPart::Size)), gib(110));
    assert!(question(&grow("web-01"), &cluster()).text.contains("no data disk"));
}

#[test]
fn relative_amounts_become_absolute_and_keep_their_words() {
    let triple = change("test-1", EditField::Plain(Plain::Memory), Amount::Times(3));
    let intent = intent(&triple);
    assert_eq!(held(&intent, &Field::Plain(Plain::Memory)), gib(3));
    let more = change("web-02", EditField::Disk(DiskRef::Only, DiskPart::Size), Amount::Plus(gib(8)));
    assert_eq!(held(&self::intent(&more), &Field::Disk(Slot::scsi(0), DiskPart::Size)), gib(40));
    match &intent.wishes[0] {
        Wish::Hold { fields, .. } => assert!(matches!(fields[&Field::Plain(Plain::Memory)].source, Source::Said(_))),
        wish => panic!("{wish:?}"),
    }
}

#[test]
fn shrinking_is_a_question_with_both_numbers_and_the_same_size_is_none() {
    let shrink = |gib: u64| {
        change(
            "web-01",
            EditField::Disk(DiskRef::Slot(Slot::scsi(0)), DiskPart::Size),
            Amount::To(crate::support::gib(gib)),
        )
    };
    let asked = question(&shrink(20), &cluster());
    assert!(asked.text.contains("32 GiB") && asked.text.contains("20 GiB"), "{}", asked.text);
    assert!(resolved(&shrink(32), &cluster(), &Answers::default()).is_ok());
}

#[test]
fn the_disk_of_a_guest_with_two_is_a_question_with_slots() {
    let saying = change("db-1", EditField::Disk(DiskRef::Only, DiskPart::Size), Amount::Plus(gib(10)));
    let asked = question(&saying, &cluster());
    assert!(offers(&asked, "scsi1 (100 GiB)"), "{asked:?}");
    let intent = resolved(&saying, &cluster(), &answer(&asked, "scsi1 (100 GiB)")).unwrap();
    assert_eq!(held(&intent, &Field::Disk(Slot::scsi(1), DiskPart::Size)), gib(110));
    let nth = change("db-1", EditField::Disk(DiskRef::Nth(3), DiskPart::Size), Amount::Plus(gib(10)));
    assert!(question(&nth, &cluster()).text.contains("no disk number 3"));
}

#[test]
fn a_further_disk_takes_the_next_free_slot() {
    let mut observed = cluster();
    named_mut(&mut observed, "web-01").raw.insert("scsi1".into(), "none,media=cdrom".into());
    let saying = change("web-01", EditField::NewDisk { storage: None, parts: Vec::new() }, Amount::To(gib(5)));
    let intent = resolved(&saying, &observed, &Answers::default()).unwrap();
    assert_eq!(held(&intent, &Field::Disk(Slot::scsi(2), DiskPart::Size)), gib(5));
}

#[test]
fn values_beyond_proxmoxs_bounds_are_questions() {
    for (field, value) in [
        (Plain::Cores, Value::Count(33)),
        (Plain::Cores, Value::Count(0)),
        (Plain::Sockets, Value::Count(5)),
        (Plain::Memory, Value::Size(Size::mib(8))),
        (Plain::Memory, Value::Size(Size::bytes(1_000_000_000))),
        (Plain::CpuType, text("host,flags=+x")),
        (Plain::Tags, tags(&["a b"])),
        (Plain::Swap, gib(1)),
        (Plain::Unprivileged, Value::Flag(true)),
        (Plain::Cores, text("many")),
    ] {
        let asked = question(&Saying::default().change(by_name("test-1"), &[to(field, value.clone())]), &cluster());
        assert!(offers(&asked, LEAVE_OUT), "{field:?} {value}");
    }
    let sockets = [to(Plain::Cores, Value::Count(20)), to(Plain::Sockets, Value::Count(2))];
    assert!(question(&Saying::default().change(by_name("test-1"), &sockets), &cluster()).text.contains("32 CPUs"));
}

#[test]
fn an_answer_takes_the_place_of_the_value() {
    let saying = Saying::default().change(by_name("test-1"), &[to(Plain::Cores, Value::Count(64))]);
    let asked = question(&saying, &cluster());
    assert!(offers(&asked, "32"), "{asked:?}");
    let intent = resolved(&saying, &cluster(), &answer(&asked, "16")).unwrap();
    match &intent.wishes[0] {
        Wish::Hold { fields, .. } => {
            let expected = Sourced::new(Value::Count(16), Source::answered("16"));
            assert_eq!(fields[&Field::Plain(Plain::Cores)], expected);
        }
        wish => panic!("{wish:?}"),
    }
    assert!(resolved(&saying, &cluster(), &answer(&asked, "loads")).is_err());
}

#[test]
fn unknown_bridges_storages_and_nodes_offer_those_there_are() {
    let nic = |bridge: &str| Want::Nic(vec![(NicPart::Bridge, text(bridge))]);
    let asked = question(&vm(&[nic("vmbr77")]), &cluster());
    assert_eq!(asked.options, ["vmbr0", "vmbr1", LEAVE_OUT]);
    let intent = resolved(&vm(&[nic("vmbr77")]), &cluster(), &answer(&asked, "vmbr1")).unwrap();
    assert_eq!(new_guest(&intent).fields[&Field::Nic(0, NicPart::Bridge)].value, text("vmbr1"));
    let intent = resolved(&vm(&[nic("vmbr77")]), &cluster(), &answer(&asked, LEAVE_OUT)).unwrap();
    let bridge = &new_guest(&intent).fields[&Field::Nic(0, NicPart::Bridge)];
    assert!(matches!(bridge.source, Source::Default { .. }), "without the words, the default holds");

    assert!(offers(&question(&vm(&[Want::Disk(8, Some("ceph"))]), &cluster()), "local-lvm"));
    assert!(offers(&question(&vm(&[Want::Node("pve9")]), &cluster()), "pve2"));
}

#[test]
fn a_storage_for_other_content_does_not_fit() {
    let mut observed = cluster();
    for state in observed.nodes.values_mut() {
        if let NodeState::Seen(node) = state {
            node.storages.get_mut("local").unwrap().content = ["iso".to_owned()].into();
        }
    }
    let asked = question(&vm(&[Want::Disk(8, Some("local"))]), &observed);
    assert!(asked.text.contains("images") && !offers(&asked, "local"), "{asked:?}");
}

#[test]
fn a_vlan_needs_a_bridge_that_passes_it_on() {
    let nic = |bridge: &str| Want::Nic(vec![(NicPart::Bridge, text(bridge)), (NicPart::Vlan, Value::Count(20))]);
    assert!(resolved(&vm(&[nic("vmbr1")]), &cluster(), &Answers::default()).is_ok());
    let asked = question(&vm(&[nic("vmbr0")]), &cluster());
    assert_eq!(asked.options, ["vmbr1", LEAVE_OUT]);
    let intent = resolved(&vm(&[nic("vmbr0")]), &cluster(), &answer(&asked, LEAVE_OUT)).unwrap();
    assert!(!new_guest(&intent).fields.contains_key(&Field::Nic(0, NicPart::Vlan)));
    let unsaid = vm(&[Want::Nic(vec![(NicPart::Vlan, Value::Count(20))])]);
    assert_eq!(new_guest(&self::intent(&unsaid)).fields[&Field::Nic(0, NicPart::Bridge)].value, text("vmbr1"));
    let beyond = Want::Nic(vec![(NicPart::Bridge, text("vmbr1")), (NicPart::Vlan, Value::Count(4095))]);
    assert!(question(&vm(&[beyond]), &cluster()).text.contains("from 0 to 4094"));
    // 0 is none, which every bridge has.
    let none = Want::Nic(vec![(NicPart::Bridge, text("vmbr0")), (NicPart::Vlan, Value::Count(0))]);
    assert!(resolved(&vm(&[none]), &cluster(), &Answers::default()).is_ok());
}

#[test]
fn a_gateway_lies_in_the_addresss_network() {
    let nic = |ip: &str, gateway: &str| Want::Nic(vec![(NicPart::Ip, text(ip)), (NicPart::Gateway, text(gateway))]);
    assert!(resolved(&container(&[nic("10.1.2.3/24", "10.1.2.1")]), &cluster(), &Answers::default()).is_ok());
    for (ip, gateway) in [("10.1.2.3/24", "10.1.3.1"), ("10.1.2.3/24", "10.1.2.3"), ("dhcp", "10.1.2.1")] {
        question(&container(&[nic(ip, gateway)]), &cluster());
    }
    let gone = Saying::default()
        .change(by_name("cache"), &[(EditField::Nic(None, NicPart::Gateway), Amount::To(text("10.0.0.1")))]);
    assert!(question(&gone, &cluster()).text.contains("DHCP"));
}

#[test]
fn an_address_of_a_vm_needs_a_cloud_init_drive() {
    let nic = || Want::Nic(vec![(NicPart::Ip, text("10.1.2.3/24"))]);
    assert!(question(&vm(&[nic()]), &cluster()).text.contains("cloud-init"));
    assert!(resolved(&vm(&[nic(), Want::Image("debian 12")]), &cluster(), &Answers::default()).is_ok());
}

#[test]
fn what_a_later_sentence_says_of_a_guest_made_before_belongs_to_its_making() {
    let saying =
        vm(&[]).change(by_name("shop-01"), &[to(Plain::Cores, Value::Count(4))]).deed(by_name("shop-01"), Deed::Start);
    let intent = intent(&saying);
    let new = new_guest(&intent);
    assert_eq!(new.fields[&Field::Plain(Plain::Cores)].value, Value::Count(4));
    assert_eq!(new.fields[&Field::Plain(Plain::Running)].value, Value::Flag(true));
    let renamed = vm(&[]).change(by_name("shop-01"), &[to(Plain::Name, text("shop-02"))]);
    assert_eq!(new_guest(&self::intent(&renamed)).name.value.as_str(), "shop-02");
    let early = vm(&[]).deed(by_name("shop-01"), Deed::Snapshot { name: None });
    assert!(question(&early, &cluster()).text.contains("same declaration"));
}

#[test]
fn wishes_that_exclude_each_other_are_questions() {
    let cores = |n| [to(Plain::Cores, Value::Count(n))];
    let twice = Saying::default().change(by_name("web-01"), &cores(2)).change(by_name("web-01"), &cores(4));
    let asked = question(&twice, &cluster());
    assert!(offers(&asked, "2") && offers(&asked, "4"), "{asked:?}");
    assert_eq!(
        held(&resolved(&twice, &cluster(), &answer(&asked, "4")).unwrap(), &Field::Plain(Plain::Cores)),
        Value::Count(4)
    );

    let both = Saying::default().deed(by_name("test-1"), Deed::Delete).change(by_name("test-1"), &cores(4));
    assert!(question(&both, &cluster()).text.contains("both deleted and changed"));
    let both = Saying::default().copy("test-1", "kept-1", None).deed(by_name("test-1"), Deed::Delete);
    assert!(question(&both, &cluster()).text.contains("both deleted and copied"));
    let both = Saying::default().deed(by_name("test-1"), Deed::Start).deed(by_name("test-1"), Deed::Stop);
    assert!(question(&both, &cluster()).text.contains("both run and be off"));
    let train = Saying::default().deed(by_name("web-01"), Deed::Stop).deed(by_name("web-01"), Deed::Delete);
    assert!(resolved(&train, &cluster(), &Answers::default()).is_ok(), "stopping and deleting is one train of thought");
}

#[test]
fn the_first_of_two_values_may_be_kept() {
    let cores = |n| [to(Plain::Cores, Value::Count(n))];
    let twice = Saying::default().change(by_name("web-01"), &cores(2)).change(by_name("web-01"), &cores(4));
    let asked = question(&twice, &cluster());
    let intent = resolved(&twice, &cluster(), &answer(&asked, "2")).unwrap();
    assert_eq!(held(&intent, &Field::Plain(Plain::Cores)), Value::Count(2));
}

#[test]
fn a_protected_guest_is_never_deleted() {
    let saying = Saying::default().deed(by_name("prod-db"), Deed::Delete);
    let asked = question(&saying, &cluster());
    assert!(asked.text.contains("protected"), "{}", asked.text);
    assert_eq!(asked.options, [LEAVE_OUT]);
    let left = resolved(&saying, &cluster(), &answer(&asked, LEAVE_OUT)).unwrap_err();
    assert!(left[0].text.contains("Nothing is left"), "{left:?}");
}

#[test]
fn templates_are_copied_changed_and_deleted_but_never_run() {
    for deed in [Deed::Start, Deed::Reboot, Deed::Snapshot { name: None }, Deed::RemoveNic(None)] {
        let by_number = Saying::default().deed(Selector::Vmid(9000), deed);
        assert!(question(&by_number, &cluster()).text.contains("template"));
    }
    assert!(resolved(&Saying::default().copy("web-02", "web-copy", None), &cluster(), &Answers::default()).is_ok());
    let linked = Saying::default().copy("web-02", "web-copy", Some(false));
    let asked = question(&linked, &cluster());
    assert!(asked.text.contains("no template"), "{}", asked.text);
    let intent = resolved(&linked, &cluster(), &answer(&asked, LEAVE_OUT)).unwrap();
    assert!(new_guest(&intent).origin.as_ref().unwrap().value.full);
}

#[test]
fn a_snapshot_gets_a_name_and_never_one_that_is_taken() {
    let mut observed = cluster();
    named_mut(&mut observed, "web-01").snapshots = Some(["pre-patch".to_owned()].into());
    let take = |name: Option<&str>| {
        Saying::default().statement(|say| mycopod_core::reading::What::Do {
            targets: vec![say.target(by_name("web-01"))],
            deed: Deed::Snapshot { name: name.map(|name| say.said(name.to_owned())) },
        })
    };
    assert!(offers(&question(&take(Some("pre-patch")), &observed), "pre-patch-2"));
    for bad in ["x", "1st", "a b", "current"] {
        question(&take(Some(bad)), &observed);
    }
    let intent = resolved(&take(None), &observed, &Answers::default()).unwrap();
    let Wish::Once { deed: OneDeed::Snapshot(name), .. } = &intent.wishes[0] else { panic!("{intent:?}") };
    assert_eq!(name, "mycopod-20241103-064044");
}

#[test]
fn a_container_stays_privileged_or_not() {
    let saying = |flag| Saying::default().change(by_name("cache"), &[to(Plain::Unprivileged, Value::Flag(flag))]);
    assert!(question(&saying(false), &cluster()).text.contains("fixed"));
    assert!(resolved(&saying(true), &cluster(), &Answers::default()).is_ok());
}

#[test]
fn the_readers_questions_come_with_the_resolvers_own() {
    let mut saying = Saying::default().deed(by_name("nobody"), Deed::Start);
    saying.reading.questions.push(Question::new(
        "unread",
        Some(Span { start: 0, end: 3 }),
        "What is “better”?",
        vec![],
    ));
    let questions = resolved(&saying, &cluster(), &Answers::default()).unwrap_err();
    assert_eq!(questions.len(), 2);
}

#[test]
fn a_refused_reading_and_an_empty_one_come_to_nothing() {
    let mut refused = Saying::default().deed(by_name("web-01"), Deed::Start);
    refused.reading.refusal = Some("This is no declaration.".into());
    assert!(resolved(&refused, &cluster(), &Answers::default()).is_err());
    assert!(resolved(&Saying::default(), &cluster(), &Answers::default()).is_err());
}

#[test]
fn a_guest_that_is_not_found_may_be_on_a_node_that_does_not_answer() {
    let mut observed: Observed = cluster();
    observed.nodes.insert("pve2".into(), NodeState::Unreachable { why: "no route".into() });
    observed.guests.retain(|seen| seen.guest.node != "pve2");
    let asked = question(&Saying::default().deed(by_name("test-2"), Deed::Start), &observed);
    assert!(asked.text.contains("pve2 does not answer"), "{}", asked.text);
    let asked = question(&vm(&[Want::Node("pve2")]), &observed);
    assert!(asked.text.contains("no route") && !offers(&asked, "pve2"), "{asked:?}");
}

#[test]
fn the_paused_and_the_unknown_are_seen_as_they_are() {
    let mut observed = cluster();
    observed.guests.push(guest(Kind::Qemu, 130, "odd", "pve1").has(Field::Plain(Plain::Tags), tags(&["odd"])));
    named_mut(&mut observed, "odd").power = Power::Unknown;
    let life = Life::new(observed);
    let saying = Saying::default().deed(by_name("odd"), Deed::Start);
    let intent = resolved(&saying, &life.observed, &Answers::default()).unwrap();
    assert!(life.plan(&intent).unwrap_err()[0].text.contains("does not say whether"));
}

fn file(node: &str, content: &str, name: &str) -> Volume {
    let guest = (content == "backup")
        .then(|| cluster().guests.iter().find(|seen| seen.guest.name == "web-02").unwrap().guest.key());
    let at = chrono::DateTime::from_timestamp(name.bytes().map(i64::from).sum(), 0);
    Volume {
        volume: format!("local:{content}/{name}"),
        content: content.into(),
        node: node.into(),
        size: Size::gib(1),
        guest,
        at,
    }
}

#[test]
fn a_pool_or_cd_that_is_not_there_is_asked_about_with_those_that_are() {
    let mut observed = cluster();
    let web = observed.guests.iter().find(|seen| seen.guest.name == "web-02").unwrap().guest.clone();
    let other = if web.node == "pve1" { "pve2" } else { "pve1" };
    observed.volumes = vec![file(&web.node, "iso", "a.iso"), file(other, "iso", "b.iso")];
    let cd = |volume: &str| change("web-02", EditField::Plain(Plain::Cdrom), Amount::To(text(volume)));
    assert!(resolved(&cd("local:iso/a.iso"), &observed, &Answers::default()).is_ok());
    assert!(resolved(&cd("none"), &observed, &Answers::default()).is_ok());
    for missing in ["local:iso/b.iso", "local:iso/c.iso"] {
        assert_eq!(question(&cd(missing), &observed).options, ["local:iso/a.iso", LEAVE_OUT], "{missing}");
    }
    let pool = |name: &str| change("web-02", EditField::Plain(Plain::Pool), Amount::To(text(name)));
    assert!(resolved(&pool("prod"), &observed, &Answers::default()).is_ok());
    assert!(resolved(&pool(""), &observed, &Answers::default()).is_ok());
    assert!(offers(&question(&pool("nope"), &observed), "prod"));
}

#[test]
fn a_restore_takes_the_newest_backup_of_that_very_guest() {
    let mut observed = cluster();
    let web = observed.guests.iter().find(|seen| seen.guest.name == "web-02").unwrap().guest.clone();
    let restore = |name: &str, backup: Option<&str>| {
        let backup = backup.map(|volume| Sourced::new(volume.to_owned(), Source::inferred("a test")));
        Saying::default().deed(by_name(name), Deed::Restore { backup })
    };
    assert!(question(&restore("web-02", None), &observed).text.contains("No backup"));
    observed.volumes =
        vec![file(&web.node, "backup", "a"), file(&web.node, "backup", "c"), file(&web.node, "backup", "b")];
    for seen in observed.guests.iter_mut().filter(|seen| seen.guest.name == "web-02") {
        seen.power = Power::Stopped;
    }
    let intent = resolved(&restore("web-02", None), &observed, &Answers::default()).unwrap();
    assert!(
        matches!(&intent.wishes[0], Wish::Once { deed: OneDeed::Restore(backup), .. } if backup == "local:backup/c")
    );
    let asked = question(&restore("web-02", Some("local:backup/d")), &observed);
    assert_eq!(asked.options, ["local:backup/c", "local:backup/b", "local:backup/a", LEAVE_OUT]);
    assert!(
        question(&restore("db-1", Some("local:backup/c")), &observed).text.contains("No backup"),
        "it is another's"
    );
}
