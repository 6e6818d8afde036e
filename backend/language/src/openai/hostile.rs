//! A hostile model: whatever it answers, what comes of it is a question, a refusal, or what the text says.
//!
//! The declarations are such as the built-in reader reads rightly, so that it tells what each of them says. The answers are
//! put together from the very words of the text, given to the wrong statements, cut, repeated, mixed with names of guests
//! that the text does not name, and broken in every way in which JSON can be.

#[path = "../../tests/common/mod.rs"]
mod common;

use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, Reading};
use serde_json::{Value, json};

use super::{Grounder, RawReading, finish};
use crate::builtin::draft::Context;
use crate::builtin::{is_known, read};
use crate::lexer::{Token, lex};

/// As many answers are tried.
const ANSWERS: u64 = 100_000;

/// A statement as an honest model gives it: action, words, verb, kind, count, names, targets, values.
type Honest = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);

const fn does(
    action: &'static str,
    words: &'static str,
    verb: &'static str,
    targets: &'static [&'static str],
) -> Honest {
    (action, words, verb, "", "", &[], targets, &[])
}

const fn gives(
    words: &'static str,
    verb: &'static str,
    targets: &'static [&'static str],
    values: &'static [(&'static str, &'static str)],
) -> Honest {
    ("change", words, verb, "", "", &[], targets, values)
}

/// Declarations, each with what an honest model makes of it.
const DECLARATIONS: [(&str, &[Honest]); 20] = [
    (
        "delete test-1 and start web-01",
        &[does("delete", "delete test-1", "delete", &["test-1"]), does("start", "start web-01", "start", &["web-01"])],
    ),
    (
        "web-01 gets 4 cores, then start test-1 and stop web-02",
        &[
            gives("web-01 gets 4 cores", "gets", &["web-01"], &[("cores", "4 cores")]),
            does("start", "start test-1", "start", &["test-1"]),
            does("stop", "stop web-02", "stop", &["web-02"]),
        ],
    ),
    (
        "reboot web-01 and web-02, then give test-1 2 cores",
        &[
            does("reboot", "reboot web-01 and web-02", "reboot", &["web-01", "web-02"]),
            gives("give test-1 2 cores", "give", &["test-1"], &[("cores", "2 cores")]),
        ],
    ),
    (
        "give web-01 4 cores and test-1 8 GB of memory",
        &[
            gives("give web-01 4 cores", "give", &["web-01"], &[("cores", "4 cores")]),
            gives("test-1 8 GB of memory", "", &["test-1"], &[("memory", "8 GB of memory")]),
        ],
    ),
    (
        "stop all vms tagged web and start test-1",
        &[
            does("stop", "stop all vms tagged web", "stop", &["all vms tagged web"]),
            does("start", "start test-1", "start", &["test-1"]),
        ],
    ),
    (
        "increase the memory of web-01 by 2 GB and reduce the cores of db-1 by 1",
        &[
            gives(
                "increase the memory of web-01 by 2 GB",
                "increase",
                &["web-01"],
                &[("memory", "memory"), ("memory", "by 2 GB")],
            ),
            gives("reduce the cores of db-1 by 1", "reduce", &["db-1"], &[("cores", "cores"), ("cores", "by 1")]),
        ],
    ),
    (
        "delete test-1 and test-2. Start web-01 and reboot db-1",
        &[
            does("delete", "delete test-1 and test-2", "delete", &["test-1", "test-2"]),
            does("start", "Start web-01", "Start", &["web-01"]),
            does("reboot", "reboot db-1", "reboot", &["db-1"]),
        ],
    ),
    (
        "clone web-01 as web-09 and snapshot db-1 as pre",
        &[
            ("clone", "clone web-01 as web-09", "clone", "", "", &["web-09"], &["web-01"], &[]),
            ("snapshot", "snapshot db-1 as pre", "snapshot", "", "", &["pre"], &["db-1"], &[]),
        ],
    ),
    (
        "Create a VM called x-1 with 2 cores and a container called x-2 with 4 GB RAM",
        &[
            (
                "create",
                "Create a VM called x-1 with 2 cores",
                "Create",
                "VM",
                "",
                &["x-1"],
                &[],
                &[("cores", "2 cores")],
            ),
            (
                "create",
                "a container called x-2 with 4 GB RAM",
                "",
                "container",
                "",
                &["x-2"],
                &[],
                &[("memory", "4 GB RAM")],
            ),
        ],
    ),
    (
        "create two VMs a-1 and a-2 with 2 cores, 4 GB RAM and a 20 GB disk on vmbr1 vlan 20",
        &[(
            "create",
            "create two VMs a-1 and a-2 with 2 cores, 4 GB RAM and a 20 GB disk on vmbr1 vlan 20",
            "create",
            "VMs",
            "two",
            &["a-1", "a-2"],
            &[],
            &[("cores", "2 cores"), ("memory", "4 GB RAM"), ("disk", "a 20 GB disk"), ("bridge", "vmbr1 vlan 20")],
        )],
    ),
    (
        "stop web-01. Delete test-1, test-2 and test-3. Double the memory of db-1",
        &[
            does("stop", "stop web-01", "stop", &["web-01"]),
            does("delete", "Delete test-1, test-2 and test-3", "Delete", &["test-1", "test-2", "test-3"]),
            gives("Double the memory of db-1", "Double", &["db-1"], &[("memory", "memory")]),
        ],
    ),
    (
        "start test-1 unless it is night, and stop web-02",
        &[does("start", "start test-1", "start", &["test-1"]), does("stop", "stop web-02", "stop", &["web-02"])],
    ),
    (
        "do not delete web-01, but reboot it",
        &[does("delete", "delete web-01", "delete", &["web-01"]), does("reboot", "reboot it", "reboot", &["it"])],
    ),
    (
        "stop test-1 and delete it",
        &[does("stop", "stop test-1", "stop", &["test-1"]), does("delete", "delete it", "delete", &["it"])],
    ),
    (
        "protect web-01, enable autostart on web-02 and tag test-1 with web",
        &[
            gives("protect web-01", "protect", &["web-01"], &[("protection", "protect")]),
            gives("enable autostart on web-02", "enable", &["web-02"], &[("onboot", "autostart")]),
            gives("tag test-1 with web", "tag", &["test-1"], &[("tags", "web")]),
        ],
    ),
    (
        "migrate web-01 to pve2 and give web-02 8 GB of memory",
        &[
            ("migrate", "migrate web-01 to pve2", "migrate", "", "", &[], &["web-01"], &[("node", "pve2")]),
            gives("give web-02 8 GB of memory", "give", &["web-02"], &[("memory", "8 GB of memory")]),
        ],
    ),
    (
        "stop web-02? then restart web-01",
        &[does("stop", "stop web-02", "stop", &["web-02"]), does("reboot", "restart web-01", "restart", &["web-01"])],
    ),
    (
        "stop all test machines except test-2",
        &[does("stop", "stop all test machines except test-2", "stop", &["all test machines except test-2"])],
    ),
    (
        "disable protection on web-01 and set the cores of web-02 to 8",
        &[
            gives("disable protection on web-01", "disable", &["web-01"], &[("protection", "protection")]),
            gives("set the cores of web-02 to 8", "set", &["web-02"], &[("cores", "cores"), ("cores", "to 8")]),
        ],
    ),
    (
        "delete the snapshot pre-patch of web-01, detach scsi1 of db-1 and start test-1",
        &[
            (
                "delete_snapshot",
                "delete the snapshot pre-patch of web-01",
                "delete",
                "",
                "",
                &["pre-patch"],
                &["web-01"],
                &[],
            ),
            does("detach_disk", "detach scsi1 of db-1", "detach", &["db-1"]),
            does("start", "start test-1", "start", &["test-1"]),
        ],
    ),
];

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

