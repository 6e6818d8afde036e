//! What changed between the reading and the plan, and what a plan counts on that its own steps leave.

use mycopod_core::field::{Field, Plain, Slot, Value};
use mycopod_core::guest::{Kind, Power};
use mycopod_core::observed::{NodeState, Observed};
use mycopod_core::plan::{Action, Plan};
use mycopod_core::reading::{Deed, DiskRef, Question, Source, Sourced};
use mycopod_core::size::Size;

use crate::life::Life;
use crate::planning::{actions, intent};
use crate::support::{Extra, Saying, Want, backup_of, by_name, cluster, gib, guest, named_mut, tags, text, to};

fn word(word: &str) -> Sourced<String> {
    Sourced::new(word.to_owned(), Source::inferred("a test"))
}

fn done(name: &str, deed: Deed) -> Saying {
    Saying::default().deed(by_name(name), deed)
}

/// The plan of what was read before `changed` happened.
fn after(saying: &Saying, changed: impl FnOnce(&mut Observed)) -> Result<Plan, Vec<Question>> {
    let mut life = Life::new(cluster());
    let wanted = intent(saying, &life.observed);
    changed(&mut life.observed);
    life.plan(&wanted)
}

#[test]
fn a_snapshot_that_is_gone_since_is_not_gone_back_to_and_the_others_are_named() {
    for deed in
        [Deed::Rollback { snapshot: Some(word("second")) }, Deed::DeleteSnapshot { snapshot: Some(word("second")) }]
    {
        let left = |snapshots: &[&str]| {
            let asked = after(&done("test-2", deed.clone()), |observed| {
                let test = named_mut(observed, "test-2");
                *test = test.clone().remembers(snapshots);
            });
            asked.unwrap_err()[0].text.clone()
        };
        assert!(left(&["first"]).ends_with("has no snapshot second. It has first."), "{}", left(&["first"]));
        assert!(left(&[]).ends_with("has no snapshot second, and no other either."), "{}", left(&[]));
    }
}

#[test]
fn a_guest_that_was_started_since_is_not_restored() {
    let backup = format!("local:backup/{}", backup_of(104));
    let restore = done("test-1", Deed::Restore { backup: Some(word(&backup)) });
    for power in [Power::Running, Power::Paused] {
        let asked = after(&restore, |observed| named_mut(observed, "test-1").power = power).unwrap_err();
        assert!(asked[0].text.contains("is not restored: it runs"), "{asked:?}");
    }
}

#[test]
fn how_a_backup_stops_its_guest_is_said() {
    for (mode, how) in [("stop", "shut down for its backup"), ("suspend", "halted during its backup")] {
        let backup = Deed::Backup { storage: None, mode: Some(word(mode)) };
        let plan = after(&done("web-01", backup), |_| {}).unwrap();
        assert!(plan.notes().iter().any(|note| note.contains(how)), "{:?}", plan.notes());
    }
}

#[test]
fn memory_of_a_guest_that_is_off_after_going_back_can_be_used() {
    let mut life = Life::new(cluster());
    let huge = guest(Kind::Qemu, 150, "huge", "pve1").has(Plain::Memory.into(), gib(200)).runs();
    life.observed.guests.push(huge.remembers(&["before"]));
    let on = Want::Plain(Plain::Running, Value::Flag(true));
    let wants = [Want::Node("pve1"), Want::Plain(Plain::Memory, gib(100)), on];
    let plan = |saying: Saying| life.plan(&intent(&saying.create("next", Kind::Qemu, &wants), &life.observed));
    assert!(plan(Saying::default()).is_err());
    assert!(plan(done("huge", Deed::Rollback { snapshot: None })).is_ok());
}

#[test]
fn a_guest_stays_on_the_node_where_it_was_planned_while_it_fits_there() {
    let mut life = Life::new(cluster());
    let wants = [Want::Plain(Plain::Memory, gib(2)), Want::Plain(Plain::Running, Value::Flag(true))];
    let wanted = intent(&Saying::default().create("shop-01", Kind::Qemu, &wants), &life.observed);
    let node = |plan: &Plan| plan.steps()[0].guest().unwrap().node.clone();
    let plan = life.plan(&wanted).unwrap();
    // pve1 has most of what runs.
    assert_eq!(node(&plan), "pve2");
    life.reserve(&plan);
    let mut fuller = life.clone();
    fuller.observed.guests.push(guest(Kind::Qemu, 150, "huge", "pve2").has(Plain::Memory.into(), gib(200)).runs());
    assert_eq!(node(&fuller.plan(&wanted).unwrap()), "pve2", "it fits still, though pve1 has more to spare");
    let Some(NodeState::Seen(pve2)) = fuller.observed.nodes.get_mut("pve2") else { panic!("pve2 is not seen") };
    pve2.memory = Size::gib(200);
    assert_eq!(node(&fuller.plan(&wanted).unwrap()), "pve1", "it does not fit any more");
}

