//! What a plan does, in a few sentences of the language that its declaration is in: written by code from the steps, so
//! that every name and number in it is the plan’s.

mod rewording;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::field::Value;
use crate::plan::{Action, Effect, Plan, Step};
use crate::typed::is_intent;

use words::{Kind, Words};

/// The most names in one sentence; the steps have them all.
const MAX_NAMES: usize = 12;

/// A language that plans are explained in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    /// English, and every language that is not known.
    English,
    /// German.
    German,
    /// Spanish.
    Spanish,
    /// French.
    French,
}

/// Small words that tell a language, and stand in none of the others.
const TELLING: [(Tongue, &str); 3] = [
    (
        Tongue::German,
        "ein eine einen einer der das dem den und mit auf für von zu nicht soll sollen bitte erstelle erstellen lösche starte stoppe mach gib \
         namens kerne kernen speicher festplatte platte alle alte neu neue heißt",
    ),
    (
        Tongue::Spanish,
        "una uno el los las con del y para por favor crea crear borra elimina inicia detén dale llamada llamado núcleos memoria \
         disco todas todos quiero añade",
    ),
    (
        Tongue::French,
        "une le les des du et avec pour sur s'il vous plaît crée créer créez supprime démarre arrête donne nommée nommé appelée appelé \
         cœurs coeurs mémoire disque toutes tous ajoute",
    ),
];

impl Tongue {
    /// The language of a declaration, by its small words; where they are of several languages alike, English.
    #[must_use]
    pub fn of(text: &str) -> Self {
        // A typed intent is in nobody’s language.
        if is_intent(text) {
            return Self::English;
        }
        // In “4 GiB” nobody says “gib”; a word said twice may be a name.
        let words = text.split(|c: char| !c.is_alphabetic() && c != '\'').filter(|word| *word != "GiB");
        let words: BTreeSet<String> = words.map(str::to_lowercase).collect();
        let count = |telling: &str| {
            words.iter().filter(|word| telling.split_whitespace().any(|known| known == word.as_str())).count()
        };
        let mut counts: Vec<(usize, Self)> = TELLING.iter().map(|(tongue, words)| (count(words), *tongue)).collect();
        counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        match counts.as_slice() {
            // One word may be a name.
            [(first, tongue), (second, _), ..] if *first > 1 && first > second => *tongue,
            _ => Self::English,
        }
    }
}

/// What a plan does, in a few sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    tongue: Tongue,
    sentences: Vec<Sentence>,
}

/// What becomes of some guests.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sentence {
    kind: Kind,
    /// The guests, each with what is told of it. Never none.
    names: Vec<String>,
}

/// What a plan does, in sentences of `tongue`.
#[must_use]
pub fn explain(plan: &Plan, tongue: Tongue) -> Explanation {
    let words = Words::of(tongue);
    let made: BTreeSet<String> =
        plan.steps().iter().filter(|step| kind_of(&step.action) == Kind::Made).map(name).collect();
    let mut kinds: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
    // All of a new guest is new.
    let of_new = |step: &&Step| kind_of(&step.action) == Kind::Changed && made.contains(step.name());
    for step in plan.steps().iter().filter(|step| !of_new(step)) {
        let names = kinds.entry(kind_of(&step.action)).or_default();
        let name = described(step, words);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let of = |fits: &dyn Fn(Effect) -> bool| -> Vec<String> {
        let names = plan.steps().iter().filter(|step| fits(step.effect)).map(name);
        names.collect::<BTreeSet<_>>().into_iter().collect()
    };
    let mut interrupted = of(&|effect| matches!(effect, Effect::Reboot | Effect::Stop));
    interrupted.retain(|name| !made.contains(name));
    kinds.insert(Kind::Interrupted, interrupted);
    kinds.insert(Kind::Later, of(&|effect| effect == Effect::Pending));
    kinds.insert(Kind::Gone, plan.destroys().into_iter().collect());
    let told = kinds.into_iter().filter(|(_, names)| !names.is_empty());
    let sentences = told.map(|(kind, names)| Sentence { kind, names: bounded(names, words) }).collect();
    Explanation { tongue, sentences }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Words::of(self.tongue);
        let told = |sentence: &Sentence| format!("{}: {}.", words.label(sentence.kind), sentence.names.join(", "));
        let sentences: Vec<String> = self.sentences.iter().map(told).collect();
        f.write_str(if sentences.is_empty() { words.nothing } else { "" })?;
        f.write_str(&sentences.join(" "))
    }
}

