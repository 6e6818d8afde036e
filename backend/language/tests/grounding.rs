//! What the text must bear out, whatever a language model makes of it: one rule of the grounding each.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;
mod server;

use mycopod_core::ports::Free;
use mycopod_core::reading::{Answers, Reading};
use serde_json::{Value, json};
use server::{Server, reading, statement};

async fn read(text: &str, statements: &[Value]) -> Reading {
    let reader = Server::new([reading(statements)]).reader().await;
    reader.read(text, &common::inventory(), &Answers::default(), &Free).await.unwrap()
}

/// A deed, said by the first of its words.
fn does(action: &str, words: &str, targets: &[&str]) -> Value {
    statement(action, words, &json!({ "verb": words.split(' ').next(), "targets": targets }))
}

fn gives(words: &str, verb: &str, targets: &[&str], field: &str, value: &str) -> Value {
    let values = json!([{ "field": field, "words": value }]);
    statement("change", words, &json!({ "verb": verb, "targets": targets, "values": values }))
}

/// Whoever then says to leave the open words out shall not get the rest of such a sentence.
#[tokio::test]
async fn a_sentence_that_is_turned_round_or_deletes_is_held_back_whole() {
    let start = does("start", "start test-1", &["test-1"]);
    for text in
        ["do not start test-1", "start test-1 unless web-01 runs", "start test-1 tomorrow", "never start test-1"]
    {
        let read = read(text, std::slice::from_ref(&start)).await;
        assert!(read.statements.is_empty() && !read.questions.is_empty(), "{text}: {read:?}");
    }
    let delete = does("delete", "delete test-1", &["test-1"]);
    for text in ["delete test-1 gently", "please frobnicate and delete test-1", "delete test-1, frobnicated"] {
        let read = read(text, std::slice::from_ref(&delete)).await;
        assert!(read.statements.is_empty() && !read.questions.is_empty(), "{text}: {read:?}");
    }
    // Of another sentence, and of one that takes nothing away, the rest holds.
    let both = read("start test-1 gently. Do not delete it.", &[start]).await;
    assert_eq!((both.statements.len(), both.questions.len()), (1, 2), "{both:?}");
}

#[tokio::test]
async fn where_one_statement_ends_must_be_plain() {
    for (text, statements) in [
        (
            "web-01 gets 4 cores, 8 GB memory for web-02",
            [
                gives("web-01 gets 4 cores", "gets", &["web-01"], "cores", "4 cores"),
                gives("8 GB memory for web-02", "", &["web-02"], "memory", "8 GB memory"),
            ],
        ),
        (
            "reboot web-01 and web-02, test-1 gets 2 cores",
            [
                does("reboot", "reboot web-01", &["web-01"]),
                gives("web-02, test-1 gets 2 cores", "gets", &["web-02", "test-1"], "cores", "2 cores"),
            ],
        ),
        (
            "migrate web-01 to pve2, web-02 gets 2 cores",
            [
                does("migrate", "migrate web-01 to pve2", &["web-01"]),
                gives("web-02 gets 2 cores", "gets", &["web-02"], "cores", "2 cores"),
            ],
        ),
    ] {
        let read = read(text, &statements).await;
        assert!(!read.questions.is_empty(), "{text}: {}", common::summary(&read));
    }
}

#[tokio::test]
async fn nothing_is_done_that_no_word_asks_for() {
    let text = "our test-1";
    for action in ["start", "stop", "reboot", "snapshot", "clone", "adopt", "delete", "suspend"] {
        let read = read(text, &[statement(action, text, &json!({ "targets": ["test-1"] }))]).await;
        assert!(read.statements.is_empty() && !read.questions.is_empty(), "{action}: {read:?}");
    }
}

#[tokio::test]
async fn an_enumeration_is_taken_whole() {
    let text = "for web-01 and web-02 launch";
    let launch = statement("start", text, &json!({ "verb": "launch", "targets": ["web-01", "web-02"] }));
    assert_eq!(common::summary(&read(text, &[launch]).await), "start web-01+web-02");
    let one = statement("start", text, &json!({ "verb": "launch", "targets": ["web-01"] }));
    assert!(!read(text, &[one]).await.questions.is_empty());
}

#[tokio::test]
async fn an_amount_alone_is_of_no_field_that_the_model_says() {
    let text = "for web-01 set to 8 GB";
    for field in ["memory", "disk", "swap"] {
        let read = read(text, &[gives(text, "set", &["web-01"], field, "to 8 GB")]).await;
        assert!(!read.questions.is_empty(), "{field}: {}", common::summary(&read));
    }
}

/// A verb is taken word by word: what else the model puts into it is asked about.
#[tokio::test]
async fn what_stands_in_a_verb_is_no_less_read() {
    for text in ["never start test-1", "rather not start test-1", "not start test-1"] {
        let verb = text.trim_end_matches(" test-1");
        let read = read(text, &[statement("start", text, &json!({ "verb": verb, "targets": ["test-1"] }))]).await;
        assert!(read.statements.is_empty() && !read.questions.is_empty(), "{text}: {read:?}");
    }
}

#[tokio::test]
async fn a_new_name_is_announced_and_no_word_says_two_things() {
    let clone = |text: &str| {
        let more = json!({ "verb": "clone", "targets": ["web-01"], "names": ["web-09"] });
        statement("clone", text, &more)
    };
    let text = "of web-01 clone web-09";
    assert!(!read(text, &[clone(text)]).await.questions.is_empty());
    let text = "of web-01 snapshot";
    let with = |names: &[&str]| {
        statement("snapshot", text, &json!({ "verb": "snapshot", "targets": ["web-01"], "names": names }))
    };
    assert_eq!(common::summary(&read(text, &[with(&[])]).await), "snapshot web-01");
    assert!(!read(text, &[with(&["web-01"])]).await.questions.is_empty());
}
