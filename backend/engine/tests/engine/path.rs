//! The whole path, over the sandbox: from a sentence to a guest, and what must not happen on the way.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::lab::{Lab, user};
use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::guest::Power;
use mycopod_core::id::DeclarationId;
use mycopod_core::observed::Ownership;
use mycopod_core::status::Role;
use mycopod_engine::Refusal;
use mycopod_engine::view::{Detail, SourceView};
use mycopod_store::audit;
use reqwest::Method;

const SHOP: &str = "Create a VM called shop-01 with 4 cores, 8 GB RAM and a 40 GB disk";

async fn audit_kinds(lab: &Lab, id: uuid::Uuid) -> Vec<(String, serde_json::Value)> {
    let mut connection = lab.database.pool.acquire().await.unwrap();
    let mut entries = audit::list(&mut connection, None, Some(DeclarationId(id)), None, 200).await.unwrap();
    entries.reverse();
    entries.iter().map(|stored| stored.entry().unwrap()).map(|entry| (entry.kind, entry.details)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentence_becomes_one_guest_that_bears_our_marker() {
    let lab = Lab::running().await;
    let detail = lab.make(SHOP).await;
    let guests = lab.named("shop-01").await;
    let [guest] = guests.as_slice() else { panic!("{guests:#?}") };
    assert!(matches!(guest.ownership, Ownership::Ours(_)));
    assert_eq!(guest.get(&Field::Plain(Plain::Cores)), Some(&Value::Count(4)));
    assert_eq!(guest.power, Power::Stopped, "nobody said to start it");

    let kinds: Vec<String> = audit_kinds(&lab, detail.id).await.into_iter().map(|(kind, _)| kind).collect();
    let at = |kind: &str| kinds.iter().position(|k| k == kind).unwrap_or_else(|| panic!("no {kind} in {kinds:?}"));
    assert!(at("declaration.created") < at("declaration.read"));
    assert!(at("declaration.read") < at("plan.made"));
    assert!(at("plan.made") < at("plan.approved"));
    assert!(at("plan.approved") < at("step.started"), "I2: no step without an approval");
    assert!(at("step.started") < at("step.submitted"), "I8: entered before the call");
    assert!(at("step.done") < at("declaration.converged"));
    let verification = lab.engine.verify_audit().await.unwrap();
    assert!(verification.ok, "{verification:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn planning_again_what_is_so_writes_nothing() {
    let lab = Lab::running().await;
    let detail = lab.make("vm calm-1: 2 cores, 2 GB memory, 10 GB disk, tagged calm, start it now").await;
    let before = lab.named("calm-1").await;
    lab.engine.plan_again(&lab.admin, DeclarationId(detail.id)).await.unwrap();
    let again = lab.settled(DeclarationId(detail.id)).await;
    assert_eq!(again.status, "converged", "{again:#?}");
    let kinds = audit_kinds(&lab, detail.id).await;
    assert!(kinds.iter().any(|(kind, _)| kind == "plan.asked"), "who asked for it is known: {kinds:?}");
    assert!(again.plan.unwrap().steps.is_empty());
    assert_eq!(before[0].digest, lab.named("calm-1").await[0].digest, "I7");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_approved_cannot_declare_and_a_user_cannot_approve() {
    let lab = Lab::running().await;
    let new = user(&lab.engine, "new@example.org", Role::User, false).await;
    assert!(matches!(lab.engine.declare(&new, SHOP).await, Err(Refusal::Forbidden(_))));

    let known = user(&lab.engine, "known@example.org", Role::User, true).await;
    let id = lab.engine.declare(&known, SHOP).await.unwrap();
    let detail = lab.settled(id).await;
    let digest = detail.plan.unwrap().digest;
    assert!(matches!(lab.engine.approve(&known, id, &digest, &BTreeSet::new()).await, Err(Refusal::Forbidden(_))));
    assert!(matches!(lab.engine.detail(&new, id).await, Err(Refusal::NotFound(_))), "somebody else’s is not shown");
    assert!(lab.named("shop-01").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_says_admin_is_not_believed_when_the_account_says_user() {
    let lab = Lab::running().await;
    let detail = lab.declare(SHOP).await;
    let mut demoted = user(&lab.engine, "was-admin@example.org", Role::User, true).await;
    demoted.role = Role::Admin;
    let digest = detail.plan.unwrap().digest;
    let refused = lab.engine.approve(&demoted, DeclarationId(detail.id), &digest, &BTreeSet::new()).await;
    assert!(matches!(refused, Err(Refusal::Forbidden(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_went_stale_is_not_carried_out_but_made_anew() {
    let lab = Lab::running().await;
    lab.make(SHOP).await;
    let guest = lab.named("shop-01").await.remove(0).guest;
    let detail = lab.declare("set the memory of shop-01 to 16 GB").await;
    let old = detail.plan.as_ref().unwrap().digest.clone();
    let path = format!("/nodes/{}/qemu/{}/config", guest.node, guest.vmid);
    lab.by_hand(Method::PUT, &path, &[("cores", "8")]).await;

    let id = DeclarationId(detail.id);
    let refused = lab.engine.approve(&lab.admin, id, &old, &BTreeSet::new()).await;
    assert!(matches!(refused, Err(Refusal::Stale(_))), "{refused:?}");
    let again = lab.settled(id).await;
    assert_eq!(again.status, "awaiting_approval");
    assert_ne!(again.plan.as_ref().unwrap().digest, old);
    let refused = lab.engine.approve(&lab.admin, id, &old, &BTreeSet::new()).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "the old plan is gone for good: {refused:?}");
    assert_eq!(
        lab.named("shop-01").await[0].get(&Field::Plain(Plain::Memory)),
        Some(&Value::Size(mycopod_core::size::Size::gib(8)))
    );
    assert_eq!(lab.confirm(&again).await.status, "converged");
    assert_eq!(
        lab.named("shop-01").await[0].get(&Field::Plain(Plain::Cores)),
        Some(&Value::Count(8)),
        "only named fields are owned"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_changes_between_the_approval_and_the_step_is_not_touched() {
    let mut lab = Lab::running().await;
    lab.make(SHOP).await;
    let guest = lab.named("shop-01").await.remove(0).guest;
    let detail = lab.declare("set the memory of shop-01 to 16 GB").await;
    let id = DeclarationId(detail.id);
    lab.crash().await;
    lab.engine.approve(&lab.admin, id, &detail.plan.unwrap().digest, &BTreeSet::new()).await.unwrap();
    let path = format!("/nodes/{}/qemu/{}/config", guest.node, guest.vmid);
    lab.by_hand(Method::PUT, &path, &[("cores", "8")]).await;
    let before = lab.named("shop-01").await.remove(0);
    lab.restart(lab.pve.clone());
    assert_eq!(lab.settled(id).await.status, "stale", "I3");
    assert_eq!(lab.named("shop-01").await[0].digest, before.digest, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_destroyed_unless_it_is_named() {
    let lab = Lab::running().await;
    lab.make(SHOP).await;
    let detail = lab.declare("delete shop-01").await;
    let plan = detail.plan.as_ref().unwrap();
    assert_eq!(plan.summary.destroy, 1);
    for named in [BTreeSet::new(), BTreeSet::from(["web-01".to_owned()])] {
        let refused = lab.engine.approve(&lab.admin, DeclarationId(detail.id), &plan.digest, &named).await;
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    }
    assert_eq!(lab.named("shop-01").await.len(), 1);
    assert_eq!(lab.confirm(&detail).await.status, "converged");
    assert!(lab.named("shop-01").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_do_leaves_its_question_open() {
    let lab = Lab::running().await;
    let asked = lab.declare("create a VM with 2 cores, 2 GB RAM and a 10 GB disk").await;
    let id = DeclarationId(asked.id);
    let questions = asked.reading.unwrap().questions;
    let answer = |answer: &str| [(questions[0].id.clone(), answer.to_owned())];
    lab.engine.answer(&lab.admin, id, &answer("nm 1!!")).await.unwrap();
    let again = lab.settled(id).await;
    let open = &again.reading.as_ref().unwrap().questions[0];
    assert_eq!((again.status, open.answer.as_deref()), ("needs_answer", None), "{again:#?}");
    assert_eq!(open.text, format!("“nm 1!!” does not answer this. {}", questions[0].text));
    lab.engine.answer(&lab.admin, id, &answer("nm-1")).await.unwrap();
    let planned = lab.settled(id).await;
    assert_eq!(planned.status, "awaiting_approval", "{planned:#?}");
    assert_eq!(planned.reading.unwrap().questions[0].answer.as_deref(), Some("nm-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_were_not_understood_are_said_in_other_words() {
    let lab = Lab::running().await;
    let typed = "create vm k-3 with 2 cores, blorps, a 20 GB disk on vmbr77";
    let mut detail = lab.declare(typed).await;
    let id = DeclarationId(detail.id);
    let answered = async |detail: &Detail, about: &str, answer: &str| {
        let questions = &detail.reading.as_ref().unwrap().questions;
        let asked = questions.iter().find(|question| question.text.contains(about)).unwrap().id.clone();
        lab.engine.answer(&lab.admin, id, &[(asked, answer.to_owned())]).await.unwrap();
        lab.settled(id).await
    };
    let texts = |detail: &Detail| -> Vec<(String, Option<String>)> {
        let questions = &detail.reading.as_ref().unwrap().questions;
        questions.iter().map(|question| (question.text.clone(), question.answer.clone())).collect()
    };
    assert_eq!((detail.status, texts(&detail).len()), ("needs_answer", 2), "{detail:#?}");

    detail = answered(&detail, "vmbr77", "vmbr1").await;
    detail = answered(&detail, "blorps", "flurb the wumpus").await;
    assert_eq!(detail.status, "needs_answer");
    let reading = detail.reading.as_ref().unwrap();
    assert_eq!(
        reading.reworded.as_deref(),
        Some("create vm k-3 with 2 cores, flurb the wumpus, a 20 GB disk on vmbr77")
    );
    let open: Vec<_> = texts(&detail).into_iter().filter(|(_, answer)| answer.is_none()).collect();
    assert_eq!(open.len(), 1, "{detail:#?}");
    assert!(open[0].0.starts_with("MycoPod cannot tell what “flurb the wumpus” shall mean here."), "{open:?}");
    assert!(texts(&detail).iter().any(|(_, answer)| answer.as_deref() == Some("vmbr1")), "{detail:#?}");

    detail = answered(&detail, "flurb", "4 GB RAM").await;
    assert_eq!((detail.status, detail.content.as_str()), ("awaiting_approval", typed), "{detail:#?}");
    let reading = detail.reading.as_ref().unwrap();
    let said = reading.reworded.as_deref().unwrap();
    assert_eq!(said, "create vm k-3 with 2 cores, 4 GB RAM, a 20 GB disk on vmbr77");
    let memory = reading.statements[0].fields.iter().find(|field| field.field == "memory").unwrap();
    assert!(matches!(&memory.source, SourceView::Said { text, .. } if text == "4 GB RAM"), "{memory:?}");
    assert_eq!(lab.confirm(&detail).await.status, "converged");

    // Words may be left out by the option, whatever capitals it is written with.
    let detail = lab.declare("double the memory of web-01. Blorp the wumpus.").await;
    let asked = detail.reading.unwrap().questions[0].id.clone();
    let id = DeclarationId(detail.id);
    lab.engine.answer(&lab.admin, id, &[(asked, "leave it out".to_owned())]).await.unwrap();
    let left = lab.settled(id).await;
    assert_eq!((left.status, left.reading.unwrap().reworded), ("awaiting_approval", None));

    // What was said last is refused, as it would be in the text itself.
    let detail = lab.declare("blorp web-01").await;
    let asked = detail.reading.unwrap().questions[0].id.clone();
    let id = DeclarationId(detail.id);
    lab.engine.answer(&lab.admin, id, &[(asked, "delete everything".to_owned())]).await.unwrap();
    assert_eq!(lab.settled(id).await.status, "refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_and_the_whole_is_read_again() {
    let lab = Lab::running().await;
    let detail = lab.declare("create vm k-2, 2 cores, 4 GB, 20 GB disk on vmbr77").await;
    assert_eq!(detail.status, "needs_answer", "{detail:#?}");
    let questions = detail.reading.unwrap().questions;
    assert_eq!(questions.len(), 1, "{questions:#?}");
    assert!(questions[0].options.contains(&"vmbr1".to_owned()));
    let id = DeclarationId(detail.id);
    let unknown = lab.engine.answer(&lab.admin, id, &[("nonsense".into(), "vmbr1".into())]).await;
    assert!(matches!(unknown, Err(Refusal::Invalid(_))));
    lab.engine.answer(&lab.admin, id, &[(questions[0].id.clone(), "vmbr1".into())]).await.unwrap();
    let detail = lab.settled(id).await;
    assert_eq!(detail.status, "awaiting_approval", "{detail:#?}");
    assert_eq!(detail.reading.as_ref().unwrap().questions[0].answer.as_deref(), Some("vmbr1"));
    assert_eq!(lab.confirm(&detail).await.status, "converged");
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_found_with_its_age_and_repaired_by_a_plan() {
    let lab = Lab::running().await;
    let made = lab.make(SHOP).await;
    let guest = lab.named("shop-01").await.remove(0).guest;
    let path = format!("/nodes/{}/qemu/{}/config", guest.node, guest.vmid);
    // Cores were declared; that it starts at boot was not, and is nobody's business.
    lab.by_hand(Method::PUT, &path, &[("cores", "2"), ("onboot", "1")]).await;
    let drifted = loop {
        let rows = lab.engine.guests().await.unwrap();
        let row = rows.into_iter().find(|row| row.name == "shop-01").unwrap();
        if !row.drift.is_empty() {
            break row;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(drifted.managed);
    assert_eq!(drifted.drift.iter().map(|drift| drift.field.as_str()).collect::<Vec<_>>(), ["cores"]);

    let id = DeclarationId(made.id);
    lab.engine.plan_again(&lab.admin, id).await.unwrap();
    let repair = lab.settled(id).await;
    assert_eq!(repair.status, "awaiting_approval", "{repair:#?}");
    assert_eq!(repair.plan.as_ref().unwrap().steps.len(), 1);
    assert_eq!(lab.confirm(&repair).await.status, "converged");
    let guest = lab.named("shop-01").await.remove(0);
    assert_eq!(guest.get(&Field::Plain(Plain::Cores)), Some(&Value::Count(4)));
    assert_eq!(guest.get(&Field::Plain(Plain::OnBoot)), Some(&Value::Flag(true)));
    let cleared = loop {
        let kinds = audit_kinds(&lab, made.id).await;
        if kinds.iter().any(|(kind, _)| kind == "drift.cleared") {
            break true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(cleared);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_was_deleted_by_hand_is_made_again_whole_once_that_is_approved() {
    let lab = Lab::running().await;
    let made = lab.make(SHOP).await;
    let before = lab.named("shop-01").await.remove(0);
    lab.by_hand(Method::DELETE, &format!("/nodes/{}/qemu/{}", before.guest.node, before.guest.vmid), &[]).await;
    while !lab.named("shop-01").await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let row = loop {
        let rows = lab.engine.guests().await.unwrap();
        let row = rows.into_iter().find(|row| row.name == "shop-01").unwrap();
        if !row.drift.is_empty() {
            break row;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(row.managed && row.problem.is_some(), "{row:?}");
    lab.engine.plan_again(&lab.admin, DeclarationId(made.id)).await.unwrap();
    let repair = lab.settled(DeclarationId(made.id)).await;
    assert_eq!(repair.status, "awaiting_approval", "{repair:#?}");
    assert_eq!(lab.confirm(&repair).await.status, "converged");
    let after = lab.named("shop-01").await.remove(0);
    let nics: Vec<u8> = after.nics().collect();
    assert_eq!(nics, before.nics().collect::<Vec<_>>(), "what was a default counts again");
    assert_eq!(after.get(&Field::Plain(Plain::Memory)), before.get(&Field::Plain(Plain::Memory)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_declaration_takes_fields_over_and_an_older_repair_leaves_them() {
    let lab = Lab::running().await;
    let first = lab.make(SHOP).await;
    lab.make("set the cores of shop-01 to 6").await;
    lab.engine.plan_again(&lab.admin, DeclarationId(first.id)).await.unwrap();
    let again = lab.settled(DeclarationId(first.id)).await;
    assert_eq!(again.status, "converged", "I9: the older declaration moves nothing backwards: {again:#?}");
    assert_eq!(lab.named("shop-01").await[0].get(&Field::Plain(Plain::Cores)), Some(&Value::Count(6)));

    let third = lab.make("set the cores of shop-01 to 7").await;
    assert_eq!(third.status, "converged");
    let second =
        lab.engine.list(&lab.admin, 10, None).await.unwrap().into_iter().find(|d| d.content.ends_with("to 6")).unwrap();
    assert_eq!(second.status, "superseded", "all of its fields are owned by a newer one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_was_deleted_on_purpose_is_not_made_again_by_its_old_declaration() {
    let lab = Lab::running().await;
    let made = lab.make(SHOP).await;
    lab.make("delete shop-01").await;
    lab.engine.plan_again(&lab.admin, DeclarationId(made.id)).await.unwrap();
    let again = lab.settled(DeclarationId(made.id)).await;
    assert!(again.plan.is_none_or(|plan| plan.steps.is_empty()), "absence is bound to the guest");
    assert!(lab.named("shop-01").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_a_guest_that_is_not_ours_adopts_it_first_and_touches_no_other() {
    let lab = Lab::running().await;
    let before = lab.observed().await;
    let target =
        before.guests.iter().find(|seen| seen.guest.name == "web-02").expect("the demo world has web-02").clone();
    let detail = lab.make("web-02 gets 4 cores and 8 GB of RAM").await;
    let actions: Vec<&str> = detail.plan.as_ref().unwrap().steps.iter().map(|step| step.action).collect();
    assert_eq!(actions, ["adopt", "update"]);
    let after = lab.observed().await;
    for seen in &before.guests {
        let now = after.guest(seen.guest.key()).unwrap();
        if seen.guest.key() == target.guest.key() {
            assert!(matches!(now.ownership, Ownership::Ours(_)));
            assert_eq!(now.power, seen.power);
        } else {
            assert_eq!(now.raw, seen.raw, "I4: {} was not named", seen.guest.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_put_in_place_of_ours_is_left_alone() {
    let lab = Lab::running().await;
    lab.make(SHOP).await;
    let guest = lab.named("shop-01").await.remove(0).guest;
    let detail = lab.declare("set the cores of shop-01 to 8").await;
    let (node, vmid) = (guest.node.clone(), guest.vmid.to_string());
    lab.by_hand(Method::DELETE, &format!("/nodes/{node}/qemu/{vmid}"), &[]).await;
    loop {
        if lab.named("shop-01").await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    lab.by_hand(Method::POST, &format!("/nodes/{node}/qemu"), &[("vmid", &vmid), ("name", "shop-01"), ("cores", "1")])
        .await;
    let refused =
        lab.engine.approve(&lab.admin, DeclarationId(detail.id), &detail.plan.unwrap().digest, &BTreeSet::new()).await;
    assert!(matches!(refused, Err(Refusal::Stale(_))), "I3: {refused:?}");
    lab.settled(DeclarationId(detail.id)).await;
    assert_eq!(lab.named("shop-01").await[0].get(&Field::Plain(Plain::Cores)), Some(&Value::Count(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_called_off_is_not_carried_out_and_its_vmid_is_free_again() {
    let lab = Lab::running().await;
    let detail = lab.declare(SHOP).await;
    let id = DeclarationId(detail.id);
    lab.engine.cancel(&lab.admin, id).await.unwrap();
    let vmid = detail.plan.as_ref().unwrap().steps[0].guest.as_ref().unwrap().vmid;
    let refused = lab.engine.approve(&lab.admin, id, &detail.plan.as_ref().unwrap().digest, &BTreeSet::new()).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))));
    let other = lab.declare("create a vm called other-1 with 1 core, 1 GB memory and a 5 GB disk").await;
    assert_eq!(other.plan.unwrap().steps[0].guest.as_ref().unwrap().vmid, vmid);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_audit_log_is_noticed_and_the_entry_named() {
    let lab = Lab::running().await;
    lab.make(SHOP).await;
    lab.engine.checkpoint().await.unwrap();
    for statement in [
        "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
        "UPDATE audit_entries SET entry = replace(entry, 'shop-01', 'shop-02') WHERE seq = 1",
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&lab.database.pool).await.unwrap();
    }
    let verification = lab.engine.verify_audit().await.unwrap();
    assert!(!verification.ok);
    assert_eq!(verification.first_bad.unwrap().seq, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn saying_the_same_again_under_one_key_declares_once() {
    let lab = Lab::running().await;
    let say = |content: &'static str, key: &'static str| lab.engine.declare_once(&lab.admin, content, Some(key));
    let (first, again) = tokio::join!(say(SHOP, "key-1"), say(SHOP, "key-1"));
    assert_eq!(first.unwrap(), again.unwrap());
    let first = say(SHOP, "key-1").await.unwrap();
    assert!(matches!(say("start test-1", "key-1").await, Err(Refusal::Conflict(_))));
    assert_ne!(say("start test-1", "key-2").await.unwrap(), first);
    for key in ["", "with space", "ü", &"k".repeat(101)] {
        let refused = lab.engine.declare_once(&lab.admin, SHOP, Some(key)).await;
        assert!(matches!(refused, Err(Refusal::Field { .. })), "{key}");
    }
    // Everybody has keys of their own.
    let other = user(&lab.engine, "other@example.org", Role::User, true).await;
    assert_ne!(lab.engine.declare_once(&other, SHOP, Some("key-1")).await.unwrap(), first);
    assert_eq!(lab.engine.list(&lab.admin, 50, None).await.unwrap().len(), 3);
}
