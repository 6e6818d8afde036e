//! What is planned, step by step, and what is never planned.

use crate::life::Life;
use crate::support::{
    Extra, Saying, Want, by_name, cluster, gib, guest, named_mut, resolved, resource, shown, tags, text, to, vmid,
};
use mycopod_core::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use mycopod_core::guest::{Kind, Power};
use mycopod_core::intent::Intent;
use mycopod_core::observed::{NodeState, Observed};
use mycopod_core::plan::{Action, Effect, Plan};
use mycopod_core::reading::{Amount, Answers, Deed, DiskRef, EditField, Fit, Question, Selector};
use mycopod_core::settle::{Settled, settled};

pub fn intent(saying: &Saying, observed: &Observed) -> Intent {
    resolved(saying, observed, &Answers::default()).unwrap()
}

fn planned(saying: &Saying) -> Plan {
    let life = Life::new(cluster());
    life.plan(&intent(saying, &life.observed)).unwrap()
}

pub fn asked(saying: &Saying, life: &Life) -> Vec<Question> {
    life.plan(&intent(saying, &life.observed)).unwrap_err()
}

pub fn actions(plan: &Plan) -> Vec<&'static str> {
    plan.steps().iter().map(|step| step.action.name()).collect()
}

pub fn cores(name: &str, cores: u64) -> Saying {
    Saying::default().change(by_name(name), &[to(Plain::Cores, Value::Count(cores))])
}

#[test]
fn plan_of_a_vm_from_nothing() {
    let wants = [Want::Plain(Plain::Cores, Value::Count(4)), Want::Plain(Plain::Memory, gib(8)), Want::Disk(40, None)];
    insta::assert_snapshot!(shown(&planned(&Saying::default().create("shop-01", Kind::Qemu, &wants))));
}

#[test]
fn plan_of_a_vm_from_a_template() {
    let wants = [
        Want::Image("debian 12"),
        Want::Plain(Plain::Cores, Value::Count(2)),
        Want::Plain(Plain::Memory, gib(2)),
        Want::Plain(Plain::OnBoot, Value::Flag(true)),
        Want::Plain(Plain::Running, Value::Flag(true)),
        Want::Disk(16, Some("local-lvm")),
        Want::Disk(100, Some("local")),
        Want::Nic(vec![(NicPart::Bridge, text("vmbr1")), (NicPart::Vlan, Value::Count(20))]),
    ];
    insta::assert_snapshot!(shown(&planned(&Saying::default().create("intra-1", Kind::Qemu, &wants))));
}

#[test]
fn plan_of_a_container() {
    let wants = [
        Want::Image("Debian"),
        Want::Plain(Plain::Unprivileged, Value::Flag(true)),
        Want::Disk(4, None),
        Want::Disk(50, None),
        Want::Nic(vec![
            (NicPart::Ip, text("10.1.2.3/24")),
            (NicPart::Gateway, text("10.1.2.1")),
            (NicPart::Bridge, text("vmbr0")),
        ]),
    ];
    insta::assert_snapshot!(shown(&planned(&Saying::default().create("ns-1", Kind::Lxc, &wants))));
}

#[test]
fn plan_of_changes_to_guests_that_are_not_ours() {
    let saying = Saying::default()
        .change(
            by_name("web-02"),
            &[
                to(Plain::Cores, Value::Count(4)),
                to(Plain::Tags, tags(&["web", "shop"])),
                (EditField::Disk(DiskRef::Only, DiskPart::Size), Amount::Plus(gib(8))),
                (EditField::NewDisk { storage: None, parts: Vec::new() }, Amount::To(gib(10))),
                (EditField::Nic(Some(1), NicPart::Bridge), Amount::To(text("vmbr1"))),
            ],
        )
        .change(by_name("cache"), &[to(Plain::Memory, gib(1))])
        .deed(by_name("test-2"), Deed::Start)
        .deed(by_name("old-backup"), Deed::Delete);
    insta::assert_snapshot!(shown(&planned(&saying)));
}

#[test]
fn plan_of_deeds() {
    let saying = Saying::default()
        .deed(by_name("web-01"), Deed::Snapshot { name: None })
        .deed(by_name("web-02"), Deed::Reboot)
        .deed(by_name("db-1"), Deed::Delete)
        .copy("web-02", "web-copy", None)
        .deed(by_name("test-1"), Deed::Adopt);
    insta::assert_snapshot!(shown(&planned(&saying)));
}

