//! Which guests somebody meant.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Span;
use crate::guest::Kind;

/// Which guests somebody meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The words.
    pub span: Span,
    /// What they select.
    pub selector: Selector,
}

/// How guests are selected. Resolved to guests once, when the reading becomes an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selector {
    /// By name, exactly.
    Name(String),
    /// By number.
    Vmid(u32),
    /// Every guest that fits (“all stopped test machines”). Not for what interrupts or deletes, unless it is narrow: see
    /// [`Fit`].
    All(Fit),
    /// Words that may mean a guest without naming one (“the web server”): always a question,
    /// with the guests that come near as options.
    Vague(String),
}

/// What all guests of a selection have in common. Templates are never among them.
///
/// What deletes takes a selection by [`Fit::tags`], [`Fit::word`] or [`Fit::stem`], and what interrupts may take
/// one by [`Fit::pool`] besides: “delete all VMs” is never one click.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fit {
    /// VMs or containers.
    pub kind: Option<Kind>,
    /// Tags, each of which they carry.
    pub tags: BTreeSet<String>,
    /// A word for them, which is a tag or how their names begin (“test machines”).
    pub word: Option<String>,
    /// How their names begin.
    pub stem: Option<String>,
    /// Their pool.
    pub pool: Option<String>,
    /// Their node.
    pub node: Option<String>,
    /// Whether they run.
    pub running: Option<bool>,
    /// How many they are said to be (“both web servers”).
    pub count: Option<u64>,
    /// The names of those that are excepted.
    pub except: BTreeSet<String>,
}

impl Fit {
    /// Every guest that carries the tag.
    #[must_use]
    pub fn tagged(tag: impl Into<String>) -> Self {
        Self { tags: BTreeSet::from([tag.into()]), ..Self::default() }
    }

    /// Every guest of that kind.
    #[must_use]
    pub fn of_kind(kind: Kind) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }

    /// Whether a name, or a word that somebody gave them, tells them from the rest of the cluster.
    #[must_use]
    pub fn is_by_name(&self) -> bool {
        !self.tags.is_empty() || self.word.is_some() || self.stem.is_some()
    }
}

/// As in a sentence: `every VM tagged web on pve1`.
impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("every ")?;
        match self.running {
            Some(true) => f.write_str("running ")?,
            Some(false) => f.write_str("stopped ")?,
            None => {}
        }
        if let Some(word) = &self.word {
            write!(f, "{word} ")?;
        }
        f.write_str(self.kind.map_or("guest", Kind::noun))?;
        if !self.tags.is_empty() {
            write!(f, " tagged {}", self.tags.iter().cloned().collect::<Vec<_>>().join(" and "))?;
        }
        let parts = [("named", &self.stem, "…"), ("in pool", &self.pool, ""), ("on", &self.node, "")];
        for (how, part, end) in parts {
            if let Some(part) = part {
                write!(f, " {how} {part}{end}")?;
            }
        }
        if !self.except.is_empty() {
            write!(f, " except {}", self.except.iter().cloned().collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}
