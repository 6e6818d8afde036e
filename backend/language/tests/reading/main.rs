//! How well the built-in reader understands what operators write: the corpus in `corpus/`, judged by what would be
//! there after the plan was carried out.
//!
//! Rules are written looking at the `dev` half alone; `held-out` shows what they are worth. `scripts/reading-bench` prints
//! all of it and writes docs/READING.md.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod case;
mod courtesies;
mod frames;
#[path = "../common/hostile.rs"]
mod hostile;
mod inventories;
mod judge;
#[allow(dead_code, reason = "the planner's tests use all of it")]
#[path = "../../../core/tests/planner/life.rs"]
mod life;
mod local;
mod offered;
mod score;
#[path = "../server/mod.rs"]
mod server;
mod speed;
#[allow(dead_code, reason = "the planner's tests use all of it")]
#[path = "../../../core/tests/planner/support.rs"]
mod support;
mod wording;
mod world;

use score::Score;

/// The fewest declarations that may be read exactly: what is reached. It rises with the reader, and never falls.
const DEV: usize = 6_166;
const HELD_OUT: usize = 434;

/// A declaration that is misread does something else than was said: there is no level of that to hold.
fn holds(half: &'static str, least: usize) {
    let score = Score::of(half);
    assert_eq!((score.misread, score.not_asked), (0, 0), "{}", score.wrong());
    assert!(
        score.exact >= least,
        "{} of {} are exact, and {least} were\n{}",
        score.exact,
        score.plannable,
        score.wrong()
    );
}

#[test]
fn the_declarations_that_rules_are_written_for_are_read() {
    holds("dev", DEV);
}

#[test]
fn the_declarations_that_no_rule_was_written_for_are_read() {
    holds("held-out", HELD_OUT);
}

/// `scripts/reading-bench` runs it in release mode.
#[test]
#[ignore = "prints and writes the published numbers"]
#[expect(clippy::disallowed_methods, reason = "the script says by variables what it wants")]
fn report() {
    let halves = ["dev", "held-out"].map(Score::of);
    if let Ok(half) = std::env::var("READING_BENCH_LIST") {
        for score in halves.iter().filter(|score| score.half == half) {
            println!("{}", score.wrong());
        }
    }
    let speed = speed::measured();
    for score in &halves {
        println!("{}", score.line());
    }
    println!("{speed}");
    if let Ok(path) = std::env::var("READING_BENCH_DOC") {
        write_between(&path, BEGIN, END, &format!("{}\n{speed}", score::table(&halves)));
    }
}

/// `scripts/reading-bench --local-model` runs it beside a server.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "needs a language model’s server"]
#[expect(clippy::disallowed_methods, reason = "the script says by variables what it wants")]
async fn local_model() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let sample = variable("READING_BENCH_SAMPLE").parse().unwrap();
    let table = local::report(&variable("READING_BENCH_SERVER"), &variable("READING_BENCH_MODEL"), sample).await;
    println!("{table}");
    if let Ok(path) = std::env::var("READING_BENCH_DOC") {
        write_between(&path, MODEL_BEGIN, MODEL_END, &table);
    }
}

fn write_between(path: &str, begin: &str, end: &str, words: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    std::fs::write(path, format!("{before}{begin}\n{words}\n{end}{after}")).unwrap();
}

const MODEL_BEGIN: &str = "<!-- the model's numbers: written by scripts/reading-bench -->";
const MODEL_END: &str = "<!-- end of the model's numbers -->";

/// What stands between these in docs/READING.md is written by the report.
const BEGIN: &str = "<!-- numbers: written by scripts/reading-bench -->";
const END: &str = "<!-- end of the numbers -->";
