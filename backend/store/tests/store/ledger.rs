//! Approvals, leases and the step ledger, with several workers at once.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::world::{CLOCK, FIRST, World, later, noon};
use mycopod_core::id::ReconciliationId;
use mycopod_core::ports::Upid;
use mycopod_core::status::{DeclarationStatus, ReconciliationStatus, StepState};
use mycopod_store::leases::{self, Lease};
use mycopod_store::{StoreError, approvals, declarations, plans, reconciliations, steps};
use serde_json::json;
use sqlx::{Executor, PgConnection};

const LONG: Duration = Duration::from_mins(5);
/// A lease that is over at once.
const NONE: Duration = Duration::ZERO;

async fn claim(connection: &mut PgConnection, worker: &str, lease: Duration) -> Option<Lease<ReconciliationId>> {
    leases::claim_reconciliation(connection, FIRST, worker, lease).await.unwrap()
}

fn upid() -> Upid {
    "UPID:pve1:0000C530:001C9BEC:670A1B2C:qmstart:101:root@pam:".parse().unwrap()
}

#[tokio::test]
async fn work_is_claimed_by_one_worker_and_by_the_next_when_the_lease_is_over() {
    let world = World::new().await;
    let id = world.applying(1).await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let first = claim(&mut connection, "a", LONG).await.unwrap();
    assert_eq!((first.work, first.fence), (id, 1));
    assert_eq!(claim(&mut connection, "b", LONG).await, None);

    leases::renew(&mut connection, &first, NONE).await.unwrap();
    let second = claim(&mut connection, "b", LONG).await.unwrap();
    assert_eq!((second.work, second.fence), (id, 2));
    assert!(matches!(leases::renew(&mut connection, &first, LONG).await, Err(StoreError::LeaseLost)));

    leases::release(&mut connection, &second).await.unwrap();
    let own = leases::claim(&mut connection, id, "c", NONE).await.unwrap().unwrap();
    assert!(own.fence > second.fence);
    let third = claim(&mut connection, "a", LONG).await.unwrap();
    assert!(third.fence > own.fence);
    assert_eq!(leases::claim(&mut connection, id, "c", LONG).await.unwrap(), None);
}

#[tokio::test]
async fn a_worker_neither_waits_for_another_ones_claim_nor_shares_it() {
    let world = World::new().await;
    let (first, second) = (world.applying(1).await, world.applying(1).await);
    let mut one = world.database.pool.begin().await.unwrap();
    let mut other = world.database.pool.begin().await.unwrap();
    assert_eq!(claim(&mut one, "one", LONG).await.unwrap().work, first);
    assert_eq!(claim(&mut other, "other", LONG).await.unwrap().work, second);
    assert_eq!(claim(&mut other, "other", LONG).await, None);
    one.rollback().await.unwrap();
    assert_eq!(claim(&mut other, "other", LONG).await.unwrap().work, first, "a claim that was given up is free");
}

#[tokio::test]
async fn a_lost_lease_writes_nothing() {
    let world = World::new().await;
    let id = world.applying(3).await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let lost = claim(&mut connection, "slow", LONG).await.unwrap();
    steps::start(&mut connection, &lost, 1, &json!({}), noon()).await.unwrap();
    steps::start(&mut connection, &lost, 2, &json!({}), noon()).await.unwrap();
    steps::submitted(&mut connection, &lost, 2, &upid(), noon()).await.unwrap();
    leases::renew(&mut connection, &lost, NONE).await.unwrap();
    claim(&mut connection, "quick", LONG).await.unwrap();
    let before = steps::list(&mut connection, id).await.unwrap();

    let done = StepState::Done;
    let finished = ReconciliationStatus::Converged;
    let refused = [
        steps::start(&mut connection, &lost, 3, &json!({}), noon()).await,
        steps::attempt_again(&mut connection, &lost, 1).await.map(drop),
        steps::submitted(&mut connection, &lost, 1, &upid(), noon()).await,
        steps::finish(&mut connection, &lost, 2, done, None, noon()).await,
        reconciliations::finish(&mut connection, &lost, finished, None, &json!({}), noon()).await,
    ];
    for (write, result) in refused.iter().enumerate() {
        assert!(matches!(result, Err(StoreError::LeaseLost)), "write {write}: {result:?}");
    }
    let mut transaction = world.database.pool.begin().await.unwrap();
    let skipped = steps::skip_pending(&mut transaction, &lost, noon()).await;
    assert!(matches!(skipped, Err(StoreError::LeaseLost)), "{skipped:?}");
    transaction.rollback().await.unwrap();

    assert_eq!(steps::list(&mut connection, id).await.unwrap(), before);
    let reconciliation = reconciliations::get(&mut connection, id).await.unwrap().unwrap();
    assert_eq!(reconciliation.status, ReconciliationStatus::Applying);
}

