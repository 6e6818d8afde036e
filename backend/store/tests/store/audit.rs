//! The audit log: gapless, immutable, and a true Merkle tree.

use std::time::Duration;

use crate::world::{World, noon};
use mycopod_core::audit::{Checkpoint, Frontier, leaf};
use mycopod_core::id::DeclarationId;
use mycopod_store::StoreError;
use mycopod_store::audit::{self, Actor, Hints, Kind, NewEntry};
use serde_json::json;
use sqlx::{Executor, PgPool};

fn entry(declaration: Option<DeclarationId>, details: serde_json::Value) -> NewEntry {
    NewEntry {
        time: noon(),
        actor: Actor::System,
        kind: Kind::DriftFound,
        subject: "web".to_owned(),
        status: "found".to_owned(),
        declaration,
        details,
    }
}

async fn append(pool: &PgPool, entry: NewEntry) -> u64 {
    let mut transaction = pool.begin().await.unwrap();
    let seq = audit::append(&mut transaction, entry).await.unwrap();
    transaction.commit().await.unwrap();
    seq
}

async fn everything(pool: &PgPool) -> Vec<audit::Stored> {
    let mut connection = pool.acquire().await.unwrap();
    let mut all = Vec::new();
    loop {
        let seq = all.last().map_or(0, |last: &audit::Stored| last.seq);
        let batch = audit::after(&mut connection, None, seq).await.unwrap();
        if batch.is_empty() {
            return all;
        }
        all.extend(batch);
    }
}

