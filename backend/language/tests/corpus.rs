//! Sentences as operators write them, and what the built-in reader must make of each.
//!
//! A line of the tables is `sentence => reading`; `\n` stands for the end of a line. A sentence that must not be
//! planned expects `ask …` with the topics of its questions, or `refused`.

mod common;

use mycopod_core::reading::Answers;
use mycopod_language::read;

#[test]
fn every_sentence_is_read_as_expected() {
    let inventory = common::inventory();
    let mut wrong = Vec::new();
    for (sentence, expected) in common::corpus() {
        let reading = read(&sentence, &inventory, &Answers::default());
        let summary = common::summary(&reading);
        if summary != expected {
            let questions: Vec<_> = reading.questions.iter().map(|question| question.text.as_str()).collect();
            wrong.push(format!("{sentence}\n  expected {expected}\n  read     {summary}\n  {questions:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}