#[test]
fn guests_are_spread_over_the_nodes_that_can_hold_them() {
    let saying = (1..=3).fold(Saying::default(), |saying, n| saying.create(&format!("api-{n}"), Kind::Qemu, &[]));
    let plan = planned(&saying);
    let nodes: Vec<&str> = plan.steps().iter().map(|step| step.guest().unwrap().node.as_str()).collect();
    assert_eq!(nodes, ["pve2", "pve1", "pve2"], "pve2 has more memory to spare");
    let vmids: Vec<u32> = plan.steps().iter().map(|step| step.guest().unwrap().vmid.get()).collect();
    assert_eq!(vmids, [100, 106, 110], "the lowest free ones");
}

#[test]
fn what_fits_nowhere_is_said_with_the_numbers_of_each_node() {
    let life = Life::new(cluster());
    let huge = Saying::default().create("huge", Kind::Qemu, &[Want::Plain(Plain::Memory, gib(300))]);
    let questions = asked(&huge, &life);
    assert!(questions[0].text.contains("pve1: it has 255 GiB") && questions[0].text.contains("pve2"), "{questions:?}");
    let wide = Saying::default().create("wide", Kind::Qemu, &[Want::Disk(5000, None)]);
    let questions = asked(&wide, &life);
    assert!(questions[0].text.contains("4 TiB of storage local-lvm are free"), "{questions:?}");
}

#[test]
fn memory_counts_what_runs_or_shall_run() {
    let life = Life::new(cluster());
    let with = |running| {
        let wants = [
            Want::Node("pve1"),
            Want::Plain(Plain::Memory, gib(245)),
            Want::Plain(Plain::Running, Value::Flag(running)),
        ];
        Saying::default().create("big", Kind::Qemu, &wants)
    };
    assert!(life.plan(&intent(&with(false), &life.observed)).is_ok());
    let questions = asked(&with(true), &life);
    // 256 GiB less 1 for the node and 20 for five guests that run.
    assert!(questions[0].text.contains("235 GiB of its memory are free"), "{questions:?}");
    let grown = Saying::default().change(by_name("web-01"), &[to(Plain::Memory, gib(250))]);
    assert!(asked(&grown, &life)[0].text.contains("246 GiB more"), "{:?}", asked(&grown, &life));
    let off = Saying::default().change(by_name("test-1"), &[to(Plain::Memory, gib(250))]);
    assert!(life.plan(&intent(&off, &life.observed)).is_ok(), "it does not run");
}

#[test]
fn a_full_or_silent_node_is_never_chosen() {
    let mut life = Life::new(cluster());
    life.observed.nodes.insert("pve2".into(), NodeState::Unreachable { why: "no route to host".into() });
    life.observed.guests.retain(|seen| seen.guest.node != "pve2");
    life.observed.images.retain(|image| image.node != "pve2");
    let plan = life.plan(&intent(&Saying::default().create("a-1", Kind::Qemu, &[]), &life.observed)).unwrap();
    assert_eq!(plan.steps()[0].guest().unwrap().node, "pve1");
    assert!(plan.notes().iter().any(|note| note.contains("pve2 does not answer")));
}

#[test]
fn effects_follow_proxmox() {
    let of = |saying: &Saying| planned(saying).steps().last().map(|step| step.effect);
    assert_eq!(of(&cores("web-01", 4)), Some(Effect::Pending), "cores of a running VM wait");
    assert_eq!(of(&cores("test-1", 4)), Some(Effect::Live), "a VM that is off takes them at once");
    assert_eq!(of(&cores("cache", 4)), Some(Effect::Live), "a container takes them at once");
    assert_eq!(of(&Saying::default().deed(by_name("web-01"), Deed::Shutdown { within: None })), Some(Effect::Stop));
    let tagged = Saying::default().change(by_name("web-01"), &[to(Plain::Tags, tags(&["x"]))]);
    assert_eq!(of(&tagged), Some(Effect::Live));
}

#[test]
fn what_is_so_already_takes_no_step_and_no_adoption() {
    let plan = planned(&cores("web-01", 2));
    assert!(plan.is_empty());
    assert!(plan.notes()[0].contains("web-01 (101) is as declared already"), "{:?}", plan.notes());
    let plan = planned(&Saying::default().deed(by_name("web-01"), Deed::Start));
    assert!(plan.is_empty() && plan.notes()[0].contains("runs already"), "{:?}", plan.notes());
}