#[tokio::test]
async fn a_write_under_way_keeps_its_lease_until_it_is_committed() {
    let world = World::new().await;
    let id = world.applying(1).await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let lease = claim(&mut connection, "slow", LONG).await.unwrap();
    leases::renew(&mut connection, &lease, NONE).await.unwrap();

    let mut writing = world.database.pool.begin().await.unwrap();
    steps::start(&mut writing, &lease, 1, &json!({}), noon()).await.unwrap();
    assert_eq!(claim(&mut connection, "quick", LONG).await, None, "the row is skipped while it is written under");
    writing.commit().await.unwrap();
    assert_eq!(claim(&mut connection, "quick", LONG).await.unwrap().work, id);
    assert_eq!(steps::list(&mut connection, id).await.unwrap()[0].state, StepState::Started);
}

#[tokio::test]
async fn a_released_lease_is_over_for_its_holder_too() {
    let world = World::new().await;
    world.applying(1).await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let lease = claim(&mut connection, "a", LONG).await.unwrap();
    leases::release(&mut connection, &lease).await.unwrap();
    let late = steps::start(&mut connection, &lease, 1, &json!({}), noon()).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
}

#[tokio::test]
async fn a_step_goes_its_way_once() {
    let world = World::new().await;
    let id = world.applying(3).await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let lease = claim(&mut connection, "a", LONG).await.unwrap();
    let unbegun = steps::submitted(&mut connection, &lease, 1, &upid(), noon()).await;
    assert!(matches!(unbegun, Err(StoreError::NotOneRow(0))), "{unbegun:?}");
    let unbegun = steps::finish(&mut connection, &lease, 1, StepState::Done, None, noon()).await;
    assert!(matches!(unbegun, Err(StoreError::NotOneRow(0))), "{unbegun:?}");

    steps::start(&mut connection, &lease, 1, &json!({"seen": "absent"}), later(1)).await.unwrap();
    let twice = steps::start(&mut connection, &lease, 1, &json!({"seen": "present"}), later(2)).await;
    assert!(matches!(twice, Err(StoreError::NotOneRow(0))), "{twice:?}");
    assert_eq!(steps::attempt_again(&mut connection, &lease, 1).await.unwrap(), 2);
    steps::submitted(&mut connection, &lease, 1, &upid(), later(3)).await.unwrap();
    steps::finish(&mut connection, &lease, 1, StepState::Done, None, later(4)).await.unwrap();
    steps::start(&mut connection, &lease, 2, &json!({}), later(5)).await.unwrap();
    steps::finish(&mut connection, &lease, 2, StepState::Failed, Some("no room"), later(6)).await.unwrap();
    let mut transaction = world.database.pool.begin().await.unwrap();
    assert_eq!(steps::skip_pending(&mut transaction, &lease, later(7)).await.unwrap(), [3]);
    transaction.commit().await.unwrap();

    let ledger = steps::list(&mut connection, id).await.unwrap();
    let states: Vec<_> = ledger.iter().map(|step| step.state).collect();
    assert_eq!(states, [StepState::Done, StepState::Failed, StepState::Skipped]);
    assert_eq!(ledger[0].baseline, Some(json!({"seen": "absent"})), "the first look counts");
    assert_eq!(ledger[0].upid, Some(upid()));
    assert_eq!((ledger[0].started_at, ledger[0].finished_at), (Some(later(1)), Some(later(4))));
    assert_eq!(ledger[1].error.as_deref(), Some("no room"));
    let ended = steps::finish(&mut connection, &lease, 2, StepState::Done, None, later(8)).await;
    assert!(matches!(ended, Err(StoreError::NotOneRow(0))), "{ended:?}");
}

