//! The reader that asks a language model behind any OpenAI-compatible server.
//!
//! The model cuts the text into statements and copies words; it decides nothing. Every fragment that it gives back must
//! stand in the text and is parsed by the rules of the built-in reader; the words that it leaves out, and every word that
//! turns a meaning round, are accounted for as there. So a weak or hostile model can at worst cause a question.

mod answer;
mod breaker;
mod client;
mod form;
mod ground;
mod handles;
#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::unwrap_used, reason = "what tests and fuzz targets try may panic")]
pub mod hostile;
mod locate;
mod raw;
mod rewording;
mod words;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mycopod_core::ports::{Errand, Inventory, ReadError};
use mycopod_core::reading::{Answers, Reading};
use secrecy::SecretString;
use thiserror::Error;

use crate::account;
use crate::builtin;
use crate::builtin::drafting::draft::{self, Context, Draft};
use crate::cluster::Named;
use crate::lexer::{Token, lex};

use client::{Asked, Client, Message};
use ground::Grounder;
use handles::Handles;
use raw::RawReading;

pub use ground::Grounded;

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
    /// The last answers that could be used, each with what was asked.
    remembered: Mutex<VecDeque<(Vec<Message>, String)>>,
}

/// How often the model is asked: once, and once more with what was wrong.
const ATTEMPTS: usize = 2;

/// The most answers that are remembered. A declaration is read again after each answer to a question, and shall then mean
/// the same, and cost nothing again.
const MAX_REMEMBERED: usize = 64;

impl OpenAi {
    /// A reader on the server of `config`. Nothing is sent yet.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(Self { client: Client::new(config)?, remembered: Mutex::default() })
    }

    /// The same reader, giving up on an answer after `timeout` instead of 90 s.
    #[must_use]
    pub const fn within(mut self, timeout: Duration) -> Self {
        self.client.timeout = timeout;
        self
    }

    /// What the model makes of the `asked` tokens, beside what was `given`.
    pub(crate) async fn about(
        &self,
        text: &str,
        tokens: &[Token],
        inventory: &Inventory,
        asked: &[Range<usize>],
        given: &[Draft],
        errand: &dyn Errand,
    ) -> Result<Grounded, ReadError> {
        let ground = |answer: &str| {
            let raw = RawReading::parse(answer)?;
            Grounder::new(text, tokens, inventory, asked.to_vec(), given.to_vec()).ground(&raw)
        };
        let handles = Handles::of(tokens, asked, inventory);
        let words: Vec<String> = asked.iter().map(|asked| handles.show(text, tokens, asked)).collect();
        let mut messages = vec![
            Message::system(raw::instructions()),
            Message::user(raw::request(&words.join("\n"), &handles.known(tokens, asked, inventory))),
        ];
        if let Some(grounded) = self.remembered(&messages).and_then(|answer| ground(&answer).ok()) {
            return Ok(grounded);
        }
        let question = messages.clone();
        let mut wrong = String::new();
        for _ in 0..ATTEMPTS {
            let asked = Asked { name: "reading", schema: &raw::SCHEMA, messages: &messages };
            let answer = self.client.ask(asked, errand).await?;
            match ground(&answer) {
                Ok(grounded) => {
                    self.remember(question, answer);
                    return Ok(grounded);
                }
                Err(error) => wrong = error,
            }
            if !raw::is_json(&answer) {
                self.client.ignored();
            }
            tracing::debug!(reason = %wrong, "the language model’s answer was not usable");
            messages.push(Message::assistant(answer));
            messages
                .push(Message::user(format!("That answer cannot be used: {wrong} Answer again with the JSON alone.")));
        }
        Err(ReadError::Invalid(wrong.trim_end_matches('.').to_owned()))
    }

    fn remembered(&self, question: &[Message]) -> Option<String> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.iter().find(|(asked, _)| asked == question).map(|(_, answer)| answer.clone())
    }

    fn remember(&self, question: Vec<Message>, answer: String) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() == MAX_REMEMBERED {
            remembered.pop_front();
        }
        remembered.push_back((question, answer));
    }
}

impl OpenAi {
    /// The model’s name.
    #[must_use]
    pub fn model(&self) -> &str {
        self.client.model()
    }

    /// What the model alone makes of `text`.
    pub async fn read(
        &self,
        text: &str,
        inventory: &Inventory,
        answers: &Answers,
        errand: &dyn Errand,
    ) -> Result<Reading, ReadError> {
        let (tokens, named) = match begin(text, inventory) {
            Ok(begun) => begun,
            Err(refusal) => return Ok(Reading { refusal: Some(refusal), ..Reading::default() }),
        };
        let all = 0..tokens.len();
        let Grounded { drafts, unread } =
            self.about(text, &tokens, inventory, std::slice::from_ref(&all), &[], errand).await?;
        Ok(named.complete(finish(&Context { text, tokens: &tokens, inventory, answers }, drafts, &unread), answers))
    }
}

/// The words of a text but for those that name its cluster, and these; the error is why it is not read at all.
pub(crate) fn begin<'a>(text: &str, inventory: &'a Inventory) -> Result<(Vec<Token>, Named<'a>), String> {
    let mut tokens = lex(text, |word| builtin::is_known(inventory, word));
    if let Some(refusal) = account::refusal(&tokens) {
        return Err(refusal);
    }
    let named = Named::take(text, &mut tokens, &inventory.clusters);
    Ok((tokens, named))
}

/// The reading of what the model understood.
fn finish(context: &Context<'_>, drafts: Vec<Draft>, unread: &[Range<usize>]) -> Reading {
    if drafts.is_empty()
        && let Some(refusal) = account::off_topic(context.tokens, context.inventory)
    {
        return Reading { refusal: Some(refusal), ..Reading::default() };
    }
    draft::finish(context, drafts, unread, &[])
}