/// As many names as one sentence tells; the last says how many more there are.
fn bounded(mut names: Vec<String>, words: &Words) -> Vec<String> {
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    if let Some(last) = names.last_mut().filter(|_| more > 0) {
        *last = format!("{last} {}", words.more.replace('#', &more.to_string()));
    }
    names
}

fn name(step: &Step) -> String {
    step.name().to_owned()
}

/// A guest’s name with what becomes of its fields, where the step changes some, and with what of it is deleted, where it
/// stays itself.
fn described(step: &Step, words: &Words) -> String {
    if let Action::DestroyVolume { volume: part } | Action::DeleteSnapshot { name: part } = &step.action {
        return format!("{} ({part})", step.name());
    }
    if kind_of(&step.action) != Kind::Changed || step.changes.is_empty() {
        return name(step);
    }
    let value = |value: Option<&Value>| match value {
        None => "–".to_owned(),
        Some(Value::Flag(true)) => words.yes.to_owned(),
        Some(Value::Flag(false)) => words.no.to_owned(),
        Some(value) => value.to_string(),
    };
    let change = |change: &crate::plan::Change| {
        format!("{} {} → {}", change.field.label(), value(change.from.as_ref()), value(change.to.as_ref()))
    };
    let changes: Vec<String> = step.changes.iter().take(MAX_NAMES).map(change).collect();
    format!("{} ({})", step.name(), changes.join("; "))
}

const fn kind_of(action: &Action) -> Kind {
    match action {
        Action::Create { .. } | Action::Clone { .. } => Kind::Made,
        Action::Adopt => Kind::TakenOver,
        Action::Update { .. }
        | Action::AddDisk { .. }
        | Action::Resize { .. }
        | Action::MoveDisk { .. }
        | Action::Detach { .. }
        | Action::RemoveNic { .. }
        | Action::SetPool { .. }
        | Action::SetHa { .. }
        | Action::Firewall(_)
        | Action::MakeTemplate => Kind::Changed,
        Action::Migrate { .. } => Kind::Moved,
        Action::Snapshot { .. } | Action::Backup { .. } => Kind::Saved,
        Action::Start | Action::Resume => Kind::Started,
        Action::Reboot => Kind::Restarted,
        Action::Shutdown { .. } | Action::Stop | Action::Suspend => Kind::Stopped,
        Action::Rollback { .. } | Action::Restore { .. } => Kind::SetBack,
        Action::Facility(_) => Kind::Around,
        Action::Delete | Action::DestroyVolume { .. } | Action::DeleteSnapshot { .. } => Kind::Deleted,
    }
}

#[cfg(test)]
mod tests {
    use super::Tongue;

    #[test]
    fn a_language_is_told_by_its_small_words() {
        for (text, tongue) in [
            ("Create a VM called web-01 with 2 cores", Tongue::English),
            ("vm t-3 2C/4G/40G vmbr1.20", Tongue::English),
            ("Erstelle eine VM namens web-01 mit 2 Kernen und 4 GB Speicher", Tongue::German),
            ("Crea una VM llamada web-01 con 2 núcleos y 4 GB de memoria", Tongue::Spanish),
            ("Crée une VM nommée web-01 avec 2 cœurs et 4 Go de mémoire", Tongue::French),
            ("stop las-vegas", Tongue::English),
            ("VM g-1 with 4 GiB RAM and a 20 GiB disk", Tongue::English),
            ("mycopod: v1\nguests:\n- name: der\n  description: eine Maschine für das Archiv\n", Tongue::English),
        ] {
            assert_eq!(Tongue::of(text), tongue, "{text}");
        }
    }
}
