//! Declarations over HTTP. What becomes of them is the engine's; here no worker runs, and each stays as it is.

use std::time::Instant;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{ADMIN, Server, USER};

async fn declare(server: &Server, token: &str, content: &str) -> Value {
    let answer = server.post("/api/v1/declarations").token(token).json(&json!({ "content": content })).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    let declaration = answer.json();
    assert_eq!(answer.header("location"), format!("/api/v1/declarations/{}", declaration["id"].as_str().unwrap()));
    declaration
}

#[tokio::test]
async fn a_declaration_is_its_authors_and_the_admins() {
    let server = Server::start().await;
    server.user(USER, true).await;
    server.user("bob@example.com", true).await;
    let (admin, ada, bob) =
        (server.token(ADMIN).await, server.token(USER).await, server.token("bob@example.com").await);
    let declaration = declare(&server, &ada, "Create a VM “web-01” — 4 cores").await;
    assert_eq!((&declaration["status"], &declaration["author"]["email"]), (&json!("reading"), &json!(USER)));
    assert_eq!(declaration["content"], "Create a VM “web-01” — 4 cores");
    let path = format!("/api/v1/declarations/{}", declaration["id"].as_str().unwrap());
    for (token, sees) in [(&admin, true), (&ada, true), (&bob, false)] {
        let answer = server.get(&path).token(token).send().await;
        let listed = server.get("/api/v1/declarations").token(token).send().await.json();
        let entries = server.get(&format!("/api/v1/audit?declaration={}", declaration["id"].as_str().unwrap()));
        let entries = entries.token(token).send().await.json();
        if sees {
            assert_eq!(answer.json(), declaration);
            assert_eq!(listed[0]["id"], declaration["id"]);
            assert_eq!(entries[0]["kind"], "declaration.created");
        } else {
            answer.is_problem(404, "not_found");
            assert_eq!((listed, entries), (json!([]), json!([])));
            server.post(&format!("{path}/cancel")).token(token).send().await.is_problem(404, "not_found");
        }
    }
}

#[tokio::test]
async fn lists_go_from_new_to_old_by_pages() {
    let server = Server::start().await;
    let token = server.token(ADMIN).await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        ids.push(declare(&server, &token, &format!("a VM web-{n}")).await["id"].clone());
    }
    let page = async |query: String| -> Vec<Value> {
        let page = server.get(&format!("/api/v1/declarations?{query}")).token(&token).send().await.json();
        page.as_array().unwrap().iter().map(|listed| listed["id"].clone()).collect()
    };
    assert_eq!(page("limit=2".to_owned()).await, [ids[2].clone(), ids[1].clone()]);
    assert_eq!(page(format!("limit=2&before={}", ids[1].as_str().unwrap())).await, [ids[0].clone()]);
}

#[tokio::test]
async fn a_confirmation_that_does_not_fit_shows_the_declaration_as_it_is() {
    let server = Server::start().await;
    let token = server.token(ADMIN).await;
    let declaration = declare(&server, &token, "a VM web-01").await;
    let path = format!("/api/v1/declarations/{}", declaration["id"].as_str().unwrap());
    let body = json!({ "plan_digest": "0".repeat(64), "destroy": [] });
    let problem =
        server.post(&format!("{path}/confirm")).token(&token).json(&body).send().await.is_problem(409, "conflict");
    assert_eq!(problem["declaration"], declaration);
    let cancelled = server.post(&format!("{path}/cancel")).token(&token).send().await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (StatusCode::OK, &json!("cancelled")));
}

#[tokio::test]
async fn waiting_lasts_while_it_is_busy_and_no_longer() {
    let server = Server::start().await;
    let token = server.token(ADMIN).await;
    let declaration = declare(&server, &token, "a VM web-01").await;
    let path = format!("/api/v1/declarations/{}", declaration["id"].as_str().unwrap());
    let begun = Instant::now();
    assert_eq!(server.get(&format!("{path}?wait=1")).token(&token).send().await.json()["status"], "reading");
    assert!(begun.elapsed().as_millis() >= 900, "{:?}", begun.elapsed());
    server.post(&format!("{path}/cancel")).token(&token).send().await;
    let begun = Instant::now();
    assert_eq!(server.get(&format!("{path}?wait=20")).token(&token).send().await.json()["status"], "cancelled");
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_edit_is_taken_back_by_its_number_and_only_by_who_sees_the_declaration() {
    let server = Server::start().await;
    server.user(USER, true).await;
    server.user("bob@example.com", true).await;
    let (ada, bob) = (server.token(USER).await, server.token("bob@example.com").await);
    let declaration = declare(&server, &ada, "Create a VM web-01 with 4 cores").await;
    let path = format!("/api/v1/declarations/{}", declaration["id"].as_str().unwrap());
    server.ask(Method::DELETE, &format!("{path}/edits/1")).token(&bob).send().await.is_problem(404, "not_found");
    server.ask(Method::DELETE, &format!("{path}/edits/1")).token(&ada).send().await.is_problem(409, "conflict");
    server.get(&format!("{path}/fields?guest=100")).token(&bob).send().await.is_problem(404, "not_found");
    server.get(&format!("{path}/fields?guest=100")).token(&ada).send().await.is_problem(404, "not_found");
    let nameless = server.get(&format!("{path}/fields")).token(&ada).send().await;
    assert!(nameless.status.is_client_error(), "{:?}", nameless.status);
}