#[test]
fn a_change_that_waits_is_said_to_wait() {
    let mut life = Life::new(cluster());
    let web = named_mut(&mut life.observed, "web-01");
    web.fields.insert(Field::Plain(Plain::Cores), Value::Count(4));
    web.pending.insert(Field::Plain(Plain::Cores));
    let plan = life.plan(&intent(&cores("web-01", 4), &life.observed)).unwrap();
    assert!(plan.is_empty() && plan.notes()[0].contains("next stops and starts"), "{:?}", plan.notes());
}

#[test]
fn deeds_are_never_repeated() {
    let mut life = Life::new(cluster());
    let saying = Saying::default().deed(by_name("web-01"), Deed::Reboot);
    let wanted = intent(&saying, &life.observed);
    let plan = life.plan(&wanted).unwrap();
    assert_eq!(actions(&plan), ["adopt", "reboot"]);
    life.carry_out(plan.steps());
    assert_eq!(actions(&life.plan(&wanted).unwrap()), ["reboot"], "not known to be done");
    life.deeds_are_done(&wanted);
    assert!(life.plan(&wanted).unwrap().is_empty());
}

#[test]
fn unknown_is_not_absent() {
    let mut life = Life::new(cluster());
    let wanted = intent(&Saying::default().create("shop-01", Kind::Qemu, &[]), &life.observed);
    let plan = life.plan(&wanted).unwrap();
    life.carry_out(plan.steps());
    life.reserve(&plan);
    let node = plan.steps()[0].guest().unwrap().node.clone();
    life.observed.guests.retain(|seen| seen.guest.node != node);
    let gone = life.clone();
    life.observed.nodes.insert(node, NodeState::Unreachable { why: "silence".into() });
    assert!(life.plan(&wanted).unwrap_err()[0].text.contains("unknown is not absent"));
    let again = gone.plan(&wanted).unwrap();
    assert_eq!(
        again.steps()[0].guest().unwrap().vmid,
        plan.steps()[0].guest().unwrap().vmid,
        "proven absent, it is made again as it was"
    );
    // Once seen, it may have moved to any node.
    let mut moved = gone;
    moved.resources[0].smbios_uuid = Some("known".into());
    moved.observed.nodes.insert("pve1".into(), NodeState::Unreachable { why: "silence".into() });
    moved.observed.guests.retain(|seen| seen.guest.node != "pve1");
    assert!(moved.plan(&wanted).unwrap_err()[0].text.contains("unknown is not absent"));
    let deleted = Saying::default().deed(by_name("test-1"), Deed::Delete);
    let wanted = intent(&deleted, &cluster());
    assert!(moved.plan(&wanted).is_err(), "no delete of what may be elsewhere, and no claim that it is gone");
}

#[test]
fn one_of_several_guests_is_copied_when_it_is_named() {
    let saying = Saying::default().statement(|say| mycopod_core::reading::What::Clone {
        from: say.target(Selector::All(Fit::tagged("web"))),
        name: say.said("web-copy".to_owned()),
        vmid: None,
        node: None,
        full: None,
        edits: Vec::new(),
    });
    let question = crate::support::question(&saying, &cluster());
    assert_eq!(question.options[1], "web-02 (102 on pve1)");
    let answers = crate::support::answer(&question, "web-02 (102 on pve1)");
    let life = Life::new(cluster());
    let plan = life.plan(&resolved(&saying, &life.observed, &answers).unwrap()).unwrap();
    assert!(matches!(&plan.steps()[0].action, Action::Clone { from, .. } if *from == vmid(102)));
}

#[test]
fn a_copy_has_the_vmid_that_was_said_unless_it_is_taken() {
    let copy = |number: u32| {
        Saying::default().statement(|say| mycopod_core::reading::What::Clone {
            from: say.target(by_name("web-01")),
            name: say.said("web-copy".to_owned()),
            vmid: Some(say.said(number)),
            node: None,
            full: None,
            edits: Vec::new(),
        })
    };
    let life = Life::new(cluster());
    let plan = life.plan(&intent(&copy(333), &life.observed)).unwrap();
    assert_eq!(plan.steps()[0].guest().unwrap().vmid, vmid(333));
    let question = crate::support::question(&copy(102), &cluster());
    assert!(question.text.contains("VMID 102 is web-02"), "{}", question.text);
}

