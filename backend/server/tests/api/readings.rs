//! Reading without declaring over HTTP. What is understood is the engine's; here no cluster answers.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::json;

use crate::server::{ADMIN, Server, USER};

#[tokio::test]
async fn reading_is_for_who_is_logged_in_bounded_and_spaced_out() {
    let server = Server::start().await;
    let ask = |token: &str, content: &str| {
        server.post("/api/v1/readings").token(token).json(&json!({ "content": content })).send()
    };
    ask("none", "a VM web-01").await.is_problem(401, "invalid_token");
    let admin = server.token(ADMIN).await;
    ask(&admin, "a VM web-01").await.is_problem(503, "unavailable");
    ask(&admin, " ").await.is_problem(422, "invalid");
    let unknown = server.post("/api/v1/readings").token(&admin).json(&json!({ "content": "a", "intent": {} }));
    unknown.send().await.is_problem(422, "invalid");

    // Two were counted.
    for _ in 2..20 {
        assert_eq!(ask(&admin, " ").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let mut refused = ask(&admin, " ").await;
    // A busy machine may have given one back meanwhile.
    for _ in 0..1_000 {
        if refused.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        refused = ask(&admin, " ").await;
    }
    refused.is_problem(429, "too_often");
    assert_eq!(refused.header("retry-after"), "1");
    server.user(USER, false).await;
    ask(&server.token(USER).await, " ").await.is_problem(422, "invalid");
    server.clock.turn_on(TimeDelta::seconds(1));
    ask(&admin, " ").await.is_problem(422, "invalid");
}

#[tokio::test]
async fn an_intent_is_declared_instead_of_words_and_refused_where_it_does_not_fit() {
    let server = Server::start().await;
    let admin = server.token(ADMIN).await;
    let declare = |body: serde_json::Value| server.post("/api/v1/declarations").token(&admin).json(&body).send();
    let text = "# mine\nmycopod: v1\nguests:\n  - {name: web-01, kind: vm}\n";
    let made = declare(json!({ "intent": text })).await;
    assert_eq!((made.status, &made.json()["content"]), (StatusCode::CREATED, &json!(text)), "{:?}", made.body);
    let guests = json!([{ "name": "web-01", "kind": "vm", "cores": 2 }]);
    let made = declare(json!({ "intent": { "mycopod": "v1", "guests": guests } })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    for (body, part, field) in [
        (json!({ "intent": "a VM web-01" }), "begins with", "intent"),
        (json!({ "intent": 1 }), "an object, or a text", "intent"),
        (
            json!({ "intent": { "mycopod": "v1", "guests": [{ "name": "a", "kind": "vm", "coers": 1 }] } }),
            "guests[0].coers",
            "intent",
        ),
        (json!({}), "content or intent", "content"),
        (json!({ "content": "a", "intent": text }), "not both", "intent"),
        (json!({ "content": " " }), "is empty", "content"),
        (json!({ "content": "x".repeat(4_001) }), "4001 characters", "content"),
        (json!({ "content": format!("{text}# {}", "x".repeat(24_000)) }), "24000 are the most", "content"),
        (json!({ "intent": format!("{text}# {}", "x".repeat(24_000)) }), "24000 are the most", "intent"),
    ] {
        let problem = declare(body.clone()).await.is_problem(422, "invalid");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{body:.80}: {problem}");
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{body:.80}: {problem}"));
        assert_eq!((errors.len(), &errors[0]["field"]), (1, &json!(field)), "{body:.80}: {problem}");
    }
    let read =
        |content: &str| server.post("/api/v1/readings").token(&admin).json(&json!({ "content": content })).send();
    let problem = read(&"x".repeat(4_001)).await.is_problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "content", "{problem}");
    // An intent may be longer, whichever way it comes.
    let long = format!("{}# {}", text.replace("web-01", "web-09"), "x".repeat(20_000));
    assert_eq!(declare(json!({ "content": long })).await.status, StatusCode::CREATED);
    let twice = r#"{"intent": {"mycopod": "v1", "mycopod": "v1", "guests": []}}"#;
    let twice =
        server.post("/api/v1/declarations").token(&admin).header("content-type", "application/json").body(twice);
    assert!(twice.send().await.is_problem(422, "invalid")["detail"].as_str().unwrap().contains("said twice"));
    let schema = server.get("/api/v1/intent.schema.json").send().await.json();
    assert_eq!(schema["properties"]["mycopod"]["const"], "v1");
    server.get("/api/v1/intents?format=docx").token(&admin).send().await.is_problem(400, "invalid_query");
    server.post("/api/v1/plans").json(&json!({ "intent": text })).send().await.is_problem(401, "unauthenticated");
    server
        .post("/api/v1/plans")
        .token(&admin)
        .json(&json!({ "intent": text }))
        .send()
        .await
        .is_problem(503, "unavailable");
}
