//! The built-in reader and a language model together.
//!
//! The built-in reader is right or asks, and a language model may be anything: what it may add is bounded by what the
//! text bears out, and where it cannot be asked the built-in reader goes on alone, and the reading says so.

use std::collections::BTreeSet;
use std::ops::Range;

use async_trait::async_trait;
use mycopod_core::explain::Explanation;
use mycopod_core::ports::{Errand, Interpreter, Inventory, ReadError};
use mycopod_core::reading::{Answers, Question, Reading, What};
use mycopod_core::typed::is_intent;

use crate::account;
use crate::builtin::drafting::draft::{self, Context, Draft};
use crate::builtin::{self, Builtin, Drafted, read};
use crate::lexer::{Token, span};
use crate::openai::{Grounded, OpenAi, begin};

/// What a language model is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The sentences with words that the built-in reader does not understand.
    #[default]
    Leftover,
    /// Everything; both must have understood the same.
    Agree,
    /// Everything, without the built-in reader.
    Alone,
}

/// The built-in reader and a language model.
pub struct Readers {
    model: OpenAi,
    part: Part,
    rewords: bool,
}

/// The answer by which the built-in reader’s understanding is taken.
const AS_BUILT_IN: &str = "Take it as it is shown";

/// Words that may stand for a guest of another sentence.
const REFERRING: [&str; 22] = [
    "it", "its", "it's", "them", "their", "they", "both", "each", "all", "this", "that", "these", "those", "same",
    "one", "ones", "other", "others", "another", "every", "which", "latter",
];

/// As many words of the model’s part are repeated in a note.
const MAX_NOTED: usize = 200;

impl Readers {
    /// `model` with its `part`.
    #[must_use]
    pub const fn new(model: OpenAi, part: Part) -> Self {
        Self { model, part, rewords: false }
    }

    /// The same, and whether the model also words what plans say of themselves.
    #[must_use]
    pub const fn rewording(mut self, rewords: bool) -> Self {
        self.rewords = rewords;
        self
    }

    /// The built-in reader alone, and why.
    fn alone(text: &str, inventory: &Inventory, answers: &Answers, why: &ReadError) -> Reading {
        let mut reading = read(text, inventory, answers);
        let note = match why {
            ReadError::NotAsked(why) => {
                format!("The built-in reader read this alone: the language model was not asked, {why}.")
            }
            ReadError::Unavailable(why) => {
                format!("The built-in reader read this alone: the language model’s server did not answer, {why}.")
            }
            ReadError::Invalid(_) => {
                "The built-in reader read this alone: the language model’s answer could not be used.".to_owned()
            }
        };
        reading.notes.push(note);
        reading
    }

    /// The built-in reader first, and the model about the sentences that it leaves over.
    async fn leftover(
        &self,
        text: &str,
        inventory: &Inventory,
        answers: &Answers,
        errand: &dyn Errand,
    ) -> Result<Reading, ReadError> {
        let first = read(text, inventory, answers);
        // Words that somebody said to leave out are not read after all.
        let is_open = |fragment: &mycopod_core::reading::Fragment| {
            first.questions.iter().any(|question| {
                question.id.starts_with("unread") && question.span.is_some_and(|span| span.start == fragment.start)
            })
        };
        if first.refusal.is_some() || first.unread.is_empty() || !first.unread.iter().all(is_open) {
            return Ok(first);
        }
        let Ok((tokens, named)) = begin(text, inventory) else { return Ok(first) };
        let Drafted { drafts, unread, asides } = builtin::drafted(text, &tokens, inventory);
        let asked = left_over(&tokens, &drafts, &unread);
        let given: Vec<Draft> = drafts.into_iter().filter(|draft| !touches(&asked, &draft.extent())).collect();
        let read = self.model.about(text, &tokens, inventory, &asked, &given, errand).await?;
        let Grounded { drafts, unread } = read;
        let open = unread.iter().any(|tokens_of| tokens[tokens_of.clone()].iter().any(account::is_content));
        if open || drafts.is_empty() {
            // It understood no more of them: the questions stay those of the built-in reader.
            return Ok(first);
        }
        let mut all: Vec<Draft> = given.into_iter().chain(drafts).collect();
        all.sort_by_key(|draft| draft.tokens().start);
        let context = Context { text, tokens: &tokens, inventory, answers };
        let mut reading = named.complete(draft::finish(&context, all, &[], &asides), answers);
        let words: Vec<String> = asked.iter().map(|asked| span(&tokens, asked).of(text)).collect();
        let words: String = words.join(" … ").chars().take(MAX_NOTED).collect();
        reading
            .notes
            .push(format!("The language model read “{words}”; every value in it is checked against the text."));
        Ok(reading)
    }

    /// Both readers about everything.
    async fn agreeing(
        &self,
        text: &str,
        inventory: &Inventory,
        answers: &Answers,
        errand: &dyn Errand,
    ) -> Result<Reading, ReadError> {
        let mut reading = read(text, inventory, answers);
        if reading.refusal.is_some() || !reading.questions.is_empty() {
            return Ok(reading);
        }
        let other = self.model.read(text, inventory, answers, errand).await?;
        let agreed = other.refusal.is_none() && other.questions.is_empty() && said(&other) == said(&reading);
        if !agreed && answers.get("agree", None) != Some(AS_BUILT_IN) {
            let text = "The built-in reader and the language model do not understand this alike. Look closely at what is shown, \
                        which is the built-in reader’s, and take it, or withdraw the declaration and say it in plainer words.";
            reading.questions.push(Question::new("agree", None, text, vec![AS_BUILT_IN.to_owned()]));
        }
        Ok(reading)
    }
}

