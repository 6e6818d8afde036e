//! Several clusters: what is on one is nothing to another.

use mycopod_core::id::{ClusterId, ResourceId};
use mycopod_core::status::DeclarationStatus;
use mycopod_store::clusters::{self, InUse};
use mycopod_store::{StoreError, declarations, leases, migrate, resources};
use sqlx::Executor;
use std::time::Duration;

use crate::world::{FIRST, World, access, guest, later, noon};

#[tokio::test]
async fn the_first_cluster_is_there_and_named_by_the_settings() {
    let world = World::new().await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let names = |listed: Vec<clusters::Cluster>| listed.into_iter().map(|c| c.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(clusters::list(&mut connection).await.unwrap()), ["main"]);
    world.cluster("lab").await;
    clusters::name_first(&mut connection, &"prod".parse().unwrap()).await.unwrap();
    assert_eq!(names(clusters::list(&mut connection).await.unwrap()), ["prod", "lab"], "the first comes first");
    let taken = clusters::name_first(&mut connection, &"lab".parse().unwrap()).await;
    assert!(matches!(taken, Err(StoreError::ClusterTaken(name)) if name == "lab"));
}

#[tokio::test]
async fn each_cluster_has_its_own_numbers_and_its_own_work() {
    let world = World::new().await;
    let lab = world.cluster("lab").await;
    let (here, there) = (world.declared().await, world.declared_on(lab).await);
    let mut connection = world.database.pool.acquire().await.unwrap();
    let (one, other) = (ResourceId::nth_of(here, 0), ResourceId::nth_of(there, 0));
    resources::reserve(&mut connection, one, &guest(100, "web"), here, noon()).await.unwrap();
    resources::reserve(&mut connection, other, &guest(100, "web"), there, noon()).await.unwrap();
    let listed = resources::list(&mut connection, lab).await.unwrap();
    assert_eq!(listed.iter().map(|found| (found.id, found.cluster)).collect::<Vec<_>>(), [(other, lab)]);
    let taken =
        resources::reserve(&mut connection, ResourceId::nth_of(there, 1), &guest(100, "db"), there, noon()).await;
    assert!(matches!(taken, Err(StoreError::VmidTaken(_))), "{taken:?}");
    let elsewhere = resources::present(&mut connection, one, &guest(100, "web"), there, None, noon()).await;
    assert!(elsewhere.is_err(), "a guest stays on its cluster: {elsewhere:?}");

    let claim =
        leases::claim_declaration(&mut connection, lab, DeclarationStatus::Reading, "a", Duration::from_mins(1));
    assert_eq!(claim.await.unwrap().unwrap().work, there);
}

#[tokio::test]
async fn a_declaration_may_go_to_another_cluster_until_it_is_planned() {
    let world = World::new().await;
    let lab = world.cluster("lab").await;
    let declaration = world.declared().await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    declarations::save_cluster(&mut connection, declaration, lab).await.unwrap();
    let found = declarations::get(&mut connection, declaration).await.unwrap().unwrap().line;
    assert_eq!((found.cluster, found.cluster_name.as_str()), (lab, "lab"));
    drop(connection);
    world.planned(declaration, 1).await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let moved = declarations::save_cluster(&mut connection, declaration, FIRST).await;
    assert!(matches!(moved, Err(StoreError::NotOneRow(0))), "{moved:?}");
    let by_hand = sqlx::query("UPDATE declarations SET cluster_id = $1").bind(FIRST.0).execute(&mut *connection).await;
    assert!(by_hand.unwrap_err().to_string().contains("stays on its cluster"));
}

