//! What a connection was left in by whoever had it before.

use mycopod_store::pool_options;
use mycopod_store::testing;

#[tokio::test]
async fn nobody_goes_on_in_a_transaction_that_somebody_left_behind() {
    let database = testing::empty_database().await;
    let pool = pool_options().max_connections(1).connect_with(database.options()).await.unwrap();
    sqlx::query("CREATE TABLE kept (n integer)").execute(&pool).await.unwrap();
    let clean: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await.unwrap();
    let again: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await.unwrap();
    assert_eq!(clean, again, "a connection that is fit is used again");

    // As a `begin` leaves it whose future is dropped before PostgreSQL has answered.
    let mut left = pool.acquire().await.unwrap();
    sqlx::raw_sql("BEGIN").execute(&mut *left).await.unwrap();
    drop(left);
    sqlx::query("INSERT INTO kept VALUES (1)").execute(&pool).await.unwrap();
    pool.close().await;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM kept").fetch_one(&database.pool).await.unwrap();
    assert_eq!(kept, 1, "what was written outside of a transaction stays");
}
