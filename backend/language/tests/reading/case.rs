//! A declaration of the corpus, and what must come of it.
//!
//! What must come is written as people would note it: `web-01 cores=4 memory=8G`, `new vm a disks=20G,100G`, `a gone`,
//! `a reboot`, `a snapshot=pre-4`. A key is a field's, `scsi1.cache` and `net0.vlan` among them, or one of those that
//! [`crate::judge`] knows besides.

use std::collections::BTreeMap;

use mycopod_core::guest::Kind;
use serde::Deserialize;

/// A line of the corpus.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The declaration.
    say: String,
    /// The world it is said in.
    #[serde(default = "rack")]
    world: String,
    /// What must come of it. Without it, a question or a refusal must.
    then: Option<Vec<String>>,
    /// A word that the question or refusal must name.
    ask: Option<String>,
}

fn rack() -> String {
    "rack".to_owned()
}

/// A declaration with what must come of it.
#[derive(Debug)]
pub struct Case {
    /// Where it stands: `held-out/making:12`.
    pub at: String,
    /// The declaration.
    pub say: String,
    /// The world it is said in.
    pub world: String,
    /// What must come.
    pub due: Due,
}

/// What must come of a declaration.
#[derive(Debug)]
pub enum Due {
    /// This and nothing else.
    Plan(BTreeMap<String, Want>),
    /// A question or a refusal, which names this word.
    Question(String),
}

/// What must become of a guest.
#[derive(Debug, Default)]
pub struct Want {
    /// Its kind, where it is made.
    pub new: Option<Kind>,
    /// Whether it must be gone.
    pub gone: bool,
    /// Values by key.
    pub values: BTreeMap<String, String>,
    /// What is done to it once.
    pub deeds: Vec<String>,
}

/// Deeds that have no value in the end state.
const DEEDS: [&str; 11] = [
    "reboot",
    "snapshot",
    "backup",
    "rollback",
    "delsnapshot",
    "restore",
    "template",
    "suspend",
    "resume",
    "adopt",
    "removenic",
];

impl Want {
    fn read(text: &str) -> (String, Self) {
        let mut want = Self::default();
        let mut words = words(text).into_iter();
        let mut name = words.next().expect("a guest");
        if name == "new" {
            want.new = Some(if words.next().as_deref() == Some("ct") { Kind::Lxc } else { Kind::Qemu });
            name = words.next().expect("a name");
        }
        for word in words {
            match word.split_once('=') {
                _ if word == "gone" => want.gone = true,
                Some(_) if name == "around" => want.deeds.push(word),
                Some((deed, _)) if DEEDS.contains(&deed) || deed.starts_with("detach") || deed == "destroydisk" => {
                    want.deeds.push(word);
                }
                None => want.deeds.push(word),
                Some((key, value)) => {
                    want.values.insert(field(key), value.to_owned());
                }
            }
        }
        (name, want)
    }
}

/// Words, with what stands between apostrophes as one.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("a word").push(c),
        }
    }
    words
}

/// `scsi1.cache` and `net0.vlan` as fields are called.
fn field(key: &str) -> String {
    match key.split_once('.') {
        Some((nic, part)) if nic.starts_with("net") => format!("nic.{}.{part}", &nic[3..]),
        Some((slot, part)) if slot.parse::<mycopod_core::field::Slot>().is_ok() => format!("disk.{slot}.{part}"),
        _ => key.to_owned(),
    }
}

/// The declarations of `half`, which is `dev` or `held-out`.
pub fn cases(half: &str) -> Vec<Case> {
    let folder = format!("{}/corpus/{half}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("the corpus is there").map(|file| file.expect("a file").path()).collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let subject = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("the file is read");
        for (number, line) in (1..).zip(text.lines()) {
            let at = format!("{half}/{subject}:{number}");
            let line: Line = serde_json::from_str(line).unwrap_or_else(|error| panic!("{at}: {error}"));
            let due = match (line.then, line.ask) {
                (Some(then), None) => Due::Plan(then.iter().map(|want| Want::read(want)).collect()),
                (None, Some(word)) => Due::Question(word),
                _ => panic!("{at}: either `then` or `ask`"),
            };
            cases.push(Case { at, say: line.say, world: line.world, due });
        }
    }
    cases
}