#[tokio::test]
async fn appending_at_once_leaves_a_gapless_log_with_the_true_root() {
    let world = World::new().await;
    let pool = &world.database.pool;
    let mut writers = Vec::new();
    for writer in 0..8 {
        let pool = pool.clone();
        writers.push(tokio::spawn(async move {
            for n in 0..70 {
                let mut transaction = pool.begin().await.unwrap();
                audit::append(&mut transaction, entry(None, json!({"writer": writer, "n": n}))).await.unwrap();
                // Every seventh is given up, and leaves no gap.
                if n % 7 == 0 {
                    transaction.rollback().await.unwrap();
                } else {
                    transaction.commit().await.unwrap();
                }
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let all = everything(pool).await;
    assert_eq!(all.len(), 8 * 60);
    let mut frontier = Frontier::default();
    for (n, stored) in (1..).zip(&all) {
        assert_eq!(stored.seq, n);
        assert_eq!(stored.entry().unwrap().seq, n);
        assert_eq!(stored.hash, leaf(stored.text.as_bytes()));
        frontier.push(stored.hash);
    }
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(audit::head(&mut connection).await.unwrap(), frontier);
}

#[tokio::test]
async fn an_entry_is_committed_with_what_it_records_or_not_at_all() {
    let world = World::new().await;
    let mut transaction = world.database.pool.begin().await.unwrap();
    audit::append(&mut transaction, entry(None, json!({}))).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(everything(&world.database.pool).await, []);
    assert_eq!(append(&world.database.pool, entry(None, json!({}))).await, 1);
}

#[tokio::test]
async fn entries_cannot_be_changed_removed_or_forged() {
    let world = World::new().await;
    let pool = &world.database.pool;
    append(pool, entry(None, json!({}))).await;
    let mut connection = pool.acquire().await.unwrap();
    let checkpoint = Checkpoint::sign(
        &[3; 32],
        "lab",
        &audit::head(&mut connection).await.unwrap(),
        "2026-03-01T12:00:00Z".to_owned(),
    );
    audit::save_checkpoint(&mut connection, &checkpoint).await.unwrap();
    for sql in [
        "UPDATE audit_entries SET entry = replace(entry, 'web', 'db')",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "UPDATE audit_checkpoints SET size = 7",
        "DELETE FROM audit_checkpoints",
        "TRUNCATE audit_checkpoints",
    ] {
        let refused = pool.execute(sql).await;
        let code = refused.as_ref().err().and_then(|error| error.as_database_error()?.code());
        assert_eq!(code.as_deref(), Some("23001"), "{sql}: {refused:?}");
    }
    let forged = pool
        .execute("INSERT INTO audit_entries (seq, entry, leaf_hash) SELECT 2, entry, leaf_hash FROM audit_entries")
        .await;
    assert!(forged.is_err(), "an entry says its own number");
    assert_eq!(everything(pool).await.len(), 1);
}

#[tokio::test]
async fn hostile_text_neither_breaks_an_entry_nor_gets_lost() {
    let world = World::new().await;
    let pool = &world.database.pool;
    let hostile = "line\nnext \"quoted\" \\u0000 \u{202e} 🦀 \0";
    let mut new = entry(None, json!({"name": hostile}));
    new.subject = hostile.to_owned();
    append(pool, new).await;
    let stored = &everything(pool).await[0];
    assert!(!stored.text.contains('\n'), "an export has one line an entry");
    assert_eq!(stored.entry().unwrap().subject, hostile.replace('\0', "\u{fffd}"));

    let mut transaction = pool.begin().await.unwrap();
    let large = audit::append(&mut transaction, entry(None, json!({"x": "x".repeat(70_000)}))).await;
    assert!(matches!(large, Err(StoreError::EntryTooLarge(_))), "{large:?}");
}

#[tokio::test]
async fn a_user_sees_their_own_entries_and_an_admin_all() {
    let world = World::new().await;
    let pool = &world.database.pool;
    let own = world.declared().await;
    let person = |user: &mycopod_store::users::User| Actor::User { id: user.id, email: user.email.clone() };
    append(pool, entry(None, json!({"of": "nobody"}))).await;
    append(pool, entry(Some(own), json!({"of": "ann's declaration"}))).await;
    append(pool, NewEntry { actor: person(&world.author), ..entry(None, json!({"of": "ann's deed"})) }).await;
    append(pool, NewEntry { actor: person(&world.admin), ..entry(None, json!({"of": "the admin's deed"})) }).await;
    let about = NewEntry {
        actor: person(&world.admin),
        kind: Kind::UserUpdated,
        subject: world.author.id.to_string(),
        ..entry(None, json!({"of": "ann's account"}))
    };
    append(pool, about).await;
    append(pool, NewEntry { subject: world.author.id.to_string(), ..entry(None, json!({"of": "a guest named so"})) })
        .await;

    let mut connection = pool.acquire().await.unwrap();
    let seqs = |entries: Vec<audit::Stored>| entries.iter().map(|entry| entry.seq).collect::<Vec<_>>();
    let (ann, admin) = (Some(world.author.id), None);
    assert_eq!(seqs(audit::list(&mut connection, ann, None, None, 50).await.unwrap()), [5, 3, 2]);
    assert_eq!(seqs(audit::after(&mut connection, ann, 2).await.unwrap()), [3, 5]);
    assert_eq!(seqs(audit::list(&mut connection, admin, None, None, 50).await.unwrap()), [6, 5, 4, 3, 2, 1]);
    assert_eq!(seqs(audit::list(&mut connection, admin, None, Some(5), 2).await.unwrap()), [4, 3]);
    assert_eq!(seqs(audit::list(&mut connection, admin, Some(own), None, 50).await.unwrap()), [2]);
    assert_eq!(seqs(audit::list(&mut connection, Some(world.admin.id), None, None, 50).await.unwrap()), [5, 4]);
}

#[tokio::test]
async fn a_checkpoint_comes_back_as_it_was_signed() {
    let world = World::new().await;
    let pool = &world.database.pool;
    append(pool, entry(None, json!({}))).await;
    let mut connection = pool.acquire().await.unwrap();
    let head = audit::head(&mut connection).await.unwrap();
    let checkpoint = Checkpoint::sign(&[3; 32], "lab", &head, "2026-03-01T12:00:00.123456789Z".to_owned());
    audit::save_checkpoint(&mut connection, &checkpoint).await.unwrap();
    let later = Checkpoint::sign(&[3; 32], "lab", &head, "2026-03-01T13:00:00Z".to_owned());
    audit::save_checkpoint(&mut connection, &later).await.unwrap();
    let kept = audit::checkpoints(&mut connection, 10).await.unwrap();
    assert_eq!(kept, [checkpoint]);
    kept[0].verify().unwrap();
}

#[tokio::test]
async fn a_hint_tells_of_a_new_entry_and_waiting_ends_without_one() {
    let world = World::new().await;
    let mut hints = Hints::listen(&world.database.pool).await.unwrap();
    hints.wait(Duration::from_millis(1)).await;
    append(&world.database.pool, entry(None, json!({}))).await;
    // Far longer than a hint takes: this fails by time-out where none comes.
    tokio::time::timeout(Duration::from_secs(20), hints.wait(Duration::from_mins(5))).await.unwrap();
}

#[tokio::test]
async fn hints_come_again_after_the_connection_was_lost() {
    let world = World::new().await;
    let mut hints = Hints::listen(&world.database.pool).await.unwrap();
    world
        .database
        .pool
        .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        .await
        .unwrap();
    // The loss is a hint itself: something may have been missed.
    hints.wait(Duration::from_secs(1)).await;
    hints.wait(Duration::from_millis(100)).await;
    append(&world.database.pool, entry(None, json!({}))).await;
    tokio::time::timeout(Duration::from_secs(20), hints.wait(Duration::from_mins(5))).await.unwrap();
}

#[tokio::test]
async fn every_kind_fits_the_schema() {
    let world = World::new().await;
    for kind in Kind::ALL {
        append(&world.database.pool, NewEntry { kind: *kind, ..entry(None, json!({})) }).await;
    }
    assert_eq!(everything(&world.database.pool).await.len(), Kind::ALL.len());
}