#[test]
fn what_a_later_declaration_deleted_is_not_made_again() {
    let mut life = Life::new(cluster());
    let wanted = intent(&Saying::default().create("shop-01", Kind::Qemu, &[]), &life.observed);
    life.reserve(&life.clone().plan(&wanted).unwrap());
    life.resources[0].gone = true;
    let plan = life.plan(&wanted).unwrap();
    assert!(plan.is_empty() && plan.notes()[0].contains("not made again"), "{:?}", plan.notes());
    let other = intent(&Saying::default().create("b-1", Kind::Qemu, &[]), &life.observed);
    life.resources[0].id = resource(9);
    assert_eq!(life.plan(&other).unwrap().steps()[0].guest().unwrap().vmid, vmid(100), "its VMID is free again");
}

#[test]
fn a_protected_guest_is_never_planned_for_deletion() {
    let mut life = Life::new(cluster());
    let wanted = intent(&Saying::default().deed(by_name("test-1"), Deed::Delete), &life.observed);
    named_mut(&mut life.observed, "test-1").fields.insert(Field::Plain(Plain::Protection), Value::Flag(true));
    assert!(life.plan(&wanted).unwrap_err()[0].text.contains("protected"));
}

#[test]
fn a_locked_guest_is_left_to_what_locked_it() {
    let mut life = Life::new(cluster());
    named_mut(&mut life.observed, "web-01").lock = Some("backup".into());
    assert!(asked(&cores("web-01", 4), &life)[0].text.contains("locked by Proxmox (backup)"));
    assert!(life.plan(&intent(&cores("web-01", 2), &life.observed)).unwrap().is_empty(), "nothing is to be done");
}

#[test]
fn a_disk_that_grew_by_hand_stays() {
    let mut life = Life::new(cluster());
    let grow = [(EditField::Disk(DiskRef::Only, DiskPart::Size), Amount::To(gib(40)))];
    let wanted = intent(&Saying::default().change(by_name("web-01"), &grow), &life.observed);
    named_mut(&mut life.observed, "web-01").fields.insert(Field::Disk(Slot::scsi(0), DiskPart::Size), gib(64));
    let plan = life.plan(&wanted).unwrap();
    assert!(plan.is_empty() && plan.notes()[0].contains("cannot shrink"), "{:?}", plan.notes());
}

#[test]
fn a_linked_copy_stays_on_its_templates_storage() {
    let linked = Saying::default().copy("debian-12", "quick", Some(false));
    let observed = {
        let mut observed = cluster();
        observed.guests.retain(|seen| seen.guest.vmid != vmid(9100));
        observed
    };
    let life = Life::new(observed);
    let plan = life.plan(&intent(&linked, &life.observed)).unwrap();
    assert!(
        matches!(&plan.steps()[0].action, Action::Clone { full: false, storage: None, .. }),
        "{:?}",
        plan.steps()[0]
    );
}

#[test]
fn a_copy_that_would_share_its_address_says_so() {
    let mut life = Life::new(cluster());
    let cache = named_mut(&mut life.observed, "cache");
    cache.fields.insert(Field::Nic(0, NicPart::Ip), text("10.0.0.9/24"));
    cache.power = Power::Stopped;
    let plan = life.plan(&intent(&Saying::default().copy("cache", "cache-2", None), &life.observed)).unwrap();
    assert!(plan.notes().iter().any(|note| note.contains("same address as cache, 10.0.0.9/24")), "{:?}", plan.notes());
}

#[test]
fn a_template_on_shared_storage_serves_all_nodes() {
    let mut life = Life::new(cluster());
    life.observed.images.retain(|image| image.node == "pve1");
    for state in life.observed.nodes.values_mut() {
        if let NodeState::Seen(node) = state {
            node.storages.get_mut("local-lvm").unwrap().shared = true;
        }
    }
    let wants = [Want::Image("debian 12"), Want::Node("pve2")];
    let saying = Saying::default().create("far", Kind::Qemu, &wants);
    let plan = life.plan(&intent(&saying, &life.observed)).unwrap();
    assert_eq!(plan.steps()[0].guest().unwrap().node, "pve2");
    assert!(matches!(&plan.steps()[0].action, Action::Clone { from_node, .. } if from_node == "pve1"));
    let mut local = Life::new(cluster());
    local.observed.images.retain(|image| image.node == "pve1");
    assert!(asked(&saying, &local)[0].text.contains("pve2: it does not have debian-12"));
}

