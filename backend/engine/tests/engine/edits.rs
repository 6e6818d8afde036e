//! Fields that are set in a form while a plan waits for approval.

use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::id::DeclarationId;
use mycopod_core::status::Role;
use mycopod_engine::Refusal;
use mycopod_engine::view::{Detail, IntentField};
use mycopod_store::audit;
use serde_json::{Value as Json, json};

use crate::lab::{Lab, user};

fn field<'d>(detail: &'d Detail, key: &str) -> &'d IntentField {
    let guests = detail.intent.as_ref().unwrap_or_else(|| panic!("{detail:#?}"));
    let mut fields = guests.iter().flat_map(|guest| &guest.fields);
    fields.find(|field| field.field == key).unwrap_or_else(|| panic!("no {key} in {guests:#?}"))
}

/// Sets a field of the declaration's first guest, and waits for the new plan.
async fn set(lab: &Lab, detail: &Detail, key: &str, value: Json) -> Result<Detail, Refusal> {
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
        ("memory", json!("8 GB")),
        ("swap", json!("1 GiB")),
        ("coers", json!(1)),
        ("firewall.enable", json!(true)),
        ("vmid", json!("x")),
        ("node", json!("")),
    ] {
        let refused = set(&lab, &detail, key, bad.clone()).await;
        assert!(matches!(refused, Err(Refusal::Invalid(_) | Refusal::Conflict(_))), "{key} {bad}: {refused:?}");
    }
    let refused = lab.engine.edit(&lab.admin, DeclarationId(detail.id), "999", "cores", &json!(1)).await;
    assert!(matches!(refused, Err(Refusal::Invalid(_))), "{refused:?}");
    let other = user(&lab.engine, "other@example.org", Role::User, true).await;
    let guest = detail.intent.as_ref().unwrap()[0].id.clone();
    let refused = lab.engine.edit(&other, DeclarationId(detail.id), &guest, "cores", &json!(1)).await;
    assert!(matches!(refused, Err(Refusal::NotFound(_))), "{refused:?}");
    assert!(lab.engine.detail(&lab.admin, DeclarationId(detail.id)).await.unwrap().edits.is_empty());

    let asked = set(&lab, &detail, "nic.0.bridge", json!("vmbr77")).await.unwrap();
    assert_eq!(asked.status, "needs_answer", "{asked:#?}");
    let question = &asked.reading.as_ref().unwrap().questions[0];
    assert!(question.text.contains("vmbr77"), "{question:?}");
    let answer = (question.id.clone(), question.options[0].clone());
    lab.engine.answer(&lab.admin, DeclarationId(detail.id), &[answer]).await.unwrap();
    let settled = lab.settled(DeclarationId(detail.id)).await;
    assert_eq!(settled.status, "awaiting_approval", "{settled:#?}");
    assert_eq!(settled.edits.len(), 1, "the record has it still");
}