#[tokio::test]
async fn an_approval_is_spent_once_however_many_try_at_once() {
    let world = World::new().await;
    let (plan_id, plan) = world.planned(world.declared().await, 2).await;
    world.approve(plan_id, &plan).await;
    let mut attempts = Vec::new();
    for _ in 0..8 {
        let (pool, plan) = (world.database.pool.clone(), plan.clone());
        attempts.push(tokio::spawn(async move {
            let mut transaction = pool.begin().await.unwrap();
            let id = ReconciliationId::fresh(&CLOCK);
            let begun = reconciliations::begin(&mut transaction, id, plan_id, &plan, noon()).await;
            if begun.is_ok() {
                transaction.commit().await.unwrap();
            }
            begun
        }));
    }
    let mut begun = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(()) => begun += 1,
            Err(error) => assert!(matches!(error, StoreError::NoApproval), "{error}"),
        }
    }
    assert_eq!(begun, 1);
    let entered: i64 = sqlx::query_scalar("SELECT count(*) FROM steps").fetch_one(&world.database.pool).await.unwrap();
    assert_eq!(entered, 2);
}

#[tokio::test]
async fn an_approval_that_was_rolled_back_is_unspent() {
    let world = World::new().await;
    let (plan_id, plan) = world.planned(world.declared().await, 1).await;
    world.approve(plan_id, &plan).await;
    let mut transaction = world.database.pool.begin().await.unwrap();
    approvals::spend(&mut transaction, plan_id, plan.digest(), noon()).await.unwrap();
    transaction.rollback().await.unwrap();
    let mut connection = world.database.pool.acquire().await.unwrap();
    assert_eq!(approvals::get(&mut connection, plan_id).await.unwrap().unwrap().spent_at, None);
}

#[tokio::test]
async fn only_the_plans_own_digest_is_approved_and_spent() {
    let world = World::new().await;
    let (plan_id, plan) = world.planned(world.declared().await, 1).await;
    let (_, other) = world.planned(world.declared().await, 1).await;
    let record = mycopod_core::approval::ApprovalRecord {
        by: world.admin.id,
        digest: other.digest().clone(),
        destroy: BTreeSet::default(),
        standing: None,
    };
    let mut connection = world.database.pool.acquire().await.unwrap();
    assert!(approvals::give(&mut connection, plan_id, &record, noon()).await.is_err());
    world.approve(plan_id, &plan).await;
    let mut transaction = world.database.pool.begin().await.unwrap();
    let spent = approvals::spend(&mut transaction, plan_id, other.digest(), noon()).await;
    assert!(matches!(spent, Err(StoreError::NoApproval)), "{spent:?}");
    let again = approvals::give(
        &mut connection,
        plan_id,
        &mycopod_core::approval::ApprovalRecord { digest: plan.digest().clone(), ..record },
        noon(),
    )
    .await;
    assert!(matches!(again, Err(StoreError::AlreadyApproved)), "{again:?}");
}

#[tokio::test]
async fn the_same_plan_again_needs_an_approval_of_its_own() {
    let world = World::new().await;
    let declaration = world.declared().await;
    let (first, plan) = world.planned(declaration, 1).await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    assert_eq!(plans::save(&mut connection, &plan, later(1)).await.unwrap(), first, "asking twice makes no second");
    world.approve(first, &plan).await;
    let second = plans::save(&mut connection, &plan, later(2)).await.unwrap();
    assert_ne!(second, first);
    let mut transaction = world.database.pool.begin().await.unwrap();
    let begun = reconciliations::begin(&mut transaction, ReconciliationId::fresh(&CLOCK), second, &plan, noon()).await;
    assert!(matches!(begun, Err(StoreError::NoApproval)), "{begun:?}");
}

#[tokio::test]
async fn a_plan_comes_back_intact() {
    let world = World::new().await;
    let (id, plan) = world.planned(world.declared().await, 3).await;
    world.approve(id, &plan).await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let (stored, record) = approvals::with_plan(&mut connection, id).await.unwrap().unwrap();
    assert!(stored.is_intact());
    assert_eq!(stored, plan);
    assert_eq!(record.by, world.admin.id);
}

