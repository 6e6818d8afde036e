//! A language model's server that answers what each test says.

#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use mycopod_language::{Config, ConfigError, OpenAi};
use secrecy::SecretString;
use serde_json::{Value, json};

pub const KEY: &str = "sk-very-secret";

/// A server that gives these answers in turn, and keeps what it was asked.
#[derive(Clone, Default)]
pub struct Server {
    answers: Arc<Mutex<Vec<(StatusCode, String)>>>,
    pub asked: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    /// What it sends along with each.
    headers: HeaderMap,
}

impl Server {
    pub fn new(answers: impl IntoIterator<Item = (StatusCode, String)>) -> Self {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Self { answers: Arc::new(Mutex::new(answers)), ..Self::default() }
    }

    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub async fn reader(&self) -> OpenAi {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        reader(&format!("http://{address}/v1")).unwrap()
    }
}

async fn answer(
    State(server): State<Server>,
    headers: HeaderMap,
    Json(asked): Json<Value>,
) -> (StatusCode, HeaderMap, String) {
    server.asked.lock().unwrap().push((headers, asked));
    let next = server.answers.lock().unwrap().pop();
    let (status, body) = next.unwrap_or((StatusCode::INTERNAL_SERVER_ERROR, format!("no more; your key is {KEY}")));
    (status, server.headers, body)
}

pub fn reader(base_url: &str) -> Result<OpenAi, ConfigError> {
    OpenAi::new(Config {
        base_url: base_url.into(),
        api_key: Some(SecretString::from(KEY)),
        model: "small".into(),
        allow_plain_http: false,
    })
}

/// A completion whose message is this text.
pub fn says(content: &str) -> (StatusCode, String) {
    (StatusCode::OK, json!({ "choices": [{ "message": { "role": "assistant", "content": content } }] }).to_string())
}

pub fn statement(action: &str, words: &str, more: &Value) -> Value {
    let mut statement = json!({ "action": action, "words": words, "verb": "", "kind": "", "count": "", "names": [], "targets": [], "values": [] });
    for (key, value) in more.as_object().unwrap() {
        statement[key] = value.clone();
    }
    statement
}

pub fn reading(statements: &[Value]) -> (StatusCode, String) {
    says(&json!({ "statements": statements }).to_string())
}
