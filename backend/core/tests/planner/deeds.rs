//! Deeds: what they do, what they need, and what is lost by them.

use crate::life::Life;
use crate::planning::{actions, asked, intent};
use crate::support::{
    Extra, Saying, answer, by_name, cluster, gib, guest, named, named_mut, question, resolved, shown, text, to,
};
use mycopod_core::field::{DiskPart, Field, Plain, Slot, Value};
use mycopod_core::guest::{Kind, Power};
use mycopod_core::intent::{OneDeed, Wish};
use mycopod_core::observed::{NodeState, Observed};
use mycopod_core::plan::{Action, Effect, Plan};
use mycopod_core::reading::{Amount, Answers, Deed, DiskRef, EditField, LEAVE_OUT, Selector, Source, Sourced};

fn planned(saying: &Saying, observed: &Observed) -> Plan {
    Life::new(observed.clone()).plan(&intent(saying, observed)).unwrap()
}

fn done(name: &str, deed: Deed) -> Saying {
    Saying::default().deed(by_name(name), deed)
}

fn said<T>(value: T) -> Sourced<T> {
    Sourced::new(value, Source::inferred("a test"))
}

fn word(word: &str) -> Sourced<String> {
    said(word.to_owned())
}

fn once(saying: &Saying, observed: &Observed) -> OneDeed {
    match intent(saying, observed).wishes.as_slice() {
        [Wish::Once { deed, .. }] => deed.clone(),
        wishes => panic!("{wishes:?}"),
    }
}

#[test]
fn a_shutdown_has_as_long_as_was_said() {
    let within = |seconds| done("web-01", Deed::Shutdown { within: Some(said(seconds)) });
    assert_eq!(once(&within(90), &cluster()), OneDeed::Shutdown { seconds: 90 });
    assert_eq!(once(&done("web-01", Deed::Shutdown { within: None }), &cluster()), OneDeed::Shutdown { seconds: 180 });
    for seconds in [0, 3_601] {
        let asked = question(&within(seconds), &cluster());
        assert!(asked.text.contains("1 to 3600 seconds"), "{}", asked.text);
        let answered = resolved(&within(seconds), &cluster(), &answer(&asked, "60")).unwrap();
        assert!(matches!(&answered.wishes[0], Wish::Once { deed: OneDeed::Shutdown { seconds: 60 }, .. }));
    }
}

#[test]
fn containers_are_not_suspended_and_vms_come_back_where_they_were() {
    assert!(question(&done("cache", Deed::Suspend), &cluster()).text.contains("CRIU"));
    let mut life = Life::new(cluster());
    let plan = life.plan(&intent(&done("web-01", Deed::Suspend), &life.observed)).unwrap();
    assert_eq!(plan.steps().last().map(|step| step.effect), Some(Effect::Stop));
    life.carry_out(plan.steps());
    assert_eq!(named(&life.observed, "web-01").power, Power::Paused);
    assert!(asked(&done("web-01", Deed::Start), &life)[0].text.contains("resumed, not started"));
    let resumes = life.plan(&intent(&done("web-01", Deed::Resume), &life.observed)).unwrap();
    assert_eq!(actions(&resumes), ["resume"]);
    assert!(asked(&done("test-1", Deed::Resume), &life)[0].text.contains("started, not resumed"));
}

#[test]
fn snapshots_are_those_that_the_guest_has() {
    let back = |snapshot| done("test-2", Deed::Rollback { snapshot });
    let away = |snapshot| done("test-2", Deed::DeleteSnapshot { snapshot });
    assert_eq!(once(&back(None), &cluster()), OneDeed::Rollback("second".into()), "the newest");
    assert_eq!(once(&back(Some(word("first"))), &cluster()), OneDeed::Rollback("first".into()));
    let asked = question(&away(None), &cluster());
    assert_eq!(asked.options, ["first", "second", LEAVE_OUT]);
    let asked = question(&back(Some(word("third"))), &cluster());
    assert!(asked.options.contains(&"first".to_owned()), "{asked:?}");
    let answered = resolved(&back(Some(word("third"))), &cluster(), &answer(&asked, "first")).unwrap();
    assert!(matches!(&answered.wishes[0], Wish::Once { deed: OneDeed::Rollback(name), .. } if name == "first"));
    assert!(question(&done("web-01", Deed::Rollback { snapshot: None }), &cluster()).text.contains("has no snapshot"));
    let mut unseen = cluster();
    named_mut(&mut unseen, "test-2").snapshots = None;
    assert!(question(&back(None), &unseen).text.contains("could not be read"));
}