#[tokio::test]
async fn plans_and_spent_approvals_cannot_be_changed() {
    let world = World::new().await;
    world.applying(1).await;
    for sql in [
        "UPDATE plans SET created_at = now()",
        "DELETE FROM plans",
        "TRUNCATE plans CASCADE",
        "UPDATE approvals SET spent_at = NULL",
        "UPDATE approvals SET spent_at = now()",
        "UPDATE approvals SET destroy = '{}'",
        "DELETE FROM approvals",
        "UPDATE leases SET fence = fence - 1",
        "DELETE FROM leases",
    ] {
        let refused = world.database.pool.execute(sql).await;
        let code = refused.as_ref().err().and_then(|error| error.as_database_error()?.code());
        assert_eq!(code.as_deref(), Some("23001"), "{sql}: {refused:?}");
    }
}

#[tokio::test]
async fn a_declaration_moves_only_where_its_state_allows_and_one_of_two_wins() {
    let world = World::new().await;
    let id = world.declared().await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let jump = declarations::move_to(&mut connection, id, DeclarationStatus::Applying, None, noon()).await;
    assert!(
        matches!(
            jump,
            Err(StoreError::StatusChanged { found: DeclarationStatus::Reading, wanted: DeclarationStatus::Applying })
        ),
        "{jump:?}"
    );
    world.planned(id, 1).await;
    let approve = async {
        let mut connection = world.database.pool.acquire().await.unwrap();
        declarations::move_to(&mut connection, id, DeclarationStatus::Approved, None, noon()).await
    };
    let cancel = async {
        let mut connection = world.database.pool.acquire().await.unwrap();
        declarations::move_to(&mut connection, id, DeclarationStatus::Stale, Some("changed"), noon()).await
    };
    let (approved, stale) = tokio::join!(approve, cancel);
    // Approved may still become stale, but stale never approved.
    let (status, _) = declarations::standing(&mut connection, id).await.unwrap().unwrap();
    assert!(stale.is_ok());
    assert_eq!(status, DeclarationStatus::Stale);
    assert!(approved.is_ok() || matches!(approved, Err(StoreError::StatusChanged { .. })), "{approved:?}");
}

#[tokio::test]
async fn declarations_are_claimed_by_state_and_longest_waiting_first() {
    let world = World::new().await;
    let (first, second) = (world.declared().await, world.declared().await);
    let mut connection = world.database.pool.acquire().await.unwrap();
    sqlx::query("UPDATE declarations SET updated_at = $2 WHERE id = $1")
        .bind(second.0)
        .bind(later(-60))
        .execute(&mut *connection)
        .await
        .unwrap();
    let approved =
        leases::claim_declaration(&mut connection, FIRST, DeclarationStatus::Approved, "a", LONG).await.unwrap();
    assert_eq!(approved, None);
    for expected in [second, first] {
        let lease = leases::claim_declaration(&mut connection, FIRST, DeclarationStatus::Reading, "a", LONG)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(lease.work, expected);
    }
    assert_eq!(
        leases::claim_declaration(&mut connection, FIRST, DeclarationStatus::Reading, "b", LONG).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn calling_off_marks_what_is_under_way_and_nothing_else() {
    let world = World::new().await;
    let id = world.applying(1).await;
    let idle = world.declared().await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let declaration = reconciliations::get(&mut connection, id).await.unwrap().unwrap().declaration;
    assert!(!reconciliations::request_cancel(&mut connection, idle, later(1)).await.unwrap());
    assert!(reconciliations::request_cancel(&mut connection, declaration, later(1)).await.unwrap());
    assert!(reconciliations::request_cancel(&mut connection, declaration, later(2)).await.unwrap());
    let marked = reconciliations::latest(&mut connection, declaration).await.unwrap().unwrap();
    assert_eq!(marked.cancel_requested_at, Some(later(1)), "the first request counts");

    let lease = claim(&mut connection, "a", LONG).await.unwrap();
    let details = json!({"steps": 1});
    reconciliations::finish(&mut connection, &lease, ReconciliationStatus::Cancelled, None, &details, later(3))
        .await
        .unwrap();
    let ended = reconciliations::get(&mut connection, id).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.details), (ReconciliationStatus::Cancelled, details));
    assert!(!reconciliations::request_cancel(&mut connection, declaration, later(4)).await.unwrap());
}
