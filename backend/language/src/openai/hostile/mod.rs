//! A hostile model: whatever it answers, what comes of it is a question, a refusal, or what the text says.
//!
//! The declarations are such as the built-in reader reads rightly, so that it tells what each of them says.

#[path = "../../../tests/common/mod.rs"]
mod common;
mod declarations;
mod spoiling;

use std::sync::LazyLock;

use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, Reading};
use serde_json::json;

use super::{Grounder, RawReading, finish};
use crate::builtin::drafting::draft::Context;
use crate::builtin::{is_known, read};
use crate::lexer::{Token, lex};

use declarations::{DECLARATIONS, Honest, honest_statements};
use spoiling::{Choices, broken, spoil};

/// A declaration, as far as all answers to it share it.
struct Said {
    text: &'static str,
    honest: &'static [Honest],
    tokens: Vec<Token>,
    /// What the text says.
    says: String,
}

static INVENTORY: LazyLock<Inventory> = LazyLock::new(common::inventory);

static SAID: LazyLock<Vec<Said>> = LazyLock::new(|| {
    let said = |(text, honest): &'static (&str, &[Honest])| {
        let tokens = lex(text, |word| is_known(&INVENTORY, word));
        let says = common::summary(&read(text, &INVENTORY, &Answers::default()));
        Said { text, honest, tokens, says }
    };
    DECLARATIONS.iter().map(said).collect()
});

impl Said {
    fn reading(&self, answer: &str) -> Option<Reading> {
        let Self { text, tokens, .. } = self;
        let raw = RawReading::parse(answer).ok()?;
        let all = 0..tokens.len();
        let grounded = Grounder::new(text, tokens, &INVENTORY, Vec::from([all]), Vec::new()).ground(&raw).ok()?;
        let context = Context { text, tokens, inventory: &INVENTORY, answers: &Answers::default() };
        Some(finish(&context, grounded.drafts, &grounded.unread))
    }

    /// Whether `answer` is read, to what the text says; the error is what it is read to instead.
    fn holds(&self, answer: &str) -> Result<bool, String> {
        let Some(reading) = self.reading(answer) else { return Ok(false) };
        let came = common::summary(&reading);
        if is_held(&came) {
            return Ok(false);
        }
        let Self { text, says, .. } = self;
        if came == *says {
            Ok(true)
        } else {
            Err(format!("“{text}” says {says}\nand came out as {came}\nby {answer}"))
        }
    }
}

/// Whether nothing comes of it before somebody answers. Whom a vague word means is asked when it is held against the
/// cluster.
fn is_held(summary: &str) -> bool {
    summary.starts_with("ask") || summary.starts_with("refused") || summary.contains('?')
}

/// Whether the answer is read that `bytes` make.
pub fn holds(bytes: &[u8]) -> Result<bool, String> {
    answer(bytes).map_or(Ok(false), |(said, answer)| said.holds(&answer))
}

/// A declaration and the answer to it that `bytes` make: their first says which declaration, the others choose what is spoilt in
/// the honest answer or, where the first is above the middle, are the answer themselves.
fn answer(bytes: &[u8]) -> Option<(&'static Said, String)> {
    let (first, rest) = bytes.split_first()?;
    let said = &SAID[usize::from(first & 0x7f) % SAID.len()];
    if first & 0x80 != 0 {
        return Some((said, String::from_utf8_lossy(rest).into_owned()));
    }
    let mut choices = Choices::new(rest);
    let mut statements = honest_statements(said.honest);
    for _ in 0..choices.below(7) {
        spoil(&mut choices, said.text, &mut statements);
    }
    let mut answer = json!({ "statements": statements }).to_string();
    // Zeros, which are behind the last choice, break nothing.
    if choices.below(5) == 4 {
        answer = broken(&mut choices, said.text, answer);
    }
    Some((said, answer))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::{SAID, answer, common, holds, honest_statements, is_held, json};

    /// As many answers are tried.
    const ANSWERS: u64 = 100_000;

    /// The threads that the declarations are shared among.
    const THREADS: usize = 4;

    /// The bytes of the choices that an answer takes at most, and the one of the declaration.
    const BYTES: usize = 1 + 2 * 64;

    /// A generator without a state outside, for the declarations in turn.
    fn bytes(number: u64) -> [u8; BYTES] {
        let mut state = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        };
        let mut bytes = std::array::from_fn(|_| next());
        bytes[0] = u8::try_from(number % SAID.len() as u64).unwrap();
        bytes
    }

    #[test]
    fn whatever_the_model_answers_is_a_question_or_what_the_text_says() {
        assert_eq!(SAID.len() % THREADS, 0, "no two threads try the same answer");
        let some = |from: usize| {
            let mut tried = HashSet::new();
            let is_read = |number: &u64| {
                let (said, answer) = answer(&bytes(*number)).unwrap();
                let mut hash = DefaultHasher::new();
                (said.text, &answer).hash(&mut hash);
                // What is answered again is read again alike.
                tried.insert(hash.finish()) && said.holds(&answer).unwrap_or_else(|wrong| panic!("{wrong}"))
            };
            let read = (from as u64..ANSWERS).step_by(THREADS).filter(is_read).count();
            (read, tried.len())
        };
        let (read_rightly, different) = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|from| scope.spawn(move || some(from))).collect();
            let counts = threads.into_iter().map(|thread| thread.join().unwrap());
            counts.fold((0, 0), |(read, all), (more, tried)| (read + more, all + tried))
        });
        assert!(different > 50_000, "{different}");
        // A reader that asks about everything would be safe, and worth nothing.
        assert!(read_rightly > 4_000, "{read_rightly}");
    }

    #[test]
    fn an_honest_answer_is_read() {
        for said in SAID.iter() {
            let answer = json!({ "statements": honest_statements(said.honest) }).to_string();
            let came = common::summary(&said.reading(&answer).unwrap());
            let says = &said.says;
            assert!(
                came == *says || is_held(&came) && is_held(says),
                "“{}” says {says}\nand came out as {came}",
                said.text
            );
        }
    }

    /// What the fuzzer tries as an answer of its own is one.
    #[test]
    fn bytes_above_the_middle_are_the_answer() {
        let answer = json!({ "statements": honest_statements(SAID[0].honest) }).to_string();
        let with = |first: u8| [&[first], answer.as_bytes()].concat();
        assert_eq!((holds(&with(0x80)), holds(&with(0x81))), (Ok(true), Ok(false)));
        assert_eq!((holds(&[0]), holds(&[])), (Ok(true), Ok(false)));
    }
}
