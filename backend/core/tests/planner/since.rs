//! What changed between the reading and the plan, and what a plan counts on that its own steps leave.

use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::guest::{Kind, Power};
use mycopod_core::observed::{NodeState, Observed};
use mycopod_core::plan::{Action, Plan};
use mycopod_core::reading::{Deed, Question, Source, Sourced};
use mycopod_core::size::Size;

use crate::life::Life;
use crate::planning::{actions, intent};
use crate::support::{Extra, Saying, Want, backup_of, by_name, cluster, gib, guest, named_mut, text};

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