#[test]
fn a_plan_of_too_many_steps_is_not_shown() {
    let life = Life::new(cluster());
    let saying = (0..501)
        .fold(Saying::default(), |saying, n| saying.create(&format!("n-{n}"), Kind::Qemu, &[Want::Disk(1, None)]));
    let questions = asked(&saying, &life);
    assert!(questions[0].text.contains("501 steps"), "{questions:?}");
}

#[test]
fn a_planners_question_can_be_answered_by_leaving_the_guest_out() {
    let mut life = Life::new(cluster());
    named_mut(&mut life.observed, "web-01").lock = Some("backup".into());
    let saying = Saying::default().change(Selector::All(Fit::tagged("web")), &[to(Plain::Cores, Value::Count(4))]);
    let question = asked(&saying, &life).remove(0);
    let answers = crate::support::answer(&question, mycopod_core::reading::LEAVE_OUT);
    let wanted = resolved(&saying, &life.observed, &answers).unwrap();
    let plan = life.plan(&wanted).unwrap();
    assert!(plan.steps().iter().all(|step| step.guest().unwrap().name == "web-02"));
}

#[test]
fn the_plan_relies_on_what_it_was_chosen_by() {
    let plan = planned(&cores("web-01", 4).create("shop-01", Kind::Qemu, &[Want::Image("debian 12")]));
    let keys: Vec<&str> = plan.relies_on().keys().map(String::as_str).collect();
    assert_eq!(keys, ["guest/100/absent", "guest/qemu/101/digest", "guest/qemu/101/power", "guest/qemu/9100/digest"]);
    let mut life = Life::new(cluster());
    let wanted = intent(&cores("web-01", 4), &life.observed);
    let before = life.plan(&wanted).unwrap();
    named_mut(&mut life.observed, "web-01").digest = "f".repeat(40);
    assert_ne!(before.digest(), life.plan(&wanted).unwrap().digest());
}

#[test]
fn mac_addresses_step_aside_for_those_in_use() {
    let mut life = Life::new(cluster());
    let wanted = intent(&Saying::default().create("shop-01", Kind::Qemu, &[]), &life.observed);
    let mac = |life: &Life| match &life.plan(&wanted).unwrap().steps()[0].action {
        Action::Create { macs, .. } => macs[&0].clone(),
        action => panic!("{action:?}"),
    };
    let first = mac(&life);
    assert!(first.starts_with("BC:24:11:"));
    named_mut(&mut life.observed, "web-01")
        .raw
        .insert("net1".into(), format!("e1000={},bridge=vmbr0", first.to_lowercase()));
    assert_ne!(mac(&life), first);
}

#[test]
fn a_half_made_copy_is_finished_and_not_made_again() {
    let mut life = Life::new(cluster());
    let wants = [Want::Image("debian 12"), Want::Disk(16, None), Want::Plain(Plain::Memory, gib(8))];
    let wanted = intent(&Saying::default().create("shop-01", Kind::Qemu, &wants), &life.observed);
    let plan = life.plan(&wanted).unwrap();
    assert_eq!(actions(&plan), ["clone", "update", "resize"]);
    life.reserve(&plan);
    life.carry_out(&plan.steps()[..1]);
    let rest = life.plan(&wanted).unwrap();
    assert_eq!(actions(&rest), ["update", "resize"]);
    assert_eq!(settled(&rest.steps()[0], &life.look(rest.steps()[0].guest().unwrap().key())), Settled::No);
}

#[test]
fn memory_that_a_stopped_guest_gives_back_can_be_used() {
    let mut life = Life::new(cluster());
    let vm = guest(Kind::Qemu, 150, "huge", "pve1").has(Field::Plain(Plain::Memory), gib(200)).runs();
    life.observed.guests.push(vm);
    let wants =
        [Want::Node("pve1"), Want::Plain(Plain::Memory, gib(100)), Want::Plain(Plain::Running, Value::Flag(true))];
    let alone = Saying::default().create("next", Kind::Qemu, &wants);
    assert!(life.plan(&intent(&alone, &life.observed)).is_err());
    let after = Saying::default().deed(by_name("huge"), Deed::Stop).create("next", Kind::Qemu, &wants);
    assert!(life.plan(&intent(&after, &life.observed)).is_ok());
}
