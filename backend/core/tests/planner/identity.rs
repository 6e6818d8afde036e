//! Which guest is meant, and which one is there: markers, numbers, names, nodes.

use crate::life::Life;
use crate::planning::{actions, asked, cores, intent};
use crate::support::{Saying, by_name, cluster, declaration, guest, named, named_mut, resource, vmid};
use mycopod_core::guest::Kind;
use mycopod_core::observed::Ownership;
use mycopod_core::planner::{Resource, adopted};
use mycopod_core::reading::Deed;

fn ours(life: &mut Life, name: &str, id: mycopod_core::id::ResourceId, uuid: Option<&str>) {
    let seen = named(&life.observed, name);
    life.resources.push(Resource {
        id,
        key: seen.guest.key(),
        node: seen.guest.node.clone(),
        name: name.into(),
        smbios_uuid: uuid.map(str::to_owned),
        declaration: declaration(),
        gone: false,
    });
}

#[test]
fn a_guest_of_ours_is_not_adopted_again() {
    let mut life = Life::new(cluster());
    named_mut(&mut life.observed, "web-01").ownership = Ownership::Ours(resource(7));
    let plan = life.plan(&intent(&cores("web-01", 4), &life.observed)).unwrap();
    assert_eq!(actions(&plan), ["update"]);
    assert_eq!(plan.steps()[0].resource(), Some(resource(7)));
}

#[test]
fn an_invalid_marker_is_replaced_and_the_approver_is_told() {
    let mut life = Life::new(cluster());
    named_mut(&mut life.observed, "web-01").ownership = Ownership::Invalid;
    let plan = life.plan(&intent(&cores("web-01", 4), &life.observed)).unwrap();
    assert_eq!(actions(&plan), ["adopt", "update"]);
    assert!(plan.steps()[0].collateral[0].contains("not valid"));
}

#[test]
fn a_recycled_vmid_is_never_touched() {
    for (ownership, uuid) in
        [(Ownership::Unmarked, None), (Ownership::Invalid, None), (Ownership::Ours(resource(7)), Some("another-uuid"))]
    {
        let mut life = Life::new(cluster());
        named_mut(&mut life.observed, "web-01").ownership = ownership;
        ours(&mut life, "web-01", resource(7), uuid);
        let questions = asked(&cores("web-01", 4), &life);
        assert!(questions[0].text.contains("may be another guest"), "{questions:?}");
    }
}

#[test]
fn an_adoption_that_was_planned_and_not_done_is_planned_again() {
    let mut life = Life::new(cluster());
    ours(&mut life, "web-01", adopted(declaration(), vmid(101)), None);
    let plan = life.plan(&intent(&cores("web-01", 4), &life.observed)).unwrap();
    assert_eq!(actions(&plan), ["adopt", "update"]);
}

#[test]
fn a_vmid_that_was_given_to_another_guest_is_left_alone() {
    let life = Life::new(cluster());
    let wanted = intent(&cores("web-01", 4), &life.observed);
    let mut later = life.clone();
    named_mut(&mut later.observed, "web-01").guest.name = "someone-else".into();
    assert!(later.plan(&wanted).unwrap_err()[0].text.contains("someone-else"));
    let mut later = life;
    later.observed.guests.retain(|seen| seen.guest.name != "web-01");
    later.observed.guests.push(guest(Kind::Lxc, 101, "ct", "pve1"));
    assert!(later.plan(&wanted).unwrap_err()[0].text.contains("another guest"));
}

#[test]
fn a_reserved_vmid_that_a_stranger_took_is_never_written_to() {
    let mut life = Life::new(cluster());
    let wanted = intent(&Saying::default().create("shop-01", Kind::Qemu, &[]), &life.observed);
    let plan = life.plan(&wanted).unwrap();
    life.reserve(&plan);
    life.observed.guests.push(guest(Kind::Qemu, plan.steps()[0].guest().unwrap().vmid.get(), "stranger", "pve1"));
    let questions = life.plan(&wanted).unwrap_err();
    assert!(questions[0].text.contains("VMID 100 is kept for shop-01, but VM stranger"), "{questions:?}");
    named_mut(&mut life.observed, "stranger").lock = Some("create".into());
    assert!(life.plan(&wanted).unwrap_err()[0].text.contains("still being made"));
}

