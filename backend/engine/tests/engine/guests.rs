//! Guests as people run them: what is done to a real cluster by a sentence, and what it leaves alone.

use std::collections::BTreeSet;

use crate::lab::{Lab, engine};
use futures::future::join_all;
use mycopod_core::field::{Field, NicPart, Plain, Value};
use mycopod_core::guest::Power;
use mycopod_core::id::DeclarationId;
use mycopod_core::observed::{Ownership, Sighting};
use mycopod_engine::view::Detail;
use mycopod_sandbox::{ByHand, Effect, Fault, TaskEffect};
use reqwest::Method;

/// Makes a guest and gives it as it is then.
async fn made(lab: &Lab, text: &str, name: &str) -> Sighting {
    lab.make(text).await;
    lab.named(name).await.remove(0)
}

async fn one(lab: &Lab, name: &str) -> Sighting {
    let mut guests = lab.named(name).await;
    assert_eq!(guests.len(), 1, "{guests:#?}");
    guests.remove(0)
}

fn edit(seen: &Sighting, set: &[(&str, &str)]) -> ByHand {
    let set = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    ByHand::Edit { vmid: seen.guest.vmid.get(), set, delete: Vec::new() }
}

/// The volumes of a guest on a storage of its node, as Proxmox lists them.
async fn volumes(lab: &Lab, seen: &Sighting, storage: &str) -> Vec<String> {
    let vmid = seen.guest.vmid;
    let path = format!("/nodes/{}/storage/{storage}/content?vmid={vmid}", seen.guest.node);
    let listed = lab.by_hand(Method::GET, &path, &[]).await;
    let listed = listed.as_array().unwrap().iter();
    listed.map(|row| row["volid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_creates_of_20_guests_never_collide() {
    let lab = Lab::running().await;
    let texts: Vec<String> =
        (1..=20).map(|n| format!("create a vm called par-{n} with 1 core, 512 MB memory and a 1 GB disk")).collect();
    let declared = join_all(texts.iter().map(|text| lab.declare(text))).await;
    let ended = join_all(declared.iter().map(|detail| lab.confirm(detail))).await;
    for detail in &ended {
        assert_eq!(detail.status, "converged", "{detail:#?}");
    }
    let guests: Vec<Sighting> =
        lab.observed().await.guests.into_iter().filter(|seen| seen.guest.name.starts_with("par-")).collect();
    let names: BTreeSet<&str> = guests.iter().map(|seen| seen.guest.name.as_str()).collect();
    let vmids: BTreeSet<u32> = guests.iter().map(|seen| seen.guest.vmid.get()).collect();
    assert_eq!((guests.len(), names.len(), vmids.len()), (20, 20, 20));
    assert!(guests.iter().all(|seen| matches!(seen.ownership, Ownership::Ours(_))));
    let macs: BTreeSet<&Value> = guests.iter().filter_map(|seen| seen.get(&Field::Nic(0, NicPart::Mac))).collect();
    assert_eq!(macs.len(), 20, "each has an address of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn ha_moved_guest_is_found() {
    let lab = Lab::running().await;
    let detail = lab.make("create a vm called ha-1 with 1 core, 1 GB memory and a 2 GB disk").await;
    let before = one(&lab, "ha-1").await;
    let elsewhere = if before.guest.node == "pve1" { "pve2" } else { "pve1" };
    lab.sandbox.by_hand(&ByHand::Move { vmid: before.guest.vmid.get(), node: elsewhere.into() }).unwrap();
    lab.engine.plan_again(&lab.admin, DeclarationId(detail.id)).await.unwrap();
    let again = lab.settled(DeclarationId(detail.id)).await;
    assert_eq!(again.status, "converged", "{again:#?}");
    assert!(again.plan.unwrap().steps.is_empty(), "it is the same guest");
    lab.make("set the cores of ha-1 to 2").await;
    let after = one(&lab, "ha-1").await;
    assert_eq!((after.guest.node.as_str(), after.guest.vmid), (elsewhere, before.guest.vmid));
    assert_eq!(after.get(&Plain::Cores.into()), Some(&Value::Count(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_moves_between_the_approval_and_the_step_is_changed_where_it_is() {
    let mut lab = Lab::running().await;
    let before = made(&lab, "create a vm called ha-2 with 1 core, 1 GB memory and a 2 GB disk", "ha-2").await;
    lab.crash().await;
    lab.engine = engine(&lab.database, lab.pve.clone());
    let id = lab.engine.declare(&lab.admin, "set the cores of ha-2 to 2").await.unwrap();
    lab.run();
    let detail = lab.settled(id).await;
    let elsewhere = if before.guest.node == "pve1" { "pve2" } else { "pve1" };
    let vmid = before.guest.vmid.get();
    let moved = ByHand::Move { vmid, node: elsewhere.into() };
    let path = format!("/nodes/*/qemu/{vmid}/config");
    lab.sandbox.inject(Fault::request("PUT", &path, Effect::ByHand(moved))).unwrap();
    let detail = lab.confirm(&detail).await;
    let after = one(&lab, "ha-2").await;
    assert_eq!(after.guest.node, elsewhere);
    match detail.status {
        "converged" => assert_eq!(after.get(&Plain::Cores.into()), Some(&Value::Count(2))),
        // Proxmox said no on the old node, and nothing was changed.
        _ => assert_eq!(after.get(&Plain::Cores.into()), Some(&Value::Count(1)), "{detail:#?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_disk_is_truly_gone_or_truly_kept_as_said() {
    let lab = Lab::running().await;
    let text = "create a vm called two-1 with 1 core, 1 GB memory, a 2 GB disk and a 3 GB disk on local-lvm";
    let seen = made(&lab, text, "two-1").await;
    let disk = seen.raw["scsi1"].split(',').next().unwrap().to_owned();
    lab.make("detach disk scsi1 of two-1").await;
    let kept = one(&lab, "two-1").await;
    assert!(!kept.raw.contains_key("scsi1"));
    assert_eq!(kept.raw.get("unused0"), Some(&disk), "kept as an unused disk");
    assert!(volumes(&lab, &kept, "local-lvm").await.contains(&disk));

    lab.make("add a 4 GB disk on local-lvm to two-1").await;
    let seen = one(&lab, "two-1").await;
    let further = seen.raw["scsi1"].split(',').next().unwrap().to_owned();
    assert_ne!(further, disk);
    let detail = lab.make("delete disk scsi1 of two-1").await;
    assert!(detail.plan.unwrap().steps.iter().any(|step| step.effect == "destroy"));
    let after = one(&lab, "two-1").await;
    let left = volumes(&lab, &after, "local-lvm").await;
    assert!(left.contains(&disk) && !left.contains(&further), "{left:?}");
    assert!(after.raw.values().all(|entry| !entry.contains(&further)));
    assert_eq!(after.get(&Plain::Memory.into()), seen.get(&Plain::Memory.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_the_running_vm_does_not_let_go_of_is_said_to_be_in_use_and_goes_after_its_stop() {
    let lab = Lab::running().await;
    let text = "create a vm called deaf-1 with 1 core, 1 GB memory, a 2 GB disk and a 3 GB disk on local-lvm";
    let seen = made(&lab, text, "deaf-1").await;
    let disk = seen.raw["scsi1"].split(',').next().unwrap().to_owned();
    // Without a system that listens.
    lab.sandbox.by_hand(&edit(&seen, &[("kvm", "0")])).unwrap();
    lab.make("start deaf-1").await;
    let detail = lab.declare("delete disk scsi1 of deaf-1").await;
    let detail = lab.confirm(&detail).await;
    assert_eq!(detail.status, "blocked", "{detail:#?}");
    assert!(detail.status_reason.as_ref().unwrap().contains("has not let go"), "{detail:#?}");
    let running = one(&lab, "deaf-1").await;
    assert!(volumes(&lab, &running, "local-lvm").await.contains(&disk), "it is in use");

    lab.make("force stop deaf-1").await;
    let id = DeclarationId(detail.id);
    lab.engine.plan_again(&lab.admin, id).await.unwrap();
    let again = lab.settled(id).await;
    let again = lab.confirm(&again).await;
    assert_eq!(again.status, "converged", "{again:#?}");
    let gone = one(&lab, "deaf-1").await;
    assert!(!volumes(&lab, &gone, "local-lvm").await.contains(&disk));
}

/// The verb of a declaration's first statement, and its fields.
fn said(detail: &Detail) -> (&'static str, Vec<(&str, &str)>) {
    let statement = &detail.reading.as_ref().unwrap().statements[0];
    let fields = statement.fields.iter().map(|field| (field.field.as_str(), field.value.as_str())).collect();
    (statement.verb, fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_is_not_brought_back_by_what_was_said_before() {
    let lab = Lab::running().await;
    let text = "create a vm called plug-1 with 1 core, 1 GB memory, a 2 GB disk and a 3 GB disk on local-lvm";
    let first = lab.make(text).await;
    let sizes = said(&first).1;
    assert!(sizes.contains(&("disk.1.size", "2 GiB")) && sizes.contains(&("disk.2.size", "3 GiB")), "{sizes:?}");
    let taken = lab.make("delete disk scsi1 of plug-1").await;
    assert_eq!(said(&taken), ("destroy_disk", vec![("disk", "scsi1")]), "what was understood is shown");
    let id = DeclarationId(first.id);
    lab.engine.plan_again(&lab.admin, id).await.unwrap();
    let again = lab.settled(id).await;
    assert_eq!(again.status, "converged", "{again:#?}");
    assert!(again.plan.unwrap().steps.is_empty());
    assert!(!one(&lab, "plug-1").await.raw.contains_key("scsi1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_task_is_success() {
    let lab = Lab::running().await;
    lab.sandbox.inject(Fault::task("qmcreate", TaskEffect::Warn { count: 2 })).unwrap();
    let detail = lab.make("create a vm called warm-1 with 1 core, 1 GB memory and a 2 GB disk").await;
    let id = DeclarationId(detail.id);
    let log = lab.engine.step_log(&lab.admin, id, 1, 0).await.unwrap();
    assert!(log.lines.iter().any(|line| line.to_lowercase().contains("warning")), "its log is kept: {log:?}");
    assert!(!log.running, "nothing more will be written to it");
    one(&lab, "warm-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn error_599_in_mid_create_makes_no_second_guest() {
    for executed in [true, false] {
        let lab = Lab::running().await;
        let answer = Effect::Answer { status: 599, reason: "Too many redirections".into(), executed };
        lab.sandbox.inject(Fault::request("POST", "/nodes/*/qemu", answer)).unwrap();
        let detail = lab.declare("create a vm called mid-1 with 1 core, 1 GB memory and a 2 GB disk").await;
        let detail = lab.confirm(&detail).await;
        assert_eq!(detail.status, "converged", "executed: {executed}: {detail:#?}");
        one(&lab, "mid-1").await;
        let qmcreates = lab.by_hand(Method::GET, "/cluster/tasks", &[]).await;
        let made = qmcreates.as_array().unwrap().iter().filter(|task| task["type"] == "qmcreate");
        assert_eq!(made.count(), 1, "it was made once, executed: {executed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn adopted_guest_gives_an_empty_plan() {
    let lab = Lab::running().await;
    let before = one(&lab, "web-01").await;
    let detail = lab.make("adopt web-01").await;
    let steps = detail.plan.unwrap().steps;
    assert_eq!(steps.iter().map(|step| step.action).collect::<Vec<_>>(), ["adopt"]);
    let after = one(&lab, "web-01").await;
    assert!(matches!(after.ownership, Ownership::Ours(_)));
    assert_eq!(before.fields, after.fields, "nothing but the marker");
    let raw = |seen: &Sighting| {
        let mut raw = seen.raw.clone();
        raw.remove("description");
        raw
    };
    assert_eq!(raw(&before), raw(&after));
    let id = DeclarationId(detail.id);
    lab.engine.plan_again(&lab.admin, id).await.unwrap();
    let again = lab.settled(id).await;
    assert!(again.plan.unwrap().steps.is_empty());
    let tagged = lab.declare("add tag shop to web-01").await;
    let steps = tagged.plan.unwrap().steps;
    assert_eq!(steps.iter().map(|step| step.action).collect::<Vec<_>>(), ["update"], "it is ours already");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_guest_that_is_not_ours_adopts_it_in_a_step_of_its_own() {
    let lab = Lab::running().await;
    let detail = lab.declare("add tag shop to web-01").await;
    let steps = detail.plan.as_ref().unwrap().steps.iter();
    let steps: Vec<_> = steps.map(|step| (step.action, step.effect)).collect();
    assert_eq!(steps, [("adopt", "live"), ("update", "live")]);
    let before = one(&lab, "web-01").await;
    assert_eq!(lab.confirm(&detail).await.status, "converged");
    let after = one(&lab, "web-01").await;
    assert_eq!(before.power, after.power);
    let mut expected = before.fields.clone();
    let mut tags = before.tags();
    tags.insert("shop".into());
    expected.insert(Plain::Tags.into(), Value::Set(tags));
    assert_eq!(expected, after.fields, "a tag disturbs nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_waits_for_the_next_start_is_shown_as_such() {
    let lab = Lab::running().await;
    made(&lab, "create a vm called wait-1 with 1 core, 1 GB memory and a 2 GB disk, start it", "wait-1").await;
    let detail = lab.make("set the cores of wait-1 to 2").await;
    assert!(detail.plan.as_ref().unwrap().steps.iter().any(|step| step.effect == "pending"));
    let reason = detail.status_reason.unwrap_or_default();
    assert!(reason.contains("Cores of wait-1 takes effect when wait-1 next stops and starts"), "{reason}");
    let rows = lab.engine.guests().await.unwrap();
    let row = rows.iter().find(|row| row.name == "wait-1").unwrap();
    assert_eq!(row.pending.iter().map(|pending| pending.field.as_str()).collect::<Vec<_>>(), ["cores"]);
    assert!(row.drift.is_empty(), "{row:#?}");

    lab.make("force stop wait-1").await;
    lab.make("start wait-1").await;
    let id = DeclarationId(detail.id);
    lab.engine.plan_again(&lab.admin, id).await.unwrap();
    let again = lab.settled(id).await;
    assert!(!again.status_reason.unwrap_or_default().contains("takes effect"), "it took effect");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_does_not_shut_down_in_time_is_not_switched_off_unasked() {
    let lab = Lab::running().await;
    let seen = made(&lab, "create a vm called deaf-2 with 1 core, 1 GB memory and a 2 GB disk", "deaf-2").await;
    lab.sandbox.by_hand(&edit(&seen, &[("kvm", "0")])).unwrap();
    lab.make("start deaf-2").await;
    let detail = lab.declare("shut down deaf-2 within 2 seconds").await;
    let detail = lab.confirm(&detail).await;
    assert_eq!(detail.status, "blocked", "{detail:#?}");
    let reason = detail.status_reason.unwrap();
    assert!(reason.contains("within 2 s") && reason.contains("“force stop deaf-2”"), "{reason}");
    assert_eq!(one(&lab, "deaf-2").await.power, Power::Running);
    lab.make("force stop deaf-2").await;
    assert_eq!(one(&lab, "deaf-2").await.power, Power::Stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_found_by_a_closer_look_and_the_guest_stays_ours_after_going_back() {
    let lab = Lab::running().await;
    let seen =
        made(&lab, "create a vm called snap-1 with 1 core, 1 GB memory and a 2 GB disk on local-lvm", "snap-1").await;
    let path = format!("/nodes/{}/qemu/{}", seen.guest.node, seen.guest.vmid);
    lab.make("snapshot snap-1 as prior1").await;
    lab.make("set the cores of snap-1 to 2").await;
    let detail = lab.declare("roll back snap-1 to other7").await;
    assert_eq!(detail.status, "needs_answer", "{detail:#?}");
    let questions = detail.reading.unwrap().questions;
    assert!(questions[0].options.contains(&"prior1".to_owned()), "{questions:?}");
    let detail = lab.make("roll back snap-1 to prior1").await;
    assert!(detail.plan.unwrap().steps.iter().any(|step| step.action == "rollback" && step.effect == "destroy"));
    let after = one(&lab, "snap-1").await;
    assert_eq!(after.get(&Plain::Cores.into()), Some(&Value::Count(1)));
    assert!(matches!(after.ownership, Ownership::Ours(_)));
    lab.make("delete snapshot prior1 of snap-1").await;
    let left = lab.by_hand(Method::GET, &format!("{path}/snapshot"), &[]).await;
    assert_eq!(left.as_array().unwrap().len(), 1, "only the present: {left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_from_before_a_guest_was_ours_does_not_take_it_from_us() {
    let lab = Lab::running().await;
    let seen = one(&lab, "web-01").await;
    let path = format!("/nodes/{}/qemu/{}/snapshot", seen.guest.node, seen.guest.vmid);
    lab.by_hand(Method::POST, &path, &[("snapname", "early1")]).await;
    lab.make("adopt web-01").await;
    lab.make("roll back web-01 to early1").await;
    let after = one(&lab, "web-01").await;
    assert!(matches!(after.ownership, Ownership::Ours(_)), "{after:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_and_a_forged_marker_are_not_ours_and_a_recycled_number_is_not_touched() {
    let lab = Lab::running().await;
    let seen = made(&lab, "create a vm called real-1 with 1 core, 1 GB memory and a 2 GB disk", "real-1").await;
    let vmid = seen.guest.vmid.get();
    lab.sandbox.by_hand(&ByHand::Clone { vmid, newid: 7_001, name: Some("copy-1".into()) }).unwrap();
    assert_eq!(one(&lab, "copy-1").await.ownership, Ownership::Invalid, "its marker is real-1’s");
    let copy = one(&lab, "copy-1").await;
    let forged = "<!-- mycopod:0192f0c1-2d3e-7000-8000-0123456789ab:00112233445566778899aabbccddeeff -->";
    lab.sandbox.by_hand(&edit(&copy, &[("description", forged)])).unwrap();
    assert_eq!(one(&lab, "copy-1").await.ownership, Ownership::Invalid);
    let detail = lab.declare("set the cores of copy-1 to 2").await;
    let steps = detail.plan.unwrap().steps;
    assert_eq!(steps[0].action, "adopt", "only by a step of its own");
    assert!(steps[0].collateral[0].contains("not valid"), "{steps:?}");
    let rows = lab.engine.guests().await.unwrap();
    assert!(!rows.iter().find(|row| row.name == "copy-1").unwrap().managed, "planning looked afresh");

    lab.sandbox.by_hand(&ByHand::Recycle { vmid, name: None }).unwrap();
    let detail = lab.declare("set the cores of real-1 to 2").await;
    assert_eq!(detail.status, "needs_answer", "{detail:#?}");
    assert!(detail.reading.unwrap().questions[0].text.contains("may be another guest"));
    assert_eq!(one(&lab, "real-1").await.get(&Plain::Cores.into()), Some(&Value::Count(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_guests_of_one_name_are_asked_about_and_a_renamed_one_is_still_ours() {
    let lab = Lab::running().await;
    let detail = lab.make("create a vm called twin-1 with 1 core, 1 GB memory and a 2 GB disk").await;
    let seen = one(&lab, "twin-1").await;
    let vmid = seen.guest.vmid.get();
    lab.sandbox.by_hand(&ByHand::Clone { vmid, newid: 7_002, name: None }).unwrap();
    let asked = lab.declare("set the cores of twin-1 to 2").await;
    assert_eq!(asked.status, "needs_answer");
    assert!(asked.reading.unwrap().questions[0].text.contains("2 guests are called twin-1"));
    lab.sandbox.by_hand(&ByHand::Destroy { vmid: 7_002 }).unwrap();

    lab.sandbox.by_hand(&ByHand::Rename { vmid, name: "other-name".into() }).unwrap();
    let id = DeclarationId(detail.id);
    lab.engine.plan_again(&lab.admin, id).await.unwrap();
    let again = lab.settled(id).await;
    let steps = &again.plan.as_ref().unwrap().steps;
    assert_eq!(steps.len(), 1, "it is given its declared name again, and is not made anew: {again:#?}");
    assert_eq!(lab.confirm(&again).await.status, "converged");
    assert_eq!(one(&lab, "twin-1").await.guest.vmid, seen.guest.vmid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_moves_to_another_node_and_a_template_is_made_of_one_that_is_off() {
    let lab = Lab::running().await;
    let seen =
        made(&lab, "create a vm called roam-1 with 1 core, 1 GB memory and a 2 GB disk on local-lvm", "roam-1").await;
    let elsewhere = if seen.guest.node == "pve1" { "pve2" } else { "pve1" };
    lab.make(&format!("migrate roam-1 to {elsewhere}")).await;
    let moved = one(&lab, "roam-1").await;
    assert_eq!(moved.guest.node, elsewhere);
    assert!(matches!(moved.ownership, Ownership::Ours(_)));
    lab.make("make a template of roam-1").await;
    assert!(one(&lab, "roam-1").await.template);
}
