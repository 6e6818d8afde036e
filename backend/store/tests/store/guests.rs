//! Resources, owned fields, drift, observations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::world::{FIRST, World, guest, later, noon};
use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::id::ResourceId;
use mycopod_core::observed::Observed;
use mycopod_store::resources::State;
use mycopod_store::{StoreError, checks, drift, leases, observations, owned_fields, resources, steps};
use serde_json::json;
use sqlx::PgConnection;

fn fields(fields: &[(Field, u64)]) -> BTreeMap<Field, Value> {
    fields.iter().map(|(field, count)| (field.clone(), Value::Count(*count))).collect()
}

#[tokio::test]
async fn a_vmid_is_reserved_for_one_resource_however_many_ask_at_once() {
    let world = World::new().await;
    let mut attempts = Vec::new();
    for _ in 0..6 {
        let (declaration, pool) = (world.declared().await, world.database.pool.clone());
        attempts.push(tokio::spawn(async move {
            let id = ResourceId::nth_of(declaration, 0);
            resources::reserve(&mut pool.acquire().await.unwrap(), id, &guest(100, "web"), declaration, noon()).await
        }));
    }
    let mut reserved = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(()) => reserved += 1,
            Err(error) => assert!(matches!(error, StoreError::VmidTaken(_)), "{error}"),
        }
    }
    assert_eq!(reserved, 1);
}

#[tokio::test]
async fn a_reservation_follows_the_plan_and_is_freed_when_unused() {
    let world = World::new().await;
    let (one, other) = (world.declared().await, world.declared().await);
    let (first, second) = (ResourceId::nth_of(one, 0), ResourceId::nth_of(other, 0));
    let mut connection = world.database.pool.acquire().await.unwrap();
    let vmids = async |connection: &mut PgConnection| {
        let listed = resources::list(connection, FIRST).await.unwrap();
        listed.iter().map(|resource| resource.guest.vmid.get()).collect::<Vec<_>>()
    };
    resources::reserve(&mut connection, first, &guest(100, "web"), one, noon()).await.unwrap();
    resources::reserve(&mut connection, second, &guest(101, "db"), other, noon()).await.unwrap();
    assert_eq!(vmids(&mut connection).await, [100, 101]);
    resources::reserve(&mut connection, first, &guest(105, "web"), one, later(1)).await.unwrap();
    assert_eq!(vmids(&mut connection).await, [101, 105]);

    resources::release_unused(&mut connection, one).await.unwrap();
    assert_eq!(vmids(&mut connection).await, [101]);

    resources::present(&mut connection, second, &guest(101, "db"), other, Some("uuid"), later(2)).await.unwrap();
    resources::release_unused(&mut connection, other).await.unwrap();
    let kept = resources::get(&mut connection, second).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.smbios_uuid.as_deref()), (State::Present, Some("uuid")));
    let moved = resources::reserve(&mut connection, second, &guest(102, "db"), other, later(3)).await;
    assert!(matches!(moved, Err(StoreError::NotOneRow(0))), "a guest that exists keeps its number: {moved:?}");
}