#[test]
fn a_drive_that_is_copied_is_moved_to_where_it_was_said_and_not_taken_out() {
    let copy = |to: &str| {
        let wants = [Want::Image("debian 12"), Want::Plain(Plain::CloudInit, text(to))];
        Saying::default().create("shop-01", Kind::Qemu, &wants)
    };
    let plan = after(&copy("local"), |_| {}).unwrap();
    assert_eq!(actions(&plan), ["clone", "move_disk"]);
    assert_eq!(plan.steps()[1].action, Action::MoveDisk { disk: "ide2".into(), storage: "local".into() });
    assert_eq!(plan.steps()[1].changes[0].field, Field::Plain(Plain::CloudInit));
    assert_eq!(actions(&after(&copy("local-lvm"), |_| {}).unwrap()), ["clone"], "it is there already");
}

#[test]
fn a_snapshot_that_is_there_is_deleted_and_the_guest_stays() {
    let plan = after(&done("test-2", Deed::DeleteSnapshot { snapshot: Some(word("first")) }), |_| {}).unwrap();
    assert_eq!(actions(&plan), ["adopt", "delete_snapshot"]);
}

#[test]
fn a_guest_that_is_gone_since_needs_not_be_deleted() {
    let plan = after(&done("test-1", Deed::Delete), |observed| {
        observed.guests.retain(|seen| seen.guest.name != "test-1");
    });
    assert!(plan.as_ref().is_ok_and(Plan::is_empty), "{plan:?}");
}

#[test]
fn what_waits_for_the_next_stop_is_told() {
    let later = "is taken out when it next stops";
    let notes = |hotplug: &[&str]| {
        let nic = done("web-01", Deed::RemoveNic(None));
        let plan = after(&nic, |observed| {
            named_mut(observed, "web-01").hotplug = hotplug.iter().map(|&kind| kind.to_owned()).collect();
        });
        plan.unwrap().notes().join(" ")
    };
    assert!(notes(&[]).contains(later), "{}", notes(&[]));
    assert!(!notes(&["network"]).contains(later), "{}", notes(&["network"]));
    let disk = |deed, waits| {
        after(&done("db-1", deed), move |observed| {
            let db = named_mut(observed, "db-1");
            db.fields.retain(|field, _| !matches!(field, Field::Disk(slot, _) if *slot == Slot::scsi(1)));
            db.raw.remove("scsi1");
            if waits {
                db.pending.insert(Field::size_of(Slot::scsi(1)));
            }
        })
    };
    let (detach, destroy) = (Deed::Detach(DiskRef::Nth(2)), Deed::DestroyDisk(DiskRef::Nth(2)));
    let of_disk = |waits| disk(detach.clone(), waits).unwrap().notes().join(" ");
    assert!(of_disk(true).contains(later), "{}", of_disk(true));
    assert!(of_disk(false).contains("has no disk scsi1 any more"), "{}", of_disk(false));
    assert!(disk(destroy.clone(), true).unwrap_err()[0].text.contains("in use until it next stops"));
    assert!(disk(destroy, false).unwrap().notes().join(" ").contains("has no disk scsi1 any more"));
}

#[test]
fn steps_after_a_move_go_to_where_the_guest_is_by_then() {
    let node = Deed::Migrate { node: word("pve2"), storage: None, from: None, offline: false };
    let both = done("web-01", node).change(by_name("web-01"), &[to(Plain::Tags, tags(&["moved"]))]);
    let plan = after(&both, |_| {}).unwrap();
    assert_eq!(actions(&plan), ["adopt", "migrate", "update"]);
    assert_eq!(plan.steps()[2].guest().unwrap().node, "pve2");
}

#[test]
fn a_disk_may_take_all_that_is_free() {
    let create = |gib| {
        let wants = [Want::Node("pve1"), Want::Disk(gib, Some("local-lvm"))];
        after(&Saying::default().create("shop-01", Kind::Qemu, &wants), |observed| {
            let Some(NodeState::Seen(node)) = observed.nodes.get_mut("pve1") else { panic!("pve1 is not seen") };
            node.storages.get_mut("local-lvm").unwrap().free = Size::gib(100);
        })
    };
    assert!(create(100).is_ok());
    assert!(create(101).unwrap_err()[0].text.contains("100 GiB of storage local-lvm are free"));
}
