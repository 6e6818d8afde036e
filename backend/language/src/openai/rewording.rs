//! A plan’s explanation in the model’s words.
//!
//! The model is told no name and no value of the plan; whether its sentences say what the plan’s own say is for
//! [`Explanation::worded`] to judge.

use std::sync::LazyLock;

use mycopod_core::explain::{Explanation, Tongue};
use mycopod_core::ports::{Errand, ReadError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::client::{Asked, Message};
use super::{OpenAi, raw};

/// The sentences in other words, each ending in a full stop.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rewording {
    /// One for each that was given, in their order.
    sentences: Vec<String>,
}

static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(Rewording).to_value());

impl OpenAi {
    /// `explanation` in the model’s words; `None` where they are not to be trusted.
    pub(crate) async fn reword(
        &self,
        explanation: &Explanation,
        errand: &dyn Errand,
    ) -> Result<Option<String>, ReadError> {
        let sentences = explanation.with_handles();
        if sentences.is_empty() {
            return Ok(None);
        }
        let messages = vec![Message::system(instructions(explanation)), Message::user(sentences.join("\n"))];
        let answer = if let Some(answer) = self.remembered(&messages) {
            answer
        } else {
            let asked = Asked { name: "rewording", schema: &SCHEMA, messages: &messages };
            let answer = self.client.ask(asked, errand).await?;
            if !raw::is_json(&answer) {
                self.client.ignored();
            }
            // Even where it is of no use: asked again, the model would say the same, and cost the same.
            self.remember(messages, answer.clone());
            answer
        };
        let said: Option<Rewording> = raw::json(&answer).ok().and_then(|text| serde_json::from_str(text).ok());
        let worded = said.and_then(|said| explanation.worded(&said.sentences));
        if worded.is_none() {
            tracing::debug!("the language model’s wording of a plan was not usable");
        }
        Ok(worded)
    }
}

/// What the model is told to do.
fn instructions(explanation: &Explanation) -> String {
    let language = match explanation.tongue() {
        Tongue::English => "English",
        Tongue::German => "German",
        Tongue::Spanish => "Spanish",
        Tongue::French => "French",
    };
    let (links, ways) = explanation.vocabulary();
    let ways: Vec<String> =
        ways.iter().enumerate().map(|(at, ways)| format!("{}: {}", at + 1, ways.join(" / "))).collect();
    format!(
        "You put notes about what will become of machines into whole {language} sentences: one for each note, in their order, \
         ending in a full stop. Words such as g1 stand for machines: keep each once, in its order, side by side. The verb of \
         each sentence is one of these, as it stands:\n{}\nBesides it use these words alone: {links}. Answer with JSON alone, for this \
         schema:\n{}",
        ways.join("\n"),
        *SCHEMA
    )
}