#[async_trait]
impl Interpreter for Readers {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn model(&self) -> Option<&str> {
        Some(self.model.model())
    }

    fn cluster(&self, text: &str, clusters: &BTreeSet<String>, answers: &Answers) -> Option<String> {
        Builtin.cluster(text, clusters, answers)
    }

    fn read_at_once(&self, text: &str, inventory: &Inventory, answers: &Answers) -> Reading {
        Builtin.read_at_once(text, inventory, answers)
    }

    async fn read(
        &self,
        text: &str,
        inventory: &Inventory,
        answers: &Answers,
        errand: &dyn Errand,
    ) -> Result<Reading, ReadError> {
        // An intent says what it says: nobody need be asked.
        if is_intent(text) {
            return Ok(read(text, inventory, answers));
        }
        let read = match self.part {
            Part::Leftover => self.leftover(text, inventory, answers, errand).await,
            Part::Agree => self.agreeing(text, inventory, answers, errand).await,
            Part::Alone => self.model.read(text, inventory, answers, errand).await,
        };
        Ok(read.unwrap_or_else(|why| Self::alone(text, inventory, answers, &why)))
    }

    async fn reword(&self, explanation: &Explanation, errand: &dyn Errand) -> Result<Option<String>, ReadError> {
        if self.rewords { self.model.reword(explanation, errand).await } else { Ok(None) }
    }
}

/// What was said, wherever in the text it stands.
fn said(reading: &Reading) -> Vec<String> {
    fn without_places(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                for key in ["span", "source"] {
                    fields.remove(key);
                }
                fields.values_mut().for_each(without_places);
            }
            serde_json::Value::Array(all) => all.iter_mut().for_each(without_places),
            _ => {}
        }
    }
    let one = |what: &What| {
        let mut value = serde_json::to_value(what).unwrap_or_default();
        without_places(&mut value);
        value.to_string()
    };
    let mut all: Vec<String> = reading.statements.iter().map(|statement| one(&statement.what)).collect();
    all.sort_unstable();
    all
}

fn touches(parts: &[Range<usize>], tokens: &Range<usize>) -> bool {
    parts.iter().any(|part| part.start < tokens.end && tokens.start < part.end)
}

/// The sentences with words that nothing understands, together with those that are about the same: that go on with what
/// was said in them, or behind them speak of “it”.
fn left_over(tokens: &[Token], drafts: &[Draft], unread: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut sentences: Vec<(Range<usize>, bool)> = Vec::new();
    let mut start = 0;
    while start < tokens.len() {
        let end = tokens[start..].iter().position(Token::ends_sentence).map_or(tokens.len(), |end| start + end);
        sentences.push((start..(end + 1).min(tokens.len()), false));
        start = end + 1;
    }
    let content = |range: &Range<usize>| tokens[range.clone()].iter().any(account::is_content);
    for (sentence, left) in &mut sentences {
        *left = unread.iter().any(|range| content(range) && touches(std::slice::from_ref(sentence), range));
    }
    let refers =
        |sentence: &Range<usize>| tokens[sentence.clone()].iter().any(|token| REFERRING.contains(&token.word.as_str()));
    loop {
        let before = sentences.iter().filter(|(_, left)| *left).count();
        let first = sentences.iter().position(|(_, left)| *left).unwrap_or(sentences.len());
        for (sentence, left) in &mut sentences[first..] {
            *left |= refers(sentence);
        }
        for draft in drafts {
            let extent = draft.extent();
            let is_of = |sentence: &Range<usize>| sentence.start < extent.end && extent.start < sentence.end;
            if sentences.iter().any(|(sentence, left)| *left && is_of(sentence)) {
                sentences.iter_mut().filter(|(sentence, _)| is_of(sentence)).for_each(|(_, left)| *left = true);
            }
        }
        if before == sentences.iter().filter(|(_, left)| *left).count() {
            break;
        }
    }
    let mut parts: Vec<Range<usize>> = Vec::new();
    for (sentence, _) in sentences.into_iter().filter(|(_, left)| *left) {
        match parts.last_mut() {
            Some(last) if last.end == sentence.start => last.end = sentence.end,
            _ => parts.push(sentence),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use mycopod_core::ports::Inventory;

    use super::left_over;
    use crate::builtin::{Drafted, drafted};
    use crate::lexer::{lex, span};

    fn left(text: &str) -> Vec<String> {
        let inventory = Inventory::default();
        let tokens = lex(text, |_| false);
        let Drafted { drafts, unread, .. } = drafted(text, &tokens, &inventory);
        left_over(&tokens, &drafts, &unread).iter().map(|part| span(&tokens, part).of(text)).collect()
    }

    #[test]
    fn what_is_left_over_takes_along_what_is_about_the_same() {
        assert!(left("Stop a-1. Start b-1.").is_empty());
        assert_eq!(left("Stop a-1. Frobnicate b-1. Start c-1."), ["Frobnicate b-1."]);
        assert_eq!(left("Stop a-1. Frobnicate b-1. Start it."), ["Frobnicate b-1. Start it."]);
        assert_eq!(left("Create a VM. Frobnicate b-1. Name it a-1."), ["Create a VM. Frobnicate b-1. Name it a-1."]);
    }
}
