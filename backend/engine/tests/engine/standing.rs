//! Standing approvals: what happens by itself, what does not, and when it stops.

use std::time::Duration;

use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::guest::Power;
use mycopod_core::id::{DeclarationId, StandingId};
use mycopod_core::status::Role;
use mycopod_engine::Refusal;
use mycopod_engine::view::Detail;
use mycopod_store::{audit, standing, users};
use reqwest::Method;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgPool, Postgres};

use crate::keep::{drifted, edit, once};
use crate::lab::{Lab, user};

const SHOP: &str = "Create a VM called shop-01 with 4 cores, 8 GB RAM and a 40 GB disk";

async fn cores(lab: &Lab) -> Option<Value> {
    lab.named("shop-01").await.first()?.get(&Field::Plain(Plain::Cores)).cloned()
}

/// Waits until `is` holds of the declaration.
async fn until(lab: &Lab, id: DeclarationId, is: impl Fn(&Detail) -> bool) -> Detail {
    for _ in 0..1_200 {
        let detail = lab.engine.detail(&lab.admin, id).await.unwrap();
        if is(&detail) {
            return detail;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within a minute: {:#?}", lab.engine.detail(&lab.admin, id).await.unwrap());
}

/// Sets the cores by hand and waits until a repair of ours has set them back.
async fn undone(lab: &Lab, id: DeclarationId, repairs: usize) {
    edit(lab, "shop-01", &[("cores", "2")]).await;
    for _ in 0..1_200 {
        let done = audit_of(lab, id).await.iter().filter(|(kind, _)| kind == "drift.cleared").count();
        if done >= repairs && cores(lab).await == Some(Value::Count(4)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("repair {repairs} did not come: {:#?}", lab.engine.detail(&lab.admin, id).await.unwrap());
}

async fn audit_of(lab: &Lab, id: DeclarationId) -> Vec<(String, serde_json::Value)> {
    let mut connection = lab.database.pool.acquire().await.unwrap();
    let entries = audit::list(&mut connection, None, Some(id), None, 200).await.unwrap();
    entries.iter().map(|stored| stored.entry().unwrap()).map(|entry| (entry.kind, entry.details)).collect()
}

/// Waits until a repair was tried and found to need a person.
async fn left_to_a_person(lab: &Lab, id: DeclarationId) {
    for _ in 0..1_200 {
        let tried: bool =
            sqlx::query_scalar("SELECT tried_at IS NOT NULL FROM standing_approvals WHERE declaration_id = $1")
                .bind(id.0)
                .fetch_one(&lab.database.pool)
                .await
                .unwrap();
        if tried {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it was never tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_takes_effect_at_once_happens_by_itself_and_names_who_allowed_it() {
    let lab = Lab::running().await;
    let id = DeclarationId(lab.make(SHOP).await.id);
    lab.engine.give_standing(&lab.admin, id).await.unwrap();
    let again = lab.engine.give_standing(&lab.admin, id).await;
    assert!(matches!(again, Err(Refusal::Conflict(_))), "{again:?}");
    undone(&lab, id, 1).await;
    let detail = until(&lab, id, |detail| detail.status == "converged").await;
    let reconciliation = detail.reconciliation.unwrap();
    assert!(reconciliation.by_standing);
    assert_eq!(reconciliation.approved_by.email, "admin@example.org");
    let given = detail.standing.unwrap();
    assert_eq!((given.stands, given.used), (true, 1));
    let entries = audit_of(&lab, id).await;
    let approved = entries.iter().find(|(kind, _)| kind == "plan.approved").unwrap();
    assert_eq!(approved.1["given_by"], "admin@example.org", "{approved:?}");
    assert!(approved.1["standing"].is_string());
    assert!(lab.engine.verify_audit().await.unwrap().ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_guest_is_started_and_what_must_wait_for_a_restart_waits_for_a_person() {
    let lab = Lab::running().await;
    let made = lab.make("vm shop-01: 4 cores, 8 GB memory, 40 GB disk, start it now").await;
    let id = DeclarationId(made.id);
    lab.engine.give_standing(&lab.admin, id).await.unwrap();
    let guest = lab.named("shop-01").await.remove(0).guest;
    lab.by_hand(Method::POST, &format!("/nodes/{}/qemu/{}/status/stop", guest.node, guest.vmid), &[]).await;
    once(&lab, "shop-01", |row| row.status == "running" && row.drift.is_empty()).await;
    until(&lab, id, |detail| {
        detail.status == "converged" && detail.reconciliation.as_ref().is_some_and(|r| r.by_standing)
    })
    .await;
    // The cores of a running VM change at its next start: that is no repair by itself.
    edit(&lab, "shop-01", &[("cores", "2")]).await;
    once(&lab, "shop-01", |row| drifted(row, "cores").is_some()).await;
    left_to_a_person(&lab, id).await;
    let detail = lab.engine.detail(&lab.admin, id).await.unwrap();
    assert_eq!(detail.status, "converged");
    assert_eq!(detail.standing.unwrap().used, 1, "nothing else happened");
    assert_eq!(cores(&lab).await, Some(Value::Count(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_was_deleted_is_never_made_again_by_itself() {
    let lab = Lab::running().await;
    let id = DeclarationId(lab.make(SHOP).await.id);
    lab.engine.give_standing(&lab.admin, id).await.unwrap();
    let guest = lab.named("shop-01").await.remove(0).guest;
    lab.by_hand(Method::DELETE, &format!("/nodes/{}/qemu/{}", guest.node, guest.vmid), &[]).await;
    left_to_a_person(&lab, id).await;
    assert!(lab.named("shop-01").await.is_empty());
    assert_eq!(lab.engine.detail(&lab.admin, id).await.unwrap().status, "converged");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_admin_gives_and_revokes_it_and_of_one_who_is_none_any_more_it_does_not_hold() {
    let lab = Lab::running().await;
    let id = DeclarationId(lab.make(SHOP).await.id);
    let ann = user(&lab.engine, "ann@example.org", Role::User, true).await;
    for refused in [lab.engine.give_standing(&ann, id).await, lab.engine.revoke_standing(&ann, id).await] {
        assert!(matches!(refused, Err(Refusal::Forbidden(_))), "{refused:?}");
    }
    let refused = lab.engine.revoke_standing(&lab.admin, id).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "there is none: {refused:?}");
    lab.engine.give_standing(&lab.admin, id).await.unwrap();
    lab.engine.revoke_standing(&lab.admin, id).await.unwrap();
    let ended = lab.engine.detail(&lab.admin, id).await.unwrap().standing.unwrap();
    assert!(!ended.stands && ended.ended_why.unwrap().contains("admin@example.org"));
    edit(&lab, "shop-01", &[("cores", "2")]).await;
    once(&lab, "shop-01", |row| drifted(row, "cores").is_some()).await;

    let other = user(&lab.engine, "other@example.org", Role::Admin, true).await;
    let mut transaction = lab.database.pool.begin().await.unwrap();
    let now = lab.engine.clock().now();
    standing::give(&mut transaction, StandingId::fresh(lab.engine.clock()), id, other.id, 6, now).await.unwrap();
    users::update(&mut transaction, other.id, Some(Role::User), None).await.unwrap();
    transaction.commit().await.unwrap();
    let ended = until(&lab, id, |detail| detail.standing.as_ref().is_some_and(|standing| !standing.stands)).await;
    assert!(ended.standing.unwrap().ended_why.unwrap().contains("no Admin"));
    assert_eq!(cores(&lab).await, Some(Value::Count(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_as_many_repairs_within_an_hour_as_it_covers_it_stops_and_asks() {
    let lab = Lab::running().await;
    let id = DeclarationId(lab.make(SHOP).await.id);
    let given = StandingId::fresh(lab.engine.clock());
    let mut connection = lab.database.pool.acquire().await.unwrap();
    standing::give(&mut connection, given, id, lab.admin.id, 1, lab.engine.clock().now()).await.unwrap();
    drop(connection);
    undone(&lab, id, 1).await;
    edit(&lab, "shop-01", &[("cores", "2")]).await;
    let ended = until(&lab, id, |detail| detail.standing.as_ref().is_some_and(|standing| !standing.stands)).await;
    assert!(ended.standing.unwrap().ended_why.unwrap().starts_with("It covered 1 repairs"));
    assert_eq!(cores(&lab).await, Some(Value::Count(2)), "it asks, and repairs no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tools_that_fight_over_a_field_are_named_and_nothing_more_is_repaired_until_somebody_decides() {
    let lab = Lab::running().await;
    let id = DeclarationId(lab.make(SHOP).await.id);
    lab.engine.give_standing(&lab.admin, id).await.unwrap();
    for repair in 1..=3 {
        undone(&lab, id, repair).await;
        until(&lab, id, |detail| detail.status == "converged").await;
    }
    edit(&lab, "shop-01", &[("cores", "2")]).await;
    let row =
        once(&lab, "shop-01", |row| drifted(row, "cores").is_some_and(|drift| drift.repairs_undone.is_some())).await;
    assert_eq!(drifted(&row, "cores").unwrap().repairs_undone, Some(3));
    let detail = lab.engine.detail(&lab.admin, id).await.unwrap();
    let why = detail.standing.unwrap().ended_why.unwrap();
    assert!(
        why.starts_with("Two tools fight over Cores of shop-01: it is declared 4") && why.contains("is 2 again"),
        "{why}"
    );
    assert!(audit_of(&lab, id).await.iter().any(|(kind, _)| kind == "drift.looping"));
    assert_eq!(cores(&lab).await, Some(Value::Count(2)));
    // The decision that it shall go on begins the count anew.
    lab.engine.give_standing(&lab.admin, id).await.unwrap();
    for _ in 0..1_200 {
        if cores(&lab).await == Some(Value::Count(4)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it was given again and does nothing");
}

/// More than half of what pve1 has.
const HALF: &str = "on node pve1 with 1 core, 130 GB memory and a 1 GB disk and start it";

/// While somebody else has the turn to promise room and uses it for `other`, `begin` and what it leads to waits for it.
async fn promised_meanwhile(pool: &PgPool, other: DeclarationId, begin: impl Future<Output = ()>) {
    let mut turn = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM clusters FOR NO KEY UPDATE").execute(&mut *turn).await.unwrap();
    begin.await;
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                 AND wait_event_type = 'Lock' AND query LIKE 'SELECT FROM clusters%')";
    for n in 0.. {
        if sqlx::query_scalar::<_, bool>(waits).fetch_one(pool).await.unwrap() {
            break;
        }
        assert!(n < 1_200, "nobody came to their turn within a minute");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stand(other, "awaiting_approval").execute(&mut *turn).await.unwrap();
    turn.commit().await.unwrap();
}

fn stand(id: DeclarationId, status: &'static str) -> Query<'static, Postgres, PgArguments> {
    sqlx::query("UPDATE declarations SET status = $2 WHERE id = $1").bind(id.0).bind(status)
}

/// A declaration whose plan is promised more than half of pve1, called off for now.
async fn other_half(lab: &Lab) -> DeclarationId {
    let other = lab.declare(&format!("create a vm called other-1 {HALF}")).await;
    assert_eq!(other.status, "awaiting_approval", "{other:#?}");
    stand(DeclarationId(other.id), "cancelled").execute(&lab.database.pool).await.unwrap();
    DeclarationId(other.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_another_plan_was_promised_meanwhile_is_not_promised_again() {
    let mut lab = Lab::running().await;
    let other = other_half(&lab).await;
    lab.crash().await;
    let id = lab.engine.declare(&lab.admin, &format!("create a vm called shop-01 {HALF}")).await.unwrap();
    promised_meanwhile(&lab.database.pool.clone(), other, async { lab.run() }).await;
    let second = lab.settled(id).await;
    assert!(second.plan.is_none(), "both plans are promised the same memory: {second:#?}");
    assert!(second.reading.is_some_and(|reading| !reading.questions.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_another_plan_was_promised_meanwhile_is_not_taken_by_a_repair() {
    let lab = Lab::running().await;
    let other = other_half(&lab).await;
    let id = DeclarationId(lab.make(&format!("create a vm called shop-01 {HALF}")).await.id);
    lab.engine.give_standing(&lab.admin, id).await.unwrap();
    let guest = lab.named("shop-01").await.remove(0).guest;

    let stopped = format!("/nodes/{}/qemu/{}/status/stop", guest.node, guest.vmid);
    promised_meanwhile(&lab.database.pool, other, async { drop(lab.by_hand(Method::POST, &stopped, &[]).await) }).await;

    left_to_a_person(&lab, id).await;
    assert_eq!(lab.named("shop-01").await.remove(0).power, Power::Stopped);
    assert_eq!(lab.engine.detail(&lab.admin, id).await.unwrap().standing.unwrap().used, 0);
}
