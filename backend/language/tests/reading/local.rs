//! The corpus through a real language model on a server of this machine: what grounding and the account of every word save.
//!
//! `scripts/reading-bench --local-model` starts the server and runs this.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use mycopod_core::observed::Observed;
use mycopod_core::ports::{Free, Interpreter, Inventory, ReadError};
use mycopod_core::reading::{Answers, LEAVE_OUT, Reading};
use mycopod_language::{Config, OpenAi, Part, Readers, read};
use serde_json::{Value, json};

use crate::case::{Case, Due, cases};
use crate::judge::{Judged, Verdict, judge_reading};
use crate::world::worlds;

/// One thread of a busy machine writes a few tokens a second.
const PATIENCE: Duration = Duration::from_mins(10);

/// Longer than what any declaration of the corpus takes.
const MAX_TOKENS: u64 = 600;

/// The ways in which a declaration is read.
const WAYS: [&str; 4] = [
    "the built-in reader alone",
    "the model alone, taken at its word",
    "the model alone, grounded, every word accounted for (`alone`)",
    "the built-in reader, and the model for the rest (`leftover`)",
];

/// What stands between MycoPod and the model’s server, and keeps the last answer.
#[derive(Clone)]
struct Relay {
    to: String,
    http: reqwest::Client,
    said: Arc<Mutex<Option<String>>>,
}

async fn pass(State(relay): State<Relay>, Json(mut asked): Json<Value>) -> Result<Json<Value>, axum::http::StatusCode> {
    asked["stream"] = json!(false);
    // A small model that repeats itself would do so for minutes; cut off, its answer is none.
    asked["max_tokens"] = json!(MAX_TOKENS);
    asked.as_object_mut().unwrap().remove("stream_options");
    let sent = relay.http.post(&relay.to).timeout(PATIENCE).json(&asked).send().await;
    let answer: Value = sent.map_err(|_| axum::http::StatusCode::BAD_GATEWAY)?.json().await.unwrap();
    if let Some(said) = answer["choices"][0]["message"]["content"].as_str() {
        *relay.said.lock().unwrap() = Some(said.to_owned());
    }
    Ok(Json(answer))
}

