//! The states of declarations, reconciliations and steps, and which follows which.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A text that names no state.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("“{0}” is no such state")]
pub struct NoState(pub String);

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// Every state.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in SQL, API and UI.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = NoState;
            fn from_str(text: &str) -> Result<Self, NoState> {
                Self::ALL.iter().copied().find(|state| state.as_str() == text).ok_or_else(|| NoState(text.to_owned()))
            }
        }
    };
}

states! {
    /// Where a declaration stands.
    DeclarationStatus {
        /// It is being read and planned.
        Reading = "reading",
        /// A question must be answered first.
        NeedsAnswer = "needs_answer",
        /// It is no declaration, or none that MycoPod carries out.
        Refused = "refused",
        /// Its plan waits for an Admin.
        AwaitingApproval = "awaiting_approval",
        /// Its plan was approved and waits for a worker.
        Approved = "approved",
        /// Its plan is being carried out.
        Applying = "applying",
        /// The cluster is as declared.
        Converged = "converged",
        /// It needs a person: the reason says why and what to do.
        Blocked = "blocked",
        /// A step failed; what was done stays done.
        Failed = "failed",
        /// Somebody called it off.
        Cancelled = "cancelled",
        /// Newer declarations own all of its fields.
        Superseded = "superseded",
        /// The cluster changed under its plan: plan again, ask again.
        Stale = "stale",
    }
}

impl DeclarationStatus {
    /// Whether a declaration may go from this state to `next`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use DeclarationStatus::{
            Applying, Approved, AwaitingApproval, Blocked, Cancelled, Converged, Failed, NeedsAnswer, Reading, Refused,
            Stale, Superseded,
        };
        match self {
            // An empty plan needs no approval: the cluster is as declared already.
            Reading => matches!(next, NeedsAnswer | Refused | AwaitingApproval | Converged | Failed | Cancelled),
            NeedsAnswer => matches!(next, Reading | Cancelled),
            AwaitingApproval => matches!(next, Reading | Approved | Stale | Cancelled | Superseded),
            Approved => matches!(next, Applying | Stale | Cancelled),
            Applying => matches!(next, Converged | Blocked | Failed | Stale | Cancelled),
            Converged => matches!(next, Reading | Superseded),
            Blocked | Failed | Stale => matches!(next, Reading | Cancelled | Superseded),
            Refused | Cancelled | Superseded => false,
        }
    }

    /// Whether work is under way that will end by itself.
    #[must_use]
    pub const fn is_busy(self) -> bool {
        matches!(self, Self::Reading | Self::Approved | Self::Applying)
    }
}

states! {
    /// Where the carrying-out of an approved plan stands.
    ReconciliationStatus {
        /// Its steps are being carried out, or wait for a worker.
        Applying = "applying",
        /// All steps are done.
        Converged = "converged",
        /// A step needs a person.
        Blocked = "blocked",
        /// A step failed.
        Failed = "failed",
        /// The cluster changed under it.
        Stale = "stale",
        /// Somebody called it off; the step under way was finished.
        Cancelled = "cancelled",
    }
}

states! {
    /// Where a step stands in the ledger.
    StepState {
        /// Nothing was sent.
        Pending = "pending",
        /// It is about to be sent, or was: only a look can tell.
        Started = "started",
        /// Proxmox gave a task for it.
        Submitted = "submitted",
        /// It is done, and was seen to be.
        Done = "done",
        /// Proxmox refused it or its task failed.
        Failed = "failed",
        /// It needs a person.
        Blocked = "blocked",
        /// It was not begun, because the plan stopped before it.
        Skipped = "skipped",
    }
}

impl StepState {
    /// Whether a step may go from this state to `next`.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Started | Self::Skipped),
            Self::Started => matches!(next, Self::Submitted | Self::Done | Self::Failed | Self::Blocked),
            Self::Submitted => matches!(next, Self::Done | Self::Failed | Self::Blocked),
            Self::Done | Self::Failed | Self::Blocked | Self::Skipped => false,
        }
    }
}

states! {
    /// What a user may do.
    Role {
        /// Approves plans and looks after users.
        Admin = "Admin",
        /// Declares.
        User = "User",
    }
}

#[cfg(test)]
mod tests {
    use super::DeclarationStatus as S;

    #[test]
    fn ended_declarations_stay_ended() {
        for ended in [S::Refused, S::Cancelled, S::Superseded] {
            assert!(S::ALL.iter().all(|next| !ended.may_become(*next)), "{ended}");
        }
    }

    #[test]
    fn nothing_is_applied_without_an_approval() {
        let before: Vec<_> = S::ALL.iter().filter(|state| state.may_become(S::Applying)).collect();
        assert_eq!(before, [&S::Approved]);
        let before: Vec<_> = S::ALL.iter().filter(|state| state.may_become(S::Approved)).collect();
        assert_eq!(before, [&S::AwaitingApproval]);
    }
}