#[test]
fn going_back_says_what_is_lost_and_keeps_the_guest_ours() {
    let mut life = Life::new(cluster());
    named_mut(&mut life.observed, "test-2").power = Power::Running;
    let wanted = intent(&done("test-2", Deed::Rollback { snapshot: Some(word("first")) }), &life.observed);
    let plan = life.plan(&wanted).unwrap();
    assert_eq!(actions(&plan), ["adopt", "rollback", "adopt"], "its notes may be older than its marker");
    assert_eq!(plan.steps()[1].effect, Effect::Destroy);
    assert!(plan.steps()[1].collateral[0].contains("since snapshot first"));
    assert_eq!(plan.destroys(), ["test-2".to_owned()].into());
    assert_eq!(plan.summary().destroy, 0, "the guest stays");
    let notes = plan.notes().join(" ");
    assert!(notes.contains("off afterwards"), "{notes}");
    life.carry_out(plan.steps());
    life.deeds_are_done(&wanted);
    assert!(life.plan(&wanted).unwrap().is_empty());
}

#[test]
fn backups_go_where_backups_may_be() {
    let backup = |storage, mode| done("web-01", Deed::Backup { storage, mode });
    let only = OneDeed::Backup { storage: "local".into(), mode: "snapshot".into() };
    assert_eq!(once(&backup(None, None), &cluster()), only, "the only storage for backups");
    assert_eq!(question(&backup(Some(word("local-lvm")), None), &cluster()).options, ["local", LEAVE_OUT]);
    assert!(question(&backup(None, Some(word("hot"))), &cluster()).options.contains(&"suspend".to_owned()));
    let effect = |name: &str, mode: &str| {
        let plan = planned(&done(name, Deed::Backup { storage: None, mode: Some(word(mode)) }), &cluster());
        plan.steps().last().map(|step| step.effect)
    };
    assert_eq!(effect("web-01", "snapshot"), Some(Effect::Live));
    assert_eq!(effect("web-01", "stop"), Some(Effect::Stop));
    assert_eq!(effect("test-1", "stop"), Some(Effect::Live), "it is off anyway");
}

#[test]
fn a_guest_is_restored_from_a_backup_of_its_own_while_it_is_off() {
    let restore = |name: &str, volume: &str| done(name, Deed::Restore { backup: Some(word(volume)) });
    let own = "local:backup/vzdump-qemu-104-2025_01_31-10_00_00.vma.zst";
    let plan = planned(&restore("test-1", own), &cluster());
    assert_eq!(actions(&plan), ["adopt", "restore", "adopt"]);
    assert_eq!(plan.steps()[1].effect, Effect::Destroy);
    assert!(plan.steps()[1].collateral.iter().any(|text| text.contains("32 GiB on local-lvm")));
    assert!(question(&restore("test-2", own), &cluster()).text.contains("No backup of test-2"));
    for odd in
        ["latest", "local:../../etc/vzdump-qemu-104-x", "local:backup/vzdump-qemu-101-2025_01_31-10_00_00.vma.zst"]
    {
        assert_eq!(question(&restore("test-1", odd), &cluster()).options, [own, LEAVE_OUT]);
    }
    let running = restore("web-01", "local:backup/vzdump-qemu-101-2025_01_31-10_00_00.vma.zst");
    let asked = question(&running, &cluster());
    assert!(asked.options.contains(&"Shut it down first".to_owned()), "{asked:?}");
}

#[test]
fn a_template_is_made_of_a_guest_that_is_off_and_has_no_snapshots() {
    let mut life = Life::new(cluster());
    let wanted = intent(&done("test-1", Deed::MakeTemplate), &life.observed);
    let plan = life.plan(&wanted).unwrap();
    assert_eq!(
        plan.steps().last().map(|step| (step.action.name(), step.effect)),
        Some(("make_template", Effect::Stop))
    );
    assert!(plan.notes().iter().any(|note| note.contains("cannot be made a guest that runs again")));
    life.carry_out(plan.steps());
    assert!(life.plan(&wanted).unwrap().is_empty());
    assert!(asked(&done("test-2", Deed::MakeTemplate), &life)[0].text.contains("has snapshots (first, second)"));
    let running = done("web-01", Deed::MakeTemplate);
    let answers = answer(&question(&running, &life.observed), "Shut it down first");
    let plan = life.plan(&resolved(&running, &life.observed, &answers).unwrap()).unwrap();
    assert_eq!(actions(&plan), ["adopt", "shutdown", "make_template"]);
}