#[tokio::test]
async fn a_cluster_in_use_is_not_removed_and_says_by_what() {
    let world = World::new().await;
    let lab = world.cluster("lab").await;
    let declaration = world.declared_on(lab).await;
    let mut transaction = world.database.pool.begin().await.unwrap();
    let id = ResourceId::nth_of(declaration, 0);
    resources::present(&mut transaction, id, &guest(101, "web"), declaration, None, noon()).await.unwrap();
    let in_use = clusters::remove(&mut transaction, lab, later(1)).await.unwrap().unwrap_err();
    assert_eq!(in_use, InUse { guests: vec!["web (101)".to_owned()], declarations: vec![declaration] });

    resources::gone(&mut transaction, id, later(2)).await.unwrap();
    declarations::move_to(&mut transaction, declaration, DeclarationStatus::Cancelled, None, later(2)).await.unwrap();
    clusters::remove(&mut transaction, lab, later(3)).await.unwrap().unwrap();
    let secret: Option<Vec<u8>> = sqlx::query_scalar("SELECT secret FROM clusters WHERE id = $1")
        .bind(lab.0)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(secret, None, "its secret goes with it");
    let line = declarations::get(&mut transaction, declaration).await.unwrap().unwrap().line;
    assert_eq!(line.cluster_name, "lab", "what was declared on it still says so");
    let late = declarations::create(
        &mut transaction,
        mycopod_core::id::DeclarationId::fresh(&crate::world::CLOCK),
        lab,
        world.author.id,
        "x",
        noon(),
    );
    assert!(matches!(late.await, Err(StoreError::ClusterGone)));
    transaction.commit().await.unwrap();
    world.cluster("lab").await;
}

#[tokio::test]
async fn of_two_changes_at_once_the_second_is_refused() {
    let world = World::new().await;
    let lab = world.cluster("lab").await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let before = clusters::list(&mut connection).await.unwrap().into_iter().find(|c| c.id == lab).unwrap();
    clusters::change(&mut connection, &before, &access(), &[8; 60], noon()).await.unwrap();
    let after = clusters::list(&mut connection).await.unwrap().into_iter().find(|c| c.id == lab).unwrap();
    assert!(after.changed_at > before.changed_at, "a change is seen even within the clock’s tick");
    let late = clusters::change(&mut connection, &before, &access(), &[9; 60], later(1)).await;
    assert!(matches!(late, Err(StoreError::NotOneRow(0))), "{late:?}");
    let first =
        sqlx::query("UPDATE clusters SET removed_at = now() WHERE id = $1").bind(FIRST.0).execute(&mut *connection);
    assert!(first.await.is_err(), "the first cluster stays");
}

/// What the released version left is on the first cluster after the upgrade.
#[tokio::test]
async fn what_there_was_before_is_on_the_first_cluster() {
    let database = mycopod_store::testing::empty_database().await;
    let released = include_str!("../../migrations/0001_schema.sql");
    database.pool.execute(released).await.unwrap();
    database
        .pool
        .execute(
            "INSERT INTO users VALUES ('00000000-0000-7000-8000-000000000001', 'a@b', '$argon2id$', 'Admin', true, now());
             INSERT INTO declarations (id, user_id, content, created_at, updated_at, status) VALUES
                 ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', 'a VM', now(), now(),
                  'reading');
             INSERT INTO resources VALUES ('00000000-0000-7000-8000-000000000003', 'qemu', 100, 'pve1', 'web',
                 '00000000-0000-7000-8000-000000000002', NULL, 'present', now());
             CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL,
                 installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL,
                 execution_time bigint NOT NULL)",
        )
        .await
        .unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (1, 'schema', now(), true, sha384(convert_to($1, 'UTF8')), 0)")
        .bind(released)
        .execute(&database.pool)
        .await
        .unwrap();
    migrate(&database.pool).await.unwrap();
    let mut connection = database.pool.acquire().await.unwrap();
    let [resource] = &resources::list(&mut connection, ClusterId::FIRST).await.unwrap()[..] else { panic!("one") };
    assert_eq!((resource.guest.vmid.get(), resource.cluster), (100, ClusterId::FIRST));
    let declaration = declarations::get(&mut connection, resource.declaration).await.unwrap().unwrap();
    assert_eq!(declaration.line.cluster_name, "main");
}
