//! What must be answered before anything is planned, and the answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Span;

/// Something that must be answered before anything is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The same for the same doubt about the same words, whenever the text is read again.
    pub id: String,
    /// The question, with the words or the numbers it is about.
    pub text: String,
    /// Answers to choose from. Where empty, any text will do.
    pub options: Vec<String>,
    /// The words it is about.
    pub span: Option<Span>,
    /// The numbers of the edits in a form that it comes from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<usize>,
}

/// The option by which somebody gives up the words a question is about. The rest goes on without them.
pub const LEAVE_OUT: &str = "Leave it out";

impl Question {
    /// A question on `topic` (a short word such as `name` or `bridge`) about the words at `span`.
    #[must_use]
    pub fn new(topic: &str, span: Option<Span>, text: impl Into<String>, options: Vec<String>) -> Self {
        Self { id: question_id(topic, span), text: text.into(), options, span, edits: Vec::new() }
    }

    /// The same as a doubt about that edit in a form alone: its answer says nothing about any other.
    #[must_use]
    pub fn of_edit(self, number: usize) -> Self {
        Self { id: format!("{}{}", edit_prefix(number), self.id), edits: vec![number], ..self }
    }

    /// Whether it is about words that were not understood, and may be answered in other words.
    #[must_use]
    pub fn takes_other_words(&self) -> bool {
        topic_and_span(&self.id).is_some_and(|(topic, _)| topic == UNREAD)
    }
}

/// The topic of questions about words that were not understood. Any answer but [`LEAVE_OUT`] is read in their place.
pub const UNREAD: &str = "unread";

pub(super) fn question_id(topic: &str, span: Option<Span>) -> String {
    span.map_or_else(|| topic.to_owned(), |span| format!("{topic}@{}-{}", span.start, span.end))
}

/// The topic of the question of that id, and the words it is about.
pub(super) fn topic_and_span(id: &str) -> Option<(&str, Span)> {
    let (topic, span) = id.rsplit_once('@')?;
    let (start, end) = span.split_once('-')?;
    Some((topic, Span { start: start.parse().ok()?, end: end.parse().ok()? }))
}

fn edit_prefix(number: usize) -> String {
    format!("edit-{number}/")
}

/// The answers given so far, by question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answers(BTreeMap<String, String>);

impl Answers {
    /// The answer to the question of that id.
    #[must_use]
    pub fn to(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }

    /// Those to doubts about that edit in a form, as if there were no other doubts.
    #[must_use]
    pub fn of_edit(&self, number: usize) -> Self {
        let prefix = edit_prefix(number);
        let of_it = |(id, answer): (&String, &String)| Some((id.strip_prefix(&prefix)?.to_owned(), answer.clone()));
        self.0.iter().filter_map(of_it).collect()
    }

    /// The answer to the question on `topic` about `span`.
    #[must_use]
    pub fn get(&self, topic: &str, span: Option<Span>) -> Option<&str> {
        self.0.get(&question_id(topic, span)).map(String::as_str)
    }

    /// Whether the words at `span` were given up.
    #[must_use]
    pub fn left_out(&self, topic: &str, span: Option<Span>) -> bool {
        self.get(topic, span) == Some(LEAVE_OUT)
    }
}

impl FromIterator<(String, String)> for Answers {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(answers: I) -> Self {
        Self(answers.into_iter().collect())
    }
}
