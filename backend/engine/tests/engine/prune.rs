//! Archiving and removing: what may go, what stays, and that nothing goes that was not written out.

use std::time::Duration;

use chrono::TimeDelta;
use mycopod_core::id::DeclarationId;
use mycopod_core::status::Role;
use mycopod_engine::{Engine, Refusal, Settings};

use crate::lab::{Lab, parts, user};

async fn count(lab: &Lab, table: &str, id: uuid::Uuid) -> i64 {
    let query = format!("SELECT count(*) FROM {table} WHERE declaration_id = $1");
    sqlx::query_scalar(sqlx::AssertSqlSafe(query)).bind(id).fetch_one(&lab.database.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_is_archived_and_removed_and_what_is_owned_stays_as_does_the_audit_log() {
    let mut lab = Lab::running().await;
    let kept = lab.make("vm shop-01: 4 cores, 8 GB memory, 40 GB disk").await;
    let over = lab.make("set the cores of shop-01 to 6").await;
    let newer = lab.make("set the cores of shop-01 to 7").await;
    let called_off = lab.declare("vm other-01: 1 core, 1 GB memory, 4 GB disk").await;
    lab.engine.cancel(&lab.admin, DeclarationId(called_off.id)).await.unwrap();
    let waiting = lab.declare("vm waiting-01: 1 core, 1 GB memory, 4 GB disk").await;
    assert_eq!(lab.engine.detail(&lab.admin, DeclarationId(over.id)).await.unwrap().status, "superseded");
    let before = lab.engine.clock().now() - TimeDelta::milliseconds(1);

    let refused = lab.engine.archive(&lab.admin, before).await;
    assert!(matches!(refused, Err(Refusal::Invalid(_))), "90 days are the least: {refused:?}");
    lab.crash().await;
    let mut parts = parts(&lab.database, lab.pve.clone());
    parts.settings = Settings { retention: Duration::ZERO, ..parts.settings };
    lab.engine = Engine::new(parts);
    lab.run();
    let ann = user(&lab.engine, "ann@example.org", Role::User, true).await;
    assert!(matches!(lab.engine.archive(&ann, before).await, Err(Refusal::Forbidden(_))));

    let batch = lab.engine.archive(&lab.admin, before).await.unwrap();
    assert_eq!(batch.lines.len(), 2, "the superseded one and the one called off: {:#?}", batch.lines);
    let line: serde_json::Value = serde_json::from_str(&batch.lines[0]).unwrap();
    assert_eq!(line["declaration"]["content"], "set the cores of shop-01 to 6");
    assert_eq!(line["steps"][0]["state"], "done");
    assert_eq!(line["approvals"][0]["digest"], line["plans"][0]["digest"]);
    assert!(line["declaration"]["reading"]["statements"].is_array());

    let refused = lab.engine.prune(&lab.admin, before, &"0".repeat(64)).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    assert_eq!(count(&lab, "plans", over.id).await, 1, "nothing goes that was not written out");
    let pruned = lab.engine.prune(&lab.admin, before, &batch.sha256).await.unwrap();
    assert_eq!(pruned.declarations, 2);
    for (id, left) in [(over.id, 0), (called_off.id, 0), (kept.id, 1), (newer.id, 1), (waiting.id, 1)] {
        assert_eq!(count(&lab, "plans", id).await, left);
    }
    assert_eq!(count(&lab, "reconciliations", over.id).await, 0);
    let left = lab.engine.detail(&lab.admin, DeclarationId(over.id)).await.unwrap();
    assert_eq!((left.content.as_str(), left.status), ("set the cores of shop-01 to 6", "superseded"));
    assert!(left.plan.is_none() && left.reading.is_none());
    assert!(lab.engine.archive(&lab.admin, before).await.unwrap().lines.is_empty(), "once");
    let verification = lab.engine.verify_audit().await.unwrap();
    assert!(verification.ok, "{verification:?}");
    let entries = count(&lab, "audit_entries", over.id).await;
    assert!(entries >= 6, "all that was entered of it is there still: {entries}");

    for sql in [
        "DELETE FROM plans",
        "DELETE FROM approvals",
        "DELETE FROM reconciliations",
        "DELETE FROM steps",
        "DELETE FROM leases",
        "DELETE FROM declarations",
        "DELETE FROM prunings",
        "UPDATE declarations SET pruned_by = NULL WHERE pruned_by IS NOT NULL",
        "UPDATE declarations SET pruned_by = (SELECT id FROM prunings), plan_id = NULL, reader = NULL, reading = NULL,
             intent = NULL, status = 'cancelled' WHERE pruned_by IS NULL",
    ] {
        let refused = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&lab.database.pool).await;
        assert!(refused.is_err(), "{sql}");
    }
    // What goes on goes on.
    assert_eq!(lab.confirm(&waiting).await.status, "converged");
}
