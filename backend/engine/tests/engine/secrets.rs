//! Secrets that declarations name and never contain.

use mycopod_core::cluster::Secret;
use mycopod_core::id::DeclarationId;
use mycopod_core::status::Role;
use mycopod_engine::Refusal;

use crate::lab::{Lab, user};

const SENTENCE: &str = "create a VM web-9 from ubuntu-24.04 with user ops and password from secret web-root";

/// Everything the database holds, as text.
async fn dump(lab: &Lab) -> String {
    let mut text = String::new();
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(lab.engine.pool())
            .await
            .unwrap();
    for table in tables {
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT t::text FROM {table} t")))
            .fetch_all(lab.engine.pool())
            .await
            .unwrap();
        text.push_str(&rows.join("\n"));
    }
    text
}

#[tokio::test]
async fn a_password_goes_from_its_secret_to_the_guest_and_nowhere_else() {
    let lab = Lab::running().await;
    let asked = lab.declare(SENTENCE).await;
    assert_eq!(asked.status, "needs_answer", "{asked:#?}");
    let question = &asked.reading.as_ref().unwrap().questions[0];
    assert!(question.text.contains("no secret web-root"), "{question:?}");

    lab.engine.set_secret(&lab.admin, "web-root", &Secret::new("correct-horse-battery".to_owned())).await.unwrap();
    let id = DeclarationId(asked.id);
    lab.engine.answer(&lab.admin, id, &[(question.id.clone(), question.options[0].clone())]).await.unwrap();
    let planned = lab.settled(id).await;
    assert_eq!(planned.status, "awaiting_approval", "{planned:#?}");
    let done = lab.confirm(&planned).await;
    assert_eq!(done.status, "converged", "{done:#?}");

    let seen = lab.named("web-9").await.remove(0);
    assert_eq!(seen.raw.get("cipassword").map(String::as_str), Some("**********"), "Proxmox has it, masked");
    let dump = dump(&lab).await;
    assert!(dump.contains("web-root"), "its name is kept");
    assert!(!dump.contains("correct-horse-battery"), "its value is kept sealed alone");
    assert!(!format!("{done:?}").contains("correct-horse-battery"));
}

#[tokio::test]
async fn only_an_admin_sets_secrets_and_nobody_reads_them() {
    let lab = Lab::new().await;
    let other = user(&lab.engine, "user@example.org", Role::User, true).await;
    let secret = Secret::new("hunter2hunter2".to_owned());
    assert!(matches!(lab.engine.set_secret(&other, "a", &secret).await, Err(Refusal::Forbidden(_))));
    assert!(matches!(lab.engine.secrets(&other).await, Err(Refusal::Forbidden(_))));
    for (name, value) in [("", "x"), ("-a", "x"), ("a b", "x"), ("a", ""), ("a", "two\nlines")] {
        let refused = lab.engine.set_secret(&lab.admin, name, &Secret::new(value.to_owned())).await;
        assert!(matches!(refused, Err(Refusal::Invalid(_))), "{name:?} {value:?}");
    }
    lab.engine.set_secret(&lab.admin, "a", &secret).await.unwrap();
    lab.engine.set_secret(&lab.admin, "a", &Secret::new("another".to_owned())).await.unwrap();
    let listed = lab.engine.secrets(&lab.admin).await.unwrap();
    assert_eq!(listed.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(), ["a"]);
    lab.engine.remove_secret(&lab.admin, "a").await.unwrap();
    assert!(matches!(lab.engine.remove_secret(&lab.admin, "a").await, Err(Refusal::NotFound(_))));
}

#[tokio::test]
async fn a_sealed_value_that_was_moved_to_another_name_is_handed_to_nobody() {
    let lab = Lab::running().await;
    for (name, value) in [("web-root", "correct-horse-battery"), ("theirs", "hunter2hunter2")] {
        lab.engine.set_secret(&lab.admin, name, &Secret::new(value.to_owned())).await.unwrap();
    }
    let planned = lab.declare(SENTENCE).await;
    let moved = "UPDATE secrets SET value = (SELECT value FROM secrets WHERE name = 'theirs') WHERE name = 'web-root'";
    sqlx::query(moved).execute(lab.engine.pool()).await.unwrap();
    let ended = lab.confirm(&planned).await;
    assert_eq!(ended.status, "blocked", "{ended:#?}");
    assert!(ended.status_reason.as_deref().unwrap().contains("sealed with the key of another"), "{ended:#?}");
    let made = lab.named("web-9").await;
    assert!(made.iter().all(|seen| !seen.raw.contains_key("cipassword")), "{made:#?}");
}
