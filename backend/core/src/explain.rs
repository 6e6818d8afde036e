//! What a plan does, in a few sentences of the language that its declaration is in: written by code from the steps, so
//! that every name and number in it is the plan’s.

use std::collections::{BTreeMap, BTreeSet};

use crate::field::Value;
use crate::plan::{Action, Effect, Plan, Step};

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
        let words: Vec<String> = text.split(|c: char| !c.is_alphabetic() && c != '\'').map(str::to_lowercase).collect();
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

    const fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
            Self::Spanish => &SPANISH,
            Self::French => &FRENCH,
        }
    }
}

/// What happens to a guest, as far as a sentence tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Made,
    TakenOver,
    Changed,
    Moved,
    Saved,
    Started,
    Restarted,
    Stopped,
    SetBack,
    Around,
    Deleted,
}

/// The words of a language.
struct Words {
    kinds: [(Kind, &'static str); 11],
    /// Behind guests that are interrupted.
    interrupted: &'static str,
    /// Behind guests of which something takes effect later.
    later: &'static str,
    /// Behind what is gone for good.
    gone: &'static str,
    /// Of more names than are told; `#` is their number.
    more: &'static str,
    nothing: &'static str,
    yes: &'static str,
    no: &'static str,
}

const ENGLISH: Words = Words {
    kinds: [
        (Kind::Made, "New"),
        (Kind::TakenOver, "Taken over"),
        (Kind::Changed, "Changed"),
        (Kind::Moved, "Moved to another node"),
        (Kind::Saved, "Saved by a snapshot or backup"),
        (Kind::Started, "Started"),
        (Kind::Restarted, "Restarted"),
        (Kind::Stopped, "Stopped"),
        (Kind::SetBack, "Set back to an earlier state"),
        (Kind::Around, "Around the guests"),
        (Kind::Deleted, "Deleted"),
    ],
    interrupted: "Interrupted by it",
    later: "In effect only after the next stop and start",
    gone: "Data that is gone for good",
    more: "and # more",
    nothing: "Nothing is to be done.",
    yes: "yes",
    no: "no",
};

const GERMAN: Words = Words {
    kinds: [
        (Kind::Made, "Neu"),
        (Kind::TakenOver, "Übernommen"),
        (Kind::Changed, "Geändert"),
        (Kind::Moved, "Auf einen anderen Knoten verschoben"),
        (Kind::Saved, "Durch Snapshot oder Backup gesichert"),
        (Kind::Started, "Gestartet"),
        (Kind::Restarted, "Neu gestartet"),
        (Kind::Stopped, "Angehalten"),
        (Kind::SetBack, "Auf einen früheren Stand zurückgesetzt"),
        (Kind::Around, "Rund um die Gäste"),
        (Kind::Deleted, "Gelöscht"),
    ],
    interrupted: "Dabei unterbrochen",
    later: "Erst nach dem nächsten Anhalten und Starten wirksam",
    gone: "Daten, die endgültig verloren sind",
    more: "und # weitere",
    nothing: "Es ist nichts zu tun.",
    yes: "ja",
    no: "nein",
};

const SPANISH: Words = Words {
    kinds: [
        (Kind::Made, "Nuevo"),
        (Kind::TakenOver, "Adoptado"),
        (Kind::Changed, "Cambiado"),
        (Kind::Moved, "Movido a otro nodo"),
        (Kind::Saved, "Guardado en una instantánea o copia de seguridad"),
        (Kind::Started, "Iniciado"),
        (Kind::Restarted, "Reiniciado"),
        (Kind::Stopped, "Detenido"),
        (Kind::SetBack, "Devuelto a un estado anterior"),
        (Kind::Around, "Alrededor de las máquinas"),
        (Kind::Deleted, "Borrado"),
    ],
    interrupted: "Con interrupción",
    later: "En vigor solo tras la próxima parada e inicio",
    gone: "Datos que se pierden para siempre",
    more: "y # más",
    nothing: "No hay nada que hacer.",
    yes: "sí",
    no: "no",
};

const FRENCH: Words = Words {
    kinds: [
        (Kind::Made, "Nouveau"),
        (Kind::TakenOver, "Repris"),
        (Kind::Changed, "Modifié"),
        (Kind::Moved, "Déplacé vers un autre nœud"),
        (Kind::Saved, "Enregistré par un instantané ou une sauvegarde"),
        (Kind::Started, "Démarré"),
        (Kind::Restarted, "Redémarré"),
        (Kind::Stopped, "Arrêté"),
        (Kind::SetBack, "Ramené à un état antérieur"),
        (Kind::Around, "Autour des machines"),
        (Kind::Deleted, "Supprimé"),
    ],
    interrupted: "Avec interruption",
    later: "En vigueur seulement après le prochain arrêt et démarrage",
    gone: "Données perdues pour toujours",
    more: "et # autres",
    nothing: "Il n’y a rien à faire.",
    yes: "oui",
    no: "non",
};

/// What a plan does, in a few sentences of `tongue`.
#[must_use]
pub fn explain(plan: &Plan, tongue: Tongue) -> String {
    let words = tongue.words();
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
    let label = |kind: Kind| words.kinds.iter().find(|(known, _)| *known == kind).map_or("", |(_, label)| label);
    let mut sentences: Vec<String> =
        kinds.into_iter().map(|(kind, names)| sentence(label(kind), &names, words)).collect();
    let of = |fits: &dyn Fn(Effect) -> bool| -> Vec<String> {
        let names = plan.steps().iter().filter(|step| fits(step.effect)).map(name);
        names.collect::<BTreeSet<_>>().into_iter().collect()
    };
    let mut interrupted = of(&|effect| matches!(effect, Effect::Reboot | Effect::Stop));
    interrupted.retain(|name| !made.contains(name));
    let effects = [
        (words.interrupted, interrupted),
        (words.later, of(&|effect| effect == Effect::Pending)),
        (words.gone, plan.destroys().into_iter().collect()),
    ];
    sentences.extend(
        effects.into_iter().filter(|(_, names)| !names.is_empty()).map(|(label, names)| sentence(label, &names, words)),
    );
    if sentences.is_empty() { words.nothing.to_owned() } else { sentences.join(" ") }
}

fn sentence(label: &str, names: &[String], words: &Words) -> String {
    let told = names[..names.len().min(MAX_NAMES)].join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        0 => format!("{label}: {told}."),
        more => format!("{label}: {told} {}.", words.more.replace('#', &more.to_string())),
    }
}

fn name(step: &Step) -> String {
    step.name().to_owned()
}

/// A guest’s name with what becomes of its fields, where the step changes some.
fn described(step: &Step, words: &Words) -> String {
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
        ] {
            assert_eq!(Tongue::of(text), tongue, "{text}");
        }
    }
}