#[tokio::test]
async fn a_vmid_whose_guest_may_exist_stays_reserved() {
    let world = World::new().await;
    let reconciliation = world.applying(1).await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let declaration =
        mycopod_store::reconciliations::get(&mut connection, reconciliation).await.unwrap().unwrap().declaration;
    // The plan's only step acts on this resource.
    let id = ResourceId::nth_of(declaration, 1);
    resources::reserve(&mut connection, id, &guest(101, "web"), declaration, noon()).await.unwrap();
    let lease =
        leases::claim_reconciliation(&mut connection, FIRST, "a", Duration::from_mins(1)).await.unwrap().unwrap();
    steps::start(&mut connection, &lease, 1, &json!({}), noon()).await.unwrap();
    resources::release_unused(&mut connection, declaration).await.unwrap();
    assert!(resources::get(&mut connection, id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_guest_that_is_gone_frees_its_vmid_and_its_fields() {
    let world = World::new().await;
    let declaration = world.declared().await;
    let (old, new) = (ResourceId::nth_of(declaration, 0), ResourceId::nth_of(declaration, 1));
    let mut transaction = world.database.pool.begin().await.unwrap();
    resources::present(&mut transaction, old, &guest(100, "web"), declaration, None, noon()).await.unwrap();
    owned_fields::own(&mut transaction, old, declaration, &fields(&[(Field::Plain(Plain::Cores), 2)]), noon())
        .await
        .unwrap();
    resources::gone(&mut transaction, old, later(1)).await.unwrap();
    assert_eq!(owned_fields::all(&mut transaction, FIRST).await.unwrap(), []);
    resources::reserve(&mut transaction, new, &guest(100, "web"), declaration, later(2)).await.unwrap();
    let revived = resources::present(&mut transaction, old, &guest(100, "web"), declaration, None, later(3)).await;
    assert!(matches!(revived, Err(StoreError::VmidTaken(_))), "its number is another’s now: {revived:?}");
}

#[tokio::test]
async fn a_guest_may_be_deleted_by_two_plans_and_come_back_from_a_backup() {
    let world = World::new().await;
    let declaration = world.declared().await;
    let id = ResourceId::nth_of(declaration, 0);
    let mut transaction = world.database.pool.begin().await.unwrap();
    resources::present(&mut transaction, id, &guest(100, "web"), declaration, None, noon()).await.unwrap();
    resources::gone(&mut transaction, id, later(1)).await.unwrap();
    resources::gone(&mut transaction, id, later(2)).await.unwrap();
    assert_eq!(resources::get(&mut transaction, id).await.unwrap().unwrap().state, State::Gone);
    resources::present(&mut transaction, id, &guest(100, "web"), declaration, None, later(3)).await.unwrap();
    assert_eq!(resources::get(&mut transaction, id).await.unwrap().unwrap().state, State::Present);
}

#[tokio::test]
async fn the_newest_declaration_owns_a_field_and_one_without_any_is_superseded() {
    let world = World::new().await;
    let (older, newer) = (world.declared().await, world.declared().await);
    let id = ResourceId::nth_of(older, 0);
    let mut transaction = world.database.pool.begin().await.unwrap();
    resources::present(&mut transaction, id, &guest(100, "web"), older, None, noon()).await.unwrap();
    let both = fields(&[(Field::Plain(Plain::Cores), 2), (Field::Plain(Plain::Sockets), 1)]);
    assert!(owned_fields::own(&mut transaction, id, older, &both, noon()).await.unwrap().is_empty());

    let lost = owned_fields::own(&mut transaction, id, newer, &fields(&[(Field::Plain(Plain::Cores), 4)]), later(1))
        .await
        .unwrap();
    assert!(lost.is_empty(), "the older one still owns the sockets");
    let late = owned_fields::own(&mut transaction, id, older, &both, later(2)).await.unwrap();
    assert!(late.is_empty());
    let owned = owned_fields::of(&mut transaction, id).await.unwrap();
    assert_eq!((&owned[0].value, owned[0].declaration), (&Value::Count(4), newer), "an older one takes nothing back");

    let lost = owned_fields::own(&mut transaction, id, newer, &fields(&[(Field::Plain(Plain::Sockets), 2)]), later(3))
        .await
        .unwrap();
    assert_eq!(lost, BTreeSet::from([older]));
}

fn differing(declared: u64, observed: Option<u64>) -> drift::Differing {
    drift::Differing { declared: Value::Count(declared), observed: observed.map(Value::Count), cause: None }
}

#[tokio::test]
async fn drift_tells_what_is_new_and_what_is_over_and_keeps_since_when() {
    let world = World::new().await;
    let declaration = world.declared().await;
    let id = ResourceId::nth_of(declaration, 0);
    let mut transaction = world.database.pool.begin().await.unwrap();
    resources::present(&mut transaction, id, &guest(100, "web"), declaration, None, noon()).await.unwrap();
    let owned = fields(&[(Field::Plain(Plain::Cores), 2), (Field::Plain(Plain::Sockets), 1)]);
    owned_fields::own(&mut transaction, id, declaration, &owned, noon()).await.unwrap();
    let cores = BTreeMap::from([
        (Field::Plain(Plain::Cores), differing(2, Some(8))),
        (Field::Plain(Plain::Memory), differing(1, None)),
    ]);
    let first = drift::saw(&mut transaction, id, &cores, later(30)).await.unwrap();
    assert_eq!(first.found, BTreeSet::from([Field::Plain(Plain::Cores)]), "only what is owned drifts");
    let second = drift::saw(&mut transaction, id, &cores, later(60)).await.unwrap();
    assert_eq!(second, drift::News::default());
    let listed = drift::list(&mut transaction).await.unwrap();
    assert_eq!((listed[0].since, listed[0].seen_at), (later(30), later(60)));
    assert_eq!((listed.len(), listed[0].declaration), (1, declaration));

    let sockets = BTreeMap::from([(Field::Plain(Plain::Sockets), differing(1, None))]);
    let third = drift::saw(&mut transaction, id, &sockets, later(90)).await.unwrap();
    assert_eq!(
        third,
        drift::News {
            found: BTreeSet::from([Field::Plain(Plain::Sockets)]),
            cleared: BTreeSet::from([Field::Plain(Plain::Cores)]),
            ..drift::News::default()
        }
    );
    assert_eq!(drift::list(&mut transaction).await.unwrap()[0].observed, None);
    let last = drift::saw(&mut transaction, id, &BTreeMap::new(), later(120)).await.unwrap();
    assert_eq!(last.cleared, BTreeSet::from([Field::Plain(Plain::Sockets)]));
}

#[tokio::test]
async fn a_field_that_is_changed_again_after_each_repair_is_told_as_a_loop() {
    let world = World::new().await;
    let declaration = world.declared().await;
    let id = ResourceId::nth_of(declaration, 0);
    let cores = Field::Plain(Plain::Cores);
    let mut transaction = world.database.pool.begin().await.unwrap();
    resources::present(&mut transaction, id, &guest(100, "web"), declaration, None, noon()).await.unwrap();
    owned_fields::own(&mut transaction, id, declaration, &fields(&[(cores.clone(), 2)]), noon()).await.unwrap();
    let seen = BTreeMap::from([(cores.clone(), differing(2, Some(8)))]);
    let mut round = async |minute: i64| {
        let news = drift::saw(&mut transaction, id, &seen, later(minute * 60)).await.unwrap();
        assert!(news.found.contains(&cores));
        let all = BTreeSet::from([cores.clone(), Field::Plain(Plain::Memory)]);
        let repaired = drift::repaired(&mut transaction, id, &all, later(minute * 60 + 30)).await.unwrap();
        assert_eq!(repaired, BTreeSet::from([cores.clone()]), "only what had drifted was repaired");
        news.looping
    };
    for minute in 1..=3 {
        assert!(round(minute).await.is_empty(), "{minute}");
    }
    assert_eq!(round(4).await, BTreeMap::from([(cores.clone(), 3)]));
    // A day later nobody fights any more.
    assert!(round(3 * 24 * 60).await.is_empty());
    drift::saw(&mut transaction, id, &seen, later(4 * 24 * 3_600)).await.unwrap();
    drift::decided(&mut transaction, id, &cores).await.unwrap();
    assert!(drift::list(&mut transaction).await.unwrap().is_empty());
}

#[tokio::test]
async fn of_all_who_ask_one_sweeps_and_a_look_that_is_too_old_does_not_count() {
    let world = World::new().await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let hour = Duration::from_hours(1);
    assert!(checks::turn(&mut connection, FIRST, hour).await.unwrap());
    assert!(!checks::turn(&mut connection, FIRST, hour).await.unwrap());
    assert!(checks::turn(&mut connection, FIRST, Duration::ZERO).await.unwrap());
    drop(connection);

    let declaration = world.declared().await;
    let id = ResourceId::nth_of(declaration, 0);
    let cores = Field::Plain(Plain::Cores);
    let mut transaction = world.database.pool.begin().await.unwrap();
    resources::present(&mut transaction, id, &guest(100, "web"), declaration, None, noon()).await.unwrap();
    assert!(checks::due(&mut transaction, FIRST).await.unwrap().is_empty(), "nothing of it is owned");
    owned_fields::own(&mut transaction, id, declaration, &fields(&[(cores.clone(), 2)]), later(10)).await.unwrap();
    assert_eq!(checks::due(&mut transaction, FIRST).await.unwrap().len(), 1);
    assert!(!checks::saw(&mut transaction, id, None, true, later(9)).await.unwrap(), "it was made before it was owned");
    assert!(checks::saw(&mut transaction, id, None, true, later(20)).await.unwrap());
    assert!(!checks::saw(&mut transaction, id, None, false, later(15)).await.unwrap(), "a later one is kept");
    assert!(checks::saw(&mut transaction, id, None, false, later(30)).await.unwrap());
    assert_eq!(checks::due(&mut transaction, FIRST).await.unwrap()[0].clean_at, Some(later(20)));
    let extent = checks::extent(&mut transaction, FIRST).await.unwrap();
    assert_eq!((extent.guests, extent.guarded, extent.oldest), (1, 0, Some(later(30))));

    let ignored = owned_fields::Decision::Ignored;
    owned_fields::decide(&mut transaction, id, &cores, ignored, &Value::Count(2), world.admin.id, later(40))
        .await
        .unwrap();
    assert!(checks::due(&mut transaction, FIRST).await.unwrap().is_empty(), "nothing is owned any more");
    let lost = owned_fields::own(&mut transaction, id, declaration, &fields(&[(cores, 2)]), later(50)).await.unwrap();
    assert!(
        lost.is_empty() && owned_fields::of(&mut transaction, id).await.unwrap().is_empty(),
        "its declaration does not take it back"
    );
}

#[tokio::test]
async fn an_older_look_never_replaces_a_later_one() {
    let world = World::new().await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let look = |at, version: &str| Observed {
        at,
        version: version.to_owned(),
        cluster: "lab".to_owned(),
        nodes: BTreeMap::new(),
        guests: Vec::new(),
        images: Vec::new(),
        volumes: Vec::new(),
        pools: BTreeSet::new(),
        backup_jobs: None,
        replicas: BTreeMap::new(),
    };
    assert_eq!(observations::latest(&mut connection, FIRST).await.unwrap(), None);
    assert!(observations::save(&mut connection, FIRST, &look(later(30), "8.4.1\0")).await.unwrap());
    assert!(!observations::save(&mut connection, FIRST, &look(later(20), "8.4.0")).await.unwrap());
    let kept = observations::latest(&mut connection, FIRST).await.unwrap();
    assert_eq!(kept, Some(look(later(30), "8.4.1\u{fffd}")), "hostile text does not keep a look from being kept");
}
