//! Answers in other words, put in the place of the words that were not understood.

use super::question::{UNREAD, question_id, topic_and_span};
use super::{LEAVE_OUT, Question, Span};

/// A text with answers in the place of words that were not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reworded {
    /// The text as it is to be read.
    pub text: String,
    /// Which words went, and how many code points came, the last of the text first.
    replaced: Vec<(Span, usize)>,
}

impl Reworded {
    /// `text` with those of the answers `given`, by question, that say words anew; `None` where none does.
    #[must_use]
    pub fn of(text: &str, given: &[(String, String)]) -> Option<Self> {
        let length = text.chars().count();
        let mut anew: Vec<(Span, &str)> = given
            .iter()
            .filter_map(|(question, answer)| Some((topic_and_span(question)?, answer)))
            .filter(|((topic, span), answer)| {
                *topic == UNREAD && *answer != LEAVE_OUT && span.start < span.end && span.end <= length
            })
            .map(|((_, span), answer)| (span, answer.as_str()))
            .collect();
        // From the end, so that no answer moves the place of the next.
        anew.sort_by_key(|(span, _)| std::cmp::Reverse(*span));
        let mut reworded = Self { text: text.to_owned(), replaced: Vec::new() };
        for (span, answer) in anew {
            let span = reworded.moved(span);
            let (before, rest) = reworded.text.split_at(byte(&reworded.text, span.start));
            let (gone, after) = rest.split_at(byte(rest, span.end - span.start));
            // What ended a sentence, or asked, does so still: as a statement.
            let end = if gone.ends_with(['.', '!', '?']) && !answer.ends_with(['.', '!', '?']) { "." } else { "" };
            reworded.text = format!("{before}{answer}{end}{after}");
            reworded.replaced.push((span, answer.chars().count() + end.len()));
        }
        (!reworded.replaced.is_empty()).then_some(reworded)
    }

    /// Where the words at `span` of the text before are now. Of words that went, where those are that came.
    #[must_use]
    pub fn moved(&self, span: Span) -> Span {
        self.replaced.iter().fold(span, |Span { start, end }, (gone, came)| {
            let place = |at: usize, inside: usize| match at {
                _ if at <= gone.start => at,
                _ if at >= gone.end => (at - gone.end).saturating_add(gone.start + came),
                _ => inside,
            };
            Span { start: place(start, gone.start), end: place(end, gone.start + came) }
        })
    }

    /// The id under which the question of that `id` is asked of this text.
    #[must_use]
    pub fn id(&self, id: &str) -> String {
        topic_and_span(id).map_or_else(|| id.to_owned(), |(topic, span)| question_id(topic, Some(self.moved(span))))
    }

    /// `question` as it is asked of this text.
    #[must_use]
    pub fn question(&self, question: Question) -> Question {
        Question { id: self.id(&question.id), span: question.span.map(|span| self.moved(span)), ..question }
    }
}

/// Where the code point of that number begins; the end of the text, where there is none.
fn byte(text: &str, at: usize) -> usize {
    text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(answers: &[(&str, &str)]) -> Vec<(String, String)> {
        answers.iter().map(|(question, answer)| ((*question).to_owned(), (*answer).to_owned())).collect()
    }

    #[test]
    fn answers_take_the_place_of_words_and_move_what_stands_behind() {
        let text = "Größe blub, then flurb web-01";
        let answers = given(&[("unread@6-10", "4 cores"), ("unread@17-22", "stop"), ("vague@23-29", "web-01")]);
        let reworded = Reworded::of(text, &answers).unwrap();
        assert_eq!(reworded.text, "Größe 4 cores, then stop web-01");
        assert_eq!(reworded.id("unread@6-10"), "unread@6-13");
        assert_eq!(reworded.id("vague@23-29"), "vague@25-31");
        assert_eq!(reworded.id("name"), "name");
        assert_eq!(reworded.moved(Span { start: 0, end: 5 }), Span { start: 0, end: 5 });
        // What holds replaced words goes on holding what came for them; what lay in them is where that is.
        assert_eq!(reworded.moved(Span { start: 3, end: 12 }), Span { start: 3, end: 15 });
        assert_eq!(reworded.moved(Span { start: 18, end: 20 }), Span { start: 20, end: 24 });
        // Ids come from outside: a place that is none moves no further than it can.
        let far = format!("vague@{}-3", usize::MAX);
        assert_eq!(reworded.id(&far), far);
    }

    #[test]
    fn of_words_within_words_the_wider_are_said_anew() {
        let answers = given(&[("unread@5-9", "x"), ("unread@0-9", "stop a-1")]);
        assert_eq!(Reworded::of("blub flub, start b-1", &answers).unwrap().text, "stop a-1, start b-1");
    }

    #[test]
    fn what_is_left_out_or_no_such_question_rewords_nothing() {
        for (question, answer) in [
            ("unread@0-4", LEAVE_OUT),
            ("vague@0-4", "web-01"),
            ("unread@2-90", "x"),
            ("unread@4-4", "x"),
            ("unread@5-1", "x"),
        ] {
            assert_eq!(Reworded::of("blub flub", &given(&[(question, answer)])), None, "{question}");
        }
    }
}
