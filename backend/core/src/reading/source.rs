//! Where in a declaration something stands, and where a value comes from.

use serde::{Deserialize, Serialize};

/// A part of a declaration, in Unicode code points, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// First code point.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

impl Span {
    /// The words at this place of `text`; empty where the span lies outside.
    #[must_use]
    pub fn of(self, text: &str) -> String {
        text.chars().skip(self.start).take(self.end.saturating_sub(self.start)).collect()
    }
}

/// A span with its words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// First code point.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// The words there, verbatim.
    pub text: String,
}

impl Fragment {
    /// The fragment of `text` at `span`.
    #[must_use]
    pub fn at(span: Span, text: &str) -> Self {
        Self { start: span.start, end: span.end, text: span.of(text) }
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// These words of the declaration say it.
    Said(Fragment),
    /// Nobody said it; the policy's default holds.
    Default {
        /// Which default, and how to say otherwise.
        why: String,
    },
    /// It follows from what was said or seen.
    Inferred {
        /// From what.
        why: String,
    },
    /// Somebody answered a question so.
    Answered {
        /// The answer, verbatim.
        answer: String,
    },
    /// Somebody set it in a form.
    Set {
        /// The number of that edit.
        edit: usize,
        /// Who: their address.
        by: String,
    },
}

impl Source {
    /// Said at this place of `text`.
    #[must_use]
    pub fn said(span: Span, text: &str) -> Self {
        Self::Said(Fragment::at(span, text))
    }

    /// A default, with its reason.
    #[must_use]
    pub fn default(why: impl Into<String>) -> Self {
        Self::Default { why: why.into() }
    }

    /// Inferred, with its reason.
    #[must_use]
    pub fn inferred(why: impl Into<String>) -> Self {
        Self::Inferred { why: why.into() }
    }

    /// Answered so.
    #[must_use]
    pub fn answered(answer: impl Into<String>) -> Self {
        Self::Answered { answer: answer.into() }
    }

    /// The words it was said by.
    #[must_use]
    pub const fn span(&self) -> Option<Span> {
        match self {
            Self::Said(words) => Some(Span { start: words.start, end: words.end }),
            Self::Default { .. } | Self::Inferred { .. } | Self::Answered { .. } | Self::Set { .. } => None,
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
}

impl<T> Sourced<T> {
    /// `value` from `source`.
    pub const fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }

    /// Another value from the same source.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced { value: f(self.value), source: self.source }
    }
}
