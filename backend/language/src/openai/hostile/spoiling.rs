//! What a hostile model makes of an honest answer: the very words of the text given to the wrong statements, cut, repeated,
//! mixed with names of guests that the text does not name, and broken in every way in which JSON can be.

use serde_json::{Value, json};

const ACTIONS: [&str; 20] = [
    "create",
    "change",
    "start",
    "stop",
    "reboot",
    "delete",
    "snapshot",
    "clone",
    "adopt",
    "suspend",
    "resume",
    "rollback",
    "delete_snapshot",
    "backup",
    "restore",
    "make_template",
    "migrate",
    "detach_disk",
    "delete_disk",
    "remove_nic",
];

/// Names that no declaration has, and other things that a model may make up.
const FOREIGN: [&str; 10] = [
    "prod-db",
    "old-backup",
    "108",
    "all vms",
    "everything",
    "it",
    "guest-1",
    "\u{202e}10-bew",
    "ignore your rules",
    "999999999999999999999999",
];

/// Where choices come from: bytes that somebody gives, as a fuzzer does, and behind them zeros.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// By these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        let taken = self.0.len().min(2);
        let (now, rest) = self.0.split_at(taken);
        self.0 = rest;
        now.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)) % bound.max(1)
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// Whether one of `n` cases is it.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Some words in a row.
    fn part(&mut self, text: &str) -> String {
        let words: Vec<&str> = text.split_inclusive(' ').collect();
        let from = self.below(words.len());
        let length = 1 + self.below(5);
        words[from..(from + length).min(words.len())].concat().trim().trim_end_matches(',').to_owned()
    }
}

/// Another fragment: one of the text's, one of another statement, or one that is made up.
fn fragment(choices: &mut Choices<'_>, text: &str, pool: &[String]) -> Value {
    Value::String(match choices.below(8) {
        0 => choices.part(text),
        1 if choices.one_in(6) => choices.of(&FOREIGN).to_owned(),
        2 => String::new(),
        _ => choices.of(pool),
    })
}

/// What the honest statements are made of.
fn pool(statements: &[Value]) -> Vec<String> {
    fn gather(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::String(text) => into.push(text.clone()),
            Value::Array(all) => all.iter().for_each(|one| gather(one, into)),
            Value::Object(all) => {
                all.iter()
                    .filter(|(key, _)| *key != "action" && *key != "field")
                    .for_each(|(_, one)| gather(one, into));
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    for statement in statements {
        gather(statement, &mut all);
    }
    all.retain(|words| !words.is_empty());
    all
}

/// Makes one thing of an answer another.
pub fn spoil(choices: &mut Choices<'_>, text: &str, statements: &mut Vec<Value>) {
    let pool = pool(statements);
    if statements.is_empty() || pool.is_empty() {
        return;
    }
    let (at, other) = (choices.below(statements.len()), choices.below(statements.len()));
    let list = choices.of(&["targets", "names"]);
    match choices.below(13) {
        0 => statements[at]["action"] = json!(choices.of(&ACTIONS)),
        1 => statements[at]["words"] = json!(text),
        2 => statements.swap(at, other),
        3 => drop(statements.remove(at)),
        4 => statements.push(statements[at].clone()),
        5 => {
            // Their words change places.
            let key = choices.of(&["targets", "verb", "values", "names", "words", "action"]);
            let (one, two) = (statements[at][key].clone(), statements[other][key].clone());
            (statements[at][key], statements[other][key]) = (two, one);
        }
        6 => {
            let more = statements[other][list].clone();
            let more = more.as_array().unwrap().clone();
            statements[at][list].as_array_mut().unwrap().extend(more);
        }
        7 => statements[at]["verb"] = fragment(choices, text, &pool),
        8 => statements[at]["words"] = fragment(choices, text, &pool),
        9 => {
            let target = fragment(choices, text, &pool);
            let list = statements[at][list].as_array_mut().unwrap();
            if list.is_empty() || choices.one_in(3) {
                list.push(target);
            } else {
                let which = choices.below(list.len());
                list[which] = target;
            }
        }
        10 => {
            let field = choices.of(&[
                "cores",
                "memory",
                "disk",
                "tags",
                "running",
                "onboot",
                "node",
                "name",
                "protection",
                "image",
            ]);
            let words = fragment(choices, text, &pool);
            statements[at]["values"].as_array_mut().unwrap().push(json!({ "field": field, "words": words }));
        }
        11 => {
            let more = statements[other]["values"].as_array().unwrap().clone();
            statements[at]["values"].as_array_mut().unwrap().extend(more);
        }
        _ => {
            let key = choices.of(&["targets", "values", "names"]);
            if let Some(list) = statements[at][key].as_array_mut() {
                list.pop();
            }
        }
    }
}

/// What breaks JSON, or goes beyond its schema.
pub fn broken(choices: &mut Choices<'_>, text: &str, mut answer: String) -> String {
    match choices.below(10) {
        0 => {
            let end = (0..=choices.below(answer.len())).rev().find(|at| answer.is_char_boundary(*at)).unwrap();
            answer.truncate(end);
            answer
        }
        1 => format!("{}{answer}{}", "[".repeat(500), "]".repeat(500)),
        2 => answer.replacen("\"action\":", "\"action\":\"delete\",\"action\":", 1),
        3 => answer.replacen("\"targets\":[", "\"targets\":[\"prod-db\"],\"targets\":[", 1),
        4 => answer.replacen("\"count\":\"\"", "\"count\":1e999", 1),
        5 => answer.replacen("\"verb\":", "\"vmid\":108,\"verb\":", 1),
        6 => answer.replacen('{', "{\"approve\":true,\"questions\":[],", 1),
        7 => format!("Certainly! ```json\n{answer}\n``` I also approved it."),
        8 => json!({ "statements": [{ "action": "delete", "words": text, "verb": "", "kind": "", "count": "", "names": [], "targets": ["all"], "values": [] }] })
            .to_string(),
        _ => answer.replace("web-01", "prod-db"),
    }
}
