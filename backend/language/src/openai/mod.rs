//! The reader that asks a language model behind any OpenAI-compatible server.
//!
//! The model cuts the text into statements and copies words; it decides nothing. Every fragment that it gives back must
//! stand in the text and is parsed by the rules of the built-in reader; the words that it leaves out, and every word that
//! turns a meaning round, are accounted for as there. So a weak or hostile model can at worst cause a question.

mod client;
mod ground;
mod raw;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use mycopod_core::ports::{Interpreter, Inventory, ReadError};
use mycopod_core::reading::{Answers, Reading};
use mycopod_core::typed::is_intent;
use secrecy::SecretString;
use thiserror::Error;

use crate::account;
use crate::builtin;
use crate::cluster::Named;
use crate::lexer::{Token, lex};

use client::{Client, Message};
use ground::Grounder;
use raw::RawReading;

/// Where the language model is.
#[derive(Clone, Debug)]
pub struct Config {
    /// The API's address up to and without `/chat/completions`, e.g. `https://api.openai.com/v1`.
    pub base_url: String,
    /// The key; a server of one's own may need none.
    pub api_key: Option<SecretString>,
    /// The model's name.
    pub model: String,
    /// Whether plain HTTP is allowed to a server that is not on this machine.
    pub allow_plain_http: bool,
}

/// Why a configuration was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The address is none.
    #[error("LLM_BASE_URL should be a URL such as https://api.openai.com/v1 or http://127.0.0.1:11434/v1")]
    Url,
    /// Declarations and the key would go over the network in the clear.
    #[error(
        "LLM_BASE_URL would send declarations over plain HTTP: it should begin with https://, or name this machine"
    )]
    PlainHttp,
    /// The HTTP client could not be built.
    #[error("the client for the language model’s server could not be set up: {0}")]
    Client(String),
}

/// The reader that asks a language model.
pub struct OpenAi {
    client: Client,
}

impl OpenAi {
    /// A reader on the server of `config`. Nothing is sent yet.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(Self { client: Client::new(config)? })
    }

    /// The same reader, giving up on an answer after `timeout` instead of 90 s.
    #[must_use]
    pub const fn within(mut self, timeout: Duration) -> Self {
        self.client.timeout = timeout;
        self
    }
}

/// How often the model is asked: once, and once more with what was wrong.
const ATTEMPTS: usize = 2;

#[async_trait]
impl Interpreter for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn model(&self) -> Option<&str> {
        Some(self.client.model())
    }

    fn cluster(&self, text: &str, clusters: &BTreeSet<String>, answers: &Answers) -> Option<String> {
        crate::cluster::cluster(text, clusters, answers)
    }

    fn read_at_once(&self, text: &str, inventory: &Inventory, answers: &Answers) -> Reading {
        builtin::read(text, inventory, answers)
    }

    async fn read(&self, text: &str, inventory: &Inventory, answers: &Answers) -> Result<Reading, ReadError> {
        // An intent says what it says: nobody need be asked.
        if is_intent(text) {
            return Ok(self.read_at_once(text, inventory, answers));
        }
        let mut tokens = lex(text, |word| builtin::is_known(inventory, word));
        if let Some(refusal) = account::refusal(&tokens) {
            return Ok(Reading { refusal: Some(refusal), ..Reading::default() });
        }
        let named = Named::take(text, &mut tokens, &inventory.clusters);
        let mut messages = vec![
            Message::system(raw::instructions()),
            Message::user(raw::request(text, &known_names(&tokens, inventory))),
        ];
        let mut wrong = String::new();
        for _ in 0..ATTEMPTS {
            let answer = self.client.ask(&messages).await?;
            let read = RawReading::parse(&answer)
                .and_then(|raw| Grounder::new(text, &tokens, inventory).ground(&raw))
                .map(|grounded| named.complete(grounded.finish(answers), answers));
            match read {
                Ok(reading) => return Ok(reading),
                Err(error) => wrong = error,
            }
            tracing::debug!(reason = %wrong, "the language model’s answer was not usable");
            messages.push(Message::assistant(answer));
            messages
                .push(Message::user(format!("That answer cannot be used: {wrong} Answer again with the JSON alone.")));
        }
        Err(ReadError::Invalid(wrong))
    }
}

/// The words of the text that are names on the cluster. Nothing else of the cluster enters the prompt.
fn known_names<'a>(tokens: &'a [Token], inventory: &Inventory) -> Vec<&'a str> {
    let mut names: Vec<&str> = tokens
        .iter()
        .map(|token| token.text.as_str())
        .filter(|name| {
            inventory.guests.contains_key(*name)
                || inventory.nodes.contains(*name)
                || inventory.storages.contains(*name)
                || inventory.bridges.contains(*name)
        })
        .filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
