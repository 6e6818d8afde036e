//! Each wrong request gets the status that fits and a problem document that says why.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{ADMIN, Server};

#[tokio::test]
async fn wrong_bodies_are_told_precisely() {
    let server = Server::start().await;
    let token = server.token(ADMIN).await;
    let declare = || server.post("/api/v1/declarations").token(&token);
    declare().body(r#"{"content":"a"}"#).send().await.is_problem(415, "unsupported_media_type");
    let form = declare().header("content-type", "application/x-www-form-urlencoded").body("content=a");
    form.send().await.is_problem(415, "unsupported_media_type");
    let json =
        |body: &str| declare().header("content-type", "application/json; charset=utf-8").body(body.to_owned()).send();
    json("").await.is_problem(400, "malformed_json");
    json("{").await.is_problem(400, "malformed_json");
    let field = |problem: &Value| problem["errors"][0]["field"].as_str().unwrap_or_default().to_owned();
    assert_eq!(field(&json(r#"{"content":"a","colour":1}"#).await.is_problem(422, "invalid")), "colour");
    assert_eq!(field(&json(r#"{"content":4}"#).await.is_problem(422, "invalid")), "content");
    assert_eq!(field(&json("{}").await.is_problem(422, "invalid")), "content");
    json(r#"{"content":"a\u0000b"}"#).await.is_problem(422, "invalid");
    json(&json!({ "content": "ä".repeat(4_001) }).to_string()).await.is_problem(422, "invalid");
    json(r#"{"content":" "}"#).await.is_problem(422, "invalid");
    json(&json!({ "content": "a".repeat(70_000) }).to_string()).await.is_problem(413, "body_too_large");
}

#[tokio::test]
async fn wrong_paths_methods_and_queries_are_told_precisely() {
    let server = Server::start().await;
    let token = server.token(ADMIN).await;
    server.get("/api/v1/nothing").send().await.is_problem(404, "not_found");
    server.get("/api").send().await.is_problem(404, "not_found");
    let answer = server.ask(Method::DELETE, "/api/v1/declarations").token(&token).send().await;
    answer.is_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "POST,GET,HEAD");
    let page = server.ask(Method::POST, "/dashboard").send().await;
    page.is_problem(405, "method_not_allowed");
    assert_eq!(page.header("allow"), "GET,HEAD");
    let get = |path: &str| server.get(path).token(&token).send();
    get("/api/v1/declarations/nonsense").await.is_problem(400, "invalid_path");
    get("/api/v1/declarations/019a0000-0000-7000-8000-000000000000").await.is_problem(404, "not_found");
    for (query, field) in [
        ("limit=many", "limit"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("before=x", "before"),
        ("size=1", "size"),
    ] {
        let problem = get(&format!("/api/v1/declarations?{query}")).await.is_problem(400, "invalid_query");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    get("/api/v1/audit?before=-1").await.is_problem(400, "invalid_query");
    assert_eq!(get("/api/v1/audit?limit=1000").await.status, StatusCode::OK, "more than a page is a page");
}