#[test]
fn a_template_is_changed_and_deleted_but_not_from_under_its_linked_copies() {
    let named =
        |number| Saying::default().change(Selector::Vmid(number), &[to(Plain::Tags, crate::support::tags(&["base"]))]);
    let mut life = Life::new(cluster());
    let plan = life.plan(&intent(&named(9000), &life.observed)).unwrap();
    assert_eq!(actions(&plan), ["adopt", "update"]);
    life.carry_out(plan.steps());
    let gone = Saying::default().deed(Selector::Vmid(9000), Deed::Delete);
    assert!(life.plan(&intent(&gone, &life.observed)).is_ok());
    named_mut(&mut life.observed, "web-01")
        .raw
        .insert("scsi0".into(), "local-lvm:base-9000-disk-0/vm-101-disk-0".into());
    assert!(asked(&gone, &life)[0].text.contains("web-01 (101) are linked copies"));
    let grow = [(EditField::Disk(DiskRef::Only, DiskPart::Size), Amount::To(gib(9)))];
    let grow = Saying::default().change(Selector::Vmid(9000), &grow);
    assert!(asked(&grow, &life)[0].text.contains("is a template"));
}

fn moves(name: &str, node: &str, storage: Option<&str>) -> Saying {
    done(name, Deed::Migrate { node: said(node.to_owned()), storage: storage.map(word), from: None, offline: false })
}

fn on_pve2(observed: &mut Observed) -> &mut mycopod_core::observed::Node {
    match observed.nodes.get_mut("pve2") {
        Some(NodeState::Seen(node)) => node,
        state => panic!("{state:?}"),
    }
}

#[test]
fn a_vm_moves_while_it_runs_and_a_container_by_a_restart() {
    let plan = planned(&moves("web-01", "pve2", None), &cluster());
    let expected = Action::Migrate { node: "pve2".into(), running: true, local_disks: true, storage: None };
    assert_eq!(plan.steps()[1].action, expected);
    assert_eq!(plan.steps()[1].effect, Effect::Live);
    assert_eq!(planned(&moves("cache", "pve2", None), &cluster()).steps()[1].effect, Effect::Reboot);
    assert_eq!(planned(&moves("test-1", "pve2", None), &cluster()).steps()[1].effect, Effect::Live);
    let plan = planned(&moves("test-2", "pve2", None), &cluster());
    assert!(plan.is_empty() && plan.notes()[0].contains("is on pve2 already"), "{:?}", plan.notes());
    let mut shared = cluster();
    for state in shared.nodes.values_mut() {
        if let NodeState::Seen(node) = state {
            node.storages.get_mut("local-lvm").unwrap().shared = true;
        }
    }
    let plan = planned(&moves("web-01", "pve2", None), &shared);
    assert!(matches!(plan.steps()[1].action, Action::Migrate { local_disks: false, .. }), "{}", shown(&plan));
}

#[test]
fn a_guest_moves_only_where_all_it_needs_is() {
    let refuses = |change: &dyn Fn(&mut Observed), storage, about: &str| {
        let mut observed = cluster();
        change(&mut observed);
        let life = Life::new(observed);
        let asked = life.plan(&intent(&moves("web-01", "pve2", storage), &life.observed)).unwrap_err();
        assert!(asked[0].text.contains(about), "{asked:?}");
    };
    refuses(
        &|observed| {
            on_pve2(observed).bridges.remove("vmbr0");
        },
        None,
        "no bridge vmbr0",
    );
    refuses(
        &|observed| {
            on_pve2(observed).storages.remove("local-lvm");
        },
        None,
        "no storage local-lvm",
    );
    refuses(
        &|observed| on_pve2(observed).storages.get_mut("local-lvm").unwrap().free = mycopod_core::size::Size::gib(1),
        None,
        "1 GiB of storage local-lvm are free",
    );
    refuses(&|observed| on_pve2(observed).memory = mycopod_core::size::Size::gib(3), None, "of memory are free there");
    refuses(
        &|observed| {
            named_mut(observed, "web-01").fields.insert(Plain::Cdrom.into(), text("local:iso/a.iso"));
        },
        None,
        "Eject it first",
    );
    refuses(&|observed| named_mut(observed, "web-01").snapshots = Some(["s".to_owned()].into()), None, "1 snapshots");
    let mut silent = cluster();
    silent.nodes.insert("pve2".into(), NodeState::Unreachable { why: "no route".into() });
    assert!(question(&moves("web-01", "pve2", None), &silent).text.contains("no route"));
    let mut elsewhere = cluster();
    on_pve2(&mut elsewhere).storages.remove("local-lvm");
    assert!(Life::new(elsewhere.clone()).plan(&intent(&moves("web-01", "pve2", Some("local")), &elsewhere)).is_ok());
}

#[test]
fn what_a_move_takes_to_another_storage_is_there_for_the_steps_after_it() {
    let mut observed = cluster();
    named_mut(&mut observed, "db-1").fields.insert(Plain::EfiDisk.into(), text("local-lvm"));
    let stays = [
        (EditField::Disk(DiskRef::Nth(2), DiskPart::Storage), Amount::To(text("local"))),
        (EditField::Plain(Plain::EfiDisk), Amount::To(text("local"))),
    ];
    let plan = planned(&moves("db-1", "pve2", Some("local")).change(by_name("db-1"), &stays), &observed);
    assert_eq!(actions(&plan), ["adopt", "migrate"], "{}", shown(&plan));
    let elsewhere = moves("db-1", "pve2", None).change(by_name("db-1"), &stays[..1]);
    assert_eq!(actions(&planned(&elsewhere, &observed)), ["adopt", "migrate", "move_disk"]);
}

