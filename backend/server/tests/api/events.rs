//! The log as it grows.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::server::{ADMIN, PASSWORD, Server, USER};

/// Longer than any event takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);

struct Stream {
    body: axum::body::BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(server: &Server, token: &str, last: Option<u64>) -> Self {
        let mut ask = server.get("/api/v1/events").token(token);
        if let Some(last) = last {
            ask = ask.header("last-event-id", &last.to_string());
        }
        let response = ask.stream().await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let body = Body::into_data_stream(response.into_body());
        Self { body, text: String::new() }
    }

    /// The next event's id and data.
    async fn next(&mut self) -> (u64, Value) {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let found = line("id: ").map(|id| {
                    assert_eq!(line("event: "), Some("audit"), "{event}");
                    (id.parse().unwrap(), serde_json::from_str(line("data: ").unwrap()).unwrap())
                });
                if let Some(found) = found {
                    return found;
                }
                continue;
            }
            let chunk =
                timeout(SOON, self.body.next()).await.expect("an event comes").expect("the stream goes on").unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn events_come_as_they_happen_and_go_on_where_somebody_was() {
    let server = Server::start().await;
    let token = server.token(ADMIN).await;
    let mut live = Stream::open(&server, &token, None).await;
    server.user(USER, true).await;
    let (login, first) = live.next().await;
    assert_eq!(first["kind"], "user.login", "the Admin's own");
    let (created, second) = live.next().await;
    assert_eq!((created, &second["kind"], &second["seq"]), (login + 1, &json!("user.created"), &json!(created)));
    let mut resumed = Stream::open(&server, &token, Some(login)).await;
    assert_eq!(resumed.next().await, (created, second));
}

#[tokio::test]
async fn a_user_gets_the_events_that_concern_them() {
    let server = Server::start().await;
    server.user(USER, true).await;
    let token = server.token(USER).await;
    let mut live = Stream::open(&server, &token, None).await;
    server.user("bob@example.com", true).await;
    server.token("bob@example.com").await;
    server.login(USER, PASSWORD).send().await;
    let (seq, event) = live.next().await;
    let own = server.get("/api/v1/audit?limit=1").token(&token).send().await.json();
    assert_eq!(
        (&event["kind"], json!(seq)),
        (&json!("user.login"), own[0]["seq"].clone()),
        "nobody else's came before"
    );
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_refuses_a_bad_position() {
    let server = Server::start().await;
    let token = server.token(ADMIN).await;
    let bad = server.get("/api/v1/events").token(&token).header("last-event-id", "yesterday").send().await;
    bad.is_problem(400, "invalid_header");
    // Two seconds before its end by the server's clock.
    server.clock.turn_on(chrono::TimeDelta::seconds(598));
    let mut stream = Stream::open(&server, &token, None).await;
    let ended = timeout(SOON, async { while stream.body.next().await.is_some() {} }).await;
    assert!(ended.is_ok());
}
