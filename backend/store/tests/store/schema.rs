//! The schema: what the migrations leave, and on what they run.

use mycopod_store::testing::{MAKE_SCHEMA, database, empty_database, schema};
use mycopod_store::{StoreError, migrate};
use sqlx::Executor;

#[tokio::test]
async fn infra_schema_sql_is_the_schema_as_applied() {
    let kept = include_str!("../../../../infra/schema.sql");
    assert!(kept == schema().await, "infra/schema.sql is not what the migrations make. Mend it with\n  {MAKE_SCHEMA}");
}

#[tokio::test]
async fn migrating_an_empty_database_again_changes_nothing() {
    let database = empty_database().await;
    migrate(&database.pool).await.unwrap();
    database.pool.execute("SELECT FROM declarations").await.unwrap();
    migrate(&database.pool).await.unwrap();
    let applied: i64 =
        sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(&database.pool).await.unwrap();
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap().count();
    assert_eq!(usize::try_from(applied).unwrap(), files);
}

#[tokio::test]
async fn replicas_that_start_together_migrate_once() {
    let database = empty_database().await;
    let (one, other) = tokio::join!(migrate(&database.pool), migrate(&database.pool));
    one.unwrap();
    other.unwrap();
}

#[tokio::test]
async fn a_newer_versions_schema_is_refused() {
    let database = database().await;
    database
        .pool
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'of a newer version', true, '', 0)",
        )
        .await
        .unwrap();
    let refused = migrate(&database.pool).await.unwrap_err();
    assert!(matches!(refused, StoreError::SchemaNotOurs(_)), "{refused}");
}
