//! Fields that are set in a form while a plan waits for approval.

use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::id::DeclarationId;
use mycopod_core::reading::LEAVE_OUT;
use mycopod_core::status::Role;
use mycopod_engine::Refusal;
use mycopod_engine::view::{Detail, IntentField, SettableField};
use mycopod_store::audit;
use serde_json::{Value as Json, json};

use crate::lab::{Lab, user};

pub fn field<'d>(detail: &'d Detail, key: &str) -> &'d IntentField {
    let guests = detail.intent.as_ref().unwrap_or_else(|| panic!("{detail:#?}"));
    let mut fields = guests.iter().flat_map(|guest| &guest.fields);
    fields.find(|field| field.field == key).unwrap_or_else(|| panic!("no {key} in {guests:#?}"))
}

/// Sets a field of the declaration's first guest, and waits for the new plan.
pub async fn set(lab: &Lab, detail: &Detail, key: &str, value: Json) -> Result<Detail, Refusal> {
    let guest = detail.intent.as_ref().unwrap()[0].id.clone();
    let id = DeclarationId(detail.id);
    lab.engine.edit(&lab.admin, id, &guest, key, &value).await?;
    Ok(lab.settled(id).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_planned_recorded_and_carried_out() {
    let lab = Lab::running().await;
    let detail = lab.declare("Create a VM shop-01 with 4 cores, 8 GB memory and a 40 GB disk").await;
    assert_eq!((&field(&detail, "cores").value, &field(&detail, "memory").value), (&json!(4), &json!("8 GiB")));
    assert_eq!(field(&detail, "cores").schema.as_ref().unwrap()["type"], "integer");
    let before = detail.plan.as_ref().unwrap().digest.clone();

    let edited = set(&lab, &detail, "cores", json!(2)).await.unwrap();
    assert_eq!(edited.status, "awaiting_approval", "{edited:#?}");
    assert_ne!(edited.plan.as_ref().unwrap().digest, before, "the plan that was shown holds no more");
    let [edit] = edited.edits.as_slice() else { panic!("{:?}", edited.edits) };
    assert_eq!(
        (edit.field.as_str(), &edit.from, &edit.to, &edit.by),
        ("cores", &json!(4), &json!(2), &lab.admin.email)
    );
    // A smaller disk than was said is no shrinking: nothing is made yet. What nobody said can be set too.
    let edited = set(&lab, &edited, "disk.scsi0.size", json!("16 GiB")).await.unwrap();
    let edited = set(&lab, &edited, "tags", json!(["shop"])).await.unwrap();
    let edited = set(&lab, &edited, "name", json!("shop-02")).await.unwrap();
    let edited = set(&lab, &edited, "node", json!("pve2")).await.unwrap();
    assert_eq!((edited.status, edited.edits.len()), ("awaiting_approval", 5), "{edited:#?}");
    lab.confirm(&edited).await;
    let guests = lab.named("shop-02").await;
    let [guest] = guests.as_slice() else { panic!("{guests:#?}") };
    assert_eq!(guest.guest.node, "pve2");
    assert_eq!(guest.get(&Field::Plain(Plain::Cores)), Some(&Value::Count(2)));
    assert_eq!(guest.get(&Field::Plain(Plain::Tags)), Some(&Value::Set(["shop".to_owned()].into())));
    assert_eq!(guest.get(&"disk.scsi0.size".parse().unwrap()).unwrap().to_string(), "16 GiB");

    let refused = set(&lab, &edited, "cores", json!(3)).await;
    assert!(matches!(&refused, Err(Refusal::Conflict(why)) if why.contains("converged")), "{refused:?}");
    let mut connection = lab.database.pool.acquire().await.unwrap();
    let entries = audit::list(&mut connection, None, Some(DeclarationId(edited.id)), None, 200).await.unwrap();
    let entries: Vec<_> = entries.iter().map(|stored| stored.entry().unwrap()).collect();
    let first = entries.iter().rfind(|entry| entry.kind == "declaration.edited").unwrap();
    assert_eq!((&first.details["field"], &first.details["to"]), (&json!("cores"), &json!({ "count": 2 })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_overrides_what_was_said_of_a_guest_that_exists() {
    let lab = Lab::running().await;
    lab.make("vm calm-1: 1 core, 1 GB memory, 4 GB disk").await;
    let detail = lab.declare("set calm-1 to 3 cores and double its memory").await;
    assert_eq!(
        detail.intent.as_ref().unwrap()[0].vmid.map(|vmid| vmid.to_string()),
        Some(detail.intent.as_ref().unwrap()[0].id.clone())
    );
    let edited = set(&lab, &detail, "cores", json!(2)).await.unwrap();
    assert_eq!(edited.status, "awaiting_approval", "{edited:#?}");
    lab.confirm(&edited).await;
    let guest = &lab.named("calm-1").await[0];
    assert_eq!(guest.get(&Field::Plain(Plain::Cores)), Some(&Value::Count(2)));
    assert_eq!(guest.get(&Field::Plain(Plain::Memory)).unwrap().to_string(), "2 GiB", "doubled once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cluster_does_not_take_is_asked_and_what_makes_no_sense_is_refused() {
    let lab = Lab::running().await;
    let detail = lab.declare("Create a VM shop-01 with 4 cores").await;
    for (key, bad) in [
        ("cores", json!("4")),
        ("cores", json!(4)),
        ("memory", json!("8 bags")),
        ("memory", json!("8")),
        ("swap", json!("1 GiB")),
        ("coers", json!(1)),
        ("firewall.enable", json!(true)),
        ("vmid", json!("x")),
        ("node", json!("")),
    ] {
        let refused = set(&lab, &detail, key, bad.clone()).await;
        assert!(matches!(refused, Err(Refusal::Field { .. } | Refusal::Conflict(_))), "{key} {bad}: {refused:?}");
    }
    let refused = lab.engine.edit(&lab.admin, DeclarationId(detail.id), "999", "cores", &json!(1)).await;
    assert!(matches!(&refused, Err(Refusal::Field { field, .. }) if field == "field"), "{refused:?}");
    let other = user(&lab.engine, "other@example.org", Role::User, true).await;
    let guest = detail.intent.as_ref().unwrap()[0].id.clone();
    let refused = lab.engine.edit(&other, DeclarationId(detail.id), &guest, "cores", &json!(1)).await;
    assert!(matches!(refused, Err(Refusal::NotFound(_))), "{refused:?}");
    assert!(lab.engine.detail(&lab.admin, DeclarationId(detail.id)).await.unwrap().edits.is_empty());
}

/// The state of each edit, in order.
pub fn states(detail: &Detail) -> Vec<&'static str> {
    detail.edits.iter().map(|edit| edit.state).collect()
}

pub async fn take_back(lab: &Lab, detail: &Detail, number: usize) -> Result<Detail, Refusal> {
    let id = DeclarationId(detail.id);
    lab.engine.take_back(&lab.admin, id, number).await?;
    Ok(lab.settled(id).await)
}

pub async fn answer(lab: &Lab, detail: &Detail, option: &str) -> Detail {
    let id = DeclarationId(detail.id);
    let questions = &detail.reading.as_ref().unwrap().questions;
    let open = questions.iter().find(|question| question.answer.is_none()).unwrap();
    lab.engine.answer(&lab.admin, id, &[(open.id.clone(), option.to_owned())]).await.unwrap();
    lab.settled(id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_is_taken_back_holds_no_more_and_stays_on_record() {
    let lab = Lab::running().await;
    let detail = lab.declare("Create a VM shop-01 with 4 cores and 8 GB memory").await;
    let guest = detail.intent.as_ref().unwrap()[0].id.clone();
    let edited = set(&lab, &detail, "cores", json!(2)).await.unwrap();
    let edited = set(&lab, &edited, "cores", json!(3)).await.unwrap();
    let edited = set(&lab, &edited, "memory", json!("16 GB")).await.unwrap();
    assert_eq!(field(&edited, "memory").value, json!("16 GiB"), "as people write it");
    assert_eq!(states(&edited), ["replaced", "holds", "holds"]);
    let source = |detail: &Detail, key| serde_json::to_value(&field(detail, key).source).unwrap();
    assert_eq!(source(&edited, "cores"), json!({ "kind": "set", "edit": 2, "by": lab.admin.email }));

    // What was said says so where it is shown; a guest that was not spoken of so has it besides.
    let edited = set(&lab, &edited, "name", json!("shop-02")).await.unwrap();
    let fields = &edited.reading.as_ref().unwrap().statements[0].fields;
    let row = |key: &str| fields.iter().find(|field| field.field == key).unwrap();
    assert_eq!(
        (row("cores").value.as_str(), row("cores").set[0].value.as_str(), row("cores").set[0].edit),
        ("4", "3", 2)
    );
    assert_eq!((row("memory").set[0].guest_name.as_str(), row("memory").set[0].value.as_str()), ("shop-01", "16 GiB"));
    assert_eq!((row("name").value.as_str(), row("name").set.len()), ("shop-02", 0));

    // Without the later edit of a field, the earlier one holds; without either, what was said.
    let back = take_back(&lab, &edited, 2).await.unwrap();
    assert_eq!((back.status, states(&back)), ("awaiting_approval", vec!["holds", "taken_back", "holds", "holds"]));
    assert_eq!(field(&back, "cores").value, json!(2));
    assert_eq!(back.edits[1].taken_back_by.as_deref(), Some(lab.admin.email.as_str()));
    let refused = take_back(&lab, &back, 2).await;
    assert!(matches!(&refused, Err(Refusal::Conflict(why)) if why.contains(&lab.admin.email)), "{refused:?}");
    for none in [0, 5] {
        assert!(matches!(take_back(&lab, &back, none).await, Err(Refusal::NotFound(_))));
    }
    let other = user(&lab.engine, "other@example.org", Role::User, true).await;
    let refused = lab.engine.take_back(&other, DeclarationId(detail.id), 1).await;
    assert!(matches!(refused, Err(Refusal::NotFound(_))), "{refused:?}");
    let back = take_back(&lab, &back, 1).await.unwrap();
    assert_eq!(field(&back, "cores").value, json!(4));
    assert_eq!(source(&back, "cores")["kind"], json!("said"));
    let fields = &back.reading.as_ref().unwrap().statements[0].fields;
    assert!(fields.iter().find(|field| field.field == "cores").unwrap().set.is_empty());
    assert_eq!(back.intent.as_ref().unwrap()[0].id, guest, "it is the same guest");

    lab.confirm(&back).await;
    assert_eq!(lab.named("shop-02").await[0].get(&Field::Plain(Plain::Cores)), Some(&Value::Count(4)));
    let refused = take_back(&lab, &back, 3).await;
    assert!(matches!(&refused, Err(Refusal::Conflict(why)) if why.contains("converged")), "{refused:?}");
    let mut connection = lab.database.pool.acquire().await.unwrap();
    let entries = audit::list(&mut connection, None, Some(DeclarationId(edited.id)), None, 200).await.unwrap();
    let entries: Vec<_> = entries.iter().map(|stored| stored.entry().unwrap()).collect();
    let logged: Vec<_> = entries.iter().filter(|entry| entry.kind == "declaration.edit_taken_back").collect();
    assert_eq!((logged.len(), &logged[1].details["edit"]), (2, &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_an_edit_raises_says_so_and_goes_with_it() {
    let lab = Lab::running().await;
    let detail = lab.declare("Create a VM shop-01 with 4 cores, and a VM shop-02 with 2 cores").await;
    let asked = set(&lab, &detail, "nic.0.bridge", json!("vmbr77")).await.unwrap();
    assert_eq!((asked.status, states(&asked)), ("needs_answer", vec!["waits"]), "{asked:#?}");
    let question = asked.reading.as_ref().unwrap().questions[0].clone();
    assert!(question.text.starts_with("Set in the form: NIC 0 bridge of shop-01 to vmbr77. "), "{question:?}");
    assert_eq!((question.edits.as_slice(), question.start), (&[1][..], None));
    assert_eq!(asked.edits[0].schema.as_ref().unwrap()["type"], "string", "another value can be typed");

    // Meanwhile nothing else can be set, and this can be set anew.
    let (id, guest) = (DeclarationId(asked.id), asked.edits[0].guest.clone());
    let refused = lab.engine.edit(&lab.admin, id, &guest, "cores", &json!(1)).await;
    assert!(matches!(&refused, Err(Refusal::Conflict(why)) if why.contains("question is open")), "{refused:?}");
    lab.engine.edit(&lab.admin, id, &guest, "nic.0.bridge", &json!("vmbr88")).await.unwrap();
    let again = lab.settled(id).await;
    let questions = &again.reading.as_ref().unwrap().questions;
    assert_eq!((questions.len(), questions[0].edits.as_slice()), (1, &[2][..]), "{questions:#?}");
    assert_eq!((states(&again), &again.edits[1].from), (vec!["replaced", "waits"], &json!("vmbr77")));

    // An answer holds in the place of the edit, and the record does not say that the edit holds.
    let answered = answer(&lab, &again, &questions[0].options[0].clone()).await;
    assert_eq!((answered.status, states(&answered)), ("awaiting_approval", vec!["replaced", "answered"]));
    assert_eq!(field(&answered, "nic.0.bridge").value, json!("vmbr0"));
    let source = serde_json::to_value(&field(&answered, "nic.0.bridge").source).unwrap();
    assert_eq!(source, json!({ "kind": "answered", "answer": "vmbr0" }));

    // The answer was about that edit alone: neither another one nor another guest's is settled by it.
    let back = take_back(&lab, &answered, 2).await.unwrap();
    assert_eq!(back.status, "needs_answer", "the earlier edit counts again: {back:#?}");
    let back = take_back(&lab, &back, 1).await.unwrap();
    assert_eq!((back.status, states(&back)), ("awaiting_approval", vec!["taken_back", "taken_back"]));
    assert!(back.reading.as_ref().unwrap().questions.is_empty(), "{:#?}", back.reading);
    let other = back.intent.as_ref().unwrap()[1].id.clone();
    lab.engine.edit(&lab.admin, id, &other, "nic.0.bridge", &json!("vmbr77")).await.unwrap();
    let asked = lab.settled(id).await;
    assert_eq!(asked.status, "needs_answer", "{asked:#?}");
    let settled = answer(&lab, &asked, LEAVE_OUT).await;
    assert_eq!((settled.status, states(&settled)[2]), ("awaiting_approval", "answered"));
    assert_eq!(settled.intent.as_ref().unwrap().len(), 2, "the value alone is left out");
    lab.engine.edit(&lab.admin, id, &guest, "nic.0.bridge", &json!("vmbr77")).await.unwrap();
    let asked = lab.settled(id).await;
    assert_eq!(asked.status, "needs_answer", "one guest’s answer says nothing about another’s edit: {asked:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_an_edit_leaves_no_room_for_is_there_again_without_it() {
    let lab = Lab::running().await;
    let detail = lab.declare("Create a VM shop-01 with 4 cores, and a VM shop-02 with 2 cores").await;
    let detail = set(&lab, &detail, "onboot", json!(true)).await.unwrap();
    let asked = set(&lab, &detail, "memory", json!("8000 GB")).await.unwrap();
    assert_eq!(asked.status, "needs_answer", "{asked:#?}");
    let question = &asked.reading.as_ref().unwrap().questions[0];
    assert!(question.text.starts_with("Set in the form: Memory of shop-01 to 8000 GiB. "), "{question:?}");
    assert!(question.text.ends_with("“Leave it out” leaves out all that is declared of shop-01."), "{question:?}");
    assert_eq!(question.edits, [2], "the other edit has no part in it");
    // The planner’s way out drops the guest; that is no loss where the edit is taken back.
    let left_out = answer(&lab, &asked, LEAVE_OUT).await;
    assert_eq!((left_out.status, left_out.intent.as_ref().unwrap().len()), ("awaiting_approval", 1), "{left_out:#?}");
    assert_eq!(states(&left_out), ["answered", "answered"]);
    let back = take_back(&lab, &left_out, 2).await.unwrap();
    assert_eq!((back.status, back.intent.as_ref().unwrap().len()), ("awaiting_approval", 2), "{back:#?}");
    assert!(back.reading.as_ref().unwrap().questions.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_nobody_declared_can_be_set_as_they_fit_the_guest() {
    let lab = Lab::running().await;
    lab.make("vm calm-1: 1 core, 1 GB memory, 4 GB disk").await;
    let detail = lab.declare("Create a container shop-01 with 2 cores. Set calm-1 to 3 cores").await;
    let id = DeclarationId(detail.id);
    let guests = detail.intent.as_ref().unwrap();
    let offered = async |guest: &str| lab.engine.settable(&lab.admin, id, guest).await.unwrap();
    let new = offered(&guests[0].id).await;
    let has = |fields: &[SettableField], key: &str| fields.iter().any(|field| field.field == key);
    for key in ["node", "vmid", "tags", "description", "onboot", "nesting", "nic.0.vlan", "disk.rootfs.storage"] {
        assert!(has(&new, key), "{key}");
    }
    for key in ["cores", "cpu", "name", "keyctl", "firewall.enable", "disk.scsi0.size"] {
        assert!(!has(&new, key), "{key}");
    }
    let node = new.iter().find(|field| field.field == "node").unwrap();
    assert!(node.schema["enum"].as_array().is_some_and(|nodes| nodes.contains(&json!("pve2"))), "{node:?}");
    let old = offered(&guests[1].id).await;
    for key in ["memory", "name", "nic.0.vlan", "disk.scsi0.size", "firewall.enable"] {
        assert!(has(&old, key), "{key}");
    }
    assert!(!has(&old, "node") && !has(&old, "vmid") && !has(&old, "swap") && !has(&old, "cores"));
    assert_eq!(old.iter().find(|field| field.field == "memory").unwrap().value, json!("1 GiB"), "as it is");
    let refused = lab.engine.settable(&lab.admin, id, "999").await;
    assert!(matches!(refused, Err(Refusal::NotFound(_))), "{refused:?}");

    // Each of them is taken, and is part of the form from then on.
    let (new, old) = (guests[0].id.clone(), guests[1].id.clone());
    let mut edited = detail.clone();
    for (guest, key, value) in [
        (&new, "node", json!("pve2")),
        (&new, "vmid", json!(4711)),
        (&new, "disk.rootfs.storage", json!("local-lvm")),
        (&new, "nic.0.ip", json!("10.0.0.5/24")),
        (&new, "onboot", json!(true)),
        (&old, "description", json!("calm")),
    ] {
        lab.engine.edit(&lab.admin, id, guest, key, &value).await.unwrap();
        edited = lab.settled(id).await;
        assert_eq!(edited.status, "awaiting_approval", "{key}: {edited:#?}");
        assert_eq!(field(&edited, key).value, value);
    }
    assert!(states(&edited).iter().all(|state| *state == "holds"), "{:#?}", edited.edits);
    // A part of a disk that is not there makes none.
    lab.engine.edit(&lab.admin, id, &old, "disk.scsi5.discard", &json!(true)).await.unwrap();
    let asked = lab.settled(id).await;
    assert!(asked.reading.as_ref().unwrap().questions[0].text.contains("no disk scsi5"), "{asked:#?}");
    let edited = take_back(&lab, &asked, 7).await.unwrap();
    let vmid = |detail: &Detail| detail.plan.as_ref().unwrap().steps[0].guest.as_ref().unwrap().vmid;
    assert_eq!(vmid(&edited), 4711);
    let chosen = vmid(&take_back(&lab, &edited, 2).await.unwrap());
    assert_eq!(chosen, vmid(&detail), "it is chosen again as it was");
    lab.engine.edit(&lab.admin, id, &new, "vmid", &json!(4712)).await.unwrap();
    let edited = lab.settled(id).await;
    lab.confirm(&edited).await;
    let guests = lab.named("shop-01").await;
    assert_eq!((guests[0].guest.node.as_str(), guests[0].guest.vmid.get()), ("pve2", 4712));
}

/// The keys of what can be set besides, of the declaration's guest of that place.
pub async fn offered(lab: &Lab, detail: &Detail, guest: usize) -> Vec<SettableField> {
    let guest = &detail.intent.as_ref().unwrap()[guest].id;
    lab.engine.settable(&lab.admin, DeclarationId(detail.id), guest).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_disk_and_nic_are_added_and_made() {
    let lab = Lab::running().await;
    let detail = lab.declare("Create a VM shop-01 with 2 cores and a 40 GB disk").await;
    let offers = offered(&lab, &detail, 0).await;
    let disk = offers.iter().find(|field| field.field == "disk.scsi1").unwrap_or_else(|| panic!("{offers:#?}"));
    assert_eq!((disk.label.as_str(), &disk.schema["required"]), ("Disk scsi1", &json!(["size"])));
    let storages = disk.schema["properties"]["storage"]["enum"].as_array().unwrap();
    assert!(storages.contains(&json!("local-lvm")), "{storages:?}");
    assert!(disk.schema["properties"].get("mount").is_none(), "a VM mounts nothing");
    let nic = offers.iter().find(|field| field.field == "nic.1").unwrap();
    assert!(nic.schema["properties"]["bridge"]["enum"].as_array().unwrap().contains(&json!("vmbr0")), "{nic:?}");

    // What does not fit is said of its part.
    for (key, bad, at) in [
        ("disk.scsi1", json!({ "size": "lots" }), "value.size"),
        ("disk.scsi1", json!({ "storage": "local-lvm" }), "value.size"),
        ("nic.1", json!({ "bridge": "vmbr0", "vlan": 5000 }), "value.vlan"),
        ("disk.scsi1", json!("20 GiB"), "value"),
        ("disk.mp0", json!({ "size": "20 GiB" }), "field"),
        ("disk.scsi0", json!(null), "value"),
    ] {
        let refused = set(&lab, &detail, key, bad.clone()).await;
        assert!(matches!(&refused, Err(Refusal::Field { field, .. }) if field == at), "{key} {bad}: {refused:?}");
    }
    let refused = set(&lab, &detail, "disk.scsi1", json!(null)).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "what is not there is not left out: {refused:?}");

    let edited =
        set(&lab, &detail, "disk.scsi1", json!({ "size": "20 GB", "storage": "local", "discard": true })).await;
    let edited = edited.unwrap();
    assert_eq!((edited.status, states(&edited)), ("awaiting_approval", vec!["holds"]), "{edited:#?}");
    let to = json!({ "size": "20 GiB", "storage": "local", "discard": true });
    assert_eq!((&edited.edits[0].to, edited.edits[0].label.as_str()), (&to, "Disk scsi1"));
    let rows = &edited.reading.as_ref().unwrap().statements[0].fields;
    assert!(rows.iter().any(|row| row.value == "20 GiB, storage local, discard yes"), "{rows:#?}");
    let edited = set(&lab, &edited, "nic.1", json!({ "bridge": "vmbr1", "vlan": 20 })).await.unwrap();
    // Its parts are fields as any other, and the next is offered.
    let edited = set(&lab, &edited, "disk.scsi1.size", json!("24 GiB")).await.unwrap();
    assert_eq!(states(&edited), ["holds", "holds", "holds"], "{:#?}", edited.edits);
    let keys: Vec<String> = offered(&lab, &edited, 0).await.into_iter().map(|field| field.field).collect();
    assert!(keys.contains(&"disk.scsi2".to_owned()) && keys.contains(&"nic.2".to_owned()), "{keys:?}");
    lab.confirm(&edited).await;
    let guest = &lab.named("shop-01").await[0];
    let has = |key: &str| guest.get(&key.parse().unwrap()).map(ToString::to_string).unwrap_or_default();
    assert_eq!(
        [has("disk.scsi1.size"), has("disk.scsi1.storage"), has("nic.1.bridge"), has("nic.1.vlan")],
        ["24 GiB", "local", "vmbr1", "20"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_added_is_taken_back_with_its_parts() {
    let lab = Lab::running().await;
    lab.make("container calm-1: 1 core, 1 GB memory, 4 GB disk").await;
    lab.make("vm vm-cd: 1 core, 1 GB memory, 4 GB disk").await;
    let seen = &lab.named("vm-cd").await[0];
    let path = format!("/nodes/{}/qemu/{}/config", seen.guest.node, seen.guest.vmid);
    lab.by_hand(reqwest::Method::PUT, &path, &[("ide2", "none,media=cdrom")]).await;
    let detail = lab.declare("set calm-1 to 2 cores").await;
    let mount = json!({ "size": "2 GiB", "mount": "/srv/data" });
    let edited = set(&lab, &detail, "disk.mp0", mount).await.unwrap();
    let edited = set(&lab, &edited, "disk.mp0.backup", json!(false)).await.unwrap();
    assert_eq!((edited.status, states(&edited)), ("awaiting_approval", vec!["holds", "holds"]), "{edited:#?}");
    let back = take_back(&lab, &edited, 1).await.unwrap();
    assert_eq!((back.status, states(&back)), ("awaiting_approval", vec!["taken_back", "taken_back"]), "{back:#?}");
    assert!(back.intent.as_ref().unwrap()[0].fields.iter().all(|field| !field.field.starts_with("disk.")));

    // A CD is not overwritten.
    let cd = lab.declare("set vm-cd to 3 cores").await;
    let asked = set(&lab, &cd, "disk.ide2", json!({ "size": "2 GiB" })).await.unwrap();
    assert_eq!((asked.status, states(&asked)), ("needs_answer", vec!["waits"]), "{asked:#?}");
    assert!(asked.reading.as_ref().unwrap().questions[0].text.contains("ide2 of vm-cd holds a drive"), "{asked:#?}");

    // What the cluster does not have is asked once, and an answer holds for that part alone.
    let nowhere = json!({ "size": "2 GiB", "storage": "nowhere", "mount": "/srv/data" });
    let asked = set(&lab, &back, "disk.mp0", nowhere).await.unwrap();
    let questions = &asked.reading.as_ref().unwrap().questions;
    assert_eq!((asked.status, questions.len(), questions[0].edits.as_slice()), ("needs_answer", 1, &[3][..]));
    assert!(questions[0].text.contains("Disk mp0 of calm-1 to 2 GiB, storage nowhere"), "{questions:?}");
    let answered = answer(&lab, &asked, "local-lvm").await;
    assert_eq!(field(&answered, "disk.mp0.storage").value, json!("local-lvm"));
    lab.confirm(&answered).await;
    let guest = &lab.named("calm-1").await[0];
    assert_eq!(guest.get(&"disk.mp0.mount".parse().unwrap()), Some(&Value::Text("/srv/data".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_or_nic_that_was_read_is_left_out() {
    let lab = Lab::running().await;
    lab.make("vm calm-1: 1 core, 1 GB memory, 4 GB disk").await;
    let detail = lab
        .declare("Create a VM shop-01 with a 40 GB disk and a second disk of 10 GB. Add a 3 GB disk to calm-1 and set it to 2 cores")
        .await;
    let (id, guests) = (DeclarationId(detail.id), detail.intent.as_ref().unwrap());
    let whole = |guest: usize, key: &str| {
        let fields = &guests[guest].fields;
        fields.iter().find(|field| field.field == key).unwrap_or_else(|| panic!("{fields:#?}")).whole.clone()
    };
    assert_eq!((whole(0, "disk.scsi0.size"), whole(0, "disk.scsi1.size")), (None, Some("disk.scsi1".to_owned())));
    assert_eq!(
        (whole(0, "nic.0.bridge"), whole(1, "disk.scsi1.size")),
        (Some("nic.0".to_owned()), Some("disk.scsi1".to_owned()))
    );
    let (new, old) = (guests[0].id.clone(), guests[1].id.clone());
    for (guest, key) in [(&new, "disk.scsi1"), (&new, "nic.0"), (&old, "disk.scsi1")] {
        lab.engine.edit(&lab.admin, id, guest, key, &json!(null)).await.unwrap();
        assert_eq!(lab.settled(id).await.status, "awaiting_approval");
    }
    let edited = lab.settled(id).await;
    assert_eq!(states(&edited), ["holds", "holds", "holds"], "{:#?}", edited.edits);
    assert_eq!((&edited.edits[0].from, &edited.edits[0].to), (&json!({ "size": "10 GiB" }), &json!(null)));
    // Taken back, it is there again; and what was set of it before it was left out is part of it.
    let back = take_back(&lab, &edited, 1).await.unwrap();
    assert_eq!(field(&back, "disk.scsi1.size").value, json!("10 GiB"));
    lab.engine.edit(&lab.admin, id, &new, "disk.scsi1.discard", &json!(true)).await.unwrap();
    lab.settled(id).await;
    lab.engine.edit(&lab.admin, id, &new, "disk.scsi1", &json!(null)).await.unwrap();
    let edited = lab.settled(id).await;
    assert_eq!(states(&edited), ["taken_back", "holds", "holds", "replaced", "holds"], "{:#?}", edited.edits);
    lab.confirm(&edited).await;
    let made = &lab.named("shop-01").await[0];
    assert_eq!((made.disks().count(), made.nics().count()), (1, 0));
    let kept = &lab.named("calm-1").await[0];
    assert_eq!((kept.disks().count(), kept.get(&Field::Plain(Plain::Cores))), (1, Some(&Value::Count(2))));
}