/// A generator without a state outside.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    fn one_in(&mut self, n: usize) -> bool {
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

fn honest((action, words, verb, kind, count, names, targets, values): &Honest) -> Value {
    let values: Vec<Value> = values.iter().map(|(field, words)| json!({ "field": field, "words": words })).collect();
    json!({ "action": action, "words": words, "verb": verb, "kind": kind, "count": count, "names": names, "targets": targets, "values": values })
}

/// Another fragment: one of the text's, one of another statement, or one that is made up.
fn fragment(chance: &mut Chance, text: &str, pool: &[String]) -> Value {
    Value::String(match chance.below(8) {
        0 => chance.part(text),
        1 if chance.one_in(6) => chance.of(&FOREIGN).to_owned(),
        2 => String::new(),
        _ => chance.of(pool),
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

fn spoil(chance: &mut Chance, text: &str, statements: &mut Vec<Value>) {
    let pool = pool(statements);
    if statements.is_empty() || pool.is_empty() {
        return;
    }
    let (at, other) = (chance.below(statements.len()), chance.below(statements.len()));
    let list = chance.of(&["targets", "names"]);
    match chance.below(13) {
        0 => statements[at]["action"] = json!(chance.of(&ACTIONS)),
        1 => statements[at]["words"] = json!(text),
        2 => statements.swap(at, other),
        3 => drop(statements.remove(at)),
        4 => statements.push(statements[at].clone()),
        5 => {
            // Their words change places.
            let key = chance.of(&["targets", "verb", "values", "names", "words", "action"]);
            let (one, two) = (statements[at][key].clone(), statements[other][key].clone());
            (statements[at][key], statements[other][key]) = (two, one);
        }
        6 => {
            let more = statements[other][list].clone();
            let more = more.as_array().unwrap().clone();
            statements[at][list].as_array_mut().unwrap().extend(more);
        }
        7 => statements[at]["verb"] = fragment(chance, text, &pool),
        8 => statements[at]["words"] = fragment(chance, text, &pool),
        9 => {
            let target = fragment(chance, text, &pool);
            let list = statements[at][list].as_array_mut().unwrap();
            if list.is_empty() || chance.one_in(3) {
                list.push(target);
            } else {
                let which = chance.below(list.len());
                list[which] = target;
            }
        }
        10 => {
            let field = chance.of(&[
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
            let words = fragment(chance, text, &pool);
            statements[at]["values"].as_array_mut().unwrap().push(json!({ "field": field, "words": words }));
        }
        11 => {
            let more = statements[other]["values"].as_array().unwrap().clone();
            statements[at]["values"].as_array_mut().unwrap().extend(more);
        }
        _ => {
            let key = chance.of(&["targets", "values", "names"]);
            if let Some(list) = statements[at][key].as_array_mut() {
                list.pop();
            }
        }
    }
}

/// What breaks JSON, or goes beyond its schema.
fn broken(chance: &mut Chance, text: &str, mut answer: String) -> String {
    match chance.below(10) {
        0 => {
            let end = (0..=chance.below(answer.len())).rev().find(|at| answer.is_char_boundary(*at)).unwrap();
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

fn reading(text: &str, tokens: &[Token], inventory: &Inventory, answer: &str) -> Option<Reading> {
    let raw = RawReading::parse(answer).ok()?;
    let all = 0..tokens.len();
    let grounded = Grounder::new(text, tokens, inventory, Vec::from([all]), Vec::new()).ground(&raw).ok()?;
    let context = Context { text, tokens, inventory, answers: &Answers::default() };
    Some(finish(&context, grounded.drafts, &grounded.unread))
}

/// Whether nothing comes of it before somebody answers. Whom a vague word means is asked when it is held against the
/// cluster.
fn is_held(summary: &str) -> bool {
    summary.starts_with("ask") || summary.starts_with("refused") || summary.contains('?')
}

fn tokens_of(text: &str, inventory: &Inventory) -> Vec<Token> {
    lex(text, |word| is_known(inventory, word))
}

/// Tries every so many answers from the first on; returns how many were read, to what the text says.
fn try_answers(from: u64, every: u64) -> usize {
    let inventory = common::inventory();
    let tokens = DECLARATIONS.map(|(text, _)| tokens_of(text, &inventory));
    let said = DECLARATIONS.map(|(text, _)| common::summary(&read(text, &inventory, &Answers::default())));
    let mut read_rightly = 0;
    for number in (from..ANSWERS).step_by(usize::try_from(every).unwrap()) {
        let mut chance = Chance((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        chance.below(2);
        let which = chance.below(DECLARATIONS.len());
        let ((text, statements), said) = (DECLARATIONS[which], &said[which]);
        let mut statements: Vec<Value> = statements.iter().map(honest).collect();
        for _ in 0..chance.below(7) {
            spoil(&mut chance, text, &mut statements);
        }
        let mut answer = json!({ "statements": statements }).to_string();
        if chance.one_in(5) {
            answer = broken(&mut chance, text, answer);
        }
        let Some(reading) = reading(text, &tokens[which], &inventory, &answer) else { continue };
        let came = common::summary(&reading);
        assert!(is_held(&came) || came == *said, "“{text}” says {said}\nand came out as {came}\nby {answer}");
        read_rightly += usize::from(!is_held(&came));
    }
    read_rightly
}

#[test]
fn whatever_the_model_answers_is_a_question_or_what_the_text_says() {
    let halves = std::thread::scope(|scope| {
        let two = [scope.spawn(|| try_answers(0, 2)), scope.spawn(|| try_answers(1, 2))];
        two.map(|half| half.join().unwrap())
    });
    let read_rightly: usize = halves.into_iter().sum();
    // A reader that asks about everything would be safe, and worth nothing.
    assert!(read_rightly > 10_000, "{read_rightly}");
}

#[test]
fn an_honest_answer_is_read() {
    let inventory = common::inventory();
    for (text, statements) in DECLARATIONS {
        let said = common::summary(&read(text, &inventory, &Answers::default()));
        let statements: Vec<Value> = statements.iter().map(honest).collect();
        let answer = json!({ "statements": statements }).to_string();
        let came = common::summary(&reading(text, &tokens_of(text, &inventory), &inventory, &answer).unwrap());
        assert!(came == said || is_held(&came) && is_held(&said), "“{text}” says {said}\nand came out as {came}");
    }
}
