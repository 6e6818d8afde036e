//! Calls to `POST /chat/completions` of an OpenAI-compatible server.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mycopod_core::ports::{Errand, ReadError, Usage};
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::answer::{Broken, Growing, MAX_ANSWER};
use super::breaker::Breaker;
use super::form::{MAX_TOKENS, Manner};
use super::{Config, ConfigError};

/// A server that does not answer the connection in this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A small model on a slow machine takes most of a minute for a table of forty guests. Retries share it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);

/// The pauses before a call that a busy or broken server refused is made again; there are as many further calls.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];

/// A server that wants to be left alone for longer is not waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10);

/// As much of a refusal is looked at, to learn what the server does not take. It is shown to nobody: it may hold the key.
const MAX_REFUSAL: usize = 8 * 1024;

/// The most that a server is asked anew because it did not take a request: as many things can be left out or loosened.
const MAX_MANNERS: usize = 8;

/// A token is three letters or more in any language that declarations are in.
const LETTERS_PER_TOKEN: u64 = 3;

/// What stands between two parties of the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

/// What the model is asked.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// What its answer is called.
    pub name: &'static str,
    /// The schema that its answer shall fit.
    pub schema: &'a Value,
    /// What was said so far.
    pub messages: &'a [Message],
}

/// A language model's server.
pub struct Client {
    http: reqwest::Client,
    endpoint: Url,
    api_key: Option<SecretString>,
    model: String,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How the server takes its requests, as far as it has shown.
    manner: Mutex<Manner>,
    breaker: Breaker,
}

/// How a call ended without an answer.
enum Failure {
    /// The server does not take such a request, and said why.
    Unfit(StatusCode, String),
    /// It may answer later.
    Later(ReadError, Option<Duration>),
    /// It will not answer.
    Not(ReadError),
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
            manner: Mutex::new(Manner::strictest()),
            breaker: Breaker::default(),
        })
    }

    pub fn model(&self) -> &str {
        &self.model
    }

    /// The model's answer to a conversation.
    pub async fn ask(&self, asked: Asked<'_>, errand: &dyn Errand) -> Result<String, ReadError> {
        let letters: usize = asked.messages.iter().map(|message| message.content.len()).sum();
        let most = Usage { input: tokens(letters), output: MAX_TOKENS };
        errand.reserve(most).await.map_err(ReadError::NotAsked)?;
        if let Err(left) = self.breaker.allow(Instant::now()) {
            errand.settle(most, Usage::default()).await;
            return Err(ReadError::NotAsked(format!(
                "its server failed several times in a row and is left alone for another {} s",
                left.as_secs() + 1
            )));
        }
        let ended = timeout(self.timeout, self.negotiate(asked, errand)).await;
        let ended = ended
            .unwrap_or_else(|_| Err(ReadError::Unavailable(format!("no answer within {} s", self.timeout.as_secs()))));
        self.breaker.ended(ended.is_ok(), Instant::now());
        // What failed half-way may have cost something; that stays set aside.
        let (answer, usage) = ended?;
        let spent = usage.unwrap_or(Usage { input: most.input, output: tokens(answer.len()) });
        errand.settle(most, spent).await;
        Ok(answer)
    }

    /// Notes that an answer was no JSON at all: the form that was asked for was ignored, and the next is tried from now on.
    pub fn ignored(&self) {
        let mut manner = self.manner.lock().unwrap_or_else(PoisonError::into_inner);
        *manner = manner.looser().unwrap_or(*manner);
    }

    /// Asks in the manner that the server is known to take, and finds another where it takes it no more.
    async fn negotiate(&self, asked: Asked<'_>, errand: &dyn Errand) -> Result<(String, Option<Usage>), ReadError> {
        let known = *self.manner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut manner = known;
        for _ in 0..MAX_MANNERS {
            match self.persist(manner, asked, errand).await {
                Ok(answer) => {
                    if manner != known {
                        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
                    }
                    return Ok(answer);
                }
                Err(Failure::Unfit(status, words)) => {
                    manner = manner.after(&words).ok_or_else(|| refused(status))?;
                }
                Err(Failure::Later(error, _) | Failure::Not(error)) => return Err(error),
            }
        }
        Err(ReadError::Unavailable("it takes no request that MycoPod makes".to_owned()))
    }

    /// Asks, and again where the server is busy or broken.
    async fn persist(
        &self,
        manner: Manner,
        asked: Asked<'_>,
        errand: &dyn Errand,
    ) -> Result<(String, Option<Usage>), Failure> {
        for pause in BACK_OFF {
            match self.call(manner, asked, errand).await {
                Err(Failure::Later(error, after)) => {
                    let pause = after.unwrap_or(pause);
                    if pause > MAX_RETRY_AFTER {
                        return Err(Failure::Not(error));
                    }
                    sleep(pause).await;
                }
                ended => return ended,
            }
        }
        self.call(manner, asked, errand).await
    }

    /// One call. What the server wrote beside a refusal is not repeated: it may hold the key.
    async fn call(
        &self,
        manner: Manner,
        asked: Asked<'_>,
        errand: &dyn Errand,
    ) -> Result<(String, Option<Usage>), Failure> {
        let mut request = self.http.post(self.endpoint.clone()).json(&manner.body(&self.model, asked));
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key.expose_secret());
        }
        let mut response = request.send().await.map_err(|error| broke(&error))?;
        let status = response.status();
        match status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::NOT_IMPLEMENTED => {
                return Err(Failure::Unfit(status, refusal(response).await));
            }
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => return Err(Failure::Later(refused(status), retry_after(&response))),
            status if !status.is_success() => return Err(Failure::Not(refused(status))),
            _ => {}
        }
        let mut growing = Growing::default();
        while let Some(bytes) = response.chunk().await.map_err(|error| broke(&error))? {
            growing.take(&bytes).map_err(no_answer)?;
            errand.progress(growing.characters());
        }
        growing.finish().map_err(no_answer)
    }
}

const fn tokens(letters: usize) -> u64 {
    (letters as u64).div_ceil(LETTERS_PER_TOKEN)
}

/// How long the server wants to be left alone, where it says so in seconds.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The beginning of what the server wrote beside its refusal.
async fn refusal(mut response: Response) -> String {
    let mut words = Vec::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        words.extend_from_slice(&bytes[..bytes.len().min(MAX_REFUSAL - words.len())]);
        if words.len() == MAX_REFUSAL {
            break;
        }
    }
    String::from_utf8_lossy(&words).into_owned()
}

fn no_answer(broken: Broken) -> Failure {
    Failure::Not(ReadError::Unavailable(match broken {
        Broken::TooLong => format!("its answer is longer than {} KiB", MAX_ANSWER / 1024),
        Broken::Strange => "its answer is none of an OpenAI-compatible server".to_owned(),
    }))
}

fn broke(error: &reqwest::Error) -> Failure {
    if error.is_connect() {
        Failure::Later(ReadError::Unavailable("it cannot be reached at LLM_BASE_URL".to_owned()), None)
    } else {
        Failure::Later(ReadError::Unavailable("the connection broke".to_owned()), None)
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
