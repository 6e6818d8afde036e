//! Drift, standing approvals, freezes and the archive over the API: who may, and what is said to the others.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::{ADMIN, Server, USER};

#[tokio::test]
async fn everybody_sees_a_freeze_and_only_an_admin_sets_and_lifts_it() {
    let server = Server::start().await;
    server.user(USER, true).await;
    let (admin, user) = (server.token(ADMIN).await, server.token(USER).await);
    let freeze = json!({ "why": "storage upgrade" });
    server.post("/api/v1/freezes").token(&user).json(&freeze).send().await.is_problem(403, "admin_only");
    server.post("/api/v1/freezes").token(&admin).json(&json!({ "why": "" })).send().await.is_problem(422, "invalid");
    let unknown = json!({ "why": "x", "cluster": "nowhere" });
    server.post("/api/v1/freezes").token(&admin).json(&unknown).send().await.is_problem(404, "not_found");
    let set = server.post("/api/v1/freezes").token(&admin).json(&freeze).send().await;
    assert_eq!(set.status, StatusCode::OK, "{:?}", set.body);
    server.post("/api/v1/freezes").token(&admin).json(&freeze).send().await.is_problem(409, "conflict");
    let main = json!({ "why": "new switches", "cluster": "main" });
    assert_eq!(server.post("/api/v1/freezes").token(&admin).json(&main).send().await.status, StatusCode::OK);
    let seen = server.get("/api/v1/freezes").token(&user).send().await.json();
    let told: Vec<(&Value, &Value, &Value)> =
        seen.as_array().unwrap().iter().map(|f| (&f["cluster"], &f["by"], &f["why"])).collect();
    assert_eq!(
        told,
        [
            (&json!(null), &json!(ADMIN), &json!("storage upgrade")),
            (&json!("main"), &json!(ADMIN), &json!("new switches"))
        ]
    );
    let lift = |uri: &'static str, token| server.ask(Method::DELETE, uri).token(token).send();
    lift("/api/v1/freezes", &user).await.is_problem(403, "admin_only");
    assert_eq!(lift("/api/v1/freezes", &admin).await.status, StatusCode::NO_CONTENT);
    lift("/api/v1/freezes", &admin).await.is_problem(409, "conflict");
    assert_eq!(lift("/api/v1/freezes?cluster=main", &admin).await.status, StatusCode::NO_CONTENT);
    let audit = server.get("/api/v1/audit").token(&admin).send().await;
    let log = String::from_utf8_lossy(&audit.body);
    assert!(log.contains("freeze.set") && log.contains("freeze.lifted"), "{log}");
}

#[tokio::test]
async fn what_only_an_admin_may_is_refused_to_others_and_what_is_not_there_is_said_to_be_so() {
    let server = Server::start().await;
    server.user(USER, true).await;
    let (admin, user) = (server.token(ADMIN).await, server.token(USER).await);
    let some = Uuid::nil();
    let accept = format!("/api/v1/drift/{some}/cores/accept");
    let (standing, body) = (format!("/api/v1/declarations/{some}/standing"), json!({ "observed": 2 }));
    server.post(&accept).token(&user).json(&body).send().await.is_problem(403, "admin_only");
    server.post(&accept).token(&admin).json(&body).send().await.is_problem(404, "not_found");
    server.post(&format!("/api/v1/drift/{some}/ignore/ignore")).token(&user).send().await.is_problem(404, "not_found");
    server.post(&format!("/api/v1/drift/{some}/gone")).token(&user).send().await.is_problem(403, "admin_only");
    server.post(&format!("/api/v1/drift/{some}/gone")).token(&admin).send().await.is_problem(404, "not_found");
    let long_ago = json!({ "until": "2020-01-01T00:00:00Z" });
    let snooze = format!("/api/v1/drift/{some}/cores/snooze");
    server.post(&snooze).token(&user).json(&long_ago).send().await.is_problem(422, "invalid");
    server.post(&standing).token(&user).send().await.is_problem(403, "admin_only");
    server.post(&standing).token(&admin).send().await.is_problem(404, "not_found");
    server.ask(Method::DELETE, &standing).token(&user).send().await.is_problem(403, "admin_only");

    let archive = "/api/v1/archive?before=2020-01-01T00:00:00Z";
    server.get(archive).token(&user).send().await.is_problem(403, "admin_only");
    assert_eq!(server.get(archive).token(&admin).send().await.json()["lines"], json!([]));
    let today = "/api/v1/archive?before=2999-01-01T00:00:00Z";
    server.get(today).token(&admin).send().await.is_problem(422, "invalid");
    let prune = json!({ "before": "2020-01-01T00:00:00Z", "sha256": "0".repeat(64) });
    server.post("/api/v1/archive/prune").token(&user).json(&prune).send().await.is_problem(403, "admin_only");
    server.post("/api/v1/archive/prune").token(&admin).json(&prune).send().await.is_problem(409, "conflict");
}