/// Judges a sample of both halves, and says how it went in the words of docs/READING.md.
pub async fn report(base_url: &str, model: &str, sample: usize) -> String {
    let relay = Relay {
        to: format!("{base_url}/chat/completions"),
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        said: Arc::default(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/chat/completions", post(pass)).with_state(relay.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let reader = || {
        let config = Config {
            base_url: format!("http://{address}"),
            api_key: None,
            model: model.to_owned(),
            allow_plain_http: false,
        };
        OpenAi::new(config).unwrap().within(PATIENCE)
    };
    let (alone, first) = (reader(), Readers::new(reader(), Part::Leftover));
    let (worlds, begun) = (worlds(), Instant::now());
    let mut counts = [(); 4].map(|()| BTreeMap::<Verdict, usize>::new());
    let chosen = chosen(sample);
    for (number, case) in chosen.iter().enumerate() {
        let verdicts = read_all_ways(case, &worlds, &relay, &alone, &first).await;
        println!(
            "{} of {}: {} {:?}",
            number + 1,
            chosen.len(),
            case.at,
            verdicts.each_ref().map(|(verdict, _)| verdict)
        );
        for (counts, (verdict, _)) in counts.iter_mut().zip(verdicts) {
            *counts.entry(verdict).or_default() += 1;
        }
    }
    table(model, &chosen, &counts, begun.elapsed())
}

/// Every so many of both halves, so that all subjects are among them.
fn chosen(sample: usize) -> Vec<Case> {
    let all: Vec<Case> = ["dev", "held-out"].into_iter().flat_map(cases).collect();
    let (count, sample) = (all.len(), sample.clamp(1, all.len()));
    let is_chosen = |number: usize| number * sample / count != (number + 1) * sample / count;
    all.into_iter().enumerate().filter(|(number, _)| is_chosen(*number)).map(|(_, case)| case).collect()
}

async fn read_all_ways(
    case: &Case,
    worlds: &BTreeMap<String, Observed>,
    relay: &Relay,
    alone: &OpenAi,
    first: &Readers,
) -> [Judged; 4] {
    let (inventory, none) = (Inventory::of(&worlds[&case.world]), Answers::default());
    *relay.said.lock().unwrap() = None;
    let grounded = alone.read(&case.say, &inventory, &none, &Free).await;
    let said = relay.said.lock().unwrap().take();
    let grounded = grounded.unwrap_or_else(|error| match error {
        ReadError::Invalid(_) => refused(&error.to_string()),
        // A server that does not answer understands nothing, and that would look like asking.
        ReadError::Unavailable(_) | ReadError::NotAsked(_) => panic!("{}: {error}", case.at),
    });
    let believed = believed(said.as_deref().unwrap_or_default());
    let helped = first.read(&case.say, &inventory, &none, &Free).await.unwrap();
    [
        judge_reading(case, worlds, &case.say, &read(&case.say, &inventory, &none)),
        judge_reading(case, worlds, &believed, &without_questions(&believed, &inventory)),
        judge_reading(case, worlds, &case.say, &grounded),
        judge_reading(case, worlds, &case.say, &helped),
    ]
}

fn refused(why: &str) -> Reading {
    Reading { refusal: Some(why.to_owned()), ..Reading::default() }
}

/// The model’s statements in plain words, as a program would carry them out that believes it.
fn believed(answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let list = |value: &Value, between: &str| {
        let words = value.as_array().into_iter().flatten().filter_map(|one| one.as_str().or(one["words"].as_str()));
        words.collect::<Vec<_>>().join(between)
    };
    let mut text = String::new();
    for said in answer["statements"].as_array().into_iter().flatten() {
        let action = said["action"].as_str().unwrap_or_default().replace('_', " ");
        let (names, targets, values) =
            (list(&said["names"], " and "), list(&said["targets"], " and "), list(&said["values"], ", "));
        let kind = said["kind"].as_str().filter(|kind| !kind.is_empty()).unwrap_or("VM");
        let _ = match action.as_str() {
            "create" if values.is_empty() => writeln!(text, "create {kind} {names}"),
            "create" => writeln!(text, "create {kind} {names} with {values}"),
            "change" => writeln!(text, "{} {targets} {values}", said["verb"].as_str().unwrap_or("give")),
            "snapshot" | "clone" if !names.is_empty() => writeln!(text, "{action} {targets} as {names}"),
            "migrate" => writeln!(text, "migrate {targets} to {values}{names}"),
            _ => writeln!(text, "{action} {targets}"),
        };
    }
    text
}

/// What is read where nobody asks about words that end in nothing.
fn without_questions(text: &str, inventory: &Inventory) -> Reading {
    let first = read(text, inventory, &Answers::default());
    let open = first.questions.iter().filter(|question| question.options.iter().any(|option| option == LEAVE_OUT));
    let left_out: Answers = open.map(|question| (question.id.clone(), LEAVE_OUT.to_owned())).collect();
    read(text, inventory, &left_out)
}

fn table(model: &str, cases: &[Case], counts: &[BTreeMap<Verdict, usize>; 4], took: Duration) -> String {
    let plannable = cases.iter().filter(|case| matches!(case.due, Due::Plan(_))).count();
    let mut text = format!(
        "{} declarations of both halves, evenly chosen, {plannable} of which can be planned, with {model} on llama-server, one thread; {} s \
         each, on a busy machine:\n\n| read by | exact or rightly held back | asked instead | misread | unsafe |\n|---|---|---|---|---|\n",
        cases.len(),
        took.as_secs() / u64::try_from(cases.len().max(1)).unwrap(),
    )
    .replace("\\\n", "\n");
    for (way, counts) in WAYS.iter().zip(counts) {
        let count = |verdict| counts.get(&verdict).copied().unwrap_or_default();
        let [exact, asked, misread, not_asked] =
            [Verdict::Exact, Verdict::Asked, Verdict::Misread, Verdict::Unsafe].map(count);
        let _ = writeln!(text, "| {way} | {exact} | {asked} | {misread} | {not_asked} |");
    }
    text
}
