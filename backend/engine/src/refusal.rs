//! Why the engine does not do what was asked.

use mycopod_core::approval::ApprovalError;
use mycopod_core::ports::CallError;
use mycopod_store::StoreError;
use thiserror::Error;

/// Why a request was not carried out. The text is for the person who asked: what happened, that nothing else
/// was touched, what to do next.
#[derive(Debug, Error)]
pub enum Refusal {
    /// There is no such thing, or none that this person may see.
    #[error("{0}")]
    NotFound(String),
    /// This person may not.
    #[error("{0}")]
    Forbidden(String),
    /// The request itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A field of the request is wrong.
    #[error("{why}")]
    Field {
        /// Its path in the request, such as `value.size`.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// It does not fit the state things are in.
    #[error("{0}")]
    Conflict(String),
    /// The cluster or the plan changed; a new plan is stored.
    #[error("{0}")]
    Stale(String),
    /// The database or Proxmox does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of ours; the cause is in the server's log.
    #[error("{0}")]
    Internal(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            return Self::Unavailable(
                "The database does not answer, and has confirmed nothing. Look at what stands before you try again in a \
                 moment."
                    .into(),
            );
        }
        if let StoreError::EntryTooLarge(_) = error {
            return Self::Invalid(
                "This is too much for one entry of the audit log, which takes 64 KiB. Nothing was changed; say it in parts.".into(),
            );
        }
        if let StoreError::ClusterTaken(_) | StoreError::ClusterGone = error {
            return Self::Conflict(format!("{}.", sentence(&error.to_string())));
        }
        tracing::error!(%error, "the store failed");
        Self::Internal("Something went wrong inside MycoPod; its log says what. Nothing was sent to Proxmox.".into())
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        Self::Unavailable(format!("{error}. Nothing was changed; try again when it answers."))
    }
}

impl From<ApprovalError> for Refusal {
    fn from(error: ApprovalError) -> Self {
        let text = format!("{}. Nothing was approved.", sentence(&error.to_string()));
        match error {
            ApprovalError::NotAdmin => Self::Forbidden(text),
            ApprovalError::OtherPlan | ApprovalError::Destroy(_) | ApprovalError::NotMild | ApprovalError::Altered => {
                Self::Conflict(text)
            }
        }
    }
}

/// An error's text as the beginning of a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
