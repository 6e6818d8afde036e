//! The words that plans are explained in.

use super::Tongue;

/// What a sentence tells of some guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
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
    /// They are interrupted.
    Interrupted,
    /// Something of them takes effect later.
    Later,
    /// Data of theirs is gone for good.
    Gone,
}

/// The words of a language.
pub struct Words {
    /// What each kind is called, and in which other words a sentence may say the same; `*` stands for one of the endings.
    pub kinds: [(Kind, &'static str, &'static [&'static str]); 14],
    /// What a word may end in by number and gender.
    pub endings: &'static [&'static str],
    /// Words that only hold a sentence together. None of them denies, doubts, counts or names anything.
    pub links: &'static str,
    /// What joins two names.
    pub and: &'static str,
    /// Of more names than are told; `#` is their number.
    pub more: &'static str,
    pub nothing: &'static str,
    pub yes: &'static str,
    pub no: &'static str,
}

impl Words {
    pub const fn of(tongue: Tongue) -> &'static Self {
        match tongue {
            Tongue::English => &ENGLISH,
            Tongue::German => &GERMAN,
            Tongue::Spanish => &SPANISH,
            Tongue::French => &FRENCH,
        }
    }

    /// What a kind is called.
    pub fn label(&self, kind: Kind) -> &'static str {
        self.kinds.iter().find(|(known, ..)| *known == kind).map_or("", |(_, label, _)| label)
    }

    /// The other words for a kind.
    pub fn others(&self, kind: Kind) -> &'static [&'static str] {
        self.kinds.iter().find(|(known, ..)| *known == kind).map_or(&[], |(.., others)| others)
    }
}

const ENGLISH: Words = Words {
    kinds: [
        (Kind::Made, "New", &["created", "newly created"]),
        (Kind::TakenOver, "Taken over", &[]),
        (Kind::Changed, "Changed", &[]),
        (Kind::Moved, "Moved to another node", &[]),
        (Kind::Saved, "Saved by a snapshot or backup", &[]),
        (Kind::Started, "Started", &[]),
        (Kind::Restarted, "Restarted", &[]),
        (Kind::Stopped, "Stopped", &[]),
        (Kind::SetBack, "Set back to an earlier state", &[]),
        (Kind::Around, "Around the guests", &[]),
        (Kind::Deleted, "Deleted", &[]),
        (Kind::Interrupted, "Interrupted by it", &["interrupted"]),
        (Kind::Later, "In effect only after the next stop and start", &[]),
        (Kind::Gone, "Data that is gone for good", &["gone for good"]),
    ],
    endings: &[""],
    links: "the following is are will be also",
    and: "and",
    more: "and # more",
    nothing: "Nothing is to be done.",
    yes: "yes",
    no: "no",
};

const GERMAN: Words = Words {
    kinds: [
        (Kind::Made, "Neu", &["neu angelegt", "neu erstellt", "angelegt", "erstellt"]),
        (Kind::TakenOver, "Übernommen", &[]),
        (Kind::Changed, "Geändert", &[]),
        (Kind::Moved, "Auf einen anderen Knoten verschoben", &[]),
        (Kind::Saved, "Durch Snapshot oder Backup gesichert", &[]),
        (Kind::Started, "Gestartet", &[]),
        (Kind::Restarted, "Neu gestartet", &[]),
        (Kind::Stopped, "Angehalten", &[]),
        (Kind::SetBack, "Auf einen früheren Stand zurückgesetzt", &[]),
        (Kind::Around, "Rund um die Gäste", &[]),
        (Kind::Deleted, "Gelöscht", &[]),
        (Kind::Interrupted, "Dabei unterbrochen", &["unterbrochen"]),
        (Kind::Later, "Erst nach dem nächsten Anhalten und Starten wirksam", &[]),
        (Kind::Gone, "Daten, die endgültig verloren sind", &["endgültig verloren"]),
    ],
    endings: &[""],
    links: "folgende folgendes ist sind wird werden auch",
    and: "und",
    more: "und # weitere",
    nothing: "Es ist nichts zu tun.",
    yes: "ja",
    no: "nein",
};

const SPANISH: Words = Words {
    kinds: [
        (Kind::Made, "Nuevo", &["nuev*", "cread*"]),
        (Kind::TakenOver, "Adoptado", &["adoptad*"]),
        (Kind::Changed, "Cambiado", &["cambiad*"]),
        (Kind::Moved, "Movido a otro nodo", &["movid* a otro nodo"]),
        (
            Kind::Saved,
            "Guardado en una instantánea o copia de seguridad",
            &["guardad* en una instantánea o copia de seguridad"],
        ),
        (Kind::Started, "Iniciado", &["iniciad*"]),
        (Kind::Restarted, "Reiniciado", &["reiniciad*"]),
        (Kind::Stopped, "Detenido", &["detenid*"]),
        (Kind::SetBack, "Devuelto a un estado anterior", &["devuelt* a un estado anterior"]),
        (Kind::Around, "Alrededor de las máquinas", &[]),
        (Kind::Deleted, "Borrado", &["borrad*"]),
        (Kind::Interrupted, "Con interrupción", &["interrumpid*"]),
        (Kind::Later, "En vigor solo tras la próxima parada e inicio", &[]),
        (Kind::Gone, "Datos que se pierden para siempre", &[]),
    ],
    endings: &["o", "a", "os", "as"],
    links: "es son será serán está están también",
    and: "y",
    more: "y # más",
    nothing: "No hay nada que hacer.",
    yes: "sí",
    no: "no",
};

const FRENCH: Words = Words {
    kinds: [
        (Kind::Made, "Nouveau", &["créé*"]),
        (Kind::TakenOver, "Repris", &["repris*"]),
        (Kind::Changed, "Modifié", &["modifié*"]),
        (Kind::Moved, "Déplacé vers un autre nœud", &["déplacé* vers un autre nœud"]),
        (
            Kind::Saved,
            "Enregistré par un instantané ou une sauvegarde",
            &["enregistré* par un instantané ou une sauvegarde"],
        ),
        (Kind::Started, "Démarré", &["démarré*"]),
        (Kind::Restarted, "Redémarré", &["redémarré*"]),
        (Kind::Stopped, "Arrêté", &["arrêté*"]),
        (Kind::SetBack, "Ramené à un état antérieur", &["ramené* à un état antérieur"]),
        (Kind::Around, "Autour des machines", &[]),
        (Kind::Deleted, "Supprimé", &["supprimé*"]),
        (Kind::Interrupted, "Avec interruption", &["interrompu*"]),
        (Kind::Later, "En vigueur seulement après le prochain arrêt et démarrage", &[]),
        (Kind::Gone, "Données perdues pour toujours", &["perdu* pour toujours"]),
    ],
    endings: &["", "e", "s", "es"],
    links: "est sont sera seront aussi également",
    and: "et",
    more: "et # autres",
    nothing: "Il n’y a rien à faire.",
    yes: "oui",
    no: "non",
};