#[test]
fn a_guest_that_moved_to_another_node_is_the_same_guest() {
    let mut life = Life::new(cluster());
    let wanted = intent(&Saying::default().create("shop-01", Kind::Qemu, &[]), &life.observed);
    let plan = life.plan(&wanted).unwrap();
    life.carry_out(plan.steps());
    life.reserve(&plan);
    named_mut(&mut life.observed, "shop-01").guest.node = "pve1".into();
    assert!(life.plan(&wanted).unwrap().is_empty());
}

#[test]
fn a_guest_with_our_marker_and_another_uuid_is_another_guest() {
    let mut life = Life::new(cluster());
    let wanted = intent(&Saying::default().create("shop-01", Kind::Qemu, &[]), &life.observed);
    let plan = life.plan(&wanted).unwrap();
    life.reserve(&plan);
    life.carry_out(plan.steps());
    life.resources[0].smbios_uuid = named(&life.observed, "shop-01").smbios_uuid.clone();
    assert!(life.plan(&wanted).unwrap().is_empty());
    named_mut(&mut life.observed, "shop-01").smbios_uuid = Some("restored-from-elsewhere".into());
    assert!(life.plan(&wanted).unwrap_err()[0].text.contains("may be another guest"));
}

#[test]
fn adopting_changes_nothing_and_leaves_an_empty_plan() {
    let mut life = Life::new(cluster());
    let wanted = intent(&Saying::default().deed(by_name("db-1"), Deed::Adopt), &life.observed);
    let plan = life.plan(&wanted).unwrap();
    assert_eq!(actions(&plan), ["adopt"]);
    let before = named(&life.observed, "db-1").fields.clone();
    life.carry_out(plan.steps());
    assert_eq!(before, named(&life.observed, "db-1").fields);
    assert!(life.plan(&wanted).unwrap().is_empty());
}

#[test]
fn a_marker_of_another_guest_is_no_marker() {
    // A clone copies its source’s notes; somebody may also write notes of their own that look like ours.
    let mut life = Life::new(cluster());
    named_mut(&mut life.observed, "web-01").ownership = Ownership::Ours(resource(7));
    ours(&mut life, "web-01", resource(7), None);
    named_mut(&mut life.observed, "web-02").ownership = Ownership::Invalid;
    let plan = life.plan(&intent(&cores("web-02", 4), &life.observed)).unwrap();
    assert_eq!(actions(&plan), ["adopt", "update"], "it is taken over as a guest of its own");
    assert_ne!(plan.steps()[0].resource(), Some(resource(7)));
    assert!(plan.notes().iter().any(|note| note.contains("not valid here")), "{:?}", plan.notes());
}

#[test]
fn a_guest_of_ours_keeps_its_identity_under_another_name() {
    let mut life = Life::new(cluster());
    named_mut(&mut life.observed, "web-01").ownership = Ownership::Ours(resource(7));
    ours(&mut life, "web-01", resource(7), None);
    let wanted = intent(&cores("web-01", 4), &life.observed);
    named_mut(&mut life.observed, "web-01").guest.name = "renamed-by-hand".into();
    let plan = life.plan(&wanted).unwrap();
    assert_eq!(actions(&plan), ["update"]);
    assert_eq!(plan.steps()[0].guest().unwrap().name, "renamed-by-hand");
}

#[test]
fn a_new_guest_of_an_old_name_is_another_guest() {
    let mut life = Life::new(cluster());
    named_mut(&mut life.observed, "web-01").ownership = Ownership::Ours(resource(7));
    ours(&mut life, "web-01", resource(7), None);
    let wanted = intent(&cores("web-01", 4), &life.observed);
    life.observed.guests.retain(|seen| seen.guest.name != "web-01");
    life.observed.guests.push(guest(Kind::Qemu, 170, "web-01", "pve2"));
    let questions = life.plan(&wanted).unwrap_err();
    assert!(questions[0].text.contains("does not exist any more"), "{questions:?}");
}

#[test]
fn a_deed_finds_its_guest_on_the_node_it_was_moved_to() {
    let mut life = Life::new(cluster());
    let wanted = intent(&Saying::default().deed(by_name("web-01"), Deed::Reboot), &life.observed);
    named_mut(&mut life.observed, "web-01").guest.node = "pve2".into();
    let plan = life.plan(&wanted).unwrap();
    assert!(plan.steps().iter().all(|step| step.guest().unwrap().node == "pve2"), "{plan:?}");
    assert_eq!(named(&life.observed, "web-01").guest.vmid, vmid(101));
}
