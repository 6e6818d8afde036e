//! The log as people and programs read it.

use axum::http::StatusCode;
use mycopod_core::audit::{Checkpoint, Frontier, leaf, taken_apart};
use serde_json::{Value, json};

use crate::server::{ADMIN, Server, USER};

#[tokio::test]
async fn a_user_reads_what_concerns_them_and_an_admin_all() {
    let server = Server::start().await;
    let id = server.user(USER, true).await;
    let (admin, user) = (server.token(ADMIN).await, server.token(USER).await);
    let list = async |token: &str, query: &str| -> Vec<Value> {
        let answer = server.get(&format!("/api/v1/audit{query}")).token(token).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        answer.json().as_array().unwrap().clone()
    };
    let all = list(&admin, "").await;
    let seqs: Vec<_> = all.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] == pair[1] + 1), "newest first, without gaps: {seqs:?}");
    let own = list(&user, "").await;
    assert!(!own.is_empty() && own.len() < all.len());
    assert!(own.iter().all(|entry| entry["subject"] == json!(id) || entry["actor"]["id"] == json!(id)), "{own:?}");
    let page = list(&admin, &format!("?limit=1&before={}", seqs[0])).await;
    assert_eq!(page.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [seqs[1]]);
}

#[tokio::test]
async fn an_export_and_a_checkpoint_convince_an_outsider() {
    let server = Server::start().await;
    let token = server.token(ADMIN).await;
    let export = server.get("/api/v1/audit/export").token(&token).send().await;
    assert_eq!(export.header("content-type"), "application/jsonl");
    let mut frontier = Frontier::default();
    for line in String::from_utf8(export.body.to_vec()).unwrap().lines() {
        let (entry, hash) = taken_apart(line.as_bytes());
        assert_eq!(hash, Some(leaf(&entry).to_string().as_bytes()), "an altered line is told by itself");
        frontier.push(leaf(&entry));
    }
    let signed = server.get("/api/v1/audit/checkpoint").token(&token).send().await.json();
    let checkpoint: Checkpoint = serde_json::from_value(signed.clone()).unwrap();
    assert_eq!(checkpoint.verify(), Ok(()));
    assert_eq!((checkpoint.size, checkpoint.root), (frontier.size(), frontier.root()));
    assert_eq!(signed["note"], json!(checkpoint.body()));
    let verified = server.get("/api/v1/audit/verify").token(&token).send().await.json();
    assert_eq!((&verified["ok"], &verified["first_bad"]), (&json!(true), &Value::Null), "{verified}");
}
