//! Clusters over the API: who sees what, and that no secret comes back.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{ADMIN, Server, USER};

fn lab() -> Value {
    json!({ "name": "lab", "urls": ["https://lab.example.org:8006"], "token": "mycopod@pve!mycopod=hush-hush" })
}

#[tokio::test]
async fn an_admin_adds_changes_and_removes_a_cluster_and_no_secret_comes_back() {
    let server = Server::start().await;
    let admin = server.token(ADMIN).await;
    let added = server.post("/api/v1/clusters").token(&admin).json(&lab()).send().await;
    assert_eq!(added.status, StatusCode::CREATED, "{:?}", added.body);
    assert_eq!(
        added.json(),
        json!({ "version": "8.4.1", "missing": [{ "path": "/nodes", "privilege": "Sys.Audit" }] })
    );
    server.post("/api/v1/clusters").token(&admin).json(&lab()).send().await.is_problem(409, "conflict");
    let other_name = json!({ "name": "again", "urls": lab()["urls"], "token": lab()["token"] });
    let there = server.post("/api/v1/clusters").token(&admin).json(&other_name).send().await;
    assert!(there.is_problem(409, "conflict")["detail"].as_str().unwrap().contains("it is lab"));

    let change = json!({ "pool": "mycopod", "pin": "AB:".repeat(32) });
    let changed = server.ask(Method::PATCH, "/api/v1/clusters/lab").token(&admin).json(&change).send().await;
    assert_eq!(changed.status, StatusCode::OK, "{:?}", changed.body);
    let listed = server.get("/api/v1/clusters").token(&admin).send().await;
    let clusters = listed.json();
    assert_eq!(clusters[0]["name"], "main");
    assert_eq!((&clusters[1]["name"], &clusters[1]["first"]), (&json!("lab"), &json!(false)));
    let access = &clusters[1]["access"];
    assert_eq!((&access["authid"], &access["trust"]), (&json!("mycopod@pve!mycopod"), &json!("pin")));
    assert_eq!((&access["pool"], &access["added_by"]), (&json!("mycopod"), &json!(ADMIN)));
    let password = json!({ "user": "root@pam", "password": "hush by the letter" });
    let changed = server.ask(Method::PATCH, "/api/v1/clusters/lab").token(&admin).json(&password).send().await;
    assert_eq!(changed.status, StatusCode::OK, "{:?}", changed.body);
    let listed = server.get("/api/v1/clusters").token(&admin).send().await;
    assert_eq!(listed.json()[1]["access"]["authid"], "root@pam");
    let audit = server.get("/api/v1/audit").token(&admin).send().await;
    for body in [&added.body, &changed.body, &listed.body, &audit.body] {
        assert!(!String::from_utf8_lossy(body).contains("hush"), "{body:?}");
    }
    let kinds: Vec<Value> =
        audit.json()["entries"].as_array().unwrap_or(&Vec::new()).iter().map(|e| e["kind"].clone()).collect();
    assert!(String::from_utf8_lossy(&audit.body).contains("cluster.changed"), "{kinds:?}");

    let test = server.post("/api/v1/clusters/lab/test").token(&admin).send().await;
    assert_eq!(test.json()["version"], "8.4.1");
    let removed = server.ask(Method::DELETE, "/api/v1/clusters/lab").token(&admin).send().await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let again = server.ask(Method::DELETE, "/api/v1/clusters/lab").token(&admin).send().await;
    again.is_problem(404, "not_found");
    server.ask(Method::DELETE, "/api/v1/clusters/main").token(&admin).send().await.is_problem(409, "conflict");
}

#[tokio::test]
async fn a_user_sees_which_clusters_there_are_and_nothing_of_how_they_are_reached() {
    let server = Server::start().await;
    server.user(USER, true).await;
    let user = server.token(USER).await;
    let listed = server.get("/api/v1/clusters").token(&user).send().await.json();
    assert_eq!((&listed[0]["name"], &listed[0]["access"]), (&json!("main"), &Value::Null));
    for (method, path) in [
        (Method::POST, "/api/v1/clusters"),
        (Method::PATCH, "/api/v1/clusters/main"),
        (Method::DELETE, "/api/v1/clusters/main"),
        (Method::POST, "/api/v1/clusters/main/test"),
    ] {
        server.ask(method, path).token(&user).json(&lab()).send().await.is_problem(403, "admin_only");
    }
}

#[tokio::test]
async fn wrong_settings_are_named_by_their_field_and_nothing_is_stored() {
    let server = Server::start().await;
    let admin = server.token(ADMIN).await;
    for (field, value) in [
        ("name", json!("My Lab")),
        ("urls", json!(["http://lab.example.org:8006"])),
        ("urls", json!([])),
        ("token", json!("hush")),
        ("ca", json!("no PEM")),
        ("pin", json!("AB:CD")),
        ("pool", json!("a b")),
    ] {
        let mut body = lab();
        body[field] = value;
        let answer = server.post("/api/v1/clusters").token(&admin).json(&body).send().await;
        let problem = answer.is_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert!(!problem.to_string().contains("hush"), "{problem}");
    }
    for (token, user, field) in [
        (json!(null), json!("root"), "user"),
        (json!(null), json!(null), "user"),
        (lab()["token"].clone(), json!("root@pam"), "token"),
    ] {
        let mut body = lab();
        (body["token"], body["user"], body["password"]) = (token, user, json!("hush"));
        let problem = server.post("/api/v1/clusters").token(&admin).json(&body).send().await.is_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert!(!problem.to_string().contains("hush"), "{problem}");
    }
    let mut body = lab();
    body["token"] = json!("mycopod@pve!mycopod=wrong");
    let answer = server.post("/api/v1/clusters").token(&admin).json(&body).send().await.is_problem(422, "invalid");
    assert!(answer["detail"].as_str().unwrap().contains("Nothing was stored"), "{answer}");
    assert_eq!(server.get("/api/v1/clusters").token(&admin).send().await.json().as_array().unwrap().len(), 1);
}
