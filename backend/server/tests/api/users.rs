//! Who may do what, and how that changes.

use axum::http::{Method, StatusCode};
use mycopod_server::{FirstAdmin, create_first_admin};
use serde_json::json;

use crate::server::{ADMIN, PASSWORD, Server, USER};

#[tokio::test]
async fn weak_passwords_bad_addresses_and_taken_ones_are_refused() {
    let server = Server::start().await;
    let admin = server.token(ADMIN).await;
    let register = |email: &str, password: &str| {
        let body = json!({ "email": email, "password": password, "role": "User", "approved": true });
        server.post("/api/v1/register").token(&admin).json(&body).send()
    };
    let weak = register(USER, "Password1234").await.is_problem(422, "invalid");
    assert_eq!(weak["errors"][0]["field"], "password");
    let bad = register("no address", PASSWORD).await.is_problem(422, "invalid");
    assert_eq!(bad["errors"][0]["field"], "email");
    register("ADMIN@example.com", PASSWORD).await.is_problem(409, "email_taken");
    assert_eq!(register(USER, PASSWORD).await.status, StatusCode::CREATED);
    let users = server.get("/api/v1/users").token(&admin).send().await;
    assert_eq!(users.json().as_array().unwrap().len(), 2);
    assert!(!String::from_utf8_lossy(&users.body).contains("argon2"), "hashes stay where they are");
}

#[tokio::test]
async fn only_an_admin_looks_after_users_and_confirms() {
    let server = Server::start().await;
    let id = server.user(USER, true).await;
    let user = server.token(USER).await;
    let declaration = "/api/v1/declarations/019a0000-0000-7000-8000-000000000000/confirm";
    for (method, path, body) in [
        (Method::GET, "/api/v1/users".to_owned(), json!({})),
        (Method::POST, "/api/v1/register".to_owned(), json!({})),
        (Method::PATCH, format!("/api/v1/users/{id}"), json!({ "role": "Admin" })),
        (Method::POST, declaration.to_owned(), json!({ "plan_digest": "", "destroy": [] })),
        (Method::GET, "/api/v1/audit/export".to_owned(), json!({})),
    ] {
        let answer = server.ask(method, &path).token(&user).json(&body).send().await;
        answer.is_problem(403, "admin_only");
    }
}

#[tokio::test]
async fn a_demotion_holds_at_once_whatever_the_token_says() {
    let server = Server::start().await;
    let id = server.user(USER, true).await;
    let admin = server.token(ADMIN).await;
    let set = async |id: &str, body| {
        server.ask(Method::PATCH, &format!("/api/v1/users/{id}")).token(&admin).json(&body).send().await
    };
    assert_eq!(set(&id, json!({ "role": "Admin" })).await.json()["role"], "Admin");
    let second = server.token(USER).await;
    assert_eq!(server.get("/api/v1/users").token(&second).send().await.status, StatusCode::OK);
    assert_eq!(set(&id, json!({ "role": "User" })).await.status, StatusCode::OK);
    server.get("/api/v1/users").token(&second).send().await.is_problem(403, "admin_only");
    let own = server.get("/api/v1/users").token(&admin).send().await.json();
    let own = own.as_array().unwrap().iter().find(|user| user["email"] == ADMIN).unwrap()["id"].clone();
    let last = set(own.as_str().unwrap(), json!({ "approved": false })).await;
    last.is_problem(409, "last_admin");
    set(&id, json!({})).await.is_problem(422, "invalid");
    set("019a0000-0000-7000-8000-000000000000", json!({ "approved": true })).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn an_account_that_waits_for_approval_may_look_and_not_declare() {
    let server = Server::start().await;
    server.user(USER, false).await;
    let token = server.token(USER).await;
    assert_eq!(server.get("/api/v1/declarations").token(&token).send().await.status, StatusCode::OK);
    let declared =
        server.post("/api/v1/declarations").token(&token).json(&json!({ "content": "a VM web-01" })).send().await;
    let problem = declared.is_problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("Admin"), "{problem}");
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_but_the_one_that_set_it() {
    let server = Server::start().await;
    let elsewhere = server.login(ADMIN, PASSWORD).send().await.cookie();
    let here = server.login(ADMIN, PASSWORD).send().await;
    let (token, cookie) = (here.json()["token"].as_str().unwrap().to_owned(), here.cookie());
    let change = |current: &str, new: &str| {
        let body = json!({ "current": current, "new": new });
        server.post("/api/v1/password").token(&token).cookie(&cookie).json(&body).send()
    };
    let wrong = change("wrong horse battery", "mushroom ring 42").await.is_problem(422, "invalid");
    assert_eq!(wrong["errors"][0]["field"], "current");
    assert_eq!(change(PASSWORD, "short").await.is_problem(422, "invalid")["errors"][0]["field"], "new");
    let changed = change(PASSWORD, "mushroom ring 42").await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    server.post("/api/v1/refresh").cookie(&elsewhere).send().await.is_problem(401, "no_session");
    assert_eq!(server.post("/api/v1/refresh").cookie(&changed.cookie()).send().await.status, StatusCode::OK);
    server.login(ADMIN, PASSWORD).send().await.is_problem(401, "wrong_credentials");
    assert_eq!(server.login(ADMIN, "mushroom ring 42").send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_first_admin_is_made_once_and_gets_a_password_that_serves() {
    let server = Server::start().await;
    let again = create_first_admin(&server.engine, "other@example.com", None).await.unwrap();
    assert!(matches!(again, FirstAdmin::Exists), "{again:?}");
    sqlx::query("UPDATE users SET role = 'User'").execute(server.engine.pool()).await.unwrap();
    let made = create_first_admin(&server.engine, "other@example.com", None).await.unwrap();
    let FirstAdmin::Made { email, made_password: Some(password) } = made else { panic!("{made:?}") };
    let session = server.login(&email, &password).send().await.json();
    assert_eq!((&session["user"]["role"], &session["user"]["approved"]), (&json!("Admin"), &json!(true)));
}
