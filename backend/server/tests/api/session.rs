//! Logging in, staying logged in, and keeping others out.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use mycopod_server::Config;
use serde_json::{Value, json};

use crate::server::{ADMIN, PASSWORD, Server, USER};

#[tokio::test]
async fn a_login_gives_a_token_and_a_cookie_that_scripts_cannot_read() {
    let server = Server::start().await;
    let answer = server.login(" Admin@Example.com ", PASSWORD).send().await;
    assert_eq!(answer.status, StatusCode::OK);
    let session = answer.json();
    assert_eq!((&session["user"]["email"], &session["user"]["role"]), (&json!(ADMIN), &json!("Admin")));
    let cookie = answer.header("set-cookie");
    for part in ["mycopod_refresh=", "HttpOnly", "SameSite=Strict", "Path=/api/v1"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(answer.header("cache-control"), "no-store");
    let token = session["token"].as_str().unwrap();
    assert_eq!(server.get("/api/v1/users").token(token).send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_account_and_a_wrong_password_are_answered_alike() {
    let server = Server::start().await;
    let known = server.login(ADMIN, "wrong horse battery").send().await;
    let unknown = server.login("nobody@example.com", "wrong horse battery").send().await;
    known.is_problem(401, "wrong_credentials");
    assert_eq!(known.json(), unknown.json());
    let token = server.token(ADMIN).await;
    let entries = server.get("/api/v1/audit?limit=3").token(&token).send().await.json();
    let failed: Vec<_> =
        entries.as_array().unwrap().iter().filter(|entry| entry["kind"] == "user.login_failed").collect();
    assert_eq!(failed.len(), 2, "{entries}");
    assert_eq!(failed[0]["subject"], "unknown");
    assert!(!entries.to_string().contains("nobody@"), "what was typed is not kept: {entries}");
}

#[tokio::test]
async fn guessing_gets_slow_and_the_owner_gets_in_from_elsewhere() {
    let server = Server::start().await;
    for _ in 0..6 {
        server.login(ADMIN, "wrong horse battery").from("192.0.2.66").send().await;
        server.clock.turn_on(TimeDelta::seconds(1));
    }
    let config_refuses = server.login(ADMIN, PASSWORD).from("192.0.2.66").send().await;
    config_refuses.is_problem(403, "plain_http");
    let from_here = || server.login(ADMIN, PASSWORD);
    for _ in 0..5 {
        server.login(ADMIN, "wrong horse battery").send().await.is_problem(401, "wrong_credentials");
    }
    let refused = from_here().send().await;
    refused.is_problem(429, "too_many_failures");
    assert_eq!(refused.header("retry-after"), "1");
    let elsewhere = from_here().from("127.0.0.2").send().await;
    assert_eq!(elsewhere.status, StatusCode::OK, "the owner from another address");
    assert_eq!(server.login("other@example.com", PASSWORD).send().await.status, StatusCode::UNAUTHORIZED);
    server.clock.turn_on(TimeDelta::seconds(2));
    assert_eq!(from_here().send().await.status, StatusCode::OK, "after the waiting");
    server.login(ADMIN, "wrong horse battery").send().await.is_problem(401, "wrong_credentials");
    assert_eq!(from_here().send().await.status, StatusCode::OK, "a login that went well forgets the failures");
}

#[tokio::test]
async fn a_refresh_replaces_the_cookie_and_a_copied_one_ends_the_session() {
    let server = Server::start().await;
    let first = server.login(ADMIN, PASSWORD).send().await.cookie();
    let refresh = |cookie: &str| server.post("/api/v1/refresh").cookie(cookie).send();
    let answer = refresh(&first).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.json()["token"].is_string());
    let second = answer.cookie();
    assert_ne!(first, second);
    server.clock.turn_on(TimeDelta::seconds(60));
    refresh(&first).await.is_problem(401, "no_session");
    refresh(&second).await.is_problem(401, "no_session");
    let token = server.token(ADMIN).await;
    let entries = server.get("/api/v1/audit").token(&token).send().await.json();
    assert!(entries.as_array().unwrap().iter().any(|entry| entry["status"] == "ended"), "{entries}");
}

#[tokio::test]
async fn a_session_ends_at_logout_and_after_a_week_of_disuse() {
    let server = Server::start().await;
    let cookie = server.login(ADMIN, PASSWORD).send().await.cookie();
    let answer = server.post("/api/v1/logout").cookie(&cookie).send().await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.header("set-cookie").starts_with("mycopod_refresh=; "), "{}", answer.header("set-cookie"));
    server.post("/api/v1/refresh").cookie(&cookie).send().await.is_problem(401, "no_session");

    let cookie = server.login(ADMIN, PASSWORD).send().await.cookie();
    server.clock.turn_on(TimeDelta::days(8));
    server.post("/api/v1/refresh").cookie(&cookie).send().await.is_problem(401, "no_session");
    server.post("/api/v1/refresh").send().await.is_problem(401, "no_session");
    assert_eq!(server.post("/api/v1/logout").send().await.status, StatusCode::NO_CONTENT, "without any session");
}

#[tokio::test]
async fn another_site_can_neither_refresh_nor_log_out() {
    let config = Config { cors_origins: vec!["http://localhost:3000".to_owned()], ..Config::default() };
    let server = Server::with(config).await;
    let cookie = server.login(ADMIN, PASSWORD).send().await.cookie();
    for path in ["/api/v1/refresh", "/api/v1/logout"] {
        for (header, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
            let answer =
                server.post(path).cookie(&cookie).header("host", "mycopod.lan").header(header, value).send().await;
            answer.is_problem(403, "cross_site");
        }
    }
    let ours = server.post("/api/v1/refresh").cookie(&cookie).header("origin", "http://localhost:3000").send().await;
    assert_eq!(ours.status, StatusCode::OK, "the session is still there");
    assert_eq!(ours.header("access-control-allow-origin"), "http://localhost:3000");
}

#[tokio::test]
async fn a_cross_origin_page_is_allowed_only_where_it_is_listed() {
    let config = Config { cors_origins: vec!["http://localhost:3000".to_owned()], ..Config::default() };
    let server = Server::with(config).await;
    for (origin, allowed) in [("http://localhost:3000", "http://localhost:3000"), ("https://evil.example", "")] {
        let ask = server.ask(Method::OPTIONS, "/api/v1/declarations").header("origin", origin);
        let answer = ask.header("access-control-request-method", "POST").send().await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
    }
}

#[tokio::test]
async fn tokens_are_needed_are_ours_and_end() {
    let server = Server::start().await;
    let token = server.token(ADMIN).await;
    let get = |token: &str| server.get("/api/v1/declarations").token(token).send();
    let without = server.get("/api/v1/declarations").send().await;
    without.is_problem(401, "unauthenticated");
    assert_eq!(without.header("www-authenticate"), "Bearer");
    get("nonsense").await.is_problem(401, "invalid_token");
    let mut parts: Vec<_> = token.split('.').collect();
    parts[2] = "AAAA";
    get(&parts.join(".")).await.is_problem(401, "invalid_token");
    assert_eq!(get(&token).await.status, StatusCode::OK);
    server.clock.turn_on(TimeDelta::minutes(11));
    get(&token).await.is_problem(401, "token_expired");
}

#[tokio::test]
async fn the_token_says_what_the_user_interface_needs() {
    let server = Server::start().await;
    let id = server.user(USER, false).await;
    let token = server.token(USER).await;
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&base64_url(claims)).unwrap();
    for (claim, value) in [
        ("sub", json!(id)),
        ("email", json!(USER)),
        ("role", json!("User")),
        ("approved", json!(false)),
        ("iss", json!("mycopod")),
        ("aud", json!("mycopod-api")),
    ] {
        assert_eq!(claims[claim], value, "{claims}");
    }
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
}

fn base64_url(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[tokio::test]
async fn sessions_beyond_this_machine_need_https_or_a_setting() {
    let server = Server::start().await;
    server.login(ADMIN, PASSWORD).from("192.0.2.7").send().await.is_problem(403, "plain_http");
    let config = Config { trusted_proxies: vec!["10.0.0.1".parse().unwrap()], ..Config::default() };
    let server = Server::with(config).await;
    let proxied = server.login(ADMIN, PASSWORD).from("10.0.0.1");
    let answer = proxied.header("x-forwarded-for", "192.0.2.7").header("x-forwarded-proto", "https").send().await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.header("set-cookie").contains("; Secure"));
    let server = Server::with(Config { allow_plain_http: true, ..Config::default() }).await;
    assert_eq!(server.login(ADMIN, PASSWORD).from("192.0.2.7").send().await.status, StatusCode::OK);
}
