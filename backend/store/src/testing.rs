//! A database a test, on the server that `scripts/with-postgres` starts.
//!
//! ```text
//! scripts/with-postgres cargo nextest run -p mycopod-store
//! ```

use std::process::Command;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor, PgPool};
use uuid::Uuid;

use crate::MIGRATIONS;
use crate::private::newest_program;

/// Names the server: any database of it, as a user who may create others.
const VARIABLE: &str = "MYCOPOD_TEST_DATABASE_URL";
/// What generates `infra/schema.sql`, from the repository's root.
pub const MAKE_SCHEMA: &str =
    "scripts/with-postgres cargo run -p mycopod-store --features testing --example schema > infra/schema.sql";
/// Any number: who makes the template first is settled by a lock of this key.
const TEMPLATE_LOCK: i64 = 0x4d79_636f;

/// A database of a test's own, which goes when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    /// Connections to it.
    pub pool: PgPool,
    options: PgConnectOptions,
    name: String,
}

impl TestDatabase {
    /// How to connect to it, for what makes its own pool.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let drop = format!(r#"DROP DATABASE IF EXISTS "{}" WITH (FORCE)"#, self.name);
        // A drop cannot await, and a runtime may not wait inside another.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { admin().await.execute(AssertSqlSafe(drop)).await }).map_err(std::io::Error::other)
        });
        // One that is left over goes with its server.
        let _ = dropped.join();
    }
}

/// A database with the schema of this version.
///
/// # Panics
/// Where there is no server, with the command that starts one.
pub async fn database() -> TestDatabase {
    let template = template().await;
    make(&format!(r#"TEMPLATE "{template}""#)).await
}

/// A database without any schema.
///
/// # Panics
/// Where there is no server, with the command that starts one.
pub async fn empty_database() -> TestDatabase {
    make("").await
}

/// The schema as the migrations leave it: the text of `infra/schema.sql`.
///
/// # Panics
/// Where there is no server, or `pg_dump` fails.
pub async fn schema() -> String {
    let database = database().await;
    let mut dump = Command::new(newest_program("pg_dump").await.expect("PostgreSQL's pg_dump is installed"));
    dump.args(["--schema-only", "--no-owner", "--no-privileges", "--exclude-table=_sqlx_migrations"]).args([
        "--dbname",
        &database.name,
        "--username",
        database.options.get_username(),
    ]);
    match database.options.get_socket() {
        Some(socket) => dump.arg("--host").arg(socket),
        None => dump.args(["--host", database.options.get_host()]),
    };
    let output = dump.args(["--port", &database.options.get_port().to_string()]).output().expect("pg_dump runs");
    assert!(output.status.success(), "pg_dump failed: {}", String::from_utf8_lossy(&output.stderr));
    normalised(&String::from_utf8(output.stdout).expect("pg_dump writes UTF-8"))
}

/// A dump without what depends on the version of `pg_dump`: comments, settings, its own commands.
fn normalised(dump: &str) -> String {
    let mut text =
        String::from("-- Generated from backend/store/migrations; `make schema` or the schema test says how.\n");
    let mut blank = true;
    for line in dump.lines() {
        let is_noise = ["--", "SET ", "SELECT pg_catalog.set_config", "\\"].iter().any(|start| line.starts_with(start));
        if is_noise || (line.is_empty() && blank) {
            continue;
        }
        if blank {
            text.push('\n');
        }
        blank = line.is_empty();
        if !blank {
            text.push_str(&line.replace("public.", ""));
            text.push('\n');
        }
    }
    text
}

fn server() -> PgConnectOptions {
    #[expect(clippy::disallowed_methods, reason = "a test's server is no part of the product's configuration")]
    let url = std::env::var(VARIABLE)
        .unwrap_or_else(|_| panic!("{VARIABLE} is unset: run the tests through scripts/with-postgres COMMAND…"));
    PgConnectOptions::from_str(&url).unwrap_or_else(|error| panic!("{VARIABLE} is no PostgreSQL URL: {error}"))
}

async fn admin() -> PgConnection {
    PgConnection::connect_with(&server()).await.unwrap_or_else(|error| panic!("the server of {VARIABLE}: {error}"))
}

async fn make(from: &str) -> TestDatabase {
    let mut admin = admin().await;
    let id: Uuid =
        sqlx::query_scalar("SELECT gen_random_uuid()").fetch_one(&mut admin).await.expect("the server answers");
    let name = format!("test_{}", id.simple());
    let create = format!(r#"CREATE DATABASE "{name}" {from}"#);
    admin.execute(AssertSqlSafe(create)).await.expect("a database can be made");
    let options = server().database(&name);
    let pool = crate::connect(options.clone()).await.expect("the new database can be reached");
    TestDatabase { pool, options, name }
}

/// A migrated database that others are copied from: copying is quicker than migrating.
async fn template() -> String {
    let mut hash = Sha256::new();
    for migration in MIGRATIONS.iter() {
        hash.update(&migration.checksum);
    }
    let name = format!("template_{}", hex::encode(&hash.finalize()[..8]));
    let mut admin = admin().await;
    // Tests are processes of their own: the first makes it, the others wait for the lock.
    sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut admin).await.expect("a lock");
    let ready: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(&name)
        .fetch_one(&mut admin)
        .await
        .expect("the server answers");
    if !ready {
        let unfinished = format!("{name}_unfinished");
        for sql in [format!(r#"DROP DATABASE IF EXISTS "{unfinished}""#), format!(r#"CREATE DATABASE "{unfinished}""#)]
        {
            admin.execute(AssertSqlSafe(sql)).await.expect("a template can be made");
        }
        let pool = crate::connect(server().database(&unfinished)).await.expect("the template can be reached");
        crate::migrate(&pool).await.expect("the migrations run");
        pool.close().await;
        let rename = format!(r#"ALTER DATABASE "{unfinished}" RENAME TO "{name}""#);
        admin.execute(AssertSqlSafe(rename)).await.expect("the template can be named");
    }
    // Closing gives the lock back.
    admin.close().await.expect("the connection closes");
    name
}
