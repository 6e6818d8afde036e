//! The typed understanding of a declaration, before it is held against the cluster.
//!
//! A reading accounts for every word: what ends in no field and is no filler stands in
//! [`Reading::unread`], and each such fragment has a question of its own.

mod deed;
mod edit;
mod form;
mod making;
mod question;
mod reworded;
mod source;
mod target;
mod wanted;

use serde::{Deserialize, Serialize};

use crate::typed::TypedGuest;

pub use deed::Deed;
pub use edit::{Amount, DiskRef, Edit, EditField, FirewallPart};
pub use form::{FormEdit, FormField, FormGuest, TakenBack, settable};
pub use making::Foreign;
pub use question::{Answers, LEAVE_OUT, Question, UNREAD};
pub use reworded::Reworded;
pub use source::{Fragment, Source, Sourced, Span};
pub use target::{Fit, Selector, Target};
pub use wanted::{Create, WantedBacked, WantedDisk, WantedFacility, WantedNic};

/// The longest declaration, in Unicode code points: room for a table of forty guests.
pub const MAX_DECLARATION: usize = 4_000;

/// What a reader understood of a whole declaration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The cluster that was named, for all statements. Without one the first cluster holds.
    pub cluster: Option<Sourced<String>>,
    /// What is to be done, in the order in which it was said.
    pub statements: Vec<Statement>,
    /// What must be answered before anything is planned.
    pub questions: Vec<Question>,
    /// The words that ended in no field. Each has its question, unless answered.
    pub unread: Vec<Fragment>,
    /// What was said beside the wishes, such as a reason: it asks for nothing, and nothing is done for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asides: Vec<Fragment>,
    /// Why this is no declaration at all, or none that MycoPod carries out.
    pub refusal: Option<String>,
    /// The text that was read, where answers were put in the place of words that were not understood; what is said of
    /// places is of this text then. What was typed stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reworded: Option<String>,
    /// What is to be known of how it was read, such as why a language model was not asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What was set in a form since, in order.
    #[serde(default)]
    pub edits: Vec<FormEdit>,
}

/// One thing that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The words that say it.
    pub span: Span,
    /// What they say.
    pub what: What,
}

/// The things that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// One new guest. “Three VMs web-1 to web-3” are three statements.
    Create(Box<Create>),
    /// Other values for fields of guests that exist.
    Change {
        /// Which guests; every one of every target.
        targets: Vec<Target>,
        /// Which fields; at least one.
        edits: Vec<Edit>,
    },
    /// Something done once.
    Do {
        /// To which guests.
        targets: Vec<Target>,
        /// What.
        deed: Deed,
    },
    /// A copy of a guest or template that exists, under a new name.
    Clone {
        /// Of which guest; a selector that fits several is a question.
        from: Target,
        /// The copy's name.
        name: Sourced<String>,
        /// Its VMID, where somebody said one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vmid: Option<Sourced<u32>>,
        /// The node it shall be on.
        node: Option<Sourced<String>>,
        /// A full copy (`true`) or one linked to its template.
        full: Option<Sourced<bool>>,
        /// Where the copy shall differ.
        edits: Vec<Edit>,
    },
    /// What stands around the guests: made or deleted.
    Facility(WantedFacility),
    /// A guest as a typed intent has it.
    Typed(Box<TypedGuest>),
}
