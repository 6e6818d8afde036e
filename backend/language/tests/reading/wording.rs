//! What a plan says of itself, worded by a language model that says what each test says, however hostile.

use mycopod_core::explain::{Explanation, Tongue, explain};
use mycopod_core::policy::Policy;
use mycopod_core::ports::{Free, Interpreter, Inventory};
use mycopod_core::reading::Answers;
use mycopod_core::resolve::resolve;
use mycopod_language::{Part, Readers, read};
use serde_json::{Value, json};

use crate::life::Life;
use crate::server::{Server, says};
use crate::support::{cluster, declaration};

fn explained(text: &str) -> Explanation {
    let (world, none) = (cluster(), Answers::default());
    let reading = read(text, &Inventory::of(&world), &none);
    let intent = resolve(declaration(), text, &reading, &world, &Policy::default(), &none).unwrap();
    explain(&Life::new(world).plan(&intent).unwrap(), Tongue::of(text))
}

async fn readers(server: &Server, rewords: bool) -> Readers {
    Readers::new(server.reader().await, Part::Leftover).rewording(rewords)
}

async fn reworded(readers: &Readers, text: &str) -> Option<String> {
    readers.reword(&explained(text), &Free).await.unwrap()
}

const DELETES: &str = "delete test-1";

/// The plan’s own sentences, but for one.
fn honest() -> Vec<String> {
    let mut sentences = explained(DELETES).with_handles();
    let deletes = sentences.iter_mut().find(|said| said.starts_with("Deleted: ")).unwrap();
    *deletes = format!("{} will be deleted.", deletes.trim_start_matches("Deleted: ").trim_end_matches('.'));
    sentences
}

#[tokio::test]
async fn a_model_words_a_plan_that_it_is_told_no_name_of() {
    let server = Server::new([says(&json!({ "sentences": honest() }).to_string())]);
    let readers = readers(&server, true).await;
    let worded = Some(explained(DELETES).to_string().replace("Deleted: test-1.", "test-1 will be deleted."));
    assert_eq!(reworded(&readers, DELETES).await, worded);
    // Looked at again it costs nothing, and reads the same.
    assert_eq!(reworded(&readers, DELETES).await, worded);
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked.len(), 1);
    let said = asked[0].1["messages"].to_string();
    assert!(said.contains("Deleted: g") && !said.contains("test-1"), "{said}");
    assert_eq!(asked[0].1["response_format"]["json_schema"]["name"], "rewording");
}

#[tokio::test]
async fn what_says_anything_else_is_not_shown_and_not_asked_for_again() {
    let but = |from: &str, to: &str| {
        let sentences: Vec<String> = honest().iter().map(|said| said.replace(from, to)).collect();
        assert_ne!(sentences, honest());
        json!({ "sentences": sentences }).to_string()
    };
    for answer in [
        "I cannot.".to_owned(),
        "{}".to_owned(),
        json!({ "sentences": [] }).to_string(),
        json!({ "sentences": honest()[1..] }).to_string(),
        but("will be", "will not be"),
        but("g1", "test-1"),
        but("deleted", "started"),
        json!({ "sentences": honest(), "approve": true }).to_string(),
        json!({ "sentences": "g1 will be deleted." }).to_string(),
        Value::Null.to_string(),
    ] {
        let server = Server::new([says(&answer)]);
        let readers = readers(&server, true).await;
        assert_eq!(reworded(&readers, DELETES).await, None, "{answer}");
        assert_eq!(reworded(&readers, DELETES).await, None, "{answer}");
        assert_eq!(server.asked.lock().unwrap().len(), 1, "{answer}");
    }
}

#[tokio::test]
async fn nobody_is_asked_to_word_a_plan_unless_that_is_on() {
    let server = Server::new([]);
    assert_eq!(reworded(&readers(&server, false).await, DELETES).await, None);
    assert!(server.asked.lock().unwrap().is_empty());
    // A server that fails is told of, and the plan’s own words stand.
    assert!(readers(&server, true).await.reword(&explained(DELETES), &Free).await.is_err());
}