#[test]
fn deleting_lists_all_that_goes() {
    let mut observed = cluster();
    let seen = named_mut(&mut observed, "db-1");
    seen.raw.insert("unused0".into(), "local-lvm:vm-103-disk-9".into());
    seen.snapshots = Some(["before".to_owned()].into());
    seen.fields.insert(Plain::Ha.into(), text("started"));
    seen.fields.insert(Plain::Pool.into(), text("shop"));
    seen.fields.insert(Plain::EfiDisk.into(), text("local-lvm"));
    let plan = planned(&done("db-1", Deed::Delete), &observed);
    assert_eq!(actions(&plan), ["adopt", "stop", "delete"]);
    let collateral = plan.steps()[2].collateral.join("; ");
    for part in [
        "scsi0: 40 GiB",
        "scsi1: 100 GiB",
        "unused0: local-lvm:vm-103-disk-9",
        "Snapshot before",
        "EFI disk on local-lvm",
        "state started",
        "pool shop",
        "Its firewall",
    ] {
        assert!(collateral.contains(part), "{part}: {collateral}");
    }
}

#[test]
fn pools_and_ha_states_take_calls_of_their_own_and_only_where_they_differ() {
    let edits = [to(Plain::Pool, text("prod")), to(Plain::Ha, text("started"))];
    let mut life = Life::new(cluster());
    let wanted = intent(&Saying::default().change(by_name("web-01"), &edits), &life.observed);
    let plan = life.plan(&wanted).unwrap();
    assert_eq!(plan.steps()[1].action, Action::SetPool { from: String::new(), to: "prod".into() });
    assert_eq!(plan.steps()[2].action, Action::SetHa { known: false, state: "started".into() });
    life.carry_out(plan.steps());
    assert!(life.plan(&wanted).unwrap().is_empty());
    let other =
        Saying::default().change(by_name("web-01"), &[to(Plain::Pool, text("")), to(Plain::Ha, text("stopped"))]);
    let plan = life.plan(&intent(&other, &life.observed)).unwrap();
    assert_eq!(plan.steps()[0].action, Action::SetPool { from: "prod".into(), to: String::new() });
    assert_eq!(plan.steps()[1].action, Action::SetHa { known: true, state: "stopped".into() });
}

#[test]
fn a_running_container_is_copied_only_when_somebody_lets_it_be_shut_down() {
    let copy = Saying::default().copy("cache", "cache-2", None);
    let asked = question(&copy, &cluster());
    assert!(asked.text.contains("copies a container only while it is off"), "{}", asked.text);
    let wanted = resolved(&copy, &cluster(), &answer(&asked, "Shut it down first")).unwrap();
    assert_eq!(actions(&Life::new(cluster()).plan(&wanted).unwrap()), ["adopt", "shutdown", "clone"]);
    assert!(resolved(&Saying::default().copy("web-01", "web-x", None), &cluster(), &Answers::default()).is_ok());
}

#[test]
fn going_back_and_changing_are_not_one_declaration() {
    let both = done("test-2", Deed::Rollback { snapshot: Some(word("first")) })
        .change(by_name("test-2"), &[to(Plain::Cores, Value::Count(3))]);
    assert!(question(&both, &cluster()).text.contains("taken back to an earlier state"));
    let mut observed = cluster();
    let two = guest(Kind::Qemu, 140, "two", "pve1").has(Field::Disk(Slot::scsi(1), DiskPart::Size), gib(5));
    observed.guests.push(two);
    let edit = [(EditField::Disk(DiskRef::Data, DiskPart::Size), Amount::Plus(gib(5)))];
    let both = Saying::default().change(by_name("two"), &edit).deed(by_name("two"), Deed::Detach(DiskRef::Data));
    assert!(question(&both, &observed).text.contains("rid of what is changed"));
}

#[test]
fn a_disk_that_is_moved_is_not_taken_out_by_the_same_declaration() {
    let both = |deed| {
        done("db-1", Deed::Migrate { node: word("pve2"), storage: Some(word("local")), from: None, offline: false })
            .deed(by_name("db-1"), deed)
    };
    for deed in [Deed::Detach(DiskRef::Nth(2)), Deed::DestroyDisk(DiskRef::Nth(2))] {
        let saying = both(deed);
        let questions = Life::new(cluster()).plan(&intent(&saying, &cluster())).unwrap_err();
        assert!(questions[0].text.contains("moved by the same declaration"), "{questions:?}");
    }
}
