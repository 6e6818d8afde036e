//! One call to `POST /chat/completions` of an OpenAI-compatible server.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mycopod_core::ports::ReadError;
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::raw::SCHEMA;
use super::{Config, ConfigError};

/// A server that does not answer the connection in this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A small model on a slow machine takes most of a minute for a table of forty guests.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);

/// An answer repeats the declaration's words a few times over; a larger one is none.
const MAX_ANSWER: usize = 256 * 1024;

/// What stands between two parties of the conversation.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    role: &'static str,
    content: String,
}

impl Message {
    /// What the model shall do.
    pub const fn system(content: String) -> Self {
        Self { role: "system", content }
    }

    /// What it shall do it with.
    pub const fn user(content: String) -> Self {
        Self { role: "user", content }
    }

    /// What it answered.
    pub const fn assistant(content: String) -> Self {
        Self { role: "assistant", content }
    }
}

/// A language model's server.
pub struct Client {
    http: reqwest::Client,
    endpoint: Url,
    api_key: Option<SecretString>,
    model: String,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Whether the server refused a JSON schema once, and is asked for plain JSON since.
    plain_json: AtomicBool,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Answer,
}

#[derive(Deserialize)]
struct Answer {
    content: Option<String>,
}

impl Client {
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let endpoint = format!("{}/chat/completions", config.base_url.trim_end_matches('/'));
        let endpoint: Url = endpoint.parse().map_err(|_| ConfigError::Url)?;
        let local = match endpoint.host_str() {
            None => return Err(ConfigError::Url),
            Some(host) => {
                host == "localhost"
                    || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        };
        match endpoint.scheme() {
            "https" => {}
            "http" if local || config.allow_plain_http => {}
            "http" => return Err(ConfigError::PlainHttp),
            _ => return Err(ConfigError::Url),
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirection would carry the declaration elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| ConfigError::Client(error.without_url().to_string()))?;
        Ok(Self {
            http,
            endpoint,
            api_key: config.api_key,
            model: config.model,
            timeout: ANSWER_TIMEOUT,
            plain_json: AtomicBool::new(false),
        })
    }

    pub fn model(&self) -> &str {
        &self.model
    }

    /// The model's answer to a conversation.
    pub async fn ask(&self, messages: &[Message]) -> Result<String, ReadError> {
        if !self.plain_json.load(Ordering::Relaxed) {
            let strict = json!({ "type": "json_schema", "json_schema": { "name": "reading", "strict": true, "schema": *SCHEMA } });
            match self.complete(messages, &strict).await? {
                Ok(answer) => return Ok(answer),
                // Servers that know no schemas say so with one of these.
                Err(StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::NOT_IMPLEMENTED) => {
                    self.plain_json.store(true, Ordering::Relaxed);
                }
                Err(status) => return Err(refused(status)),
            }
        }
        self.complete(messages, &json!({ "type": "json_object" })).await?.map_err(refused)
    }

    /// The answer, or the status with which it was refused. What the server wrote beside the status is not repeated: it
    /// may hold the key.
    async fn complete(&self, messages: &[Message], format: &Value) -> Result<Result<String, StatusCode>, ReadError> {
        let body = json!({ "model": self.model, "temperature": 0, "messages": messages, "response_format": format });
        let mut request = self.http.post(self.endpoint.clone()).timeout(self.timeout).json(&body);
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key.expose_secret());
        }
        let mut response = request.send().await.map_err(|error| self.unavailable(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Ok(Err(status));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unavailable(&error))? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(ReadError::Unavailable(format!("its answer is longer than {} KiB", MAX_ANSWER / 1024)));
            }
            bytes.extend_from_slice(&chunk);
        }
        let completion: Completion = serde_json::from_slice(&bytes)
            .map_err(|_| ReadError::Unavailable("its answer is none of an OpenAI-compatible server".to_owned()))?;
        // A model that says nothing gave an invalid answer, which is tried once more.
        Ok(Ok(completion.choices.into_iter().next().and_then(|choice| choice.message.content).unwrap_or_default()))
    }

    fn unavailable(&self, error: &reqwest::Error) -> ReadError {
        let reason = if error.is_timeout() {
            format!("no answer within {} s", self.timeout.as_secs())
        } else if error.is_connect() {
            "it cannot be reached at LLM_BASE_URL".to_owned()
        } else {
            "the connection broke".to_owned()
        };
        ReadError::Unavailable(reason)
    }
}

fn refused(status: StatusCode) -> ReadError {
    let hint = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ": check LLM_API_KEY",
        StatusCode::NOT_FOUND => ": check LLM_BASE_URL and LLM_MODEL",
        StatusCode::TOO_MANY_REQUESTS => ": its limit is reached",
        _ => "",
    };
    ReadError::Unavailable(format!("it refused with {status}{hint}"))
}
