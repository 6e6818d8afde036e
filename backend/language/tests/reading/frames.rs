//! One wish said in many sentences: every field, deed and way to name a guest, put into every frame, means the same.
//!
//! The corpus holds what people wrote, word by word; this holds that a way of speaking known for one field is known for
//! all of them.

use std::collections::BTreeMap;
use std::path::Path;

use mycopod_core::observed::Observed;
use mycopod_core::policy::Policy;
use mycopod_core::ports::Inventory;
use mycopod_core::reading::Answers;
use mycopod_core::resolve::resolve;
use mycopod_language::read;
use serde::Deserialize;
use serde_json::Value;

use crate::life::Life;
use crate::support::declaration;

/// A file of `corpus/frames`.
#[derive(Deserialize)]
struct Frames {
    /// How many sentences may be asked about although they are plain: it falls with time, and never rises.
    asked: usize,
    /// Sentences by the name of their sort, with slots: `set {field} of {guest} to {value}`.
    #[serde(rename = "frames")]
    sorts: BTreeMap<String, Vec<String>>,
    groups: Vec<Group>,
}

/// Sentences that mean the same.
#[derive(Deserialize)]
struct Group {
    world: String,
    /// The sentence that all others are held against.
    means: String,
    /// The sorts of frames.
    frames: Vec<String>,
    /// What can stand in each slot. The first of each goes with every word of the others.
    slots: BTreeMap<String, Vec<String>>,
}

impl Group {
    /// Every frame with every word of every slot, the other slots holding their first.
    fn sentences(&self, frames: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        let mut sentences = Vec::new();
        for frame in self.frames.iter().flat_map(|sort| &frames[sort]) {
            for (varied, words) in &self.slots {
                for word in words {
                    let filled = self.slots.iter().fold(frame.clone(), |sentence, (slot, words)| {
                        let word = if slot == varied { word } else { &words[0] };
                        sentence.replace(&format!("{{{slot}}}"), word)
                    });
                    sentences.push(filled);
                }
            }
        }
        sentences.sort();
        sentences.dedup();
        sentences
    }
}

/// What is planned for `say`, step by step, or what is asked of it.
fn outcome(say: &str, world: &Observed) -> Result<Vec<Value>, String> {
    let reading = read(say, &Inventory::of(world), &Answers::default());
    if let Some(refusal) = &reading.refusal {
        return Err(refusal.clone());
    }
    if let Some(question) = reading.questions.first() {
        return Err(question.text.clone());
    }
    resolve(declaration(), say, &reading, world, &Policy::default(), &Answers::default())
        .and_then(|intent| Life::new(world.clone()).plan(&intent))
        .map(|plan| plan.steps().iter().map(|step| without_words(serde_json::to_value(step).unwrap())).collect())
        .map_err(|questions| questions.into_iter().map(|question| question.text).collect())
}

/// A step without the words it was read from.
fn without_words(mut step: Value) -> Value {
    match &mut step {
        Value::Object(fields) => {
            fields.retain(|name, _| !["source", "resource", "wish"].contains(&name.as_str()));
            fields.values_mut().for_each(|value| *value = without_words(value.take()));
        }
        Value::Array(items) => {
            // What is started runs: whether that was asked for as a deed or as a state is the same step.
            items.retain(|item| item["field"] != "running");
            for item in items {
                *item = without_words(item.take());
            }
        }
        _ => {}
    }
    step
}

#[test]
fn one_wish_in_many_sentences_means_the_same() {
    let worlds = crate::world::worlds();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/frames");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let all: Frames = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let (mut said, mut asked, mut misread) = (0, Vec::new(), Vec::new());
        for group in &all.groups {
            let world = &worlds[&group.world];
            // What the cluster has may stand in the way (“db-1 has no cloud-init drive”): then all are asked that.
            let meant = outcome(&group.means, world);
            for sentence in group.sentences(&all.sorts) {
                said += 1;
                match outcome(&sentence, world) {
                    outcome if outcome == meant => {}
                    Ok(steps) => {
                        misread.push(format!("{sentence}\n    is not “{}”: {}", group.means, Value::from(steps)));
                    }
                    Err(why) => asked.push(format!("{sentence}\n    {why}")),
                }
            }
        }
        let (count, name) = (asked.len(), path.file_name().unwrap().to_string_lossy());
        println!("{name}: {count} of {said} are asked about\n{}", asked.join("\n"));
        assert!(misread.is_empty(), "{name}: {}", misread.join("\n"));
        assert!(count <= all.asked, "{name}: {count} of {said} are asked about, and {} were", all.asked);
        assert!(said > all.asked, "{name}: nothing is held to anything");
    }
}
