//! Standing approvals and freezes: what the database itself refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::world::{CLOCK, FIRST, World, later, noon, plan};
use mycopod_core::approval::{ApprovalRecord, Approved};
use mycopod_core::field::Slot;
use mycopod_core::id::{DeclarationId, StandingId};
use mycopod_core::plan::{Action, Effect, Plan, Step};
use mycopod_core::size::Size;
use mycopod_store::{StoreError, approvals, freezes, leases, plans, reconciliations, standing};

/// A plan of one step.
fn one_step(declaration: DeclarationId, action: Action, effect: Effect) -> Plan {
    let Some(step) = plan(declaration, 1).steps().first().cloned() else { unreachable!() };
    Plan::new(declaration, vec![Step { action, effect, ..step }], Vec::new(), BTreeMap::new(), "{}".to_owned())
}

#[tokio::test]
async fn a_standing_approval_covers_in_the_database_just_what_it_covers_in_the_types() {
    let world = World::new().await;
    let declaration = world.declared().await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let given = StandingId::fresh(&CLOCK);
    standing::give(&mut connection, given, declaration, world.admin.id, 60, noon()).await.unwrap();
    let size = Size::gib(8);
    let (fields, macs) = (BTreeMap::new(), BTreeMap::new());
    let actions = [
        Action::Create { fields: fields.clone(), template: None, macs: macs.clone() },
        Action::Adopt,
        Action::Update { fields, macs },
        Action::AddDisk { slot: Slot::scsi(1), storage: "local".into(), size, parts: BTreeMap::new() },
        Action::Resize { slot: Slot::scsi(1), size },
        Action::MoveDisk { disk: "scsi1".into(), storage: "local".into() },
        Action::Detach { slot: Slot::scsi(1), volume: "local:1".into() },
        Action::DestroyVolume { volume: "local:1".into() },
        Action::RemoveNic { number: 0 },
        Action::SetPool { from: String::new(), to: "prod".into() },
        Action::SetHa { known: true, state: "started".into() },
        Action::Start,
        Action::Shutdown { seconds: 60 },
        Action::Stop,
        Action::Reboot,
        Action::Suspend,
        Action::Resume,
        Action::Snapshot { name: "before".into() },
        Action::Rollback { name: "before".into() },
        Action::DeleteSnapshot { name: "before".into() },
        Action::Backup { storage: "local".into(), mode: "snapshot".into() },
        Action::Restore { backup: "local:backup/1".into() },
        Action::MakeTemplate,
        Action::Migrate { node: "pve2".into(), running: true, local_disks: false, storage: None },
        Action::Delete,
    ];
    let effects = [Effect::Live, Effect::Pending, Effect::Reboot, Effect::Stop, Effect::Destroy];
    let mut covered = 0;
    for action in actions {
        for effect in effects {
            let plan = one_step(declaration, action.clone(), effect);
            let name = action.name();
            let plan_id = plans::save(&mut connection, &plan, noon()).await.unwrap();
            let record = ApprovalRecord {
                by: world.admin.id,
                digest: plan.digest().clone(),
                destroy: BTreeSet::new(),
                standing: Some(given),
            };
            let in_types = Approved::by_standing(plan.clone(), world.admin.id, given);
            // Given past the types, the database refuses it all the same.
            let in_database = approvals::give(&mut connection, plan_id, &record, noon()).await;
            assert_eq!(in_types.is_ok(), in_database.is_ok(), "{name} {effect:?}: {in_types:?} {in_database:?}");
            covered += usize::from(in_types.is_ok());
        }
    }
    assert_eq!(covered, 6, "update, resize, pool, HA, start and resume, where they take effect at once");
}

#[tokio::test]
async fn an_approval_by_a_standing_one_needs_that_it_stands_is_its_own_and_is_not_used_up() {
    let world = World::new().await;
    let (declaration, other) = (world.declared().await, world.declared().await);
    let mut connection = world.database.pool.acquire().await.unwrap();
    let given = StandingId::fresh(&CLOCK);
    standing::give(&mut connection, given, declaration, world.admin.id, 2, noon()).await.unwrap();
    let again =
        standing::give(&mut connection, StandingId::fresh(&CLOCK), declaration, world.admin.id, 2, noon()).await;
    assert!(matches!(again, Err(StoreError::AlreadyApproved)), "{again:?}");
    let mut give = async |declaration, by, at| {
        let plan = plan(declaration, 1);
        let plan_id = plans::save(&mut connection, &plan, at).await.unwrap();
        let (_, record) = Approved::by_standing(plan, by, given).unwrap();
        approvals::give(&mut connection, plan_id, &record, at).await
    };
    assert!(give(other, world.admin.id, noon()).await.is_err(), "another declaration’s");
    assert!(give(declaration, world.author.id, noon()).await.is_err(), "in another’s name");
    give(declaration, world.admin.id, noon()).await.unwrap();
    give(declaration, world.admin.id, later(60)).await.unwrap();
    assert!(give(declaration, world.admin.id, later(120)).await.is_err(), "two within an hour are all");
    give(declaration, world.admin.id, later(3_700)).await.unwrap();
    let mut transaction = world.database.pool.begin().await.unwrap();
    let ended = standing::end(&mut transaction, declaration, None, "A loop.", later(3_800)).await.unwrap();
    assert_eq!(ended.unwrap().id, given);
    transaction.commit().await.unwrap();
    assert!(give(declaration, world.admin.id, later(9_000)).await.is_err(), "it has ended");
    for sql in [
        "UPDATE standing_approvals SET ended_at = NULL, ended_why = NULL",
        "UPDATE standing_approvals SET per_hour = 60",
        "DELETE FROM standing_approvals",
        "UPDATE approvals SET standing_id = NULL",
    ] {
        let refused = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&world.database.pool).await;
        assert!(refused.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn while_frozen_no_step_begins_and_only_what_was_begun_or_called_off_is_claimed() {
    let world = World::new().await;
    let id = world.applying(2).await;
    let mut transaction = world.database.pool.begin().await.unwrap();
    assert!(freezes::may_begin(&mut transaction, FIRST).await.unwrap());
    let freezing = {
        let (pool, admin) = (world.database.pool.clone(), world.admin.id);
        tokio::spawn(async move {
            let mut transaction = pool.begin().await.unwrap();
            assert!(freezes::set(&mut transaction, None, admin, "upgrade", noon()).await.unwrap());
            transaction.commit().await.unwrap();
        })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!freezing.is_finished(), "whoever freezes waits for those who begin a step");
    transaction.commit().await.unwrap();
    freezing.await.unwrap();
    let mut connection = world.database.pool.acquire().await.unwrap();
    let claim = leases::claim_reconciliation(&mut connection, FIRST, "w", Duration::from_secs(15)).await.unwrap();
    assert_eq!(claim, None);
    let declaration = reconciliations::get(&mut connection, id).await.unwrap().unwrap().declaration;
    reconciliations::request_cancel(&mut connection, declaration, noon()).await.unwrap();
    let claim = leases::claim_reconciliation(&mut connection, FIRST, "w", Duration::from_secs(15)).await.unwrap();
    assert_eq!(claim.map(|lease| lease.work), Some(id), "that it was called off must come to its end");
    drop(connection);
    let mut transaction = world.database.pool.begin().await.unwrap();
    assert!(!freezes::may_begin(&mut transaction, FIRST).await.unwrap());
    assert!(freezes::lift(&mut transaction, None).await.unwrap());
    assert!(freezes::may_begin(&mut transaction, FIRST).await.unwrap());
}
